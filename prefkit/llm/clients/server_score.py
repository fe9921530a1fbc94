"""Scores from a server, as vLLM documents them: log-probs of a completion, or a reward.

`/completions` with `prompt_logprobs` says each given token's log-prob by its id, so nothing hangs
on how tokens are written as text. Text is tokenised by the server, once, as a whole; where the
prompt ends in it is known when the prompt's own tokens begin it.

A conversation is scored by `/classify`, as vLLM documents it for a sequence classifier of one label
(`vllm serve --runner pooling`): its logit, without the activation, is the reward.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from prefkit.llm.clients.bodies import count_of, part_of, readable, text_or_none
from prefkit.llm.clients.openai_body import turn_body
from prefkit.llm.clients.wire import StatusFault
from prefkit.llm.provider import Fault
from prefkit.llm.records import Score, ScoreRequest, Usage

__all__ = ["score"]

Post = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def score(post: Post, request: ScoreRequest, model: str) -> Score:
    """The score of one completion, or the reward of one conversation.

    Raises:
        Fault: there is none; `unsupported` if this server gives none, `boundary` if a token lies
            across the end of the prompt.
    """
    if request.messages:
        return await _reward(post, request, model)
    prompt, completion = request.prompt, request.completion
    if not prompt or not completion:
        raise Fault("rejected", "not sent: a score needs both a prompt and a completion")
    body: dict[str, Any] = {
        "model": model,
        "prompt": "",
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": 0,
    }
    if isinstance(prompt, str) and isinstance(completion, str):
        begin = await _tokenised(post, prompt, model)
        whole = {"prompt": prompt + completion, "add_special_tokens": False}
        answer = await post("/completions", {**body, **whole, "return_token_ids": True})
        return readable(lambda said: _score(said, _ids(said, begin), len(begin)), answer)
    if isinstance(prompt, str) or isinstance(completion, str):
        raise Fault("rejected", "not sent: prompt and completion are both text, or both token ids")
    ids = [*prompt, *completion]
    answer = await post("/completions", {**body, "prompt": ids})
    return readable(lambda said: _score(said, ids, len(prompt)), answer)


async def _reward(post: Post, request: ScoreRequest, model: str) -> Score:
    body = {
        "model": model,
        "messages": [turn_body(turn) for turn in request.messages],
        "add_generation_prompt": False,
        "add_special_tokens": False,
        "use_activation": False,
    }
    try:
        answer = await post("/classify", body)
    except StatusFault as fault:
        if not fault.is_missing:
            raise
        said = f"this server is none of a reward model: it has no /classify ({fault.message})"
        raise Fault("unsupported", said) from fault
    return readable(_logit, answer)


def _logit(answer: dict[str, Any]) -> Score:
    (one,) = answer["data"]
    if len(one["probs"]) != 1:
        raise Fault(
            "unsupported",
            f"this model has {len(one['probs'])} labels: a reward model has one, whose logit is "
            "the reward",
        )
    value = float(one["probs"][0])
    if not math.isfinite(value):
        raise ValueError("the logit is no finite number")
    usage = part_of(answer, "usage")
    return Score(
        value=value,
        usage=Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens"))),
        model=text_or_none(answer.get("model")),
    )


async def _tokenised(post: Post, text: str, model: str) -> list[int]:
    asked = {"model": model, "prompt": text, "add_special_tokens": False}
    try:
        answer = await post("/tokenize", asked)
    except StatusFault as fault:
        if not fault.is_missing:
            raise
        why = fault.message
    else:
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        if isinstance(tokens, list) and tokens:
            return tokens
        why = "its /tokenize gives no tokens"
    raise Fault("unsupported", f"this server scores no text ({why}): give it token ids")


def _ids(answer: dict[str, Any], begin: list[int]) -> list[int]:
    """The tokens of the whole text, of which `begin` must be the first."""
    ids: list[int] | None = answer["choices"][0].get("prompt_token_ids")
    if ids is None:
        raise Fault("unsupported", "this server does not say its tokens: give it token ids")
    if ids[: len(begin)] != begin:
        raise Fault("boundary", "a token lies across the end of the prompt: give token ids")
    return ids


def _score(answer: dict[str, Any], ids: list[int], first: int) -> Score:
    given = answer["choices"][0].get("prompt_logprobs")
    if given is None:
        raise Fault("unsupported", "this server gives no log-probs of a prompt")
    if len(given) != len(ids) or first >= len(ids):
        raise ValueError("log-probs for another number of tokens")
    logprobs = tuple(
        float(entry[str(token)]["logprob"])
        for token, entry in zip(ids[first:], given[first:], strict=True)
    )
    if not all(map(math.isfinite, logprobs)):
        raise ValueError("a log-prob is no finite number")
    usage = part_of(answer, "usage")
    return Score(
        value=sum(logprobs),
        logprobs=logprobs,
        usage=Usage(count_of(usage.get("prompt_tokens")), count_of(usage.get("completion_tokens"))),
        model=text_or_none(answer.get("model")),
    )

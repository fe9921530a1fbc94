"""A request in vLLM's terms, and the tokens that its outputs tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from prefkit.llm.clients.in_process import (
    check_plain,
    one_line,
    template_errors,
    template_options,
    turns,
)
from prefkit.llm.records import Failure, Request, Token

__all__ = ["enqueue", "tokens_of"]

_TEMPLATE = frozenset(
    {"add_generation_prompt", "chat_template_kwargs", "continue_final_message", "tools"}
)
"""What `Request.extra` may tell the chat template."""

_SAMPLING = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
        "frequency_penalty",
        "ignore_eos",
        "include_stop_str_in_output",
        "logit_bias",
        "min_p",
        "min_tokens",
        "presence_penalty",
        "repetition_penalty",
        "skip_special_tokens",
        "stop_token_ids",
    }
)
"""What `Request.extra` may tell the sampler, by the names of vLLM's `SamplingParams`."""

_DEFAULTS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
)
"""What a model's own generation_config.json may set."""


def enqueue(
    engine: Any, requests: Sequence[Request], specials: Sequence[str]
) -> tuple[list[list[int]], dict[int, Failure]]:
    """Hand requests to the engine; no text of theirs may hold one of `specials`.

    Returns:
        The positions that each accepted engine request answers, in the order in which the engine
        will give its outputs; and why the others were refused, by position.
    """
    from vllm.exceptions import VLLMError

    refusals: tuple[type[Exception], ...] = (VLLMError, *template_errors())
    sent: list[list[int]] = []
    failures: dict[int, Failure] = {}
    for group in _groups(requests):
        request = requests[group[0]]
        left = list(group)
        try:
            said = turns(request.messages)
            check_plain(said, specials)
            sampling, template = _options(engine, request)
            # vLLM takes greedy draws one by one only
            size = 1 if sampling["temperature"] == 0 else len(group)
            while left:
                _enqueue(engine, request, said, {**sampling, "n": len(left[:size])}, template)
                sent.append(left[:size])
                left = left[size:]
        except refusals as error:
            why = Failure("rejected", one_line(error))
            failures |= dict.fromkeys(left, why)
    return sent, failures


def tokens_of(one: Any, alternatives: int) -> tuple[Token, ...]:
    """The tokens of one output, each with so many alternatives."""
    found = []
    for token, at in zip(one.token_ids, one.logprobs or (), strict=True):
        ranked = sorted(at.values(), key=lambda entry: entry.rank)
        top = tuple((entry.decoded_token or "", entry.logprob) for entry in ranked[:alternatives])
        found.append(Token(at[token].decoded_token or "", at[token].logprob, top))
    return tuple(found)


def _groups(requests: Sequence[Request]) -> Iterable[list[int]]:
    """Positions of requests that differ only in their draw; one with a seed stands alone."""
    groups: dict[bytes, list[int]] = {}
    for at, request in enumerate(requests):
        key = at.to_bytes(8, "little")
        if request.seed is None:
            facts = request.facts()
            facts.pop("draw", None)
            key = orjson.dumps(facts)
        groups.setdefault(key, []).append(at)
    return groups.values()


def _enqueue(
    engine: Any,
    request: Request,
    said: list[dict[str, Any]],
    sampling: dict[str, Any],
    template: dict[str, Any],
) -> None:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    if request.schema is not None:
        sampling["structured_outputs"] = StructuredOutputsParams(json=dict(request.schema))
    elif request.choices:
        sampling["structured_outputs"] = StructuredOutputsParams(choice=list(request.choices))
    engine.enqueue_chat([said], SamplingParams(**sampling), use_tqdm=False, **template)


def _options(engine: Any, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sampling options and those of the chat template; the model's own where nothing is said.

    Raises:
        ValueError: `extra` holds an option that is not known here.
    """
    own = engine.get_default_sampling_params()
    sampling: dict[str, Any] = {name: getattr(own, name) for name in _DEFAULTS}
    given = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "top_k": request.top_k,
        "seed": request.seed,
        "logprobs": request.logprobs,
    }
    sampling |= {name: value for name, value in given.items() if value is not None}
    sampling |= {"max_tokens": request.max_tokens, "stop": list(request.stop)}
    extra = request.extra or {}
    if unknown := sorted(extra.keys() - _SAMPLING - _TEMPLATE):
        raise ValueError(f"vLLM in this process takes no option {unknown[0]!r} in a request")
    sampling |= {name: value for name, value in extra.items() if name in _SAMPLING}
    if "logit_bias" in sampling:
        sampling["logit_bias"] = _by_id(sampling["logit_bias"])
    return sampling, template_options(extra, _TEMPLATE)


def _by_id(bias: Any) -> dict[int, float]:
    """A bias by token id, which JSON can only write as text.

    Raises:
        ValueError: a key is no token id.
    """
    if not isinstance(bias, dict):
        raise ValueError("logit_bias is no object of token ids")
    return {int(token): float(value) for token, value in bias.items()}

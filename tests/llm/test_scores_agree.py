"""A score is one number whoever computes it: vLLM in process, a vLLM server, transformers."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_process import Engines
from vllm_server import NAME, VLLMServer

from prefkit.llm.clients.server import Server
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request, Score, ScoreRequest, messages
from prefkit.llm.settings import Settings
from prefkit.schema.records import Message

pytestmark = pytest.mark.slow

NEAR = 1e-3  # nats a token: what the issue asks for
WORDS = ("the", "river", "runs", "past", "bread", "rises", "because", "Köln", "日本語", "12.50")


def words_of(model: Path) -> int:
    """Size of the vocabulary."""
    count: int = json.loads((model / "config.json").read_text())["vocab_size"]
    return count


def by_ids(model: Path, count: int) -> list[ScoreRequest]:
    chance = random.Random(5)
    words = words_of(model)

    def ids(most: int) -> tuple[int, ...]:
        # the first four ids are special tokens: a pad in the middle would be cut off by some
        return tuple(chance.randrange(4, words) for _ in range(chance.randint(1, most)))

    return [ScoreRequest(prompt=ids(200), completion=ids(60)) for _ in range(count)]


def by_text(count: int) -> list[ScoreRequest]:
    chance = random.Random(6)

    def words(most: int) -> str:
        return "".join(" " + chance.choice(WORDS) for _ in range(chance.randint(1, most)))

    return [ScoreRequest(prompt=words(30), completion=words(12)) for _ in range(count)]


def chat(question: str, answer: str) -> tuple[Message, ...]:
    return Message("user", question), Message("assistant", answer)


def by_server(server: VLLMServer, requests: Sequence[ScoreRequest]) -> list[Score]:
    async def scored() -> list[Score]:
        provider = Server(f"{server.url}#{NAME}", Settings())
        try:
            return list(await asyncio.gather(*map(provider.score, requests)))
        finally:
            await provider.close()

    return asyncio.run(scored())


def agree(given: Sequence[Score], wanted: Sequence[Score]) -> None:
    for one, other in zip(given, wanted, strict=True):
        assert one.failure is None
        assert other.failure is None
        assert len(one.logprobs) == len(other.logprobs)
        assert one.logprobs == pytest.approx(other.logprobs, abs=NEAR, rel=0)
        assert one.value == pytest.approx(sum(one.logprobs))


def test_token_ids_score_the_same_everywhere(
    engines: Engines, chat_model: Path, vllm_server: VLLMServer
) -> None:
    requests = by_ids(chat_model, 48)
    wanted = engines.score(f"transformers:{chat_model}", requests)
    assert [len(score.logprobs) for score in wanted] == [len(r.completion) for r in requests]
    agree(engines.score(f"vllm:{chat_model}", requests), wanted)
    agree(by_server(vllm_server, requests), wanted)


def test_text_scores_the_same_everywhere(
    engines: Engines, chat_model: Path, vllm_server: VLLMServer
) -> None:
    requests = by_text(32)
    wanted = engines.score(f"transformers:{chat_model}", requests)
    assert any(len(score.logprobs) > 12 for score in wanted)
    agree(engines.score(f"vllm:{chat_model}", requests), wanted)
    agree(by_server(vllm_server, requests), wanted)


@pytest.mark.parametrize("client", ["vllm", "transformers"])
def test_all_next_tokens_together_are_certain(
    engines: Engines, chat_model: Path, client: str
) -> None:
    """No other implementation is trusted here: the shares of all words must come to one."""
    words = range(words_of(chat_model))
    requests = [ScoreRequest(prompt=(9, 8, 7), completion=(word,)) for word in words]
    scores = engines.score(f"{client}:{chat_model}", requests)
    assert sum(math.exp(score.value) for score in scores) == pytest.approx(1, abs=NEAR)


def test_a_longer_completion_is_the_product_of_its_steps(
    engines: Engines, chat_model: Path
) -> None:
    whole, first, second = engines.score(
        f"transformers:{chat_model}",
        [
            ScoreRequest(prompt=(9, 8), completion=(30, 40)),
            ScoreRequest(prompt=(9, 8), completion=(30,)),
            ScoreRequest(prompt=(9, 8, 30), completion=(40,)),
        ],
    )
    assert whole.value == pytest.approx(first.value + second.value, abs=NEAR)


def test_a_token_across_the_boundary_fails_everywhere(
    engines: Engines, chat_model: Path, vllm_server: VLLMServer
) -> None:
    requests = [ScoreRequest(prompt="The riv", completion="er runs")]
    for client in ("vllm", "transformers"):
        (score,) = engines.score(f"{client}:{chat_model}", requests)
        assert (score.failure.kind, score.value) == ("boundary", None)
    with pytest.raises(Fault) as caught:
        by_server(vllm_server, requests)
    assert caught.value.kind == "boundary"


def test_greedy_answers_and_their_logprobs_agree(engines: Engines, chat_model: Path) -> None:
    asked = [
        Request(messages=messages(text), max_tokens=16, temperature=0.0, logprobs=2)
        for text in ("Hi", "Why does bread rise?", "the river " * 20, "Köln")
    ]
    given = engines.ask(f"vllm:{chat_model}", asked)
    wanted = engines.ask(f"transformers:{chat_model}", asked)
    assert [reply.usage for reply in given] == [reply.usage for reply in wanted]
    assert [reply.finish for reply in given] == [reply.finish for reply in wanted]
    for one, other in zip(given, wanted, strict=True):
        # not by text: a random model writes half characters, and each shows them in its own way
        own = [token.logprob for token in one.tokens]
        assert own == pytest.approx([token.logprob for token in other.tokens], abs=NEAR, rel=0)


def test_rewards_agree(engines: Engines, reward_model: Path) -> None:
    chats = [ScoreRequest(messages=chat(r.prompt, r.completion)) for r in by_text(12)]
    requests = [*by_ids(reward_model, 16), *by_text(12), *chats]
    given = engines.score(f"vllm:{reward_model}", requests)
    wanted = engines.score(f"transformers:{reward_model}", requests)
    values = [score.value for score in wanted]
    assert max(values) - min(values) > 1  # else agreement would say little
    assert [score.value for score in given] == pytest.approx(values, abs=NEAR, rel=0)
    assert [score.logprobs for score in given] == [None] * len(requests)

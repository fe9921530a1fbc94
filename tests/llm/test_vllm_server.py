"""A real vLLM server, asked through OpenAI's SDK, Anthropic's SDK and aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_process import Engines
from vllm_server import NAME, VLLMServer

from prefkit.llm.client import Client
from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.clients.server import Server
from prefkit.llm.connect import connect
from prefkit.llm.provider import Remote
from prefkit.llm.records import Request, messages
from prefkit.llm.settings import Settings

pytestmark = pytest.mark.slow

SCHEMA = {
    "type": "object",
    "properties": {"winner": {"enum": ["A", "B"]}, "score": {"enum": [1, 2, 3]}},
    "required": ["winner", "score"],
    "additionalProperties": False,
}
WIRES = ("server", "openai", "anthropic")

Connected = Callable[[str], Client]


@pytest.fixture
def client(vllm_server: VLLMServer, tmp_path: Path) -> Connected:
    """Clients of the server by the wire that they use, each with a journal of its own."""

    def connected(wire: str) -> Client:
        if wire == "server":
            return connect(f"{vllm_server.url}#{NAME}", cache=tmp_path)
        base = vllm_server.url + ("/v1" if wire == "openai" else "")
        return connect(f"{wire}:{NAME}", Settings(base_url=base), cache=tmp_path)

    return connected


def request(text: str = "Why does bread rise?", **options: object) -> Request:
    return Request(messages=messages(text), **{"max_tokens": 8, "temperature": 0.0, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("wire", WIRES)
def test_every_wire_gives_the_answers_of_the_engine_itself(
    client: Connected, engines: Engines, chat_model: Path, wire: str
) -> None:
    asked = [request(text) for text in ("Hi", "Why does bread rise?", "mill", "the river " * 9)]
    with client(wire) as asking:
        replies = asking.ask(asked)
        again = asking.ask(asked)
    wanted = engines.ask(f"vllm:{chat_model}", asked)
    assert [reply.failure for reply in replies] == [None] * 4
    assert [reply.text for reply in replies] == [reply.text for reply in wanted]
    assert [reply.finish for reply in replies] == [reply.finish for reply in wanted]
    for reply, own in zip(replies, wanted, strict=True):
        assert (reply.usage.input, reply.usage.output) == (own.usage.input, own.usage.output)
        assert (reply.model, reply.cost_usd, reply.cached) == (NAME, 0.0, False)
    assert [(reply.text, reply.cached) for reply in again] == [(r.text, True) for r in replies]


@pytest.mark.parametrize("wire", WIRES)
def test_a_schema_and_choices_are_kept_and_checked(client: Connected, wire: str) -> None:
    with client(wire) as asking:
        verdict, choice = asking.ask(
            [
                request(schema=SCHEMA, max_tokens=60),
                request(choices=("better", "worse"), max_tokens=30),
            ]
        )
    assert verdict.failure is None
    assert verdict.data["winner"] in ("A", "B")
    assert verdict.data["score"] in (1, 2, 3)
    assert choice.failure is None
    assert choice.data in ("better", "worse")


@pytest.mark.parametrize("wire", WIRES)
def test_a_forced_tool_call_answers_by_the_schema(client: Connected, wire: str) -> None:
    with client(wire) as asking:
        (verdict,) = asking.ask([request(schema=SCHEMA, by_tool=True, max_tokens=60)])
    assert verdict.failure is None
    assert set(verdict.data) == {"winner", "score"}


@pytest.mark.parametrize("wire", WIRES)
def test_a_structured_answer_that_is_cut_off_is_a_failure(client: Connected, wire: str) -> None:
    with client(wire) as asking:
        cut, whole = asking.ask([request(schema=SCHEMA, max_tokens=3), request()])
    assert (cut.failure.kind, cut.data) == ("cut", None)
    assert cut.text  # paid for, and evidence
    assert whole.failure is None


@pytest.mark.parametrize("wire", WIRES)
def test_a_prompt_beyond_the_context_fails_alone(client: Connected, wire: str) -> None:
    with client(wire) as asking:
        before, failed, after = asking.ask([request("Hi"), request("word " * 600), request("mill")])
    assert failed.failure.kind == "rejected"
    assert failed.attempts <= 1
    assert before.failure is after.failure is None


def test_the_input_is_counted_as_it_will_be_billed(vllm_server: VLLMServer) -> None:
    asked = request("the river runs past the old mill")

    async def counted(provider: Remote) -> tuple[int | None, int | None]:
        try:
            return await provider.count(asked), (await provider.ask(asked)).usage.input
        finally:
            await provider.close()

    server = Server(f"{vllm_server.url}#{NAME}", Settings())
    anthropic = Anthropic(NAME, Settings(base_url=vllm_server.url))
    openai = OpenAIChat(NAME, Settings(base_url=f"{vllm_server.url}/v1"))
    (by_server, billed), by_anthropic, by_openai = (
        asyncio.run(counted(provider)) for provider in (server, anthropic, openai)
    )
    assert by_server == billed
    assert by_anthropic == (billed, billed)
    assert by_openai == (None, billed)  # vLLM has no counter where OpenAI has one


@pytest.mark.parametrize("wire", ["server", "openai"])
def test_logprobs_agree_with_the_engine_itself(
    client: Connected, engines: Engines, chat_model: Path, wire: str
) -> None:
    asked = [request(logprobs=3), request("mill", logprobs=0)]
    with client(wire) as asking:
        replies = asking.ask(asked)
    for reply, own in zip(replies, engines.ask(f"vllm:{chat_model}", asked), strict=True):
        wanted = [token.logprob for token in own.tokens]
        assert [token.logprob for token in reply.tokens] == pytest.approx(wanted, abs=1e-3)
        sizes = [len(token.top) for token in own.tokens]
        assert [len(token.top) for token in reply.tokens] == sizes


@pytest.mark.parametrize("wire", WIRES)
def test_draws_differ(client: Connected, wire: str) -> None:
    with client(wire) as asking:
        replies = asking.ask([request(temperature=1.0, max_tokens=12, draw=d) for d in range(5)])
    assert len({reply.text for reply in replies}) == 5


@pytest.mark.parametrize("wire", ["server", "openai"])
def test_one_seed_gives_one_answer(client: Connected, wire: str) -> None:
    seeds = (7, 8, 7)
    asked = [request(temperature=1.0, max_tokens=12, seed=s, draw=d) for d, s in enumerate(seeds)]
    with client(wire) as asking:
        first, other, again = asking.ask(asked)
    assert first.text == again.text != other.text


def test_two_hundred_requests_at_once_come_back_in_order(client: Connected) -> None:
    texts = [f"bread {number} " * (1 + number % 5) for number in range(200)]
    with client("server") as asking:
        replies = asking.ask([request(text, max_tokens=2) for text in texts])
        again = asking.ask([request(text, max_tokens=2) for text in reversed(texts)])
    assert [reply.failure for reply in replies] == [None] * 200
    assert [reply.text for reply in again] == [reply.text for reply in reversed(replies)]
    assert all(reply.cached for reply in again)

from __future__ import annotations

import httpx2
import pytest
from openai_clients import CANARY, chat
from wire_server import Came, WireServer, done, http

from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.clients.sdk_transport import LONG


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def test_the_sdk_does_not_know_the_key():
    provider = chat("https://llm.example")

    async def look() -> str:
        return provider._sdk().api_key

    assert done(provider, look()) == "not-the-key"


def test_an_address_in_an_answer_gets_no_key():
    async def run(provider: OpenAIChat) -> None:
        await provider._sdk().get(f"{trap.url}/v1/files", cast_to=httpx2.Response)

    with WireServer(lambda _: http({})) as trap:
        provider = chat("https://llm.example")
        fault = done(provider, run(provider))
        assert (fault.kind, trap.came) == ("rejected", [])


def test_a_long_file_is_read_in_pieces_beyond_the_limit_of_one_answer():
    line = b'{"row": 1}' + b" " * 1013 + b"\n"

    def say(came: Came) -> bytes:
        return http(line * 4096)

    async def run(provider: OpenAIChat) -> int:
        files = provider._sdk().files.with_streaming_response
        async with files.content("f", extra_headers={LONG: "1"}) as response:
            return sum([len(piece) async for piece in response.iter_bytes()])

    with WireServer(say) as server:
        provider = chat(server.url, max_body_bytes=1 << 20)
        assert done(provider, run(provider)) == 4 << 20
        assert LONG not in server.came[0].headers

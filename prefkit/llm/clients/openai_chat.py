"""OpenAI's chat completions through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefkit.llm.clients.openai_batches import OpenAIBatches
from prefkit.llm.clients.openai_body import chat_body, chat_reply
from prefkit.llm.clients.openai_responses import counted_body, openai_sdk
from prefkit.llm.records import Reply, Request

if TYPE_CHECKING:
    import httpx2

__all__ = ["OpenAIChat"]


class OpenAIChat(OpenAIBatches):
    """OpenAI's chat completions, through its SDK: `openai:MODEL`."""

    client = "openai"
    name = "openai"
    home = "https://api.openai.com/v1"
    variable = "OPENAI_API_KEY"
    path = "/chat/completions"
    can = frozenset({"seed", "stop", "schema", "by_tool", "choices", "logprobs", "extra"})

    def body(self, request: Request) -> dict[str, Any]:
        """The exact JSON body of a chat completion; see `Hosted.body`."""
        return chat_body(request, self.model, hosted=True)

    def reply(self, body: dict[str, Any]) -> Reply:
        """The reply in a chat completion; see `Hosted.reply`."""
        return chat_reply(body)

    async def count(self, request: Request) -> int | None:
        """Input tokens by the counter of the Responses API, which counts the same turns."""
        if any(turn.extra is not None for turn in request.messages):
            return None  # that API takes no tool calls as turns
        return await self._counted("/responses/input_tokens", counted_body(request, self.model), {})

    def _loaded(self) -> tuple[type[Exception], ...]:
        from openai import OpenAIError

        return (OpenAIError,)

    def _made(self, http: httpx2.AsyncClient) -> Any:
        return openai_sdk(self._where.url, http)

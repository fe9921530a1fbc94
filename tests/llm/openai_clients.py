"""OpenAI's two clients on the way to a loopback server, and what they are asked."""

from __future__ import annotations

from typing import Any

from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.clients.openai_responses import OpenAIResponses
from prefkit.llm.records import messages
from prefkit.llm.settings import Settings

CANARY = "sk-canary-0123456789abcdef"
ASK = messages("Which is better?")
SCHEMA = {
    "type": "object",
    "properties": {"winner": {"type": "string", "enum": ["A", "B"]}},
    "required": ["winner"],
    "additionalProperties": False,
}


def chat(url: str, **options: Any) -> OpenAIChat:
    return OpenAIChat("m", Settings(base_url=f"{url}/v1", key_env="HOUSE_KEY", **options))


def responses(url: str, **options: Any) -> OpenAIResponses:
    return OpenAIResponses("m", Settings(base_url=f"{url}/v1", key_env="HOUSE_KEY", **options))


def both(url: str, **options: Any) -> list[Any]:
    return [chat(url, **options), responses(url, **options)]


def said(text: str | None = "Yes.", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": text} | message}
    return {"model": "m-1", "choices": [choice]}

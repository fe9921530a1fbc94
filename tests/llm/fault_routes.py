"""Which interface of which provider a path belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import fault_anthropic
import fault_openai
from fault_script import Seen
from fault_wire import Answer


class Asked(NamedTuple):
    """One request on its way to its answer."""

    seen: Seen
    query: Mapping[str, str]
    file: str
    """Name of an uploaded file."""
    wrong: str
    """What the model does wrong."""


def answer(server: Any, asked: Asked) -> Answer:
    """The provider's answer, or its refusal of a wrong request."""
    path = asked.seen.path
    if path.startswith("/v1/messages"):
        return _anthropic(server, asked, path.removeprefix("/v1/messages").strip("/").split("/"))
    if path.startswith(("/v1/files", "/v1/batches")):
        return _openai_batch(server, asked, path.split("/")[2:])
    return _openai(server, asked)


def _anthropic(server: Any, asked: Asked, parts: list[str]) -> Answer:
    seen = asked.seen
    if seen.body is None and seen.method == "POST" and parts[-1] != "cancel":
        return fault_anthropic.error(400, "The request body is not valid JSON")
    if parts[0] == "batches":
        return _anthropic_batch(server, asked, parts[1:])
    counting = parts == ["count_tokens"]
    bad = fault_anthropic.refused(
        seen.body, version=seen.headers["anthropic-version"], counting=counting
    )
    if bad is not None:
        return bad
    if counting:
        return Answer.of({"input_tokens": fault_anthropic.input_tokens(seen.body)})
    return Answer.of(fault_anthropic.message(seen.body, asked.wrong, server.warm))


def _anthropic_batch(server: Any, asked: Asked, parts: list[str]) -> Answer:
    jobs = server.anthropic_batches
    if not parts:
        is_new = asked.seen.method == "POST"
        version = asked.seen.headers["anthropic-version"]
        return jobs.create(asked.seen.body, version) if is_new else jobs.list(asked.query)
    last = parts[1] if len(parts) > 1 else ""
    if last == "results":
        return jobs.results(parts[0])
    return jobs.cancel(parts[0]) if last == "cancel" else jobs.look(parts[0])


def _openai(server: Any, asked: Asked) -> Answer:
    seen = asked.seen
    if seen.path == "/v1/models":
        model = {"id": "m", "object": "model", "created": 1, "owned_by": "fault-server"}
        return Answer.of({"object": "list", "data": [model]})
    if seen.body is None:
        return fault_openai.error(400, "We could not parse the JSON body of your request.")
    if seen.path == "/tokenize":
        return Answer.of(fault_openai.tokenize(seen.body))
    if seen.path == "/v1/responses/input_tokens":
        count = fault_openai.input_tokens(seen.body)
        return Answer.of({"object": "response.input_tokens", "input_tokens": count})
    kind = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}.get(seen.path)
    if kind is None:
        return fault_openai.error(404, f"Invalid URL ({seen.method} {seen.path})")
    bad = fault_openai.refused(seen.body, kind) if server.strict else None
    if bad is not None:
        return bad
    make = fault_openai.chat if kind == "chat" else fault_openai.responses
    return Answer.of(make(seen.body, asked.wrong))


def _openai_batch(server: Any, asked: Asked, parts: list[str]) -> Answer:
    jobs, seen = server.openai_batches, asked.seen
    if parts == ["files"]:
        return jobs.upload(asked.file, seen.raw, "batch")
    if parts[0] == "files":
        return jobs.content(parts[1])
    if len(parts) == 1:
        return jobs.create(seen.body) if seen.method == "POST" else jobs.list(asked.query)
    return jobs.cancel(parts[1]) if parts[-1] == "cancel" else jobs.look(parts[1])

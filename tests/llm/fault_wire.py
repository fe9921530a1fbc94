"""How an answer goes wrong on its way: the faults of the fault server, by name.

A fault before the work (`429`, `cut`, `hang`, ...) answers instead of the model and bills nobody;
one after it (`cut_body`, `malformed`, `flood`, ...) spoils an answer that the provider has billed.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from aiohttp import web


class Answer(NamedTuple):
    """What a provider would send."""

    status: int
    body: bytes
    headers: dict[str, str]
    kind: str = "application/json"

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        return cls(status, json.dumps(value).encode(), headers)


Spoil = Callable[[web.Request, Answer, str], Awaitable[web.StreamResponse | None]]
_STEP_S = 0.02


def _gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def whole(request: web.Request, answer: Answer) -> web.StreamResponse | None:
    """The answer as it is; null if the asker has gone."""
    if _gone(request):
        return None
    headers = {"Content-Type": answer.kind} | answer.headers
    response = web.Response(status=answer.status, body=answer.body, headers=headers)
    await response.prepare(request)
    await response.write_eof()
    return response


async def _abort(request: web.Request, answer: Answer, value: str) -> None:
    """The connection is reset before any byte."""
    if request.transport is not None:
        request.transport.abort()


async def _part(request: web.Request, answer: Answer, sent: int, *, chunked: bool = False) -> None:
    """The head, promising the whole body or chunks; `sent` bytes of it; then the end."""
    response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
    response.content_type = answer.kind
    if chunked:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(answer.body)
    await response.prepare(request)
    if sent:
        await response.write(answer.body[:sent])
    await asyncio.sleep(_STEP_S)
    if request.transport is not None:
        request.transport.close()


async def _cut_headers(request: web.Request, answer: Answer, value: str) -> None:
    await _part(request, answer, 0)


async def _cut_body(request: web.Request, answer: Answer, value: str) -> None:
    await _part(request, answer, len(answer.body) // 2)


async def _cut_chunk(request: web.Request, answer: Answer, value: str) -> None:
    await _part(request, answer, len(answer.body) // 2, chunked=True)


async def _hang(request: web.Request, answer: Answer, value: str) -> None:
    """Nothing at all, for `value` seconds or until the asker goes."""
    end = time.monotonic() + float(value or 3600)
    while time.monotonic() < end and not _gone(request):
        await asyncio.sleep(_STEP_S)
    await _abort(request, answer, value)


async def _pour(request: web.Request, headers: dict[str, str], piece: bytes, pause: float) -> None:
    """A piece again and again until the asker goes."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"} | headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        while not _gone(request):
            await response.write(piece)
            await asyncio.sleep(pause)
    except ConnectionError:
        return


async def _trickle(request: web.Request, answer: Answer, value: str) -> None:
    """A space every now and then, for ever: so far it could still become JSON."""
    await _pour(request, {}, b" ", float(value or _STEP_S))


async def _flood(request: web.Request, answer: Answer, value: str) -> None:
    """A text without end, as fast as it is taken."""
    await _pour(request, {}, b"x" * (1 << 18), 0)


async def _bomb(request: web.Request, answer: Answer, value: str) -> None:
    """A compressed body without end: each kilobyte sent becomes a megabyte there."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
    )
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        await response.write(head)
        while not _gone(request):
            await response.write(piece * 16)
            await asyncio.sleep(0)
    except ConnectionError:
        return


def _body(
    make: Callable[[Answer], bytes], kind: str = "application/json", status: int = 200
) -> Spoil:
    """Another body in the answer's place, correctly framed."""

    async def spoil(request: web.Request, answer: Answer, value: str) -> web.StreamResponse | None:
        return await whole(request, Answer(status, make(answer), answer.headers, kind))

    return spoil


def _changed(change: Callable[[dict[str, Any]], None]) -> Spoil:
    """The answer's own JSON with something wrong in it."""

    def make(answer: Answer) -> bytes:
        value = json.loads(answer.body)
        change(value)
        return json.dumps(value).encode()

    return _body(make)


def _no_content(value: dict[str, Any]) -> None:
    # Anthropic documents an empty list of content as an answer of no words
    value.pop("content", None)
    for name in ("choices", "output"):
        if name in value:
            value[name] = []


def _wild_usage(value: dict[str, Any]) -> None:
    for name, count in value["usage"].items():
        value["usage"][name] = -7 if isinstance(count, int) else "many"


def _html(answer: Answer) -> bytes:
    return b"<html><head><title>Bad gateway</title></head><body>nginx</body></html>"


def _leak(escape: Callable[[str], str]) -> Spoil:
    """The answer says the key that came with the request, wherever it has a text."""

    async def spoil(request: web.Request, answer: Answer, value: str) -> web.StreamResponse | None:
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "")[7:]
        body = answer.body.replace(b"The answer is", f"Your key is {escape(key)}".encode())
        return await whole(request, answer._replace(body=body))

    return spoil


SPOILED: dict[str, Spoil] = {
    "leak": _leak(str),
    "leak_escaped": _leak(lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key)),
    "cut_after_work": _abort,
    "hang_after_work": _hang,
    "cut_headers": _cut_headers,
    "cut_body": _cut_body,
    "cut_chunk": _cut_chunk,
    "trickle": _trickle,
    "flood": _flood,
    "bomb": _bomb,
    "half": _body(lambda answer: answer.body[: len(answer.body) // 2]),
    "malformed": _body(lambda answer: b"{'id': oops " + answer.body[20:]),
    "html": _body(_html, "text/html"),
    "empty": _body(lambda answer: b""),
    "null": _body(lambda answer: b"null"),
    "list": _body(lambda answer: b"[" + answer.body + b"]"),
    "not_utf8": _body(lambda answer: answer.body[:-2] + b'\xff\xfe"}'),
    "deep": _body(lambda answer: b"[" * 200_000),
    "other_shape": _body(lambda answer: b'{"object":"something.else","ok":true}'),
    "no_content": _changed(_no_content),
    "no_usage": _changed(lambda value: value.pop("usage", None)),
    "wild_usage": _changed(_wild_usage),
}
"""Faults after the work: the provider has billed the answer."""


async def _html_gateway(request: web.Request, answer: Answer, value: str) -> Any:
    return await whole(request, Answer(502, _html(answer), {}, "text/html"))


async def _redirect(request: web.Request, answer: Answer, value: str) -> Any:
    target = value + request.path
    return await whole(request, Answer(307, b"", {"Location": target}))


INSTEAD: dict[str, Spoil] = {
    "cut": _abort,
    "hang": _hang,
    "html_502": _html_gateway,
    "redirect": _redirect,
}
"""Faults before the work, besides the statuses: nobody is billed."""

MODEL = frozenset({"wrong_schema", "cut_structured", "refusal", "filtered"})
"""What the model itself does wrong in a whole answer."""


def retry_after(value: str) -> dict[str, str]:
    """The header: seconds as given, or `date:SECONDS` from now as an HTTP date."""
    if not value:
        return {}
    if value.startswith("date:"):
        when = time.time() + float(value.removeprefix("date:"))
        return {"Retry-After": email.utils.formatdate(when, usegmt=True)}
    return {"Retry-After": value}

"""What all remote clients share: what a status or a broken connection means, bodies, no keys.

Whatever a server sent passes `parsed` or `fault_of` before anybody else sees it, and both take the
key out of it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from prefkit.llm.clients.keys import HIDDEN, Key
from prefkit.llm.limits.retry import retry_after
from prefkit.llm.provider import Fault
from prefkit.llm.records import FailureKind, Reply

__all__ = [
    "StatusFault",
    "bare",
    "encoded",
    "fault_of",
    "fault_within",
    "line",
    "loaded",
    "malformed",
    "parsed",
    "quiet",
    "redact",
    "without_key",
]

_SHOWN = 300  # characters of a provider's message
_SERVER = frozenset({408, 409, 425})
_LOST = frozenset({408, 499, 502, 504, 520, 521, 522, 523, 524})
"""Answers of a gateway that lost sight of the request: the model may have worked on it."""
_ACCOUNT = frozenset(
    {
        "account_deactivated",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient_credits",
        "insufficient_quota",
    }
)
"""Types and codes of an empty or closed account: waiting does not fill it."""
_EMPTY = "your credit balance is too low"
"""How Anthropic's message begins that says so with a type of no help."""
_KEY = re.compile(r"authentication|permission|api_?key|unauthori[sz]ed|unsupported_country")
"""In a type or code: the key or the account is refused, not the request."""
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape in JSON; its group is half of a surrogate pair alone."""
_LABELLED = re.compile(
    r"(?i)((?:authorization|x-api-key|api[_-]?key)[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|basic\s+)?)"
    r"[^\s\"',;]+"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_SHAPED = re.compile(r"\bsk-[A-Za-z0-9_*-]{8,}")
_LOGGERS = ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp")

_KINDS: tuple[tuple[re.Pattern[str], FailureKind], ...] = (
    (_KEY, "refused"),
    (re.compile(r"rate_limit|overloaded|throttl|too_many_requests"), "throttled"),
    (re.compile(r"invalid|bad_?request|not_found|too_large|policy|unsupported|image"), "rejected"),
)
"""Words in an error's type or code, for errors that come with status 200."""


class StatusFault(Fault):
    """An answer with another HTTP status than 200."""

    def __init__(self, status: int, kind: FailureKind, message: str, **more: Any) -> None:
        super().__init__(kind, message, **more)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether the server does not know the endpoint."""
        return self.status in (404, 405, 501)


def redact(text: str, key: Key | None) -> str:
    """The text without this key, and without whatever looks like one."""
    if key is not None:
        text = key.hidden_in(text)
    text = _LABELLED.sub(rf"\1{HIDDEN}", text)
    return _SHAPED.sub(HIDDEN, _BEARER.sub(rf"\1{HIDDEN}", text))


def quiet() -> None:
    """Keep the libraries beneath us from logging requests, whatever level the root has."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)


def encoded(body: Mapping[str, Any]) -> bytes:
    """A request body as JSON.

    Raises:
        Fault: `rejected`: it has no JSON form, for example half of a surrogate pair in a text.
    """
    try:
        return orjson.dumps(body)
    except TypeError as error:
        why = str(error)
    raise Fault("rejected", f"not sent, it has no JSON form: {line(why)}")


def parsed(raw: bytes, key: Key | None, content_type: str = "") -> dict[str, Any]:
    """The JSON object of a whole answer, without the key should the server echo it.

    Raises:
        Fault: `malformed`: it is no JSON object.
    """
    value = loaded(raw, key, content_type)
    if isinstance(value, dict):
        return value
    raise malformed(f"the answer is no JSON object: {_start(raw, key)}")


def loaded(raw: bytes, key: Key | None, content_type: str = "") -> Any:
    """The JSON value of a whole answer, without the key should the server echo it.

    Raises:
        Fault: `malformed`: it is no JSON.
    """
    try:
        value = _json(raw)
        return value if key is None or not key.may_be_in(raw) else _without(value, key)
    except (orjson.JSONDecodeError, RecursionError):
        kind = line(content_type.partition(";")[0]).lower()
        what = f"{kind[:40]}, not JSON" if kind and "json" not in kind else "no whole JSON"
    raise malformed(redact(f"the answer is {what}: {_start(raw, key)}", key))


def _json(raw: bytes) -> Any:
    """The value of JSON text; a lone half of a surrogate pair in it becomes U+FFFD.

    Models cut off within a character are why some servers send such halves.

    Raises:
        JSONDecodeError: it is no JSON.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        mended = _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], raw)
        if mended == raw:
            raise
    return orjson.loads(mended)


def _without(value: Any, key: Key) -> Any:
    """The same value without the key in any of its texts."""
    if isinstance(value, str):
        return key.hidden_in(value)
    if isinstance(value, dict):
        return {key.hidden_in(name): _without(part, key) for name, part in value.items()}
    return [_without(part, key) for part in value] if isinstance(value, list) else value


def without_key(reply: Reply, key: Key | None) -> Reply:
    """The reply without log-probs whose tokens spell a key that was taken out of its text."""
    if key is None or reply.tokens is None or HIDDEN not in (reply.text or ""):
        return reply
    spelled = "".join(token.text for token in reply.tokens)
    return reply if key.hidden_in(spelled) == spelled else replace(reply, tokens=None)


def bare(fault: Fault) -> Fault:
    """The fault without the frames it came through, in whose variables a key may be."""
    fault.__cause__ = fault.__context__ = None
    return fault.with_traceback(None)


def malformed(message: str) -> Fault:
    """A whole answer that is not of the documented shape; it may have been billed."""
    return Fault("malformed", message, maybe_billed=True)


def fault_of(
    status: int, headers: Mapping[str, str], body: bytes, key: Key | None = None
) -> StatusFault:
    """What an answer with another status than 200 means.

    Args:
        status: HTTP status.
        headers: By name, in any case.
        body: Its beginning at least.
        key: Taken out of the message.
    """
    codes, message = _error(body)
    is_empty = message.lower().startswith(_EMPTY)
    message = redact(message, key)[:_SHOWN]
    if 300 <= status < 400:
        kind: FailureKind = "rejected"
        message = "the server answers with a redirect, and keys follow none"
    else:
        kind = _kind(status, codes, is_empty=is_empty)
    return StatusFault(
        status,
        kind,
        f"HTTP {status}: {message}" if message else f"HTTP {status}",
        retry_after_s=retry_after(headers, time.time()),
        maybe_billed=status in _LOST,
    )


def fault_within(error: Any, key: Key | None) -> Fault:
    """What an error object means that came with status 200."""
    codes, message = _named(error)
    message = line(message)
    is_empty = message.lower().startswith(_EMPTY)
    message = redact(message, key)[:_SHOWN] or "an error without a message"
    status = error.get("code") if isinstance(error, dict) else None
    if isinstance(status, int) and 400 <= status < 600:
        return Fault(_kind(status, codes, is_empty=is_empty), f"error {status}: {message}")
    if is_empty or not _ACCOUNT.isdisjoint(codes.split()):
        return Fault("refused", message)
    for words, kind in _KINDS:
        if words.search(codes):
            return Fault(kind, message)
    return Fault("server", message)


def _kind(status: int, codes: str, *, is_empty: bool) -> FailureKind:
    """What a status means, with the error's type and code, never with words of its message.

    A message may quote the request, or advise about billing where only a minute's limit is full.
    """
    if status in (401, 402) or is_empty or not _ACCOUNT.isdisjoint(codes.split()):
        return "refused"
    if status == 403:  # also what moderation and firewalls answer to a single request
        return "refused" if _KEY.search(codes) else "rejected"
    if status in (429, 529):
        return "throttled"
    return "server" if status in _SERVER or status >= 500 else "rejected"


def _error(body: bytes) -> tuple[str, str]:
    """Type and code, and the message in one line, of an error body of any shape."""
    try:
        value = _json(body)
    except (orjson.JSONDecodeError, RecursionError):
        return "", _start(body, None)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and "error" in value:
        value = value["error"]
    codes, message = _named(value)
    return codes, line(message)


def _named(error: Any) -> tuple[str, str]:
    if not isinstance(error, dict):
        return "", error if isinstance(error, str) else orjson.dumps(error).decode()
    codes = " ".join(str(error.get(name) or "") for name in ("type", "code", "status")).lower()
    for name in ("message", "detail"):
        if isinstance(told := error.get(name), str):
            return codes, told
    return codes, orjson.dumps(error).decode()


def _start(raw: bytes, key: Key | None) -> str:
    """The beginning of a body that is no JSON, markup left out."""
    text = raw[: 1 << 16].decode(errors="replace")
    if text.lstrip()[:1] == "<":
        text = re.sub(r"<(style|script)\b.*?(</\1>|$)|<[^>]*>", " ", text, flags=re.S | re.I)
    return redact(line(text), key)[: _SHOWN // 2]


def line(text: str) -> str:
    """One line without control characters, lone surrogates shown as such."""
    text = text.encode(errors="backslashreplace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())

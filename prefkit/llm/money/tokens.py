"""How large a request is: the bytes that are sent, and the most tokens they can become.

A tokenizer with a byte alphabet spends at least one byte of its input on every token, so bytes
bound tokens without it. What is added around the texts (roles, a template's own opening, the words
a provider puts before tools) is bounded by allowances well above what is documented.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from prefkit.llm.frozen import Frozen
from prefkit.llm.records import Request

__all__ = ["most_input_tokens", "sent_bytes"]

_REQUEST = 256  # what chat templates open with: a dated system text, a list of channels
_MESSAGE = 16  # role, separators, end of turn; a word mark before each text
_SCHEMA = 1024  # providers put instructions of their own before tools, some hundred tokens
_FRAME = 16  # bytes that stand for one message's frame where only relative size matters


def most_input_tokens(request: Request) -> int:
    """More input tokens than a request can be billed for, whatever the tokenizer.

    Every text counts with its UTF-8 bytes, or with those of its decomposed forms where they are
    more (some tokenizers normalise first: one character can become eighteen). A schema counts
    twice and indented, as it may stand in the prompt and among the tools.

    It would be too low for: a chat template of one's own that adds more than 256 tokens; `extra`
    fields that make the server fetch or insert text (searches, files, stored prompts); images,
    which no request here has; a tokenizer with several tokens for one byte. The ledger counts such
    a bill truly and notes it as an overrun.
    """
    most = _REQUEST
    for turn in request.messages:
        most += _MESSAGE + _text(turn.role) + _text(turn.content) + _text(turn.extra)
    if request.schema is not None:
        most += _SCHEMA + 2 * _written(request.schema)
    most += sum(_MESSAGE + _text(choice) for choice in request.choices)
    if request.extra is not None:
        most += _SCHEMA + _written(request.extra)
    return most


def sent_bytes(request: Request) -> int:
    """About how many bytes a model reads: a measure of size, in proportion to tokens."""
    size = sum(
        _FRAME + _plain(turn.content) + (0 if turn.extra is None else _plain(turn.extra))
        for turn in request.messages
    )
    if request.schema is not None:
        size += len(json.dumps(request.schema, default=str))
    return size


def _plain(text: str | None) -> int:
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _text(text: str | None) -> int:
    """Bytes of a text in the longest form that a tokenizer may give it."""
    if not text or text.isascii():
        return len(text or "")
    # a composed form is never longer than its decomposed one: these three bound all five
    forms = (text, unicodedata.normalize("NFD", text), unicodedata.normalize("NFKD", text))
    return max(len(form.encode("utf-8", "surrogatepass")) for form in forms)


def _written(value: Mapping[str, Any]) -> int:
    if isinstance(value, Frozen):
        return value.indented
    return len(json.dumps(value, indent=4, default=str))

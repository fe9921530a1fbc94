"""What a person sees: results, progress and errors, with other people's text made harmless.

Data goes to stdout, everything else to stderr. A reader that went away ends nothing: what is left
to say to it is dropped.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from prefkit.version import __version__

if TYPE_CHECKING:
    from prefkit.verbs.verb import Outcome

__all__ = [
    "listening",
    "print_document",
    "print_error",
    "print_message",
    "print_outcome",
    "printable",
]

_DOCUMENT = 1  # version of what --json prints


def printable(text: str) -> str:
    """Text without control, bidirectional, invisible or unpaired characters.

    Each is shown as its escape; line ends and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in "\n\t" or _is_visible(character) else _escape(character)
        for character in text
    )


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """What a verb did: one JSON document, or lines with their labels in a column.

    Raises:
        OSError: stdout cannot be written to.
    """
    if as_json:
        print_document(outcome.facts)
        return
    width = max((len(printable(label)) for label, _ in outcome.lines), default=0) + 2
    with _stdout() as stream:
        if not _is_styled(stream):
            stream.writelines(_line(label, text, width) + "\n" for label, text in outcome.lines)
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, highlight=False, soft_wrap=True)
        for label, text in outcome.lines:
            line = Text(_line(label, text, width))
            line.stylize("bold", 0, len(printable(label)))
            console.print(line)


def print_document(facts: Mapping[str, Any]) -> None:
    """One JSON document on stdout; pure ASCII, so that nothing in it can act on a terminal.

    Raises:
        OSError: stdout cannot be written to.
    """
    head = {"prefkit": {"version": __version__, "document": _DOCUMENT}}
    text = json.dumps({**head, **_finite(facts)}, sort_keys=True, default=str, allow_nan=False)
    with _stdout() as stream:
        stream.write(text + "\n")


def print_error(message: str, hint: str | None) -> None:
    """The one form of every error: what and where, then one hint.

    Further lines of a message are indented, so that a text in it cannot pose as the hint.
    """
    _to_stderr(f"error: {_indented(message, 2)}\n")
    if hint:
        _to_stderr(f"hint: {_indented(hint, 2)}\n")


def print_message(text: str) -> None:
    """A text of prefkit's own on stderr, whatever it quotes made harmless."""
    _to_stderr(printable(text) + "\n")


def _line(label: str, text: str, width: int) -> str:
    """A label and its text; without a label the text alone."""
    return printable(label).ljust(width) + _indented(text, width) if label else printable(text)


def _indented(text: str, width: int) -> str:
    return printable(text).replace("\n", "\n" + " " * width)


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _columns() -> int:
    """How wide the terminal of stderr is."""
    with suppress(OSError, ValueError):
        if columns := os.get_terminal_size(sys.stderr.fileno()).columns:
            return columns
    return 80


def _is_styled(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Standard output, flushed; what cannot be encoded is escaped."""
    if sys.stdout is None:  # closed by whoever started this process
        yield io.StringIO()
        return
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # what is still buffered would fail again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def _to_stderr(text: str) -> None:
    with suppress(OSError, AttributeError):  # closed, full or without a reader: nobody to tell
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def listening(*, quiet: bool, verbose: bool, every_s: float = 30.0) -> Iterator[logging.Logger]:
    """Show the messages and the progress of what runs inside on stderr.

    Progress redraws one line of a terminal; elsewhere it is a plain line every `every_s` seconds.
    """
    log = logging.getLogger("prefkit")
    handler: logging.Handler = logging.NullHandler() if quiet else _Progress(every_s)
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


class _Progress(logging.Handler):
    """Messages on stderr; progress records redraw one line, or give a plain line now and then."""

    def __init__(self, every_s: float) -> None:
        super().__init__()
        self._every_s = every_s
        self._redraws = sys.stderr is not None and sys.stderr.isatty()
        self._redraws &= os.environ.get("TERM") != "dumb"
        self._last = time.monotonic()
        self._is_open = False

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(record.getMessage()).replace("\n", " ")
        if not getattr(record, "progress", False):
            self._end_line()
            _to_stderr(f"{record.levelname.lower()}: {text}\n")
        elif self._redraws:
            # a line that wraps could not be drawn over again
            _to_stderr(f"\r\x1b[K{text[: _columns() - 1]}")
            self._is_open = True
        elif time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            _to_stderr(text + "\n")

    def _end_line(self) -> None:
        if self._is_open:
            _to_stderr("\r\x1b[K")
            self._is_open = False

    def close(self) -> None:
        self._end_line()
        super().close()

"""What a person sees: results, progress and errors, with other people's text made harmless."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
import unicodedata
from collections.abc import Mapping
from typing import Any

from prefkit.errors import PrefkitError
from prefkit.step import make
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["print_error", "printable", "run_verb"]

_EVERY_S = 30.0


def printable(text: str) -> str:
    """Text without control, bidirectional or other invisible characters: each shown as `\\uXXXX`."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character)[0] != "C"
        else f"\\u{ord(character):04x}"
        for character in text
    )


def run_verb(
    verb: type[Verb],
    name: str,
    options: Mapping[str, Any],
    *,
    json: bool,
    quiet: bool,
    verbose: bool,
    debug: bool,
) -> None:
    """Call a verb with options from the command line, print its outcome, exit with its code."""
    _listen(quiet=quiet, verbose=verbose)
    try:
        outcome = make(verb, _decoded(verb, options), name)()
    except PrefkitError:
        if debug:
            traceback.print_exc()
        raise
    except BrokenPipeError:
        raise
    except MemoryError as error:
        raise PrefkitError(f"out of memory: {error}") from error
    except OSError as error:
        if debug:
            traceback.print_exc()
        raise PrefkitError(
            f"the system refused: {error}", hint="add --debug to see where"
        ) from error
    _print_outcome(outcome, as_json=json)
    sys.exit(outcome.exit_code)


def print_error(message: str, hint: str | None) -> None:
    """The one form of every error: what and where, then one hint."""
    sys.stderr.write(f"error: {printable(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {printable(hint)}\n")


def _decoded(verb: type[Verb], options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as text become values: those of structured type are YAML."""
    from prefkit.verbs.verb import parse_option

    return {name: parse_option(verb, name, value) for name, value in options.items()}


def _print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(
            json.dumps(outcome.facts, ensure_ascii=False, sort_keys=True, default=str) + "\n"
        )
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max((len(label) for label, _ in outcome.lines), default=0) + 2
    for label, text in outcome.lines:
        line = Text(label.ljust(width), style="bold")
        console.print(line.append(Text(printable(text), style="not bold")))


class _Progress(logging.Handler):
    """Messages on stderr; progress records redraw one line, or give a plain line every 30 s."""

    def __init__(self) -> None:
        super().__init__()
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(record.getMessage())
        if not getattr(record, "progress", False):
            self._end_line()
            sys.stderr.write(f"{record.levelname.lower()}: {text}\n")
        elif self._terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            self._open = True
        elif time.monotonic() - self._last >= _EVERY_S:
            self._last = time.monotonic()
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _end_line(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            self._open = False

    def close(self) -> None:
        self._end_line()
        super().close()


def _listen(*, quiet: bool, verbose: bool) -> None:
    log = logging.getLogger("prefkit")
    log.handlers = [_Progress()] if not quiet else [logging.NullHandler()]
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.propagate = False

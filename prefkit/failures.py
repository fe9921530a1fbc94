"""Where every failure of the command line ends: one error, one hint, one exit code."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import click

from prefkit.errors import PrefkitError
from prefkit.registry import nearest
from prefkit.terminal import print_document, print_error, print_message

__all__ = ["report"]


class _Failure(NamedTuple):
    message: str
    hint: str | None
    exit_code: int


def report(error: BaseException, arguments: Sequence[str]) -> int:
    """Print what happened to stderr, and with --json as the one document too.

    Returns:
        The exit code.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print_message(error.format_message())
        return error.exit_code
    if "--debug" in arguments:
        print_message("".join(traceback.format_exception(error)).rstrip())
    failure = _explained(error, arguments)
    print_error(failure.message, failure.hint)
    if "--json" in arguments:
        with suppress(OSError):  # stdout may be what failed
            print_document({"error": failure._asdict()})
    return failure.exit_code


def _explained(error: BaseException, arguments: Sequence[str]) -> _Failure:
    if isinstance(error, PrefkitError):
        hint = error.hint or (_debug(arguments) if error.exit_code == 1 else _help(arguments))
        return _Failure(str(error), hint, error.exit_code)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return _Failure(f"interrupted{_where(error)}: {_KEPT}", _resume(arguments), 130)
    return _broken(error, arguments)


_KEPT = "nothing half-written stays, finished steps and paid answers are kept"


def _broken(error: BaseException, arguments: Sequence[str]) -> _Failure:
    """The machine's failures, and everything that prefkit did not foresee."""
    from concurrent.futures.process import BrokenProcessPool

    where = _where(error)
    if isinstance(error, MemoryError):
        return _Failure(f"there is not enough memory{where}", _debug(arguments), 1)
    if isinstance(error, BrokenProcessPool):
        what = f"a worker process was killed{where}, most likely for want of memory"
        return _Failure(what, _joined([*arguments, "--workers", "1"]), 1)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        what = f"the system refused{where}: {place}{error.strerror or error}"
        return _Failure(what, _debug(arguments), 1)
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    return _Failure(f"{what}{where}; this is a bug in prefkit", _debug(arguments), 1)


def _usage(error: click.ClickException) -> _Failure:
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message()
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [flag for option in context.command.get_params(context) for flag in option.opts]
        command = context.command_path.removeprefix("prefkit ")
        close = nearest(error.option_name, [flag for flag in known if flag.startswith("-")])
        message = f"{command} has no option {error.option_name!r}{close}"
    path = context.command_path if context else "prefkit"
    return _Failure(message, f"{path} --help", error.exit_code)


def _where(error: BaseException) -> str:
    """Notes that were added on the way: in which step of which pipeline."""
    return "".join(f" {note}" for note in getattr(error, "__notes__", ()))


def _joined(arguments: Sequence[str]) -> str:
    return shlex.join(["prefkit", *arguments])


def _debug(arguments: Sequence[str]) -> str | None:
    return None if "--debug" in arguments else _joined([*arguments, "--debug"])


def _resume(arguments: Sequence[str]) -> str:
    """The same command; a pipeline is not forced to run everything again."""
    forced = arguments[:1] == ["run"]
    return _joined([word for word in arguments if not (forced and word == "--force")])


def _help(arguments: Sequence[str]) -> str:
    words = 2 if arguments[:1] == ["collect"] else 1
    return _joined([*arguments[:words], "--help"])

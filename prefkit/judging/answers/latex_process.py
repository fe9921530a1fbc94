"""The process in which mathematics is compared: one, kept warm, killed when its time is over."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from prefkit.errors import MissingExtra, PrefkitError
from prefkit.judging.answers.checking import Unsure

__all__ = ["compare"]

_START_S = 60.0
"""To import sympy on a loaded machine."""
_MEMORY = 1 << 30  # bytes of address space
_MOST_REPLY = 65_536  # bytes
_LIBRARY = "math_verify"


class _Over(Exception):
    """The process ended, or its time did."""


class _Process:
    """One worker; used under the lock of this module."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("latex_worker.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(program), str(_MEMORY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"},
            cwd="/",
            start_new_session=True,  # Ctrl-C reaches the parent, which ends it
        )
        try:
            self._read(_START_S)
        except _Over as error:
            self.end()
            raise PrefkitError(
                "the process that compares mathematics does not start",
                hint='pip install --force-reinstall "prefkit[answers]"',
            ) from error

    def ask(self, line: str, limit_s: float) -> tuple[str, str]:
        assert self._process.stdin is not None  # noqa: S101, RUF100 - it is a pipe
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _Over from error
        outcome, reason = json.loads(self._read(limit_s))
        return outcome, reason

    def _read(self, limit_s: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101, RUF100 - it is a pipe
        until, read = time.monotonic() + limit_s, b""
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise _Over
                part = os.read(descriptor, _MOST_REPLY)
                read += part
                if not part or len(read) > _MOST_REPLY:
                    raise _Over
        return read

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # of what was still to be written
                    pipe.close()


_lock = threading.Lock()
_warm: list[_Process] = []
_inherited: list[_Process] = []
"""Those of the process that this one was forked from; they stay its own."""


def compare(answer: str, reference: str, limit_s: float) -> tuple[str, str]:
    """Outcome and reason of one comparison.

    Costs a second or two for the first one and after each that ran out of time. Threads wait for
    each other.

    Raises:
        Unsure: the time was over, or the process died of it.
        MissingExtra: math-verify is not installed.
        PrefkitError: the process does not start.
    """
    line = json.dumps([answer, reference, limit_s])
    with _lock:
        process = _started()
        try:
            return process.ask(line, limit_s)
        except _Over as error:
            _end()
            raise Unsure(f"not compared within {limit_s:g} s", answer) from error


def _started() -> _Process:
    if not _warm:
        if importlib.util.find_spec(_LIBRARY) is None:
            raise MissingExtra("comparing mathematics", "answers")
        _warm.append(_Process())
    return _warm[0]


def _end() -> None:
    while _warm:
        _warm.pop().end()


def _forget() -> None:
    """In a forked child: begin anew, whatever a thread of the parent was about."""
    global _lock  # noqa: PLW0603, RUF100 - a lock that nobody here would release
    _lock = threading.Lock()
    _inherited.extend(_warm)
    _warm.clear()


atexit.register(_end)
os.register_at_fork(after_in_child=_forget)

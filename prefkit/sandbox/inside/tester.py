"""The tests of a task, in a sandbox of their own: the candidate is far away and called by proxy.

Neither side ever holds the other's code. A call goes from here to the parent, from there to the
sandbox of the candidate, and its answer back the same way, as plain data both times.

First message in: `{"tests": SOURCE, "nonce": TEXT, "entry": NAME, "names": [NAME, ...], "modules":
[NAME, ...], "prelude": SOURCE, "calls": BOOL}`; out: `{"ready": true}`. In: `{"go": true}`; out,
any number of times: `{"ask": [NAME, ARGUMENTS, KEYWORDS]}`, each answered by `{"value": TAGGED}` or
`{"error": [KIND, TEXT]}`; at last out: `{"ended": NONCE, "how": HOW, "text": TEXT, "asked": N}`.
HOW is passed, failed (an assert), raised (an error of the candidate that no test caught) or broken.
"""

from __future__ import annotations

import builtins
import importlib
import socket
from typing import Any

from prefkit.sandbox.inside.frames import receive, send
from prefkit.sandbox.inside.values import decode, encode

__all__ = ["CandidateError", "serve"]

_TEXT = 500  # characters of an error that are told


class CandidateError(Exception):
    """The candidate raised an error whose kind is not known here, or would mislead the tests."""


class _Line:
    """The way to the candidate, and what came over it."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.asked = 0
        self.raised: list[BaseException] = []

    def ask(self, name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        self.asked += 1
        sent = [encode(one) for one in arguments]
        named = {key: encode(one) for key, one in keywords.items()}
        send(self.channel, {"ask": [name, sent, named]})
        answer = receive(self.channel)
        if answer is None:
            raise SystemExit
        if "value" in answer:
            return decode(answer["value"])
        error = _error(*answer["error"])
        self.raised.append(error)
        raise error


def _error(kind: str, text: str) -> Exception:
    known = getattr(builtins, kind, None)
    # StopIteration would end a `map` or a `zip` of the tests, as if there were no more of them
    ends = kind in ("StopIteration", "StopAsyncIteration")
    if isinstance(known, type) and issubclass(known, Exception) and not ends:
        try:
            return known(text)
        except TypeError:  # it is made of more than a text
            pass
    return CandidateError(f"{kind}: {text}")


class _Proxy:
    """What tests call in place of what the candidate defines under a name."""

    def __init__(self, line: _Line, name: str) -> None:
        self.__name__ = self.__qualname__ = name
        self._line = line

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._line.ask(self.__name__, arguments, keywords)


def serve(channel: socket.socket, request: dict[str, Any]) -> None:
    """Run the tests once, and tell how they ended."""
    line = _Line(channel)
    send(channel, {"ready": True})
    if receive(channel) is None:
        return
    how, text = "passed", ""
    try:
        _run(request, line)
    except BaseException as error:  # noqa: BLE001
        how = _how(error, line)
        text = f"{type(error).__name__}: {error}"[:_TEXT]
    ended = {"ended": request["nonce"], "how": how, "text": text, "asked": line.asked}
    send(channel, ended)


def _run(request: dict[str, Any], line: _Line) -> None:
    space: dict[str, Any] = {"__name__": "tests"}
    exec(compile(request["prelude"], "prompt.py", "exec"), space)
    for name in request["modules"]:
        space[name] = importlib.import_module(name)
    for name in request["names"]:
        if name not in space:  # `import *` of the prelude may have brought it
            space[name] = _Proxy(line, name)
    space[request["entry"]] = _Proxy(line, request["entry"])
    exec(compile(request["tests"], "tests.py", "exec"), space)
    if request["calls"]:
        space["check"](_Proxy(line, request["entry"]))


def _how(error: BaseException, line: _Line) -> str:
    if any(error is one for one in line.raised):
        return "raised"
    return "failed" if isinstance(error, AssertionError) else "broken"

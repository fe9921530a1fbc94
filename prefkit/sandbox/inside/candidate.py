"""One candidate: foreign code, loaded once and called with one input at a time.

Messages in: first the code, either as a module, `{"code": TEXT, "name": MODULE}`, or as a program,
`{"program": TEXT}`; a module is then asked by `{"id": NONCE, "call": NAME, "arguments": [...],
"keywords": {...}}` or `{"id": NONCE, "evaluate": EXPRESSION}`. Messages out: `{"ready": true}`,
then `{"id": NONCE, "value": TAGGED}` or `{"id": NONCE, "error": [KIND, TEXT]}` for each. A request
with `tests` makes the process a tester.

Whatever the code does to this process, it can only spoil its own answers: what they are compared
with is never here, and every exception of it, an exit included, is an answer.
"""

from __future__ import annotations

import atexit
import socket
import sys
import threading
import types
from typing import Any

from prefkit.sandbox.inside import tester
from prefkit.sandbox.inside.frames import receive, send
from prefkit.sandbox.inside.values import decode, encode

__all__ = ["serve"]

_TEXT = 500  # characters of an error that are told


def serve(channel: socket.socket) -> int:
    """Do what the first message asks for, until the parent has no more; gives the exit status."""
    request = receive(channel)
    if request is None:
        return 0
    if "tests" in request:
        tester.serve(channel, request)
        return 0
    if "program" in request:
        return _program(channel, request["program"])
    module = _module(request["name"])
    try:
        exec(compile(request["code"], "candidate.py", "exec"), module.__dict__)
    except BaseException as error:  # noqa: BLE001
        send(channel, {"error": _told(error)})
        return 0
    send(channel, {"ready": True})
    while (asked := receive(channel)) is not None:
        send(channel, {"id": asked["id"], **_answer(module, asked)})
    return 0


def _module(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
    return module


def _answer(module: types.ModuleType, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        if "evaluate" in asked:
            found = eval(compile(asked["evaluate"], "expression.py", "eval"), module.__dict__)
        else:
            found = _called(module, asked)
        return {"value": encode(found)}
    except BaseException as error:  # noqa: BLE001
        return {"error": _told(error)}


def _called(module: types.ModuleType, asked: dict[str, Any]) -> Any:
    call: Any = module
    for part in asked["call"].split("."):
        call = getattr(call, part)
    arguments = [decode(one) for one in asked["arguments"]]
    return call(*arguments, **{name: decode(one) for name, one in asked["keywords"].items()})


def _program(channel: socket.socket, code: str) -> int:
    """Run a whole program as an interpreter would: its threads, its exit handlers, its output."""
    module = _module("__main__")
    status = 0
    try:
        exec(compile(code, "candidate.py", "exec"), module.__dict__)
    except SystemExit as leaving:
        status = _status(leaving)
        if status:
            send(channel, {"error": _told(leaving)})
    except BaseException as error:  # noqa: BLE001
        send(channel, {"error": _told(error)})
        status = 1
    # The interpreter's own steps at its end, of which `os._exit` takes none
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.__stdout__):
        if stream is not None:
            stream.flush()
    return status


def _status(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    return leaving.code & 0xFF if isinstance(leaving.code, int) else 1


def _told(error: BaseException) -> list[str]:
    """The kind of an error and its words; an error may have words that raise another."""
    error.__traceback__ = None  # it holds all that was in use, and there may be no memory left
    kind = type(error).__name__[:80]
    try:
        return [kind, str(error)[:_TEXT]]
    except BaseException:  # noqa: BLE001
        return [kind, ""]

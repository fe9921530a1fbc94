"""The first process of a sandbox: warm, trusted, and forked once for every candidate.

It never reads what a candidate is given or answers: each candidate has a channel of its own, which
comes as a descriptor over the control socket. It waits for three things only, the control socket,
the end of the caller and the end of the candidate; when the caller is gone it leaves, and as the
first process of its namespace takes every other with it. The caller's end is watched by a
descriptor of its process too: a fork of the caller could hold the other side of the socket open.

Control messages in: one byte, with the candidate's descriptors (channel, stdin, stdout). Out: the
exit of each candidate as JSON: status as `waitpid` gives it, seconds of CPU, peak kilobytes.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import NamedTuple

from prefkit.sandbox.inside import tester  # noqa: F401, imported before files are given up
from prefkit.sandbox.inside.candidate import serve
from prefkit.sandbox.inside.frames import send
from prefkit.sandbox.inside.lockdown import Config, become, lock, prepare, undumpable

__all__ = ["main"]

_MOST_DESCRIPTORS = 3


class _Caller(NamedTuple):
    control: socket.socket
    process: int

    def close(self) -> None:
        self.control.close()
        os.close(self.process)


def main() -> None:
    """Serve candidates until the caller closes the control socket or ends."""
    config = Config.read(json.loads(sys.argv[1]))
    caller = _Caller(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]))
    sys.argv = ["candidate.py"]
    if config.user is not None:
        become(config.user)
    undumpable()
    sys.path.extend(config.paths)
    for name in config.modules:
        importlib.import_module(name)
    rules = prepare(config)
    gc.collect()
    gc.freeze()
    caller.control.send(json.dumps({"ready": True}).encode())
    os.dup2(0, 2)  # until here it told the caller why it could not start
    while (descriptors := _next(caller)) is not None:
        _run(caller, descriptors, config, rules)
    os._exit(0)


def _ready(*descriptors: int) -> set[int]:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll()}


def _next(caller: _Caller) -> list[int] | None:
    """The descriptors of the next candidate; null once the caller is gone."""
    if caller.process in _ready(caller.control.fileno(), caller.process):
        return None
    size = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)
    byte, passed, _, _ = caller.control.recvmsg(1, size)
    if not byte:
        return None
    found = array.array("i")
    for level, kind, data in passed:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return found.tolist()


def _run(caller: _Caller, descriptors: list[int], config: Config, rules: int | None) -> None:
    runner = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            caller.close()
            status = _candidate(descriptors, config, rules, runner)
        finally:
            os._exit(status)
    for descriptor in descriptors:
        os.close(descriptor)
    _await(caller, child, config)


def _candidate(descriptors: list[int], config: Config, rules: int | None, runner: int) -> int:
    """All that happens in the fork; gives its exit status."""
    channel = socket.socket(fileno=descriptors[0])
    for place, descriptor in enumerate(descriptors[1:]):
        os.dup2(descriptor, place)  # stdin, stdout: else both are /dev/null
        os.close(descriptor)
    try:
        lock(config, rules, runner)
    except OSError as error:
        send(channel, {"unlocked": str(error)})
        return 1
    # Said by trusted code, before any other runs: without it what follows is nobody's fault
    send(channel, {"locked": True})
    return serve(channel)


def _await(caller: _Caller, child: int, config: Config) -> None:
    """Wait for the child and for the caller at once: never in a blocking wait."""
    ending = os.pidfd_open(child)
    if ending not in _ready(ending, caller.control.fileno(), caller.process):
        # Between two candidates the caller sends nothing: it has closed its side, or is gone
        signal.pidfd_send_signal(ending, signal.SIGKILL)
        _ready(ending)
        _sweep(child, config)
        os._exit(0)
    os.close(ending)
    _, status, used = os.wait4(child, 0)
    _sweep(child, config)
    ended = {"status": status, "cpu_s": used.ru_utime + used.ru_stime, "peak_kb": used.ru_maxrss}
    caller.control.send(json.dumps(ended).encode())


def _sweep(child: int, config: Config) -> None:
    """Where processes are not refused, end those that the candidate left in its session."""
    if not config.isolated:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)

"""The first process of a sandbox: warm, trusted, and forked once for every candidate.

It never reads what a candidate is given or answers: each candidate has a channel of its own, which
comes as a descriptor over the control socket. It waits for three things only, the control socket,
the end of the caller and the end of the candidate; when the caller is gone it leaves, and as the
first process of its namespace takes every other with it. The caller's end is watched by a
descriptor of its process too: a fork of the caller could hold the other side of the socket open.

Control messages in: one byte, with the candidate's descriptors (channel, stdin, stdout). Out: how
each candidate ended, as `frames.ENDED`.
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

from prefkit.sandbox.inside import tester  # noqa: F401, imported before files are given up
from prefkit.sandbox.inside.candidate import serve
from prefkit.sandbox.inside.frames import ENDED, send
from prefkit.sandbox.inside.lockdown import Config, Prepared, become, lock, prepare, undumpable

__all__ = ["main"]

_MOST_DESCRIPTORS = 3
_RIGHTS = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array.array("i").itemsize)

_REHEARSED = {"code": "def double(x): return 2 * x", "name": "candidate"}
_ASKED = {"id": "0", "call": "double", "arguments": [{"i": "1"}], "keywords": {}}
_TIMES = 16  # after about 8 the interpreter has adapted a function to its use


class _Caller:
    """Who started this, by a socket and by a descriptor of its process."""

    def __init__(self, control: socket.socket, process: int) -> None:
        self.control = control
        self.process = process
        self._poll = select.poll()
        for descriptor in (control.fileno(), process):
            self._poll.register(descriptor, select.POLLIN)

    def close(self) -> None:
        """Give up both."""
        self.control.close()
        os.close(self.process)

    def next(self) -> list[int] | None:
        """The descriptors of the next candidate; null once the caller is gone."""
        if any(descriptor == self.process for descriptor, _ in self._poll.poll()):
            return None
        byte, passed, _, _ = self.control.recvmsg(1, _RIGHTS)
        if not byte:
            return None
        found = array.array("i")
        for level, kind, data in passed:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                found.frombytes(data[: len(data) - len(data) % found.itemsize])
        return found.tolist()

    def waits(self, child: int) -> bool:
        """Wait for the end of a child; false if the caller has gone before that.

        Between two candidates the caller sends nothing: what comes is that it closed its side.
        """
        self._poll.register(child, select.POLLIN)
        ready = self._poll.poll()
        self._poll.unregister(child)
        return any(descriptor == child for descriptor, _ in ready)


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
    prepared = prepare(config)
    _rehearse()
    gc.collect()
    gc.freeze()
    caller.control.send(json.dumps({"ready": True}).encode())
    os.dup2(0, 2)  # until here it told the caller why it could not start
    while (descriptors := caller.next()) is not None:
        _run(caller, descriptors, config, prepared)
    os._exit(0)


def _rehearse() -> None:
    """Serve an honest candidate here: what is done at first use only, all forks then share."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for message in (_REHEARSED, *[_ASKED] * _TIMES):
            send(ours, message)
        ours.shutdown(socket.SHUT_WR)
        serve(theirs)
    del sys.modules[_REHEARSED["name"]]


def _run(caller: _Caller, descriptors: list[int], config: Config, prepared: Prepared) -> None:
    runner = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            caller.close()
            status = _candidate(descriptors, prepared, runner)
        finally:
            os._exit(status)
    for descriptor in descriptors:
        os.close(descriptor)
    _await(caller, child, config)


def _candidate(descriptors: list[int], prepared: Prepared, runner: int) -> int:
    """All that happens in the fork; gives its exit status."""
    # All is said, so that nothing is asked of the kernel
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptors[0])
    for place, descriptor in enumerate(descriptors[1:]):
        os.dup2(descriptor, place)  # stdin, stdout: else both are /dev/null
        os.close(descriptor)
    try:
        lock(prepared, runner)
    except OSError as error:
        send(channel, {"unlocked": str(error)})
        return 1
    # Said by trusted code, before any other runs: without it what follows is nobody's fault
    send(channel, {"locked": True})
    status = serve(channel)
    os._exit(status)  # while the channel is held: to drop it open takes a warning and its text


def _await(caller: _Caller, child: int, config: Config) -> None:
    """Wait for the child and for the caller at once: never in a blocking wait."""
    ending = os.pidfd_open(child)
    if not caller.waits(ending):
        signal.pidfd_send_signal(ending, signal.SIGKILL)
        select.select([ending], [], [])
        _sweep(child, config)
        os._exit(0)
    os.close(ending)
    _, status, used = os.wait4(child, 0)
    _sweep(child, config)
    seconds = used.ru_utime + used.ru_stime
    caller.control.send(ENDED.pack(status, seconds, used.ru_maxrss))


def _sweep(child: int, config: Config) -> None:
    """Where processes are not refused, end those that the candidate left in its session."""
    if not config.isolated:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)

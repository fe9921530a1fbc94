"""One sandbox with its warm runner, as the parent holds it."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prefkit.errors import ConfigError, PrefkitError
from prefkit.sandbox.connection import Connection
from prefkit.sandbox.inside.frames import ENDED
from prefkit.sandbox.launch import Level, arguments, launch
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.session import Session

__all__ = ["Ended", "SandboxError", "Worker"]

_START_S = 20.0
_END_S = 2.0
_TOLD = 2000  # bytes of what a runner says before it fails
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
_CREDENTIALS = struct.Struct("3i")

_HONEST = """
import threading

def start():
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return True
"""


class SandboxError(PrefkitError):
    """A sandbox could not be started or has gone: never the fault of a candidate."""


class Ended(NamedTuple):
    """How a candidate ended, as the kernel says; its own word counts for nothing."""

    status: int
    """As `os.waitpid` gives it."""
    cpu_s: float
    peak_kb: int


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    control: socket.socket
    runner: int
    """A descriptor of the runner's process, as it is seen from here."""
    owner: int
    """The process that started it: a fork of that has copies, and must not use them."""


class Worker:
    """Starts a sandbox on first use, and another one when it was burnt.

    One candidate at a time; not for use by several threads at once.

    Raises:
        ConfigError: the level is `unsafe` and nobody allowed it.
    """

    def __init__(
        self, level: Level, limits: Limits, number: int = 0, *, allow_unsafe: bool = False
    ) -> None:
        if level == "unsafe" and not allow_unsafe:
            raise ConfigError(
                "without a sandbox nothing runs unless it is allowed by name",
                hint="apt-get install bubblewrap, or --unsafe-exec in a disposable container",
            )
        self.level = level
        self.limits = limits
        self.number = number
        self.started = 0
        """How many sandboxes were started so far."""
        self._running: _Running | None = None
        self._gone: Callable[[], object] = _nothing
        """Ends what runs, also when nobody holds this any more and nobody has closed it."""
        self._connection: Connection | None = None
        self._served = 0
        self._checks_itself = False
        self._retired = threading.Event()

    def __enter__(self) -> Worker:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the sandbox."""
        self.burn()

    @property
    def is_running(self) -> bool:
        """Whether there is a sandbox, as far as is known."""
        return self._running is not None

    def open(self, code: str, *, name: str = "candidate", stdin: bytes | None = None) -> Session:
        """Fork a candidate, as a module; `stdin` makes it a program, whose output is kept.

        Raises:
            SandboxError: no sandbox could be started, or another candidate is still open.
        """
        if stdin is None:
            return Session(self, self._connected(None), {"code": code, "name": name})
        return Session(self, self._connected(stdin), {"program": code})

    def open_tester(self, request: Mapping[str, Any]) -> Session:
        """Fork a process that runs tests, which it is told by `request`.

        Raises:
            SandboxError: as for `open`.
        """
        return Session(self, self._connected(None), request)

    def starves(self) -> bool:
        """Whether an honest program is refused a thread as well: then it is the machine's fault."""
        if self._checks_itself:
            return True
        self._checks_itself = True
        try:
            with self.open(_HONEST) as honest:
                return honest.call("start").value is not True
        except SandboxError:
            return True
        finally:
            self._checks_itself = False

    def release(self, connection: Connection) -> None:
        """A connection is closed, and another candidate may follow."""
        if self._connection is connection:
            self._connection = None

    def ended(self, output: int | None, seconds: float) -> tuple[Ended | None, bool]:
        """How the candidate ended, null if it has not or all has gone; and whether it is over.

        Also returns when there is something to read in `output`.
        """
        running = self._running
        if running is None:
            return None, True
        if not _readable(running.control, output, seconds):
            return None, False
        told = _message(running.control)
        if told is None:
            self.burn()
            return None, True
        return told, True

    def burn(self) -> None:
        """End the sandbox and all that is in it, and wait until it is gone; a new one may follow.

        The runner leaves when the control socket closes, and is the first process of its namespace:
        the kernel takes all others with it. Killing the runner is a second line: killing the
        command that started it would end nothing where the runner is another user.
        """
        self._running = None
        self._gone()

    def retire(self) -> None:
        """Kill what runs and start nothing more; the one call that another thread may make."""
        self._retired.set()
        running = self._running
        if running is not None:
            with contextlib.suppress(OSError):  # its own thread may be burning it
                signal.pidfd_send_signal(running.runner, signal.SIGKILL)

    def _connected(self, stdin: bytes | None) -> Connection:
        if self._retired.is_set():
            raise SandboxError("this worker is retired")
        if self._connection is not None:
            raise SandboxError("a worker has one candidate at a time: close it before the next")
        if self._served >= self.limits.candidates:
            self.burn()
        for attempt in (1, 2):
            control = self._started()
            if self._retired.is_set():  # meanwhile, when there was nothing to kill yet
                self.burn()
                raise SandboxError("this worker is retired")
            try:
                connection = self._forked(control, stdin)
            except OSError as error:  # it died between two candidates
                self.burn()
                if attempt == 2:
                    raise SandboxError(f"the sandbox has gone: {error}") from error
                continue
            self._served += 1
            self._connection = connection
            return connection
        raise AssertionError("unreachable")

    def _forked(self, control: socket.socket, stdin: bytes | None) -> Connection:
        with contextlib.ExitStack() as inner, contextlib.ExitStack() as outer:
            ours, theirs = socket.socketpair()
            outer.enter_context(ours)
            inner.enter_context(theirs)
            passed, output = [theirs.fileno()], None
            if stdin is not None:
                passed.append(_held(stdin))
                inner.callback(os.close, passed[-1])
                output, writing = os.pipe()
                outer.callback(os.close, output)
                inner.callback(os.close, writing)
                passed.append(writing)
            rights = array.array("i", passed)
            control.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            outer.pop_all()
            return Connection(self, ours, output)

    def _started(self) -> socket.socket:
        if self._running is not None and self._running.owner != os.getpid():
            self.burn()
        if self._running is None:
            self._running = self._start()
            self._gone = weakref.finalize(self, _burn, self._running)
        return self._running.control

    def _start(self) -> _Running:
        try:
            with contextlib.ExitStack() as inner, contextlib.ExitStack() as outer:
                running = self._begun(inner, outer)
                outer.pop_all()
        except OSError as error:
            raise SandboxError(f"the sandbox ({self.level}) did not start: {error}") from error
        self._served = 0
        self.started += 1
        return running

    def _begun(self, inner: contextlib.ExitStack, outer: contextlib.ExitStack) -> _Running:
        """What is needed on the other side only is left to `inner`; `outer` undoes the start."""
        made = launch(self.level, self.limits, self.number)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        outer.enter_context(ours)
        inner.enter_context(theirs)
        # The kernel adds the sender's process id to a message, as it is called on this side
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        caller = os.pidfd_open(os.getpid())
        inner.callback(os.close, caller)
        process = subprocess.Popen(
            arguments(made, theirs.fileno(), caller),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=made.environment,
            pass_fds=(theirs.fileno(), caller),
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the caller, who then ends this
        )
        outer.callback(_abandon, process)
        inner.close()
        runner = _introduced(ours)
        if runner is None:
            why = _complaint(process)
            raise SandboxError(f"the sandbox ({self.level}) did not start: {why}")
        return _Running(process, ours, runner, os.getpid())


def _nothing() -> None:
    """What there is to end where nothing runs."""


def _burn(running: _Running) -> None:
    running.control.close()
    try:
        if running.owner != os.getpid():
            running.process.returncode = 0  # it is not ours to wait for
            return
        _end(running)
    finally:
        os.close(running.runner)
        if running.process.stderr is not None:
            running.process.stderr.close()


def _introduced(control: socket.socket) -> int | None:
    """A descriptor of the runner once it is ready; null if it has gone or says nothing in time."""
    if not _readable(control, None, _START_S):
        return None
    data, extra, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(_CREDENTIALS.size))
    control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    for level, kind, given in extra:
        if data and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            with contextlib.suppress(ProcessLookupError):
                return os.pidfd_open(_CREDENTIALS.unpack(given)[0])
    return None


def _readable(control: socket.socket, output: int | None, seconds: float) -> bool:
    """Whether there is a control message, or its end, before the time or some output."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    if output is not None:
        poll.register(output, select.POLLIN)
    return control.fileno() in dict(poll.poll(max(0, int(seconds * 1000))))


def _message(control: socket.socket) -> Ended | None:
    try:
        data = control.recv(4096)
    except OSError:
        return None
    return Ended(*ENDED.unpack(data)) if len(data) == ENDED.size else None


def _end(running: _Running) -> None:
    """Wait for all of it; the first process of a namespace is gone after every other."""
    try:
        running.process.wait(_END_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(running.runner, signal.SIGKILL)
        running.process.wait()


def _complaint(process: subprocess.Popen[bytes]) -> str:
    """What a command said whose runner did not start."""
    time.sleep(0.05)  # what it says last may still be on its way
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    said = process.stderr.read(_TOLD) or b""
    return " ".join(said.decode(errors="replace").split()[-40:]) or "it said nothing"


def _abandon(process: subprocess.Popen[bytes]) -> None:
    """End a command whose runner did not start."""
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _held(data: bytes) -> int:
    """A descriptor from which exactly these bytes can be read, and nothing written."""
    descriptor = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        # Where /proc is seen it could be opened anew, to be written
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(descriptor)

"""Messages to and from one candidate: deadlines, bounds, and what its end means."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any

from prefkit.sandbox.answer import Answer
from prefkit.sandbox.inside.frames import HEAD, packed, unpacked

if TYPE_CHECKING:
    from prefkit.sandbox.worker import Ended, Worker

__all__ = ["Connection"]

_GRACE_S = 1.0
"""For a candidate to end once its channel is closed; the kernel needs milliseconds."""

_PART = 1 << 16


class Connection:
    """The channel of a candidate that was forked, and the output of a program."""

    def __init__(self, worker: Worker, channel: socket.socket, output: int | None) -> None:
        self._worker = worker
        self._limits = worker.limits
        self._channel = channel
        self._output = output
        self.left_s = worker.limits.total_s
        """Of waiting for this candidate."""
        self._inbox = bytearray()
        self._outbox = memoryview(b"")
        self._received = 0
        self._locked = False
        self.printed = bytearray()
        self.is_program = output is not None
        """Whether it runs to its end by itself."""
        self.over: Answer | None = None
        self.ending: Ended | None = None
        channel.setblocking(False)
        self._wanted = select.POLLIN
        self._poll = select.poll()
        self._poll.register(channel, self._wanted)
        if output is not None:
            os.set_blocking(output, False)
            self._poll.register(output, select.POLLIN)

    def exchange(self, message: Any, seconds: float) -> Any:
        """Send a message; gives the next frame as JSON values, or the answer why none came.

        `seconds` and what is left of the total are of waiting for this candidate; after an answer
        other than a frame it is over, and every further exchange gives that answer again.
        """
        if self.over is not None:
            return self.over
        started = time.monotonic()
        self._outbox = memoryview(packed(message))
        self._send()
        try:
            found = self._frame(started + min(seconds, self.left_s))
        except (ValueError, RecursionError) as error:
            found = Answer("protocol", error=str(error)[:200])
        except BaseException:  # Ctrl-C: what it says next would answer a question of before
            self._worker.burn()
            self.end(Answer("infra", error="the caller was interrupted"))
            raise
        wall = time.monotonic() - started
        self.left_s -= wall
        if isinstance(found, Answer):
            self.end(found._replace(wall_s=wall))
            return self.over
        return found

    def end(self, answer: Answer) -> None:
        """No more is asked, and this is why; the process is ended, if it has not ended itself."""
        self.over = answer
        self.close()

    def close(self) -> None:
        """Let the candidate end, and see that it does; one that does not is ended."""
        if self._channel.fileno() < 0:
            return
        self._channel.close()
        if self.ending is None:
            lives = self.over is not None and self.over.kind in ("timeout", "oversize", "protocol")
            self.ending = None if lives else self._settled(time.monotonic() + _GRACE_S)
        if self.ending is None:
            self._worker.burn()
        if self._output is not None:
            os.close(self._output)
            self._output = None
        self._worker.release(self)

    def _frame(self, deadline: float) -> Any:
        """The next message, or the answer that stands for why none came."""
        while True:
            whole = self._whole()
            if isinstance(whole, Answer):
                return whole
            if whole is not None and self._locked:
                return unpacked(whole)
            if whole is not None:
                # The first frame was sent by the runner's code, before any other ran
                if unpacked(whole) != {"locked": True}:
                    return Answer("infra", error=f"not locked down: {whole!r}"[:200])
                self._locked = True
                continue
            answer = self._waited(deadline)
            if answer is not None:
                return answer

    def _waited(self, deadline: float) -> Answer | None:
        """Wait for more of a message; gives the answer if there will be none."""
        left = deadline - time.monotonic()
        if left <= 0:
            return self._late()
        goes_on = self._moved(left)
        if self._received > self._limits.output_bytes:
            return Answer("oversize", error="it answers or prints too much")
        return None if goes_on else self._hung_up(deadline)

    def _late(self) -> Answer:
        if not self._locked:
            return Answer("infra", error="the sandbox did not fork in time")
        return Answer("timeout", error="no answer in time")

    def _whole(self) -> bytes | Answer | None:
        if len(self._inbox) < HEAD.size:
            return None
        length = HEAD.unpack(self._inbox[: HEAD.size])[0]
        if length > self._limits.output_bytes:
            return Answer("oversize", error=f"an answer of {length:,} bytes is announced")
        end = HEAD.size + length
        if len(self._inbox) < end:
            return None
        whole = bytes(self._inbox[HEAD.size : end])
        del self._inbox[:end]
        return whole

    def _moved(self, seconds: float) -> bool:
        """Send, receive and drain what can be; false once the candidate has closed its end."""
        goes_on = True
        for descriptor, events in self._poll.poll(max(1, int(seconds * 1000))):
            if descriptor == self._output:
                self._drain()
                continue
            if events & select.POLLOUT:
                self._send()
            if events & ~select.POLLOUT:
                goes_on = self._receive()
        return goes_on

    def _send(self) -> None:
        """As much as the channel takes; what is left waits for room."""
        try:
            self._outbox = self._outbox[self._channel.send(self._outbox) :]
        except BlockingIOError:
            pass
        except ConnectionError:  # it has gone: what it said before is still to be read
            self._outbox = memoryview(b"")
        wanted = select.POLLIN | (select.POLLOUT if self._outbox else 0)
        if wanted != self._wanted:
            self._poll.modify(self._channel, wanted)
            self._wanted = wanted

    def _receive(self) -> bool:
        try:
            part = self._channel.recv(_PART)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._inbox += part
        self._received += len(part)
        return bool(part)

    def _drain(self) -> bool:
        """Take what is in the pipe of the output; false if nothing was."""
        if self._output is None:
            return False
        try:
            part = os.read(self._output, _PART)
        except BlockingIOError:
            return False
        if not part:
            self._poll.unregister(self._output)
            os.close(self._output)
            self._output = None
        self.printed += part
        self._received += len(part)
        return bool(part)

    def _hung_up(self, deadline: float) -> Answer:
        """Its channel is closed and no answer came: why, by the kernel's word."""
        patience = time.monotonic() + _GRACE_S
        ending = self._settled(deadline if self.is_program else patience)
        if self._received > self._limits.output_bytes:
            return Answer("oversize", error="it prints too much")
        if ending is None:
            if not self._worker.is_running:
                return Answer("infra", error="the sandbox has gone")
            if self.is_program:
                return self._late()
            return Answer("protocol", error="it closed its channel and lived on")
        self.ending = ending
        if not self._locked:
            return Answer("infra", error="it ended before it was locked down")
        if os.WIFSIGNALED(ending.status):
            return Answer("crash", error=f"ended by signal {os.WTERMSIG(ending.status)}")
        return Answer("crash", error=f"left with status {os.WEXITSTATUS(ending.status)}")

    def finish(self, seconds: float) -> Answer:
        """Wait until a program has ended by itself, and take all that it printed."""
        return self._hung_up(time.monotonic() + min(seconds, max(0.0, self.left_s)))

    def _settled(self, deadline: float) -> Ended | None:
        """How the process ended, with its output drained; null = not in time, or all has gone."""
        while True:
            ended, told = self._worker.ended(self._output, deadline - time.monotonic())
            while self._drain() and self._received <= self._limits.output_bytes:
                pass
            if told or time.monotonic() >= deadline:
                return ended
            if self._received > self._limits.output_bytes:
                return None

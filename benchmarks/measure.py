"""What a command costs: processor and wall seconds, peak memory of its process tree."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, NamedTuple

import psutil

__all__ = ["CommandError", "Cost", "measure"]

SAMPLE_S = 0.05
_SHOWN_CHARACTERS = 2_000


class CommandError(RuntimeError):
    """A measured command ended with a code other than 0; the message ends with its last output."""


class Cost(NamedTuple):
    """What a command used; `peak_mb` is 10^6 bytes, shared and mapped pages included."""

    cpu_s: float
    wall_s: float
    peak_mb: float

    def then(self, other: Cost) -> Cost:
        """The cost of this command and then another one."""
        peak = max(self.peak_mb, other.peak_mb)
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s, peak)


def measure(command: Sequence[str]) -> Cost:
    """Run a command to its end in a process of its own and return what it cost.

    Processor seconds are user and system time of the process and all children it waited for.

    Raises:
        CommandError: the command ended with a code other than 0.
    """
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        memory = _TreeMemory(process.pid)
        # wait4 is the one call that gives the usage of just this tree.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begin
        # Popen did not see the end of the process and must be told.
        process.returncode = os.waitstatus_to_exitcode(status)
        sampled = memory.stop()
        if process.returncode:
            raise CommandError(_failure(command, process.returncode, output))
    # The kernel's own figure (kB on Linux) sees what falls between two samples, but it starts at
    # what this process held when the child was made: below that it says nothing about the child.
    inherited = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_kb = usage.ru_maxrss if usage.ru_maxrss > inherited else 0
    peak = max(sampled, peak_kb * 1024)
    return Cost(usage.ru_utime + usage.ru_stime, wall_s, peak / 1e6)


def _failure(command: Sequence[str], code: int, output: IO[bytes]) -> str:
    output.seek(0)
    text = output.read().decode(errors="replace")[-_SHOWN_CHARACTERS:]
    return f"{' '.join(command)}\nended with {code}:\n{text}"


class _TreeMemory:
    """Samples the summed resident bytes of a process and its descendants on a thread of its own."""

    def __init__(self, pid: int) -> None:
        self._peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Stop sampling and return the peak in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _sample(self, pid: int) -> None:
        while True:
            self._peak = max(self._peak, _tree_bytes(pid))
            if self._done.wait(SAMPLE_S):
                return


def _tree_bytes(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the listing and the look
    return total

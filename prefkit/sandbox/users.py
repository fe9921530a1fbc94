"""Users that candidates run as, and how many processes and threads count for them."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["most_threads", "user_of"]

_HIGH = 1 << 30
_LOW, _LOW_COUNT = 61000, 4500  # what a container that maps 65,536 users has left
_WORKERS = 256
_HEADROOM = 1024


def user_of(number: int) -> int:
    """A user id for one worker of this process, where the process is root's.

    The kernel counts processes by user over the whole machine, so one worker's leftovers must not
    count for another, nor for those of another process: the id holds the process id and `number`.
    Where few ids are mapped two processes may share one by chance, and share its count then.
    """
    chosen = _HIGH + os.getpid() * _WORKERS + number % _WORKERS
    if chosen < _mapped():
        return chosen
    return _LOW + (os.getpid() * 16 + number) % _LOW_COUNT


def _mapped() -> int:
    """How many user ids there are, counted from 0."""
    first, _, count = Path("/proc/self/uid_map").read_text().split()[:3]
    return int(first) + int(count)


def most_threads(threads: int) -> int:
    """What the user has now, and room for itself and one candidate.

    Without namespaces the count is of all processes of the user: enough room that what is started
    later does not starve a candidate, and few enough that a flood of threads ends.
    """
    user = os.geteuid()
    now = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == user:
                now += sum(1 for _ in (process / "task").iterdir())
        except OSError:  # it has ended meanwhile
            continue
    return now + _HEADROOM + threads

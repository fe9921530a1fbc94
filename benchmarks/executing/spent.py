"""What a stretch of a program took; imports nothing but the standard library, as the peers do."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Spent", "spending"]


class Spent:
    """Filled when its block ends: seconds, and how many candidates passed."""

    cpu_s = 0.0
    wall_s = 0.0
    passed = 0

    def printed(self) -> str:
        """One line for whoever started this program."""
        return json.dumps({"cpu_s": self.cpu_s, "wall_s": self.wall_s, "passed": self.passed})


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure a block: this process and the children that ended in it and were waited for."""
    spent = Spent()
    cpu, wall = _cpu_s(), time.monotonic()
    yield spent
    spent.cpu_s, spent.wall_s = _cpu_s() - cpu, time.monotonic() - wall


def _cpu_s() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)

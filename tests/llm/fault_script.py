"""Which request meets which fault: rules that a test writes, drawn by a seed, and what was seen.

Chance is drawn from the seed, the request and how often it came, never from the order in which
requests arrive: the same run meets the same faults whatever its timing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A fault, and which requests meet it: all conditions that are given must hold."""

    fault: str
    """A status (`429`, `529` ...), `insufficient_quota`, `slow`, a name in `fault_wire`, or `echo`:
    an error that shows the headers it got, the key included."""
    value: str = ""
    """Retry-After of a status (`1`, `date:1`), seconds of `slow` and `hang`, address of `redirect`,
    status of `echo`."""
    share: float = 1.0
    at: tuple[int, ...] = ()
    """Only these of the requests that fit `text` and `path`; the first is 0."""
    text: str = ""
    path: str = "/"
    """A part of the path; `line` alone means the lines of batches."""
    each: int | None = None
    """At most so often for equal requests: then they are answered."""
    times: int | None = None
    """At most so often in all."""
    first: int | None = None
    """Only the first so many of equal requests."""


@dataclass
class Seen:
    """One request as the server saw it."""

    order: int
    at: float
    """Seconds on the monotonic clock."""
    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    body: Any
    digest: str
    nth: int
    """How many equal requests came before."""
    file: str = ""
    """Name of an uploaded file; `raw` is then what it holds."""
    outcome: str = "open"
    """`answered`, `refused` (a status by the rules of the interface), `gone` (the asker left before
    the answer could be sent), or the name of the fault."""
    worked: bool = False
    """The provider did the work and bills it, whether or not the answer arrived."""
    input: int = 0
    output: int = 0
    done_at: float | None = None
    beside: int = 0
    """Requests in flight when it came, itself included."""


@dataclass
class Script:
    """Rules in order: the first that fits a request is its fault."""

    rules: Sequence[Rule] = ()
    seed: int = 0
    _fitted: Counter[int] = field(default_factory=Counter)
    _hits: Counter[int] = field(default_factory=Counter)
    _each: Counter[tuple[int, str]] = field(default_factory=Counter)

    def pick(self, path: str, raw: bytes, digest: str, nth: int) -> Rule | None:
        for number, rule in enumerate(self.rules):
            if self._fits(number, rule, path, raw) and self._drawn(number, rule, digest, nth):
                self._hits[number] += 1
                self._each[number, digest] += 1
                return rule
        return None

    def _fits(self, number: int, rule: Rule, path: str, raw: bytes) -> bool:
        of_line = rule.path == "line"
        if of_line != (path == "line") or (not of_line and rule.path not in path):
            return False
        if rule.text and rule.text.encode() not in raw:
            return False
        place = self._fitted[number]
        self._fitted[number] += 1
        return not rule.at or place in rule.at

    def _drawn(self, number: int, rule: Rule, digest: str, nth: int) -> bool:
        if rule.times is not None and self._hits[number] >= rule.times:
            return False
        if rule.first is not None and nth >= rule.first:
            return False
        if rule.each is not None and self._each[number, digest] >= rule.each:
            return False
        name = f"{self.seed}/{number}/{digest}/{nth}".encode()
        return int(hashlib.sha256(name).hexdigest()[:8], 16) / 2**32 < rule.share

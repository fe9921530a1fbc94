"""Which candidates of one code task stand against each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from prefkit.pairing.code_candidates import FAILING, Candidate
from prefkit.pairing.code_speed import Faster, faster
from prefkit.statistics.edit_distance import edit_distance

__all__ = ["Picked", "Picker", "chances"]

_WORDS = re.compile(r"\w+|[^\w\s]")
_MOST_WORDS = 4_000  # of a text that are compared: ten screens
_LOOKED_AT = 64  # pairs that are measured for one place: a distance costs 0.1 to 1 ms
_Array = np.ndarray[Any, Any]


class Picked(NamedTuple):
    """A pair of candidates; `speed` where both pass and the chosen one is the faster."""

    chosen: Candidate
    rejected: Candidate
    speed: Faster | None = None


class Picker:
    """The candidates of one task, and the pairs taken so far.

    Args:
        candidates: of one task, in the order of their places.
        key: what the draws depend on: seed and comparison.
        informative: whether near texts that fail other tests than those taken so far come first.
        balance: whether pairs whose chosen side is the longer one take turns with the others.
    """

    def __init__(
        self, candidates: Sequence[Candidate], key: str, *, informative: bool, balance: bool
    ) -> None:
        self._of = {kind: [c for c in candidates if c.kind == kind] for kind in ("pass", *FAILING)}
        self._key, self._informative, self._balance = key, informative, balance
        self._uses: dict[int, int] = {}
        self._taken: set[tuple[int, int]] = set()
        self._failures: set[tuple[str, ...]] = set()
        self._lean = 0
        self._near: dict[tuple[int, int], int] = {}

    @property
    def available(self) -> list[int]:
        """How many pairs there could be of each class of `FAILING`."""
        return [len(self._of["pass"]) * len(self._of[kind]) for kind in FAILING]

    @cached_property
    def quicker(self) -> list[Picked]:
        """Pairs of passing candidates that differ in speed, in the order of a draw."""
        found = []
        for one, other in combinations(self._of["pass"], 2):
            speed = faster(one.run, other.run)
            if speed is not None:
                sides = (one, other) if speed.first else (other, one)
                found.append(Picked(*sides, speed))
        return sorted(found, key=lambda pair: self._draw(pair.chosen, pair.rejected))

    def pairs(self, quota: Mapping[str, int], speed: int) -> list[Picked]:
        """As many pairs of every class as the quota says, and then of speed."""
        found = []
        for kind in FAILING:
            for _ in range(quota.get(kind, 0)):
                found.append(self._next(self._of["pass"], self._of[kind]))
        return [*found, *self.quicker[:speed]]

    def _next(self, passing: Sequence[Candidate], failing: Sequence[Candidate]) -> Picked:
        """The next pair: sides that were used least, and among these the best by the options."""
        chosen, rejected = self._least_used(passing, failing)
        options = [
            (passing[one], failing[other]) for one, other in zip(chosen, rejected, strict=True)
        ]
        best = min(options, key=lambda pair: self._rank(*pair))
        self._take(*best)
        return Picked(*best)

    def _least_used(
        self, passing: Sequence[Candidate], failing: Sequence[Candidate]
    ) -> tuple[_Array, _Array]:
        """Places of pairs whose rejected, then chosen sides are in the fewest pairs so far."""
        used = np.array([[self._uses.get(c.place, 0) for c in passing]]).T
        used_other = np.array([[self._uses.get(c.place, 0) for c in failing]])
        many = len(self._taken) + 1
        rank = used_other * many + used
        gone = [[(one.place, other.place) in self._taken for other in failing] for one in passing]
        rank[np.array(gone)] = 2 * many * many
        rows, columns = np.nonzero(rank == rank.min())
        if len(rows) > _LOOKED_AT:
            draws = [
                self._draw(passing[row], failing[column])
                for row, column in zip(rows, columns, strict=True)
            ]
            few = np.argsort(draws, kind="stable")[:_LOOKED_AT]
            rows, columns = rows[few], columns[few]
        return rows, columns

    def _rank(self, chosen: Candidate, rejected: Candidate) -> tuple[bool, bool, int, int]:
        """Smaller is better; the draw decides last."""
        known, distance = False, 0
        if self._informative:
            known = rejected.run.tests in self._failures and bool(rejected.run.tests)
            distance = self._distance(chosen, rejected)
        turned = self._balance and self._direction(chosen, rejected) == -self._wanted()
        return known, turned, distance, self._draw(chosen, rejected)

    def _take(self, chosen: Candidate, rejected: Candidate) -> None:
        for one in (chosen, rejected):
            self._uses[one.place] = self._uses.get(one.place, 0) + 1
        self._taken.add((chosen.place, rejected.place))
        self._failures.add(rejected.run.tests)
        self._lean += self._direction(chosen, rejected)

    def _wanted(self) -> int:
        """1 where the chosen side should be the longer one next, -1 for the shorter one."""
        if self._lean:
            return -1 if self._lean > 0 else 1
        return 1 if _number(self._key, str(len(self._taken))) % 2 else -1

    @staticmethod
    def _direction(chosen: Candidate, rejected: Candidate) -> int:
        longer = len(chosen.text) - len(rejected.text)
        return (longer > 0) - (longer < 0)

    def _distance(self, chosen: Candidate, rejected: Candidate) -> int:
        key = chosen.place, rejected.place
        if key not in self._near:
            texts = [_WORDS.findall(one.text)[:_MOST_WORDS] for one in (chosen, rejected)]
            self._near[key] = edit_distance(*texts)
        return self._near[key]

    def _draw(self, chosen: Candidate, rejected: Candidate) -> int:
        return _number(self._key, chosen.response, rejected.response)


def _number(*parts: str) -> int:
    """A number below 2^63 that looks random and depends on the parts alone."""
    digest = blake2b("\n".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def chances(key: str, count: int) -> list[float]:
    """Numbers from 0 to 1, below 1, that depend on the key alone."""
    return [_number(key, "chance", str(place)) / 2**63 for place in range(count)]

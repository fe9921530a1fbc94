"""Which item a reviewer gets next: practice first, then pairs, with gold and repeats among them.

All of it follows from the sample, the decisions so far and the secret, so a desk that was stopped
goes on where it was. A pair that somebody has open is reserved for a quarter of an hour.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from prefkit.review.secrets import Secret
from prefkit.schema.decision_lines import Decision, Item, Side

__all__ = ["RESERVED_S", "Card", "Entry", "Queue", "Rates"]

RESERVED_S = 900.0
_SPACED = 10  # a pair comes back after as many others at least
_EVERY = 20  # with the usual rates one gold item and one repeat in as many


class Entry(NamedTuple):
    """A pair that can be shown: its row in the dataset, and its item when it comes up first."""

    row: int
    pair: str
    pair_sha256: str
    item: Item = "pair"


class Rates(NamedTuple):
    """Shares of a queue: pairs that two reviewers see, repeats, gold items."""

    overlap: float = 0.25
    repeats: float = 0.05
    gold: float = 0.05


class Card(NamedTuple):
    """What is put before a reviewer."""

    entry: Entry
    item: Item
    left: Side


class Queue:
    """Deals the entries of one sample to reviewers; not safe for several threads at once."""

    def __init__(
        self,
        entries: Sequence[Entry],
        secret: Secret,
        sample: str,
        rates: Rates,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what can be dealt; items of practice and gold are among the entries."""
        self._secret, self._sample, self._rates, self._clock = secret, sample, rates, clock
        self._of = {item: [one for one in entries if one.item == item] for item in _ITEMS}
        self._by_hash = {one.pair_sha256: one for one in self._of["pair"]}
        self._known = {(one.item, one.row): one for one in entries}
        self._reserved: dict[str, tuple[str, float]] = {}

    def wanted(self, entry: Entry, reviewers: int) -> int:
        """How many reviewers are to see a pair."""
        both = self._secret.share("overlap", self._sample, entry.pair_sha256) < self._rates.overlap
        return 2 if both and reviewers > 1 else 1

    def next(self, reviewer: str, lines: Sequence[Decision], reviewers: int) -> Card | None:
        """The next card, reserved for the reviewer; null where nothing is left for them.

        Args:
            reviewer: who asks.
            lines: the blind decisions of everybody that count.
            reviewers: how many people vote here.
        """
        mine = [line for line in lines if line.reviewer == reviewer]
        entry, item = self._chosen(reviewer, mine, lines, reviewers)
        if entry is None:
            return None
        self._reserved[entry.pair_sha256] = (reviewer, self._clock() + RESERVED_S)
        return self.card(entry, item, reviewer)

    def card(self, entry: Entry, item: Item, reviewer: str) -> Card:
        """The card of an entry; a repeat shows the sides exchanged."""
        left = self._secret.left(self._sample, entry.pair_sha256, reviewer, again=item == "repeat")
        return Card(entry, item, left)

    def entry(self, row: int, item: Item) -> Entry | None:
        """The entry of a row that is shown as such an item."""
        return self._known.get(("pair" if item == "repeat" else item, row))

    def release(self, pair_sha256: str) -> None:
        """Give back a pair that was voted on."""
        self._reserved.pop(pair_sha256, None)

    def keep(self, pair_sha256: str, reviewer: str) -> None:
        """Reserve a pair whose vote was taken back, so that it comes up again at once."""
        self._reserved[pair_sha256] = (reviewer, self._clock() + RESERVED_S)

    def _chosen(
        self, reviewer: str, mine: Sequence[Decision], lines: Sequence[Decision], reviewers: int
    ) -> tuple[Entry | None, Item]:
        seen = Counter((line.item, line.pair_sha256) for line in mine)
        for entry in self._of["practice"]:
            if ("practice", entry.pair_sha256) not in seen:
                return entry, "practice"
        held = self._held_by(reviewer, seen)
        if held is not None:
            return held, "pair"
        count = sum(line.item != "practice" for line in mine)
        extra = self._extra(mine, seen, count)
        if extra is not None:
            return extra
        votes = Counter(line.pair_sha256 for line in lines if line.item == "pair")
        for entry in self._of["pair"]:
            free = votes[entry.pair_sha256] < self.wanted(entry, reviewers)
            if (
                free
                and ("pair", entry.pair_sha256) not in seen
                and self._is_free(entry.pair_sha256, reviewer)
            ):
                return entry, "pair"
        return None, "pair"

    def _held_by(self, reviewer: str, seen: Counter[tuple[Item, str]]) -> Entry | None:
        """What the reviewer has open already: a reload shows it again."""
        for entry in self._of["pair"]:
            holder, until = self._reserved.get(entry.pair_sha256, ("", 0.0))
            if (
                holder == reviewer
                and until > self._clock()
                and ("pair", entry.pair_sha256) not in seen
            ):
                return entry
        return None

    def _is_free(self, pair_sha256: str, reviewer: str) -> bool:
        holder, until = self._reserved.get(pair_sha256, (reviewer, 0.0))
        return holder == reviewer or until <= self._clock()

    def _extra(
        self, mine: Sequence[Decision], seen: Counter[tuple[Item, str]], count: int
    ) -> tuple[Entry, Item] | None:
        """A gold item or a repeat, where so many items have gone by that one is due."""
        given = Counter(line.item for line in mine)
        due = count + _EVERY // 2
        if given["gold"] < int(due * self._rates.gold):
            for entry in self._of["gold"]:
                if ("gold", entry.pair_sha256) not in seen:
                    return entry, "gold"
        if given["repeat"] < int((count - _SPACED) * self._rates.repeats + 0.25):
            for line in [one for one in mine if one.item == "pair"][:-_SPACED]:
                again = self._by_hash.get(line.pair_sha256)
                if again is not None and ("repeat", line.pair_sha256) not in seen:
                    return again, "repeat"
        return None


_ITEMS: tuple[Item, ...] = ("practice", "pair", "gold")

"""Which item a reviewer gets next: practice first, then pairs, with gold and repeats among them.

All of it follows from the sample, the decisions so far and the secret, so a desk that was stopped
goes on where it was. A pair that somebody has open is reserved for a quarter of an hour.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from prefkit.reviews.secrets import Secret
from prefkit.schema.decision_lines import Decision, Item, Side

__all__ = ["RESERVED_S", "Card", "Entry", "Queue", "Rates"]

RESERVED_S = 900.0
_SPACED = 10  # a pair comes back after as many others at least


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


_Open = tuple[Item, str]  # the item and its pair_sha256


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
        self._known = {(one.item, one.pair_sha256): one for one in entries}
        self._by_row = {(one.item, one.row): one for one in entries}
        self._by_two = {
            one.pair_sha256
            for one in self._of["pair"]
            if secret.share("overlap", sample, one.pair_sha256) < rates.overlap
        }
        self._open: dict[str, dict[_Open, float]] = {}

    def wanted(self, pair_sha256: str, reviewers: int) -> int:
        """How many of so many reviewers are to see a pair."""
        return 2 if reviewers > 1 and pair_sha256 in self._by_two else 1

    def extra(self, wanted: int) -> int:
        """About how many gold items and repeats come with so many votes."""
        gold = min(wanted * self._rates.gold, len(self._of["gold"]))
        return round(gold + wanted * self._rates.repeats)

    def next(self, reviewer: str, lines: Sequence[Decision], reviewers: int) -> Card | None:
        """The next card, reserved for the reviewer; null where nothing is left for them.

        Args:
            reviewer: who asks.
            lines: the blind decisions of everybody that count.
            reviewers: how many people vote here.
        """
        mine = [line for line in lines if line.reviewer == reviewer]
        votes = Counter(line.pair_sha256 for line in lines if line.item == "pair")
        return self.deal(reviewer, mine, votes, reviewers)

    def deal(
        self, reviewer: str, mine: Iterable[Decision], votes: Mapping[str, int], reviewers: int
    ) -> Card | None:
        """The same as `next`, for who has counted: their decisions, and votes on each pair."""
        said = [(line.item, line.pair_sha256) for line in mine]
        found = self._again(reviewer, set(said)) or self._new(reviewer, said, votes, reviewers)
        if found is None:
            return None
        entry, item = found
        self.keep(item, entry.pair_sha256, reviewer)
        return self.card(entry, item, reviewer)

    def card(self, entry: Entry, item: Item, reviewer: str) -> Card:
        """The card of an entry; a repeat shows the sides exchanged."""
        left = self._secret.left(self._sample, entry.pair_sha256, reviewer, again=item == "repeat")
        return Card(entry, item, left)

    def entry(self, row: int, item: Item) -> Entry | None:
        """The entry of a row that is shown as such an item."""
        return self._by_row.get(("pair" if item == "repeat" else item, row))

    def release(self, pair_sha256: str, reviewer: str, item: Item) -> None:
        """Give back what the reviewer has voted on."""
        self._open.get(reviewer, {}).pop((item, pair_sha256), None)

    def keep(self, item: Item, pair_sha256: str, reviewer: str) -> None:
        """Reserve an item; it comes up before all that the reviewer has open already."""
        mine = self._open.setdefault(reviewer, {})
        mine.pop((item, pair_sha256), None)
        mine[item, pair_sha256] = self._clock() + RESERVED_S

    def _again(self, reviewer: str, seen: set[_Open]) -> tuple[Entry, Item] | None:
        """What the reviewer has open: a reload shows it again, and an undone vote its card."""
        mine = self._open.get(reviewer, {})
        for item, digest in reversed(mine):
            entry = self._known.get(("pair" if item == "repeat" else item, digest))
            lapsed = item == "pair" and mine[item, digest] <= self._clock()
            if entry is not None and (item, digest) not in seen and not lapsed:
                return entry, item
        self._open.pop(reviewer, None)
        return None

    def _new(
        self, reviewer: str, said: Sequence[_Open], votes: Mapping[str, int], reviewers: int
    ) -> tuple[Entry, Item] | None:
        seen = set(said)
        for entry in self._of["practice"]:
            if ("practice", entry.pair_sha256) not in seen:
                return entry, "practice"
        judged = [one for one in said if one[0] != "practice"]
        extra = self._gold(reviewer, judged, seen) or self._repeat(reviewer, judged, seen)
        if extra is not None:
            return extra
        taken = self._open_elsewhere(reviewer)
        for entry in self._of["pair"]:
            digest = entry.pair_sha256
            free = votes.get(digest, 0) + taken[digest] < self.wanted(digest, reviewers)
            # A top-up may draw what served as practice before, with its label told.
            if free and ("pair", digest) not in seen and ("practice", digest) not in seen:
                return entry, "pair"
        return None

    def _open_elsewhere(self, reviewer: str) -> Counter[str]:
        """How many others have each pair open now."""
        moment = self._clock()
        return Counter(
            digest
            for name, theirs in self._open.items()
            if name != reviewer
            for (item, digest), until in theirs.items()
            if item == "pair" and until > moment
        )

    def _gold(
        self, reviewer: str, judged: Sequence[_Open], seen: set[_Open]
    ) -> tuple[Entry, Item] | None:
        given = sum(item == "gold" for item, _ in judged)
        if given >= self._due("gold", self._rates.gold, reviewer, len(judged)):
            return None
        for entry in self._of["gold"]:
            if ("gold", entry.pair_sha256) not in seen:
                return entry, "gold"
        return None

    def _repeat(
        self, reviewer: str, judged: Sequence[_Open], seen: set[_Open]
    ) -> tuple[Entry, Item] | None:
        given = sum(item == "repeat" for item, _ in judged)
        rate, count = self._rates.repeats, len(judged) - _SPACED
        if given >= self._due("repeat", rate, reviewer, count):
            return None
        for item, digest in judged[:-_SPACED]:
            entry = self._known.get(("pair", digest))
            if item == "pair" and entry is not None and ("repeat", digest) not in seen:
                return entry, "repeat"
        return None

    def _due(self, item: Item, rate: float, reviewer: str, count: int) -> int:
        """How many are due after so many cards: one a round, at a place that nobody can foretell.

        The place is in the later half of a round, so that a short queue is not all extras.
        """
        if rate <= 0 or count <= 0:
            return 0
        length = max(1, round(1 / rate))
        rounds, place = divmod(count, length)
        share = self._secret.share("place", self._sample, reviewer, item, str(rounds))
        return rounds + (place >= length * (0.5 + share / 2))


_ITEMS: tuple[Item, ...] = ("practice", "pair", "gold")

"""What follows from the decisions of a review, kept up to date vote by vote.

A desk asks this at every request, so nothing here looks at all decisions again: a vote changes the
numbers of its pair alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from prefkit.reviews.queueing import Entry, Queue
from prefkit.reviews.settling import Settled, counted, settle
from prefkit.schema.decision_lines import Decision

__all__ = ["Tally", "question"]


def question(line: Decision) -> tuple[str | None, ...]:
    """What a decision answers: the card of a reviewer."""
    return (line.reviewer, line.role, line.item, line.pair_sha256)


class Tally:
    """The decisions that count, and the numbers of them; not safe for several threads at once.

    `votes` are the blind ones on each pair. `wanted` are those that all pairs together want, and
    `given` those of them that are there: more on a pair than it wants are not among them. `extras`
    are the gold items and repeats that were judged.
    """

    def __init__(
        self,
        pairs: Sequence[Entry],
        queue: Queue,
        expected: Sequence[str],
        lines: Iterable[Decision],
    ) -> None:
        """Count the decisions so far.

        Args:
            pairs: what is to be judged, without practice and gold.
            queue: which says how many votes a pair wants.
            expected: who was asked to review; others may have voted before or in a packet.
            lines: the decisions that count, in the order they came in.
        """
        self._queue, self._expected = queue, frozenset(expected)
        self._ranks = {one.pair_sha256: rank for rank, one in enumerate(pairs)}
        self._pairs = pairs
        self._lines: dict[str, Decision] = {}
        self._of: dict[str | None, dict[str, Decision]] = {}
        self._on: dict[str, dict[str, Decision]] = {}
        self._asked: dict[tuple[str | None, ...], str] = {}
        self._voters: Counter[str] = Counter()
        self.votes: Counter[str] = Counter()
        self.extras = 0
        for line in lines:
            self._keep(line)
        self._count_all()

    @property
    def reviewers(self) -> int:
        """How many people vote here, those who voted before included."""
        return len(self._people)

    def lines(self) -> list[Decision]:
        """All of them, in the order they came in."""
        return list(self._lines.values())

    def of(self, reviewer: str) -> list[Decision]:
        """The blind decisions of a reviewer."""
        mine = self._of.get(reviewer, {}).values()
        return [line for line in mine if line.role == "blind"]

    def on(self, pair_sha256: str) -> list[Decision]:
        """The decisions on a pair of the review."""
        return list(self._on.get(pair_sha256, {}).values())

    def answer(self, line: Decision) -> Decision | None:
        """What the same reviewer has said on the same card, null for nothing."""
        return self._lines.get(self._asked.get(question(line), ""))

    def add(self, line: Decision) -> None:
        """Count one more; what it supersedes goes."""
        gone = self._lines.get(line.supersedes or "")
        if gone is not None:
            self._drop(gone)
        self._keep(line)
        self._recount(line)

    def remove(self, line: Decision) -> None:
        """Count one less."""
        self._drop(line)
        self._recount(line)

    def to_settle(self) -> list[tuple[Entry, Settled]]:
        """Pairs with all their votes on which these come to no one answer, not settled yet."""
        ranks = sorted((self._ranks[digest], digest) for digest in self._open)
        return [(self._pairs[rank], self._open[digest]) for rank, digest in ranks]

    def opened(self) -> int:
        """How many pairs there are to settle."""
        return len(self._open)

    def _keep(self, line: Decision) -> None:
        self._lines[line.id] = line
        self._of.setdefault(line.reviewer, {})[line.id] = line
        self._asked[question(line)] = line.id
        if line.item == "pair":
            self._on.setdefault(line.pair_sha256, {})[line.id] = line
        self._number(line, 1)

    def _drop(self, line: Decision) -> None:
        if self._lines.pop(line.id, None) is None:
            return
        del self._of[line.reviewer][line.id]
        if self._asked.get(question(line)) == line.id:
            del self._asked[question(line)]
        if line.item == "pair":
            del self._on[line.pair_sha256][line.id]
        self._number(line, -1)

    def _number(self, line: Decision, by: int) -> None:
        self.extras += by * (line.item in ("gold", "repeat"))
        if line.item == "pair" and line.role == "blind":
            self.votes[line.pair_sha256] += by
            self._voters[line.reviewer or ""] += by

    def _recount(self, line: Decision) -> None:
        if self._present() != self._people:
            self._count_all()
        elif line.item == "pair" and line.pair_sha256 in self._ranks:
            before = self._given_on.get(line.pair_sha256, 0)
            self._count(line.pair_sha256)
            self.given += self._given_on[line.pair_sha256] - before

    def _count_all(self) -> None:
        self._people = self._present()
        self._open: dict[str, Settled] = {}
        self._given_on: dict[str, int] = {}
        for digest in self._ranks:
            self._count(digest)
        self.given = sum(self._given_on.values())
        self.wanted = sum(self._queue.wanted(one, self.reviewers) for one in self._ranks)

    def _count(self, digest: str) -> None:
        wanted = self._queue.wanted(digest, self.reviewers)
        self._given_on[digest] = min(self.votes[digest], wanted)
        self._open.pop(digest, None)
        lines = counted(self.on(digest))
        blind = [line for line in lines if line.role == "blind"]
        if len(blind) < wanted:
            return
        # The blind vote of the lead, which comes after, settles nothing by itself.
        final = [line for line in lines if line.role != "blind"]
        said = settle([*blind[:wanted], *final], "majority")
        if said.outcome is None:
            self._open[digest] = said

    def _present(self) -> frozenset[str]:
        return self._expected | {name for name, votes in self._voters.items() if votes}

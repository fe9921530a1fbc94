"""What a desk knows: the pairs to show, who reviews, the decisions so far, the guideline."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.errors import ConfigError
from prefkit.review.entries import entries_of, sample_name, texts_of
from prefkit.review.events import Events
from prefkit.review.frame import Frame
from prefkit.review.guideline import told_guideline
from prefkit.review.plan import Planned
from prefkit.review.queueing import Card, Entry, Queue, Rates
from prefkit.review.secrets import Secret, secret_of
from prefkit.review.settling import Settled, counted, settle
from prefkit.schema.decision_lines import Decision

__all__ = ["Desk", "Offer", "now"]


class Offer(NamedTuple):
    """How a desk is held: who may come, and what is put among the pairs.

    `leads` are those of the reviewers who settle what others disagree on; `practice` pairs come
    first, tell their label at once and count for nothing.
    """

    reviewers: tuple[str, ...]
    leads: tuple[str, ...] = ()
    practice: int = 10
    rates: Rates = Rates()


def now() -> str:
    """The time as decisions tell it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Desk:
    """One open review. Calls take turns, so nobody gets a pair twice and no vote is lost."""

    def __init__(self, review: Path, planned: Planned, frame: Frame, offer: Offer) -> None:
        """Open the events of a review and read the texts of all that can be shown.

        Raises:
            ConfigError: the review is of other rows than the dataset's.
            DataError: a file is damaged, or the disk refuses.
        """
        about, dataset = planned.plan["dataset"], frame.dataset
        if about["content_hash"] != dataset.content_hash:
            raise ConfigError(
                f"{review} is a review of {about['name']} with other rows",
                hint="name the dataset that the review was planned for",
            )
        self.name = str(about["name"])
        self.review, self.offer = review, offer
        self.dataset_hash = dataset.content_hash
        self.secret: Secret = secret_of(review)
        self.events = Events(review)
        self._lock = threading.RLock()
        entries = entries_of(planned, frame, offer.practice)
        self.sample = sample_name(planned)
        self.queue = Queue(entries, self.secret, self.sample, offer.rates)
        self._texts = texts_of(dataset, entries)
        self._pairs = [one for one in entries if one.item == "pair"]
        self._lines: list[Decision] = self.events.decisions()
        self._version = self.events.version()
        self.guideline = told_guideline(review, self.events)

    def close(self) -> None:
        """Close the events."""
        self.events.close()

    def text(self, entry: Entry) -> dict[str, Any]:
        """The row of a pair: prompt, chosen, rejected, tools."""
        return self._texts[entry.row]

    def lines(self) -> list[Decision]:
        """The decisions that count; another process (`apply`) may have added some."""
        with self._lock:
            version = self.events.version()
            if version != self._version:
                self._lines, self._version = self.events.decisions(), version
            return list(self._lines)

    def next(self, reviewer: str) -> Card | None:
        """The card that a reviewer is to judge now, null where nothing is left."""
        with self._lock:
            blind = [line for line in self.lines() if line.role == "blind"]
            return self.queue.next(reviewer, blind, len(self.offer.reviewers))

    def vote(self, line: Decision) -> bool:
        """Keep a decision; false where a decision of that id was there: sent twice, counted once.

        Raises:
            DataError: the disk refuses; nothing is kept.
        """
        with self._lock:
            known = self.lines()
            if any(one.id == line.id for one in known):
                return False
            before = [one for one in known if _same_question(one, line)]
            if before:  # two windows showed the same card
                line = line.model_copy(update={"supersedes": before[-1].id})
            self.events.append([line])
            self._lines = [one for one in self._lines if one.id != line.supersedes] + [line]
            self.queue.release(line.pair_sha256)
            return True

    def undo(self, reviewer: str) -> Decision | None:
        """Take back the reviewer's last decision; its pair comes up again.

        Raises:
            DataError: the disk refuses.
        """
        with self._lock:
            gone = self.events.undo(reviewer, ("blind", "adjudicate"), now())
            if gone is not None:
                self._lines = self.events.decisions()
                if gone.item == "pair" and gone.role == "blind":
                    self.queue.keep(gone.pair_sha256, reviewer)
            return gone

    def progress(self, reviewer: str) -> dict[str, int]:
        """Votes on the sample: the reviewer's, all, all that are wanted; and pairs to settle."""
        lines = [line for line in self.lines() if line.role == "blind" and line.item == "pair"]
        reviewers = len(self.offer.reviewers)
        wanted = sum(self.queue.wanted(entry, reviewers) for entry in self._pairs)
        mine = sum(line.reviewer == reviewer for line in lines)
        return {"mine": mine, "all": len(lines), "wanted": wanted, "open": len(self.to_settle())}

    def to_settle(self) -> list[tuple[Entry, Settled]]:
        """Pairs with all their votes on which these come to no one answer, not settled yet.

        The blind vote of the lead, which comes after, settles nothing by itself.
        """
        by_pair: dict[str, list[Decision]] = {}
        for line in counted(self.lines()):
            by_pair.setdefault(line.pair_sha256, []).append(line)
        found = []
        for entry in self._pairs:
            lines = by_pair.get(entry.pair_sha256, [])
            wanted = self.queue.wanted(entry, len(self.offer.reviewers))
            blind = [line for line in lines if line.role == "blind"]
            if len(blind) < wanted:
                continue
            final = [line for line in lines if line.role != "blind"]
            said = settle([*blind[:wanted], *final], "majority")
            if said.outcome is None:
                found.append((entry, said))
        return found

    def settling(self, lead: str) -> tuple[Entry, bool] | None:
        """The next pair for a lead, and whether their own blind vote is there; null for none."""
        mine = {
            (line.role, line.pair_sha256)
            for line in self.lines()
            if line.reviewer == lead and line.item == "pair"
        }
        for entry, _ in self.to_settle():
            if ("adjudicate", entry.pair_sha256) not in mine:
                return entry, ("blind", entry.pair_sha256) in mine
        return None


def _same_question(one: Decision, other: Decision) -> bool:
    """Whether two decisions answer the same card of the same reviewer."""
    return _question(one) == _question(other)


def _question(line: Decision) -> tuple[str | None, ...]:
    return (line.reviewer, line.role, line.item, line.pair_sha256)

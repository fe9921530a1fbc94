"""What a desk knows: the pairs to show, who reviews, the decisions so far, the guideline."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.errors import ConfigError, DataError
from prefkit.reviews.desk_tally import Tally
from prefkit.reviews.entries import entries_of, sample_name, texts_of
from prefkit.reviews.events import Events, Guideline
from prefkit.reviews.frame import Frame
from prefkit.reviews.guideline import FILE as GUIDELINE
from prefkit.reviews.guideline import now, told_guideline
from prefkit.reviews.plan import Planned
from prefkit.reviews.queueing import Card, Entry, Queue, Rates
from prefkit.reviews.secrets import Secret, secret_of
from prefkit.reviews.settling import Settled
from prefkit.schema.decision_lines import Decision

__all__ = ["Desk", "Offer", "now"]

_LOG = logging.getLogger(__name__)


class Offer(NamedTuple):
    """How a desk is held: who may come, and what is put among the pairs.

    `leads` are those of the reviewers who settle what others disagree on; `practice` pairs come
    first, tell their label at once and count for nothing.
    """

    reviewers: tuple[str, ...]
    leads: tuple[str, ...] = ()
    practice: int = 10
    rates: Rates = Rates()


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
        self._lock = threading.RLock()
        entries = entries_of(planned, frame, offer.practice)
        self.sample = sample_name(planned)
        self.queue = Queue(entries, self.secret, self.sample, offer.rates)
        self._texts = texts_of(dataset, entries)
        self._pairs = [one for one in entries if one.item == "pair"]
        self.events = Events(review)
        try:
            self._version = self.events.version()
            self._tally = self._counted()
            self._guideline = told_guideline(review, self.events)
        except BaseException:
            self.events.close()
            raise
        self._written = self._state_of_guideline()

    def close(self) -> None:
        """Close the events."""
        self.events.close()

    def text(self, entry: Entry) -> dict[str, Any]:
        """The row of a pair: prompt, chosen, rejected, tools."""
        return self._texts[entry.row]

    @property
    def guideline(self) -> Guideline:
        """What reviewers are told now; who edits the file while the desk is open makes a version.

        A file that cannot be read changes nothing.
        """
        with self._lock:
            written = self._state_of_guideline()
            if written != self._written:
                self._written = written
                try:
                    self._guideline = told_guideline(self.review, self.events)
                except DataError as error:
                    _LOG.warning("the guideline stays as it was: %s", error)
            return self._guideline

    def _state_of_guideline(self) -> tuple[int, int] | None:
        try:
            found = (self.review / GUIDELINE).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _counted(self) -> Tally:
        return Tally(self._pairs, self.queue, self.offer.reviewers, self.events.decisions())

    def tally(self) -> Tally:
        """The decisions that count; another process (`apply`) may have added some."""
        version = self.events.version()
        if version != self._version:
            self._tally, self._version = self._counted(), version
        return self._tally

    def lines(self) -> list[Decision]:
        """The decisions that count."""
        with self._lock:
            return self.tally().lines()

    def on(self, entry: Entry) -> list[Decision]:
        """The decisions that count on a pair of the review."""
        with self._lock:
            return self.tally().on(entry.pair_sha256)

    def next(self, reviewer: str) -> Card | None:
        """The card that a reviewer is to judge now, null where nothing is left."""
        with self._lock:
            tally = self.tally()
            return self.queue.deal(reviewer, tally.of(reviewer), tally.votes, tally.reviewers)

    def vote(self, line: Decision) -> bool:
        """Keep a decision; false where one of that id was there: sent twice, counted once.

        Raises:
            ConfigError: it settles a pair on which its reviewer has not voted blind.
            DataError: the disk refuses; nothing is kept.
        """
        with self._lock:
            tally = self.tally()
            if self.events.holds(line.id):
                return False
            blind = line.model_copy(update={"role": "blind"})
            if line.role == "adjudicate" and tally.answer(blind) is None:
                raise ConfigError("vote blind on this pair first; then it can be settled")
            before = tally.answer(line)
            if before is not None:  # two windows showed the same card
                line = line.model_copy(update={"supersedes": before.id})
            self.events.append([line])
            tally.add(line)
            if line.role == "blind":
                self.queue.release(line.pair_sha256, line.reviewer or "", line.item)
            return True

    def undo(self, reviewer: str) -> Decision | None:
        """Take back the reviewer's last decision; its pair comes up again.

        Raises:
            DataError: the disk refuses.
        """
        with self._lock:
            tally = self.tally()
            gone = self.events.undo(reviewer, ("blind", "adjudicate"), now())
            if gone is not None:
                tally.remove(gone)
                if gone.role == "blind":
                    self.queue.keep(gone.item, gone.pair_sha256, reviewer)
            return gone

    def progress(self, reviewer: str) -> dict[str, int]:
        """Cards judged: by the reviewer, by all, about how many there will be; pairs to settle.

        Gold items and repeats are among them, so that no number tells which card was one.
        """
        with self._lock:
            tally = self.tally()
            mine = sum(line.item != "practice" for line in tally.of(reviewer))
            wanted = tally.wanted + self.queue.extra(tally.wanted)
            if tally.given == tally.wanted:
                wanted = tally.given + tally.extras
            given = min(tally.given + tally.extras, wanted)
            return {"mine": mine, "all": given, "wanted": wanted, "open": tally.opened()}

    def to_settle(self) -> list[tuple[Entry, Settled]]:
        """Pairs with all their votes on which these come to no one answer, not settled yet."""
        with self._lock:
            return self.tally().to_settle()

    def settling(self, lead: str) -> tuple[Entry, bool] | None:
        """The next pair for a lead, and whether their own blind vote is there; null for none."""
        with self._lock:
            for entry, _ in self.to_settle():
                roles = {one.role for one in self.on(entry) if one.reviewer == lead}
                if "adjudicate" not in roles:
                    return entry, "blind" in roles
        return None

"""Answers held against references: one vote a comparison, and what nobody can tell of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from prefkit.collectors.synthetic.answer_checkers import (
    Checkers,
    Chosen,
    NoChecker,
    references_of,
)
from prefkit.collectors.synthetic.answer_counts import Counts
from prefkit.collectors.synthetic.recipe import Cast, Caster, Missing
from prefkit.collectors.synthetic.response_texts import text_of, times_drawn
from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.ballots import label_of, vote_of
from prefkit.judging.answers.checking import Checked, Inquiry, examine, settled
from prefkit.judging.showings import Identity
from prefkit.judging.verdicts import UNANSWERED
from prefkit.judging.votes import Judge
from prefkit.llm.client import Client
from prefkit.llm.records import Reply, Request
from prefkit.schema.records import Comparison, Source, to_json
from prefkit.step import name_of
from prefkit.version import __version__

__all__ = ["Checking"]


@dataclass(slots=True)
class _Examined:
    """One comparison, from the first look to the last reply."""

    comparison: Comparison
    chosen: Chosen | None
    """Null: it is not checked at all; then `missing` says why."""
    found: list[Checked | Inquiry] = field(default_factory=list)
    """Of each response what is known, or what has to be asked."""
    missing: Missing | None = None
    replies: list[Reply] = field(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """All that has to be asked, response by response."""
        asking = (one for one in self.found if isinstance(one, Inquiry))
        return [request for inquiry in asking for request in inquiry.requests]

    @property
    def is_over(self) -> bool:
        """Nothing more will be heard."""
        return len(self.replies) == len(self.requests)


class Checking(Caster):
    """Checks the responses of every comparison; asks its judge about all of them side by side."""

    def __init__(
        self, name: str, checkers: Checkers, client: Client | None, spec: str | None
    ) -> None:
        """Take the name of votes' source, and the judge with its spec, where there is one."""
        self._name = name
        self._checkers = checkers
        self._client = client
        self._spec = spec
        self._counts = Counts()

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """One vote for each comparison of which anything can be told.

        Raises:
            ConfigError, MissingExtra: the checker of the options cannot check anything.
            DataError: the knowledge base is damaged.
            ClientError, BatchPending: as `Client.stream`.
        """
        if self._client is None:
            return (self._cast(self._examined(one)) for one in comparisons)
        return self._asked(self._client, comparisons)

    def requests(self, spec: str, comparisons: Iterable[Comparison]) -> Iterator[Request]:
        """One request for each claim of which there are documents."""
        if spec == self._spec:
            for comparison in comparisons:
                yield from self._examined(comparison).requests

    def facts(self) -> dict[str, Any]:
        """How many answers are right, wrong and unsure, by checker too."""
        return self._counts.facts()

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        return self._counts.lines()

    def _asked(self, client: Client, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        begun: deque[_Examined] = deque()

        def requests() -> Iterator[Request]:
            for comparison in comparisons:
                begun.append(self._examined(comparison))
                yield from begun[-1].requests

        for reply in client.stream(requests(), stage="check"):
            yield from self._over(begun)  # those that nobody is asked about
            begun[0].replies.append(reply)
            yield from self._over(begun)
        yield from self._over(begun)

    def _over(self, begun: deque[_Examined]) -> Iterator[Cast]:
        while begun and begun[0].is_over:
            yield self._cast(begun.popleft())

    def _examined(self, comparison: Comparison) -> _Examined:
        try:
            chosen = self._checkers.of(comparison)
        except NoChecker as error:
            return _Examined(comparison, None, missing=Missing(error.reason, str(error)))
        references = references_of(comparison)
        if chosen.checker.needs_reference and not any((one or "").strip() for one in references):
            said = f"{name_of(chosen.checker)} needs a reference, and the row has none"
            return _Examined(comparison, None, missing=Missing("no_reference", said))
        asks = self._client is not None
        try:
            found = [
                _any_of(chosen, text_of(response), references, asks=asks)
                for response in comparison.responses
            ]
        except MissingExtra:
            raise
        except ConfigError as error:
            if not chosen.is_of_row:
                raise
            return _Examined(comparison, None, missing=Missing("bad_checker", str(error)))
        return _Examined(comparison, chosen, found)

    def _cast(self, examined: _Examined) -> Cast:
        comparison, chosen = examined.comparison, examined.chosen
        draws = [times_drawn(response) for response in comparison.responses]
        if chosen is None or examined.missing is not None:
            self._counts.left_out(draws)
            return Cast((), () if examined.missing is None else (examined.missing,))
        checked, missing = _concluded(examined)
        label = label_of(chosen.checker)
        self._counts.add(label, [one.outcome for one in checked], draws)
        ballot = vote_of(
            chosen.checker,
            checked,
            Source(self._name, _record(comparison, label, checked)),
            by=self._by(chosen, examined.replies),
        )
        if ballot.vote is None:
            return Cast((), missing)
        ids = Identity.of(comparison).responses  # the places of responses are not those stored
        told = {name: one._asdict() for name, one in zip(ids, checked, strict=True)}
        vote = ballot.vote._replace(raw=to_json(told))
        if self._client is not None and examined.replies:
            bills = [self._client.desk.bill(reply.usage) for reply in examined.replies]
            vote = vote._replace(cost_usd=_sum(bills))
        return Cast((vote,), missing)

    def _by(self, chosen: Chosen, replies: Sequence[Reply]) -> str:
        """The rule with the version that it is of; with a judge, the judge."""
        if self._client is None or not replies:
            return f"rule:{name_of(chosen.checker)}@{__version__}"
        judge = Judge.of(self._client, None)
        return judge.by(next((reply for reply in replies if reply.model), replies[0]))


def _any_of(
    chosen: Chosen, text: str, references: Sequence[str | None], *, asks: bool
) -> Checked | Inquiry:
    """Right by any of several references, wrong by all of them, else unsure."""
    found: Checked | Inquiry | None = None
    for reference in references:
        one = examine(chosen.checker, text, reference, asks=asks)
        if isinstance(one, Inquiry) or one.outcome == "right":
            return one
        if found is None or one.outcome == "unsure":
            found = one
    assert found is not None  # noqa: S101, RUF100 - there is at least one, though it may be null
    return found


def _concluded(examined: _Examined) -> tuple[list[Checked], tuple[Missing, ...]]:
    """What each response comes to, and why there is no score where there is none."""
    replies = iter(examined.replies)
    checked: list[Checked] = []
    missing: list[Missing] = []
    for place, found in enumerate(examined.found):
        heard: list[Reply] = []
        if isinstance(found, Inquiry):
            heard = [next(replies) for _ in found.requests]
            found = settled(found, heard)
        checked.append(found)
        if found.outcome == "unsure":
            missing.append(_unsure(found, heard, place))
    return checked, tuple(missing)


def _unsure(checked: Checked, heard: Sequence[Reply], place: int) -> Missing:
    """Unsure by itself, or only because the judge was not asked or did not answer."""
    failures = [reply.failure for reply in heard if reply.failure is not None]
    for failure in failures:
        if failure.kind in UNANSWERED:
            return Missing(failure.kind, f"{checked.reason}: {failure.message}", place)
    return Missing("unsure", checked.reason, place)


def _record(comparison: Comparison, label: str, checked: Sequence[Checked]) -> str:
    """The same again in another run; another one where anything else was said."""
    ids = Identity.of(comparison)
    outcomes = sorted(zip(ids.responses, (one.outcome for one in checked), strict=True))
    said = (ids.whole, label, comparison.reference or "", *(" ".join(one) for one in outcomes))
    return blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def _sum(bills: Sequence[float | None]) -> float | None:
    known = [bill for bill in bills if bill is not None]
    return sum(known) if len(known) == len(bills) else None

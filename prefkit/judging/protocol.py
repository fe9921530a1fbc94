"""How comparisons are judged: what is asked of a judge, and the votes that its answers make."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prefkit.errors import ConfigError
from prefkit.judging.bracket import NOBODY, Match, bracket, nominal, rounds_of, seeded, winner_of
from prefkit.judging.rubric import Rubric
from prefkit.judging.showings import Identity, Missing, in_orders, showings_of, why_none
from prefkit.judging.sitting import (
    Counted,
    Judgement,
    Planned,
    Plans,
    Requests,
    Sitting,
    requests_of_one,
    sittings,
)
from prefkit.judging.terms import Many, Orders, Protocol
from prefkit.judging.votes import Judge, vote_of
from prefkit.llm.client import Client
from prefkit.llm.records import Request
from prefkit.schema.records import Comparison, Vote

__all__ = ["Judged", "Many", "Missing", "Orders", "Protocol", "judged", "requests_of"]

Brackets = Callable[[int, Comparison, Rubric], list[list[Match]]]
"""The matches of a comparison as far as they are known; the number is that of `Plans`."""


class Judged(NamedTuple):
    """What was said of one comparison, in the order of the rubrics, showings and draws."""

    votes: tuple[Vote, ...]
    missing: tuple[Missing, ...]


def requests_of(comparisons: Iterable[Comparison], protocol: Protocol) -> Iterator[Request]:
    """Everything that would be asked, for a forecast.

    Of a tournament as many matches as there will be: nobody knows yet who meets in them.

    Raises:
        ConfigError: the template of a rubric is wrong for a comparison.
    """
    plans = _everything(protocol, lambda _, comparison, __: nominal(_seeds(comparison)))
    for number, comparison in enumerate(comparisons, 1):
        for planned in plans(0, comparison):
            if isinstance(planned, Planned):
                made = requests_of_one(number, comparison, planned, protocol)
                yield from (one for _, one in made if isinstance(one, Request))


def judged(  # noqa: PLR0913 - one call, from `collect judge`
    client: Client,
    comparisons: Iterable[Comparison],
    protocol: Protocol,
    *,
    revision: str | None,
    stage: str = "judge",
    total: int | None = None,
) -> Iterator[Judged]:
    """What a judge says of each comparison, in the order given; what was asked before is not paid.

    Holds about as many comparisons as the client holds requests, without their texts. A tournament
    reads the comparisons once to count them, once for each round but the last, and once for the
    votes; in between it holds four bytes for each response and rubric.

    Args:
        client: who is asked.
        comparisons: in a tournament iterated several times, with equal content each time.
        protocol: what is asked.
        revision: the model's snapshot if it was pinned (`Settings.revision`): part of `Vote.by`.
        stage: what the answers are for, in progress and in the ledger.
        total: how many requests there will be, for progress; null = not known.

    Raises:
        ConfigError: the template of a rubric is wrong for a comparison, the client cannot be asked
            in this way, or a tournament was given what can be read only once.
        ClientError, BatchPending, OSError: as `Client.stream`.
    """
    if protocol.many == "tournament" and iter(comparisons) is comparisons:
        raise ConfigError(
            "a tournament reads the comparisons several times, and these can be read only once",
            hint="give a list, or something that begins anew whenever it is read",
        )
    judge = Judge.of(client, revision)

    def told() -> Iterator[Judged]:
        known = _Winners(comparisons, protocol)
        for number in range(known.rounds - 1):  # the last round needs no winner
            plans = _one_round(protocol, known.brackets, number)
            for sitting in sittings(client, Requests(comparisons, protocol, plans), stage=stage):
                known.note(sitting)
        requests = _final(comparisons, protocol, _everything(protocol, known.brackets), total)
        for sitting in sittings(client, requests, stage=stage):
            yield _told(sitting, judge)

    return told()


def _final(
    comparisons: Iterable[Comparison], protocol: Protocol, plans: Plans, total: int | None
) -> Requests:
    if total is None:
        return Requests(comparisons, protocol, plans)
    return Counted(comparisons, protocol, plans, total)


class _Winners:
    """Who won which match of every comparison, by rubric."""

    def __init__(self, comparisons: Iterable[Comparison], protocol: Protocol) -> None:
        self.rounds = 0
        """Of the longest bracket; 0 if there is none."""
        self._won: dict[str, array[int]] = {}
        """By the label of the rubric: a place, or `NOBODY`, for every match of every comparison,
        those of a comparison from the number of responses before it."""
        if protocol.many != "tournament":
            return
        labels = [one.label for one in protocol.rubrics if one.form == "pairwise"]
        responses = 0
        for comparison in comparisons if labels else ():
            count = len(comparison.responses)
            responses += count
            if count > 2:
                self.rounds = max(self.rounds, rounds_of(count))
        if self.rounds:
            self._won = {label: array("i", [NOBODY]) * responses for label in labels}

    def brackets(self, start: int, comparison: Comparison, rubric: Rubric) -> list[list[Match]]:
        """The bracket as far as it was played."""
        seeds = _seeds(comparison)
        return bracket(seeds, self._won[rubric.label][start : start + len(seeds)])

    def note(self, sitting: Sitting) -> None:
        """Take the winners of one round.

        A match that was not answered whole has none: asked again it may have another. One that is
        never asked, such as of two equal texts, goes to the first.
        """
        matches: dict[tuple[str, Match], list[Judgement]] = {}
        for one in sitting.judgements:
            if one.planned is not None and one.planned.match is not None:
                label = one.planned.showing.rubric.label
                matches.setdefault((label, one.planned.match), []).append(one)
        for (label, match), judgements in matches.items():
            if not any(one.heard and one.heard.verdict.outcome == "infra" for one in judgements):
                winner = winner_of(match, [_better(one) for one in judgements])
                self._won[label][sitting.start + match.number] = winner


def _better(judgement: Judgement) -> int:
    """The place of the response that was called the better one, or `NOBODY`."""
    heard = judgement.heard
    if heard is None or heard.verdict.outcome != "scored":
        return NOBODY
    first, second = (score or 0.0 for score in heard.verdict.scores)
    if first == second:
        return NOBODY
    return heard.showing.places[0 if first > second else 1]


def _everything(protocol: Protocol, brackets: Brackets) -> Plans:
    """Plans for all that is asked about a comparison."""

    def plans(start: int, comparison: Comparison) -> Iterator[Planned | Missing]:
        for rubric in protocol.rubrics:
            missing = why_none(comparison, rubric, protocol)
            if missing is not None:
                yield missing
            elif protocol.is_knock_out(rubric, len(comparison.responses)):
                for matches in brackets(start, comparison, rubric):
                    yield from _of_round(comparison, rubric, matches, protocol)
            else:
                for showing in showings_of(comparison, rubric, protocol):
                    yield Planned(showing, None)

    return plans


def _one_round(protocol: Protocol, brackets: Brackets, number: int) -> Plans:
    """Plans for one round of all brackets that go on after it."""

    def plans(start: int, comparison: Comparison) -> Iterator[Planned | Missing]:
        count = len(comparison.responses)
        if rounds_of(count) <= number + 1:
            return
        for rubric in protocol.rubrics:
            is_played = protocol.is_knock_out(rubric, count)
            if is_played and why_none(comparison, rubric, protocol) is None:
                matches = brackets(start, comparison, rubric)[number]
                yield from _of_round(comparison, rubric, matches, protocol)

    return plans


def _of_round(
    comparison: Comparison, rubric: Rubric, matches: list[Match], protocol: Protocol
) -> Iterator[Planned | Missing]:
    for match in matches:
        if not match.is_known:
            said = "a match before it was not answered"
            yield Missing(rubric.label, None, None, "not_reached", said)
            continue
        for showing in in_orders(comparison, rubric, [(match.first, match.second)], protocol):
            yield Planned(showing, match)


def _seeds(comparison: Comparison) -> tuple[int, ...]:
    return seeded(*Identity.of(comparison))


def _told(sitting: Sitting, judge: Judge) -> Judged:
    votes: list[Vote] = []
    missing: list[Missing] = []
    for one in sitting.judgements:
        if one.missing is not None:
            missing.append(one.missing)
        elif one.heard is not None:
            votes.append(vote_of(judge, one.heard, sitting.responses))
    return Judged(tuple(votes), tuple(missing))

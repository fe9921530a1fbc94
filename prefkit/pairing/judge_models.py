"""Models of judges: how far each can be believed, learnt from all contests that they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.errors import ConfigError
from prefkit.judging.numbers import rounded
from prefkit.pairing.aggregation import Aggregation
from prefkit.pairing.ballots import Selection
from prefkit.pairing.calibrating import GOLD, SPLIT
from prefkit.pairing.collecting import Contests, contest_votes, contests_of
from prefkit.pairing.posteriors import OfContests, contest_keys
from prefkit.statistics.aggregation.dawid_skene import dawid_skene
from prefkit.statistics.aggregation.em import Limits
from prefkit.statistics.aggregation.gain import Gain, gain_over_majority
from prefkit.statistics.aggregation.independence import Independence, independence
from prefkit.statistics.aggregation.labels import UNKNOWN, Aggregated, Labels, Prior
from prefkit.statistics.prediction import Ints

__all__ = ["JudgeModel"]

_ENOUGH = 20  # votes of a judge whose accuracy is worth a line

_VERDICTS = {3: (1, 0, -1), 2: (1, -1)}
"""What each code of a vote says, by the number of classes: without a tie anywhere there are two."""


class _Items(NamedTuple):
    """Contests as the models read them; lines of `frame` are items, in the order of their keys."""

    frame: pl.DataFrame
    labels: Labels
    prior: Prior
    gold: str | None
    """What the known answers are, a text of `calibrating.GOLD`; null without any."""

    @property
    def anchored(self) -> int:
        """How many contests gold has answered."""
        return 0 if self.prior.known is None else int((self.prior.known != UNKNOWN).sum())


class JudgeModel(Aggregation):
    """Learns of judges by their names; votes of nobody named teach it nothing and do not count.

    A contest with such votes only keeps its majority. Sides are stored by digest, so which of them
    is first says nothing: exchanging the sides exchanges the verdicts of every judge.
    """

    iterations: int = Field(100, ge=1, description="Rounds of learning at most.")
    tolerance: float = Field(
        1e-6, gt=0, description="Stop where a round gains less log-likelihood a vote."
    )

    def limits(self) -> Limits:
        """When learning ends."""
        return Limits(self.iterations, self.tolerance)

    def fit(self, labels: Labels, prior: Prior) -> Aggregated:
        """Fit the model."""
        raise NotImplementedError

    def collect(self, table: pa.Table, selection: Selection) -> pl.DataFrame:
        """A line a judge and contest."""
        return contest_votes(table, selection)

    def learn(self, batches: Iterable[pl.DataFrame], gold: pl.DataFrame | None) -> OfContests:
        """Fit, and ask whether judges err together and whether it beats the majority."""
        contests = contests_of(batches)
        items = _items(contests.of_judges(), gold)
        self._refuse(contests, items, asked_gold=gold is not None)
        fitted = self.fit(items.labels, items.prior)
        clusters = items.frame["cluster"].to_numpy()
        tables = fitted if "confusion" in fitted.judges else dawid_skene(items.labels, items.prior)
        together = independence(items.labels, clusters, tables, items.prior)
        gain = gain_over_majority(items.labels, clusters, self.fit, items.prior)
        return OfContests(
            name=self.name,
            facts=_facts(contests, items, fitted, together, gain),
            lines=tuple(_lines(contests, items, fitted, together, gain)),
            **_answers(items, fitted),
        )

    def _refuse(self, contests: Contests, items: _Items, *, asked_gold: bool) -> None:
        """Say what is missing where nothing can be learnt.

        Raises:
            ConfigError: no judge is named, or none meets another one or gold.
        """
        hint = "--aggregate majority"
        if not contests.names:
            raise ConfigError(
                f"{self.name} learns of judges, and none of the {contests.votes.height:,} votes"
                " names its judge",
                hint=hint,
            )
        if not len(items.labels.items):
            raise ConfigError(
                f"{self.name} learns of judges, and each that is named was of two minds on every"
                " contest",
                hint=hint,
            )
        if asked_gold and not items.anchored:
            raise ConfigError(
                "--gold has no verdict on any contest that a named judge voted on",
                hint="leave --gold out, or name a dataset with people's votes on these comparisons",
            )
        each = np.bincount(items.labels.items, minlength=1)
        if each.max() < 2 and not items.anchored:
            raise ConfigError(
                f"{self.name} learns where judges meet: each of the {len(each):,} contests has the"
                " vote of one named judge, and there is no gold",
                hint=hint,
            )


def _items(contests: Contests, gold: pl.DataFrame | None) -> _Items:
    """The contests of named judges, each once, with the prompt's cluster and what gold says."""
    votes = contests.votes
    keys = contest_keys(*(votes[name].to_numpy() for name in ("comparison", "a", "b")))
    known, first, items = np.unique(keys, return_index=True, return_inverse=True)
    frame = votes.select("comparison", "a", "b", "cluster")[first].with_columns(
        pl.Series("key", known)
    )
    said = votes["said"].to_numpy()
    source, told = (None, None) if gold is None else _told(frame, gold)
    ties = bool((said == 0).any()) or (told is not None and bool((told == 0).any()))
    classes = 3 if ties else 2
    labels = Labels(
        items.astype(np.int64),
        votes["judge"].to_numpy().astype(np.int64),
        _codes(said, classes),
        len(known),
        len(contests.names),
        classes,
    )
    anchors = None if told is None else np.where(told != SPLIT, _codes(told, classes), UNKNOWN)
    return _Items(frame, labels, Prior(known=anchors, symmetric=True), source)


def _told(frame: pl.DataFrame, gold: pl.DataFrame) -> tuple[str | None, Ints]:
    """Which gold has a verdict on any of the contests, and what it says of each (or `SPLIT`)."""
    keys = ["comparison", "a", "b"]
    known = gold.unique(keys, keep="first", maintain_order=True)
    found = frame.select(keys).join(known, on=keys, how="left", maintain_order="left")
    for name in GOLD:
        said = found[name].fill_null(SPLIT).to_numpy().astype(np.int64)
        if (said != SPLIT).any():
            return GOLD[name], said
    return None, np.full(len(frame), SPLIT)


def _codes(said: Ints, classes: int) -> Ints:
    """1, 0 and -1 (a, tie, b) as 0, 1, 2; as 0 and 1 where there is no tie."""
    codes = 1 - said.astype(np.int64)
    return codes if classes == 3 else codes // 2


def _answers(items: _Items, fitted: Aggregated) -> dict[str, Any]:
    posterior = fitted.posterior
    if items.labels.classes == 2:
        none = np.zeros(len(posterior))
        posterior = np.column_stack([posterior[:, 0], none, posterior[:, 1]])
    known = items.prior.known
    given = np.zeros(len(posterior), dtype=bool) if known is None else known != UNKNOWN
    return {"keys": items.frame["key"].to_numpy(), "posterior": posterior, "known": given}


def _facts(
    contests: Contests, items: _Items, fitted: Aggregated, together: Independence, gain: Gain
) -> dict[str, Any]:
    return {
        **contests.counts(),
        "verdicts": list(_VERDICTS[items.labels.classes]),
        "frequent": None if fitted.classes is None else _rounded(fitted.classes),
        "iterations": fitted.iterations,
        "converged": fitted.converged,
        "turned": fitted.turned,
        "anchored": fitted.anchored,
        "gold": items.gold,
        "gold_contests": items.anchored,
        "notes": list(fitted.notes),
        "judges": _judges(contests.names, fitted),
        "independence": _together(contests.names, together),
        "gain": gain.facts(),
    }


def _together(names: tuple[str, ...], found: Independence) -> dict[str, Any]:
    """The diagnostic with judges by name."""
    facts = found.facts()
    worst = [
        {**pair, "one": names[pair["one"]], "other": names[pair["other"]]}
        for pair in facts["worst"]
    ]
    worth = _rounded(found.effective)
    return {**facts, "worst": worst, "effective_judges": worth, "said": found.line}


def _judges(names: tuple[str, ...], fitted: Aggregated) -> list[dict[str, Any]]:
    """A line a judge, by name: votes, accuracy, and what else the model learnt of it."""
    columns = {name: values for name, values in fitted.judges.items() if name != "votes"}
    return [
        {"judge": judge, "votes": int(fitted.judges["votes"][place])}
        | {name: _rounded(values[place]) for name, values in columns.items()}
        for place, judge in enumerate(names)
    ]


def _rounded(values: Any) -> Any:
    """Numbers of any shape in six digits, NaN as null."""
    if np.ndim(values):
        return [_rounded(value) for value in values]
    return None if np.isnan(values) else rounded(float(values))


def _lines(
    contests: Contests, items: _Items, fitted: Aggregated, together: Independence, gain: Gain
) -> Iterator[tuple[str, str]]:
    counts = contests.counts()
    ended = "" if fitted.converged else ", not converged"
    gold = f": {items.gold}, {_several(items.anchored, 'contest')}" if items.anchored else ""
    yield (
        "Learnt",
        f"of {_several(len(contests.names), 'judge')} in {_several(counts['votes'], 'vote')} on"
        f" {_several(counts['contests'], 'contest')} ·"
        f" {_several(fitted.iterations, 'round')}{ended} · anchored by {fitted.anchored}{gold}",
    )
    if fitted.turned:
        yield ("Turned", "the likelier solution had the sides exchanged, and was turned back")
    for note in fitted.notes:
        yield ("Note", note)
    yield ("Judges", _best_and_worst(contests.names, fitted))
    if counts["not_identified"]:
        yield (
            "Not identified",
            f"{_several(counts['not_identified'], 'vote')} of nobody named taught nothing;"
            f" {_several(counts['contests_of_nobody'], 'contest')} without other votes"
            " by majority",
        )
    if counts["of_two_minds"]:
        times = _several(counts["of_two_minds"], "time")
        yield ("Undecided", f"a judge was of two minds on a contest {times}: no vote")
    yield ("Dependent" if together.warns else "Independence", together.line)
    yield ("Gain" if gain.claimed else "No gain", gain.line)


def _several(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"


def _best_and_worst(names: tuple[str, ...], fitted: Aggregated) -> str:
    """The range of accuracies, of judges with many votes if there are any: few top no list."""
    accuracy, votes = fitted.judges["accuracy"], fitted.judges["votes"]
    known = np.flatnonzero(~np.isnan(accuracy))
    often = known[votes[known] >= _ENOUGH]
    shown = often if len(often) else known
    order = shown[np.argsort(accuracy[shown], kind="stable")]
    ends = [
        f"{accuracy[place]:.2f} ({names[place]}, {_several(int(votes[place]), 'vote')})"
        for place in (order[0], order[-1])
    ]
    if len(order) == 1:
        return f"right {ends[0]}"
    few = len(known) - len(shown)
    rest = f", and {_several(few, 'judge')} of fewer than {_ENOUGH} votes" if few else ""
    return f"right {ends[0]} to {ends[1]}, median {float(np.median(accuracy[shown])):.2f}{rest}"

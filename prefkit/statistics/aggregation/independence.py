"""Whether judges err independently: the assumption that makes every model of judges honest.

The independent model says how often two judges agree: sum over classes k of the share of k times
the chance that both say the same given k. Observed agreement beyond it, over the most there could
be, is the correlation of their errors: 0 for independent judges, 1 for one who copies the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.aggregation.em import sorted_votes
from prefkit.statistics.aggregation.guard import gold_confusions
from prefkit.statistics.aggregation.labels import NO_PRIOR, UNKNOWN, Aggregated, Labels, Prior
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.panels import effective_size
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import ratio
from prefkit.statistics.shares import unmeasured

__all__ = ["Independence", "JudgePair", "independence"]

_MOST = 2_000_000  # meetings of two judges on an item; beyond it items are drawn
_FEWEST = 20  # clusters on which two judges met, below which their pair is not tested
_FREE = 4  # judges, below which their confusions explain any agreement
_ERROR = 0.05  # the chance of any false alarm
_MATTERS = 0.1  # of correlation: less makes five judges worth more than 3.5


class JudgePair(NamedTuple):
    """Two judges who met on items."""

    one: int
    other: int
    items: int
    correlation: float
    p: float
    """That independent judges agree so much more, after Holm's correction for all pairs tested."""


class Independence(NamedTuple):
    """What the votes say about the independence of errors."""

    mean: Estimate
    """The correlation of errors, mean over all meetings of two judges."""

    pairs: tuple[JudgePair, ...]
    """Pairs tested, the least independent first."""

    effective: float
    """How many independent judges those of an item are worth, by the mean; NaN where unknown."""

    warns: bool
    line: str

    def facts(self) -> dict[str, Any]:
        """The diagnostic for a manifest, with at most five pairs."""
        return {
            "warns": self.warns,
            "correlation": self.mean.facts(),
            "pairs_tested": len(self.pairs),
            "worst": [
                {**one._asdict(), "correlation": _six(one.correlation), "p": _six(one.p)}
                for one in self.pairs[:5]
            ],
        }


class _Meetings(NamedTuple):
    """Two votes of two judges on one item, the smaller judge first."""

    items: Ints
    one: Ints
    other: Ints
    agrees: Floats


def independence(
    labels: Labels,
    clusters: np.ndarray[Any, Any],
    fitted: Aggregated,
    prior: Prior = NO_PRIOR,
    *,
    seed: int = 0,
) -> Independence:
    """Hold the agreement of every two judges against what independent judges would show.

    Without gold it cannot see a cue that fools all judges alike: then what they share is taken for
    the truth. It sees that some judges share more than others, from four judges on; three judges
    fit any agreement, so of three nothing is told. With gold in 20 clusters where judges met only
    gold items are read, and every shared error is seen.

    Args:
        labels: the votes.
        clusters: the prompt cluster of each item.
        fitted: what `dawid_skene` made of them: confusions and classes are read.
        prior: its gold decides which items are read.
        seed: another seed draws other items, where there are too many.

    Raises:
        ValueError: the fit has no confusions, or there is not one cluster an item.
    """
    if "confusion" not in fitted.judges or fitted.classes is None:
        raise ValueError("independence is held against the confusions of dawid_skene")
    if len(clusters) != labels.item_count:
        raise ValueError(f"{len(clusters)} clusters of {labels.item_count} items")
    cast = np.bincount(labels.items, minlength=labels.item_count)
    known, table = _gold(prior, cast, np.asarray(clusters)), fitted.judges["confusion"]
    if known is not None:
        # As counted: an error that is only added makes judges who never erred look like copies.
        table = gold_confusions(sorted_votes(labels, prior), smoothing=0.0)
    met = _meetings(labels, known, seed)
    expected = _expected(met, table, fitted.classes, known)
    groups = np.asarray(clusters)[met.items]
    beyond, room = met.agrees - expected, 1 - expected
    blind = _blind(met, room, gold=known is not None)
    if blind is not None:
        none = unmeasured(blind, groups)
        return Independence(none, (), math.nan, warns=False, line=_line(none, [], False, 0))
    mean = ratio(beyond, room, groups, seed=seed)
    pairs = _tested(met, beyond, room, groups)
    panel = round(float(cast[cast > 1].mean())) if (cast > 1).any() else 0
    shared = mean.low is not None and mean.low > 0 and (mean.value or 0.0) >= _MATTERS
    worst = [one for one in pairs if one.p < _ERROR and one.correlation >= _MATTERS]
    worth = effective_size(panel, mean.value) if mean.value is not None else math.nan
    line = _line(mean, worst, shared, len(pairs))
    return Independence(mean, tuple(pairs), worth, shared or bool(worst), line)


def _gold(prior: Prior, cast: Ints, clusters: np.ndarray[Any, Any]) -> Ints | None:
    """The gold answers, if judges met on them often enough to be read alone."""
    if prior.known is None:
        return None
    met = (prior.known != UNKNOWN) & (cast > 1)
    return prior.known if len(np.unique(clusters[met])) >= _FEWEST else None


def _meetings(labels: Labels, known: Ints | None, seed: int) -> _Meetings:
    """All pairs of votes by two judges on one item, of a random part of the items if too many."""
    order = np.lexsort((labels.codes, labels.judges, labels.items))
    items, judges, codes = (column[order] for column in labels[:3])
    if known is not None:
        stay = known[items] != UNKNOWN
        items, judges, codes = items[stay], judges[stay], codes[stay]
    cast = np.bincount(items, minlength=labels.item_count)
    meetings = cast * (cast - 1) // 2
    if meetings.sum() > _MOST:
        meetings[meetings > _MOST] = 0  # one item cannot stand for all: it is left out below
        shuffled = np.random.default_rng(seed).permutation(labels.item_count)
        within = np.zeros(labels.item_count, dtype=bool)
        within[shuffled[np.cumsum(meetings[shuffled]) <= _MOST]] = True
        within &= meetings > 0
        items, judges, codes = (column[within[items]] for column in (items, judges, codes))
    parts = []
    # A loop over distances within an item, not over votes.
    for gap in range(1, int(cast.max(initial=0))):
        here = np.flatnonzero(items[gap:] == items[:-gap])
        if not len(here):
            break
        here = here[judges[here] != judges[here + gap]]
        parts.append(
            (items[here], judges[here], judges[here + gap], codes[here] == codes[here + gap])
        )
    none = np.zeros(0, dtype=np.int64)
    columns = [np.concatenate([none, *(part[place] for part in parts)]) for place in range(4)]
    return _Meetings(columns[0], columns[1], columns[2], columns[3].astype(float))


def _expected(met: _Meetings, table: Floats, shares: Floats, known: Ints | None) -> Floats:
    """The chance that the two of a meeting say the same, by the independent model."""
    found = np.zeros(len(met.items))
    for truth in range(table.shape[1]):
        weight = shares[truth] if known is None else (known[met.items] == truth).astype(float)
        both = (table[met.one, truth] * table[met.other, truth]).sum(axis=1)
        found += weight * both
    return found


def _blind(met: _Meetings, room: Floats, *, gold: bool) -> str | None:
    """Why these votes cannot tell whether errors are shared; null where they can."""
    if not len(met.items):
        return None  # the mean says so
    if gold:
        return None if room.any() else "on gold no two judges who met erred by chance"
    judges = len(np.unique(np.concatenate([met.one, met.other])))
    if judges < _FREE:
        need = f"{_FREE} are needed without gold in {_FEWEST} prompts"
        return f"{judges} judges fit any agreement, {need}"
    same = f"no two judges ever disagreed, without gold in {_FEWEST} prompts"
    return same if met.agrees.all() else None


def _tested(
    met: _Meetings, beyond: Floats, room: Floats, clusters: np.ndarray[Any, Any]
) -> list[JudgePair]:
    """The correlation of each pair of judges, its spread over clusters, Holm's p."""
    if not len(met.items):
        return []
    size = int(met.other.max()) + 1
    keys, pair = np.unique(met.one * size + met.other, return_inverse=True)
    pair = pair.reshape(-1)
    group = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    cells, cell = np.unique(pair * (int(group.max()) + 1) + group, return_inverse=True)
    owner = cells // (int(group.max()) + 1)
    sums, rooms, seen = (
        np.bincount(pair, values, len(keys)) for values in (beyond, room, np.ones(len(pair)))
    )
    value = np.divide(sums, rooms, out=np.zeros(len(keys)), where=rooms > 0)
    apart = np.bincount(cell.reshape(-1), beyond - value[pair] * room, len(cells))
    # Not below what independent judges vary by: perfect copies agree without any spread.
    least = np.bincount(pair, room * (1 - room), len(keys))
    spread = np.sqrt(np.maximum(np.bincount(owner, apart**2, len(keys)), least))
    there = np.flatnonzero((np.bincount(owner, minlength=len(keys)) >= _FEWEST) & (spread > 0))
    p = np.array([math.erfc(sums[k] / spread[k] / math.sqrt(2)) / 2 for k in there])
    order = np.argsort(p, kind="stable")
    holm = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return [
        JudgePair(
            int(keys[k] // size), int(keys[k] % size), int(seen[k]), float(value[k]), float(h)
        )
        for k, h in zip(there[order], holm, strict=True)
    ]


def _line(mean: Estimate, worst: list[JudgePair], shared: bool, tested: int) -> str:
    if mean.value is None:
        return f"independence not tested: {mean.reason}"
    if not tested and not shared:
        return f"independence not tested: no two judges met in {_FEWEST} prompts"
    told = f"errors correlate {mean.value:.2f} on average"
    if shared or worst:
        one = f", {worst[0].correlation:.2f} in the worst pair of judges" if worst else ""
        return (
            f"{told}{one}: judges share errors, and a model of independent judges can be worse "
            "than the majority"
        )
    return f"{told}, {tested} pairs of judges tested: nothing speaks against independence"


def _six(value: float) -> float:
    return float(f"{value:.6g}")

"""What humans would say of all rows, from the few that they labelled and a judge's view of all.

Prediction-powered inference (PPI) corrects the judge's mean by what it gets wrong on the labelled
rows. PPI++ trusts the judge only as far as it is worth:

    theta = lambda mean_unlabelled(f) + mean_labelled(y - lambda f)

with the lambda of least variance, cov(y, f) / (var(f) (1 + n / N)) for independent rows. Here both
are sums over prompt clusters, so that rows of one prompt, labelled or not, vary together. lambda is
kept from 0 to 1: a judge that is no use leaves the humans' own interval.

It holds where the labelled rows are a random part of all rows. Labels that were asked for where a
judge was unsure are not, and nothing here would show it: the judge's mean on such rows and on the
rest can be equal while the estimate is wrong (a planted one missed in three of four intervals).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ranks import Floats, pearson
from prefkit.statistics.shares import NO_NUMBER, Bools, unmeasured
from prefkit.statistics.spread import Clustering
from prefkit.statistics.student import student

__all__ = [
    "FEWEST_JUDGED",
    "FEWEST_LABELLED",
    "FEWEST_OF_A_SIDE",
    "MEAN",
    "PPI",
    "Powered",
    "powered_mean",
    "rogan_gladen",
]

FEWEST_LABELLED = 30
"""Labelled prompt clusters: below it a normal interval promises more than it holds."""

FEWEST_JUDGED = 30
"""Prompt clusters without a label: with fewer the judge is left out, and the humans stand alone."""

FEWEST_OF_A_SIDE = 5
"""Labels that are not the most common one: the same, for shares near an end and for rare scores."""

PPI = "PPI++, normal over prompts"
"""The method of `powered_mean`: the variance of sums over clusters, with Student's t."""

MEAN = "Student's t over prompts"
"""The same without the judge."""

_LAST_BITS = 1e-9


class Powered(NamedTuple):
    """A mean over all rows as humans would judge it, beside what it is made from."""

    mean: Estimate
    """PPI++; `n` is the labelled rows, in so many clusters."""

    human_only: Estimate
    plain: Estimate
    """PPI, lambda 1: wider than `human_only` where the judge is weak."""

    judge_only: float | None
    """The judge's mean over all rows: not what humans would say, so it has no interval."""

    trust: float | None
    """lambda, 0 to 1; 0 leaves the humans alone."""

    rho: float | None
    """Correlation of judge and human on the labelled rows; null where either never varies."""

    judged: int
    """Rows without a label."""

    design_effect: float | None
    """How many times more labels the clusters make needful than independent rows would."""

    worth: float | None
    """Human labels that alone would give the interval of `mean`."""


class _Parts(NamedTuple):
    """Sums over clusters of how far the rows are from their mean, as parts of that mean."""

    human: Floats
    judge: Floats
    """Of the judge: labelled rows minus unlabelled ones."""

    clusters: int
    """With a label."""

    degrees: float
    """Of freedom that their spread is known with: fewer where prompts have unequal many labels."""


def powered_mean(
    labels: Floats, labelled: Bools, judged: Floats, clusters: np.ndarray[Any, Any]
) -> Powered:
    """The mean label of all rows: a share, a win rate (1, 0, ties one half), or a mean score.

    Args:
        labels: the human labels; what stands where there is none counts for nothing.
        labelled: where a human has labelled.
        judged: the judge's own value of every row, in the unit of the labels.
        clusters: the prompt cluster of each row.

    Raises:
        ValueError: a label or a judge's value is not finite.
    """
    if not (np.isfinite(labels[labelled]).all() and np.isfinite(judged).all()):
        raise ValueError("a label or a judge's value is not finite; leave such rows out")
    rest = int((~labelled).sum())
    reason = _too_few(labels[labelled], clusters[labelled])
    alone = float(judged.mean()) if len(judged) else None
    if reason is not None:
        none = unmeasured(reason, clusters[labelled])
        return Powered(none, none, none, alone, None, None, rest, None, None)
    human, judge = labels[labelled], judged[labelled]
    parts = _parts(labels, labelled, judged, clusters)
    helpless = _too_few_judged(clusters[~labelled])
    if helpless is not None:
        # Of hardly any rows the spread looks like none: the judge would be trusted for nothing.
        parts = parts._replace(judge=np.zeros(len(parts.judge)))
    shift = 0.0 if helpless is not None else float(judged[~labelled].mean() - judge.mean())
    trust = _trust(parts)
    inside = _is_share(human) and _is_share(judged)
    found = [
        _interval(parts, float(human.mean()) + weight * shift, weight, len(human), inside)
        for weight in (trust, 0.0, 1.0)
    ]
    if helpless is not None:
        found[2] = unmeasured(helpless, clusters[labelled])
    spread = _variance(parts, 0.0)
    effect = _effect(spread, human)
    known = {MEAN: effect}
    found = [one._replace(design_effect=known.get(one.method or "")) for one in found]
    ratio = _variance(parts, trust) / spread if spread > 0 else NO_NUMBER
    rho = _number(pearson(human, judge, np.ones(len(human))))
    worth = _number(len(human) / ratio if ratio > 0 else NO_NUMBER)
    return Powered(found[0], found[1], found[2], alone, trust, rho, rest, effect, worth)


def _too_few(labels: Floats, clusters: np.ndarray[Any, Any]) -> str | None:
    count = len(np.unique(clusters))
    if count < FEWEST_LABELLED:
        return f"{count} labelled prompt clusters, an interval needs {FEWEST_LABELLED}"
    if labels.min() == labels.max():
        return "all labels are equal: an interval needs labels that differ"
    fewer = len(labels) - int(np.unique(labels, return_counts=True)[1].max())
    if fewer < FEWEST_OF_A_SIDE:
        return f"only {fewer} labels differ from all others, an interval needs {FEWEST_OF_A_SIDE}"
    off = labels - labels.mean()
    sums = np.bincount(np.unique(clusters, return_inverse=True)[1].reshape(-1), off)
    if np.abs(sums).max() <= _LAST_BITS * np.abs(off).max():
        return "the labels of every prompt balance out: an interval needs prompts that differ"
    return None


def _too_few_judged(clusters: np.ndarray[Any, Any]) -> str | None:
    count = len(np.unique(clusters))
    if count < FEWEST_JUDGED:
        return f"{count} prompt clusters without a label, a judge helps from {FEWEST_JUDGED} on"
    return None


def _is_share(values: Floats) -> bool:
    return bool(((values >= 0) & (values <= 1)).all())


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _effect(spread: float, human: Floats) -> float | None:
    """How far the variance over clusters is above that of as many independent rows."""
    apart = float(human.var(ddof=1)) / len(human)
    return _number(spread / apart if apart > 0 else NO_NUMBER)


def _parts(
    labels: Floats, labelled: Bools, judged: Floats, clusters: np.ndarray[Any, Any]
) -> _Parts:
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    size = int(codes.max()) + 1

    def sums(values: Floats, rows: Bools) -> Floats:
        there = values[rows]
        if not len(there):
            return np.zeros(size)
        off = (there - there.mean()) / len(there)
        return np.bincount(codes[rows], off, size).astype(float, copy=False)

    judge = sums(judged, labelled) - sums(judged, ~labelled)
    sizes = np.bincount(codes[labelled])
    clustering = Clustering.of(sizes[sizes > 0].astype(float))
    return _Parts(sums(labels, labelled), judge, clustering.clusters, clustering.degrees)


def _trust(parts: _Parts) -> float:
    """The lambda of least variance, from 0 to 1."""
    spread = float(parts.judge @ parts.judge)
    found = float(parts.human @ parts.judge) / spread if spread > 0 else 0.0
    return min(1.0, max(0.0, found))


def _variance(parts: _Parts, trust: float) -> float:
    """Of the mean at that lambda, with the usual correction for few clusters."""
    sums = parts.human - trust * parts.judge
    return float(sums @ sums) * parts.clusters / (parts.clusters - 1)


def _interval(parts: _Parts, value: float, trust: float, n: int, inside: bool) -> Estimate:
    # One degree of freedom for the mean, one for lambda, which is fitted to the same rows.
    reach = student(parts.degrees - (0 < trust < 1)) * math.sqrt(_variance(parts, trust))
    low, high = value - reach, value + reach
    if inside:
        value, low, high = (min(1.0, max(0.0, number)) for number in (value, low, high))
    return Estimate(value, low, high, n, parts.clusters, None, PPI if trust else MEAN)


def rogan_gladen(observed: float, sensitivity: float, specificity: float) -> float:
    """A judge's share corrected by its error rates (Rogan and Gladen, 1978), for comparison only.

    (observed + specificity - 1) / (sensitivity + specificity - 1), kept from 0 to 1. Where the
    labelled rows are a random part, PPI++ is never less exact. NaN of a judge not above chance.
    """
    below = sensitivity + specificity - 1
    return min(1.0, max(0.0, (observed + specificity - 1) / below)) if below > 0 else NO_NUMBER

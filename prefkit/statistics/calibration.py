"""From raw margins to probabilities, by what gold labels say, and how honest these then are.

A curve is fitted to gold rows only and never bends down: a larger margin is never less probable.
What it gains is told of rows that it was not fitted to (five folds, a prompt whole in one of them);
the curve that is used is fitted to all. Beyond the margins it has seen it keeps its last value and
says so. Intervals take the fitted curves as they are and draw prompts again.

The expected calibration error (ECE) of a perfect forecaster is not zero: chance alone moves every
bin. `ece_by_chance` is what chance gives at these bins and rows, and an ECE near it says nothing.
A draw of rows adds as much chance again, so the interval of an ECE goes as far to either side as
the draws do to the farther one, and begins at zero where chance alone explains the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import FEWEST_CLUSTERS, Columns, Estimate, estimates
from prefkit.statistics.curves import FITS, Curve, Platt, fit_both_ways
from prefkit.statistics.prediction import FOLDS, Ints, folds_of
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import bounded, share
from prefkit.statistics.spread import Clustering

__all__ = [
    "BINS",
    "FEWEST_OF_A_CLASS",
    "FEWEST_ROWS",
    "Calibration",
    "calibrate",
    "calibrate_pairs",
    "calibration_error",
    "equal_bins",
]

BINS = 10
_ROWS_A_BIN = 20
FEWEST_ROWS: Mapping[str, int] = {"platt": 50, "isotonic": 200}
"""Gold rows by kind of curve: a curve of two numbers needs fewer than a free one."""

FEWEST_OF_A_CLASS = 10
_LEAST = 1e-9  # a log loss of an uncalibrated certainty is large, not infinite


class Calibration(NamedTuple):
    """A curve and what it is worth, or the reason why there is none."""

    kind: str
    curve: Curve | None
    reason: str | None
    before: Mapping[str, Estimate]
    """`ece`, `brier` and `log_loss` of the probabilities given as they were; empty if none were."""

    after: Mapping[str, Estimate]
    """The same of rows that the curve was not fitted to."""

    gain: Mapping[str, Estimate]
    """After minus before, of the same draws; below zero is better."""

    bins: int
    ece_by_chance: Mapping[str, float]
    """The ECE `before` and `after` to expect if every probability were exactly right."""


def calibrate(
    margins: Floats, outcomes: Floats, clusters: np.ndarray[Any, Any], *,
    kind: str = "platt", given: Floats | None = None,
) -> Calibration:  # fmt: skip
    """Fit a curve to gold rows and measure, on rows that it has not seen, what it gains.

    Args:
        margins: the raw margin of each gold row, of one source and one unit.
        outcomes: 1 where gold says that the side the margin is for is better, 0 where the other;
            leave gold ties out.
        clusters: the prompt cluster of each row.
        kind: `platt` or `isotonic`.
        given: the probabilities that the source itself gives to these rows, if it does.

    Raises:
        ValueError: a value that is not finite or out of range, or no such kind.
    """
    _check(margins, outcomes, given, kind)
    reason = _too_little(margins, outcomes, clusters, kind)
    if reason is not None:
        return Calibration(kind, None, reason, {}, {}, {}, 0, {})
    fit, folds = FITS[kind], folds_of(clusters)
    curves = _fitted(fit, margins, outcomes, folds)
    fault = _no_fit(curves) or _fall(curves[0])
    if fault is not None:
        return Calibration(kind, None, fault, {}, {}, {}, 0, {})
    return _calibration(kind, curves, _Gold(margins, outcomes, clusters, given))


def calibrate_pairs(
    margins: Floats, outcomes: Floats, clusters: np.ndarray[Any, Any], *,
    kind: str = "platt", given: Floats | None = None,
) -> Calibration:  # fmt: skip
    """The same for two sides that have no order of their own: f(-margin) is 1 - f(margin).

    The curve is fitted to every row from both sides (`fit_both_ways`), so a margin of zero is one
    half, and a source whose larger margins are not more often right gets the level curve, one half
    everywhere. It is measured on each row once, as given: for the side that was chosen.

    Rows that are nearly all right are no reason against a curve, as they are in `calibrate`: k
    right of n equal margins are (k + 1) / (n + 2), and Platt's targets draw a steep curve towards
    one half (0.03 too low on average where 5 of 60 were wrong, in a planted model). But its slope
    then rests on those few, and the caller has to say so.

    Args:
        margins: the raw margin for the chosen side; it may be below zero.
        outcomes: 1 where gold says that the chosen side is better, 0 where the other.
        clusters: the prompt cluster of each row.
        kind: `platt` or `isotonic`.
        given: the probabilities for the chosen side that the source itself gives, if it does.

    Raises:
        ValueError: as `calibrate`.
    """
    _check(margins, outcomes, given, kind)
    reason = _too_few(len(margins), clusters, kind)
    if reason is None and not margins.any():
        reason = "all margins are zero: they tell nothing apart"
    if reason is None:
        fit = partial(fit_both_ways, kind)
        curves = _fitted(fit, margins, outcomes, folds_of(clusters))
        reason = _no_fit(curves)
    if reason is not None:
        return Calibration(kind, None, reason, {}, {}, {}, 0, {})
    return _calibration(kind, curves, _Gold(margins, outcomes, clusters, given))


def _fitted(
    fit: Callable[[Floats, Floats], Curve], margins: Floats, outcomes: Floats, folds: Ints
) -> list[Curve]:
    """The curve of all rows, then for each fold that of the others."""
    rest = [folds != fold for fold in range(FOLDS)]
    return [fit(margins, outcomes), *(fit(margins[rows], outcomes[rows]) for rows in rest)]


class _Gold(NamedTuple):
    margins: Floats
    outcomes: Floats
    clusters: np.ndarray[Any, Any]
    given: Floats | None


def _calibration(kind: str, curves: list[Curve], gold: _Gold) -> Calibration:
    """What the curves are worth on the rows that each was not fitted to."""
    margins, outcomes, clusters, given = gold
    folds, held_out = folds_of(clusters), np.zeros(len(margins))
    for fold, part in enumerate(curves[1:]):
        held_out[folds == fold] = part.probabilities(margins[folds == fold])
    forecasts = {"after": held_out} if given is None else {"before": given, "after": held_out}
    chances = {name: _by_chance(one, outcomes, clusters) for name, one in forecasts.items()}
    found = _measured(forecasts, outcomes, clusters)
    for name, chance in chances.items():
        found[name]["ece"] = _both_ways(found[name]["ece"], chance)
    if "ece" in found["gain"]:
        found["gain"]["ece"] = _both_ways(found["gain"]["ece"], None)
    bins = int(equal_bins(held_out).max()) + 1
    expected = {name: chance.mean for name, chance in chances.items()}
    return Calibration(kind, curves[0], None, **found, bins=bins, ece_by_chance=expected)


def _check(margins: Floats, outcomes: Floats, given: Floats | None, kind: str) -> None:
    if kind not in FITS:
        raise ValueError(f"no curve {kind!r}: one of {', '.join(FITS)}")
    if not np.isfinite(margins).all():
        raise ValueError("a margin is not finite; leave null rows out")
    if not np.isin(outcomes, (0, 1)).all():
        raise ValueError("an outcome is 1 or 0; leave gold ties out")
    if given is not None and not ((given >= 0) & (given <= 1)).all():
        raise ValueError("a probability of the source is not from 0 to 1")


def _too_little(
    margins: Floats, outcomes: Floats, clusters: np.ndarray[Any, Any], kind: str
) -> str | None:
    reason = _too_few(len(margins), clusters, kind)
    if reason is not None:
        return reason
    fewer = int(min(outcomes.sum(), len(margins) - outcomes.sum()))
    if fewer < FEWEST_OF_A_CLASS:
        side = "right" if outcomes.mean() < 0.5 else "wrong"
        return f"gold finds {fewer} margins {side}, a curve needs {FEWEST_OF_A_CLASS} of each"
    if margins.min() == margins.max():
        return "all margins are equal: they tell nothing apart"
    return None


def _too_few(rows: int, clusters: np.ndarray[Any, Any], kind: str) -> str | None:
    if rows < FEWEST_ROWS[kind]:
        return f"{rows} gold rows, {kind} needs {FEWEST_ROWS[kind]}"
    count = len(np.unique(clusters))
    if count < FEWEST_CLUSTERS:
        return f"{count} prompt clusters, an interval needs {FEWEST_CLUSTERS}"
    return None


def _no_fit(curves: list[Curve]) -> str | None:
    for curve in curves:
        if isinstance(curve, Platt) and not np.isfinite([curve.slope, curve.intercept]).all():
            return "the sigmoid has no fit"
    return None


def _fall(curve: Curve) -> str | None:
    level = curve.slope <= 0 if isinstance(curve, Platt) else curve.values[0] == curve.values[-1]
    if level:
        return "a larger margin is not more often right: there is nothing to calibrate"
    return None


def equal_bins(probabilities: Floats) -> Ints:
    """The bin of each row, from 0: at most `BINS` of about equal numbers, equal values together.

    Fewer where a bin would hold fewer than 20 rows.
    """
    count = max(1, min(BINS, len(probabilities) // _ROWS_A_BIN))
    cuts = np.quantile(probabilities, np.arange(1, count) / count, method="inverted_cdf")
    places = np.searchsorted(np.unique(cuts), probabilities, side="left")
    return np.unique(places, return_inverse=True)[1].reshape(-1)


def calibration_error(
    probabilities: Floats, outcomes: Floats, bins: Ints
) -> Callable[[Floats], float]:
    """ECE as a function of weights: the mean over rows of |outcomes - probabilities| of a bin.

    Never below what chance makes of that many bins and rows: read it beside `ece_by_chance`.
    """
    gaps, count = outcomes - probabilities, int(bins.max(initial=0)) + 1

    def of(weights: Floats) -> float:
        return float(np.abs(np.bincount(bins, weights * gaps, count)).sum() / weights.sum())

    return of


class _Chance(NamedTuple):
    """The ECE of exact probabilities: its mean, and what it exceeds once in 40 times."""

    mean: float
    most: float
    reach: float
    """How far the mean of outcomes less probabilities may be off: so far the ECE is where all bins
    err in one direction, and draws in which a bin turns over hide it."""


def _by_chance(probabilities: Floats, outcomes: Floats, clusters: np.ndarray[Any, Any]) -> _Chance:
    """Of rows that are independent between prompts, whatever they are within."""
    bins = equal_bins(probabilities)
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    width = int(bins.max()) + 1
    sums = np.bincount(codes * width + bins, outcomes - probabilities)
    sums = np.pad(sums, (0, -len(sums) % width)).reshape(-1, width)
    # Exact probabilities leave sums around zero, so that their squares are their variance.
    spread = np.sqrt((sums**2).sum(axis=0)) / len(probabilities)
    # Of the size of a normal number: mean the root of 2 / pi, variance 1 - 2 / pi.
    mean = float(spread.sum() * np.sqrt(2 / np.pi))
    apart = float(np.sqrt((spread**2).sum() * (1 - 2 / np.pi)))
    each = np.bincount(codes, outcomes - probabilities - (outcomes - probabilities).mean())
    sizes = Clustering.of(np.bincount(codes).astype(float))
    off = float(np.sqrt((each**2).sum())) / len(probabilities)
    return _Chance(mean, mean + 1.96 * apart, sizes.reach() * off)


def _measured(
    forecasts: Mapping[str, Floats], outcomes: Floats, clusters: np.ndarray[Any, Any]
) -> dict[str, dict[str, Estimate]]:
    """The scores before, after and their difference, all of the same draws of prompts."""
    columns: dict[str, np.ndarray[Any, Any]] = {"outcome": outcomes}
    for name, forecast in forecasts.items():
        columns[name], columns[f"{name}_bin"] = forecast, equal_bins(forecast)

    def statistic(rows: Columns) -> Callable[[Floats], Mapping[str, float]]:
        scores = {name: _scores(rows, name) for name in forecasts}

        def of(weights: Floats) -> dict[str, float]:
            found = {f"{name} {score}": value for name, scored in scores.items()
                     for score, value in scored(weights).items()}  # fmt: skip
            for score in ("ece", "brier", "log_loss") if "before" in scores else ():
                found[f"gain {score}"] = found[f"after {score}"] - found[f"before {score}"]
            return found

        return of

    drawn = bounded(estimates(columns, clusters, np.ones(len(outcomes)), statistic))
    parts: dict[str, dict[str, Estimate]] = {"before": {}, "after": {}, "gain": {}}
    for key, estimate in drawn.items():
        part, score = key.split()
        parts[part][score] = estimate
    return parts


def _both_ways(one: Estimate, chance: _Chance | None) -> Estimate:
    """The interval as far to one side as to the other: draws lie above a value that is too high.

    `chance` is null for a difference, which may be below zero.
    """
    if one.value is None or one.low is None or one.high is None:
        return one
    reach = max(one.value - one.low, one.high - one.value, 0.0 if chance is None else chance.reach)
    low, high = one.value - reach, one.value + reach
    if chance is not None:
        low, high = 0.0 if one.value <= chance.most else max(0.0, low), min(1.0, high)
    return one._replace(low=low, high=high)


def _scores(rows: Columns, name: str) -> Callable[[Floats], Mapping[str, float]]:
    forecast, outcomes = rows[name], rows["outcome"]
    error = calibration_error(forecast, outcomes, rows[f"{name}_bin"])
    squares, every = (outcomes - forecast) ** 2, np.ones(len(outcomes))
    safe = np.clip(forecast, _LEAST, 1 - _LEAST)
    losses = -np.where(outcomes == 1, np.log(safe), np.log1p(-safe))

    def of(weights: Floats) -> dict[str, float]:
        return {
            "ece": error(weights),
            "brier": share(squares, every, weights),
            "log_loss": share(losses, every, weights),
        }

    return of

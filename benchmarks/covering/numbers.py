"""Every interval of `prefkit.statistics`, asked of simulated rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.covering.models import aggregated, calibrated, powered
from benchmarks.covering.people import annotator, noise, rankings
from benchmarks.covering.rows import Rows
from prefkit.statistics.agreement import VERDICTS, agreement
from prefkit.statistics.bootstrap import Estimate, estimates
from prefkit.statistics.ceiling import ceiling_share
from prefkit.statistics.detection import detected
from prefkit.statistics.fleiss import agreements
from prefkit.statistics.lean import longer_lean, own_lean
from prefkit.statistics.length_bias import correlation, direction
from prefkit.statistics.order_effect import order_effect, within_pairs
from prefkit.statistics.panels import leave_one_out, panel_errors
from prefkit.statistics.prediction import auc_of
from prefkit.statistics.raters import Ratings
from prefkit.statistics.rates import rate, ratio
from prefkit.statistics.shares import Coded
from prefkit.statistics.swaps import swaps

__all__ = ["OF_SIZE", "QUICK", "SLOW", "Found", "Measure"]

_PLANTED = 0.2

Found = dict[str, Estimate]
Measure = Callable[[Rows], Found]


def _flat(found: Mapping[str, Mapping[str, Estimate]]) -> Found:
    return {f"{one}.{name}": value for one, part in found.items() for name, value in part.items()}


def _up(rater: Coded) -> Coded:
    return Coded(rater.codes + 1, rater.known)


def _rates(rows: Rows) -> Found:
    judge, human = rows.judges[0].codes, rows.human.codes
    both = ((judge != 0) & (human != 0)).astype(float)
    return {
        "rate": rate((judge == human).astype(float), rows.clusters),
        "half credit": rate((judge + 1) / 2, rows.clusters),
        "ratio": ratio((judge == human) * both, both, rows.clusters),
        "mean": ratio(np.exp(rows.length / 2), np.ones(len(judge)), rows.clusters),
    }


def _agreement(rows: Rows) -> Found:
    return _flat(agreement(_up(rows.judges[0]), _up(rows.human), rows.clusters, VERDICTS))


def _many(rows: Rows) -> Found:
    raters = [rows.human, *rows.judges]
    count = len(rows.clusters)
    ratings = Ratings(
        np.tile(np.arange(count), len(raters)),
        np.repeat(np.arange(len(raters)), count),
        np.concatenate([_up(rater).codes for rater in raters]),
        count,
        np.arange(3).astype(np.float64),
    )
    metrics = ("nominal", "ordinal", "interval")
    return _flat(agreements(ratings, rows.clusters, VERDICTS, metrics=metrics))


def _ceiling(rows: Rows) -> Found:
    return _flat(ceiling_share(rows.judges[0], rows.others, rows.clusters))


def _swaps(rows: Rows) -> Found:
    return swaps(rows.judges[0], rows.swapped, rows.clusters)


def _orders(rows: Rows) -> Found:
    verdicts = np.concatenate([(one.codes + 1) / 2 for one in (rows.judges[0], rows.swapped)])
    order = np.repeat([1, -1], len(rows.clusters))
    found = order_effect(verdicts, order, np.tile(rows.clusters, 2))
    return {**found, "within": within_pairs(rows.judges[0], rows.swapped, rows.clusters)}


def _panel(rows: Rows) -> Found:
    human = rows.human.codes
    wrong = np.stack([np.abs(judge.codes - human) / 2 for judge in rows.judges], axis=1)
    codes = np.stack([judge.codes + 1 for judge in rows.judges], axis=1)
    known = np.ones(codes.shape, dtype=bool)
    alone = leave_one_out(codes, known, rows.clusters)
    return {**panel_errors(wrong, known, rows.clusters), "leave_one_out": alone[0]}


def _lean(rows: Rows) -> Found:
    longer = np.sign(rows.length).astype(np.int64)
    found = longer_lean(rows.judges[0], rows.human, longer, rows.clusters)
    own = own_lean(rows.judges[0], rows.judges[1:], rows.human, rows.clusters)
    return {**{f"longer.{name}": one for name, one in found.items()}, **own}


def _length(rows: Rows) -> Found:
    sides = np.where(rows.human.codes == 0, 1, rows.human.codes)
    signed, ones = rows.length * sides, np.ones(len(sides))
    found = {"auc": auc_of(signed, rows.clusters)}
    columns = {"difference": signed, "margin": rows.judges[0].codes * sides * 1.0}
    for statistic in (direction, correlation):
        found.update(estimates(columns, rows.clusters, ones, statistic))
    return found


def _detected(rows: Rows) -> Found:
    # As in a self-test: always a fifth of the rows, drawn at random.
    place = np.argsort(np.argsort(rows.spare[:, 1]))
    planted = place < round(len(place) * _PLANTED)
    return detected(np.abs(rows.length) + rows.spare[:, 0] + planted, planted, rows.clusters)


QUICK: Mapping[str, Measure] = {
    "rates": _rates,
    "agreement": _agreement,
    "many": _many,
    "ceiling": _ceiling,
    "swaps": _swaps,
    "orders": _orders,
    "panel": _panel,
    "lean": _lean,
    "detected": _detected,
    "annotator": annotator,
    "noise": noise,
    "powered": powered,
}
"""By sums over prompts: up to 20 milliseconds a data set."""

SLOW: Mapping[str, Measure] = {
    "length": _length,
    "rankings": rankings,
    "calibrated": calibrated,
    "aggregated": aggregated,
}
"""Some fit models, some weigh rows in every draw: 50 to 150 milliseconds a data set."""

OF_SIZE = ("aggregated",)
"""What is fitted is better of more rows: the truth is that of data sets of the same size."""

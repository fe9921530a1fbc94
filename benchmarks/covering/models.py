"""The intervals of what is fitted or corrected, asked of simulated rows."""

from __future__ import annotations

import numpy as np

from benchmarks.covering.rows import Rows
from prefkit.statistics.aggregation.dawid_skene import dawid_skene
from prefkit.statistics.aggregation.independence import independence
from prefkit.statistics.aggregation.labels import Labels
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.calibration import calibrate
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.ppi import powered_mean

__all__ = ["aggregated", "calibrated", "powered"]

Found = dict[str, Estimate]

_RAISED = 0.7  # in log-odds
_LABELLED = 0.4


def powered(rows: Rows) -> Found:
    """The mean of human labels with the help of a judge; two fifths of the rows are labelled."""
    labels, judged = (rows.human.codes + 1) / 2, (rows.judges[0].codes + 1) / 2
    found = powered_mean(labels, rows.spare[:, 1] < _LABELLED, judged, rows.clusters)
    return {"mean": found.mean, "human_only": found.human_only, "plain": found.plain}


def calibrated(rows: Rows) -> Found:
    """Errors of probabilities that are given: too high everywhere, and exactly right.

    Where all are too high their ECE is the mean of how far, whatever the bins.
    """
    exact = sigmoid(rows.length)
    outcomes = (rows.spare[:, 0] < exact).astype(float)
    found = {}
    for name, given in (("raised", sigmoid(rows.length + _RAISED)), ("exact", exact)):
        measured = calibrate(rows.length, outcomes, rows.clusters, given=given).before
        found.update({f"{name}.{score}": one for score, one in measured.items()})
    return found


def aggregated(rows: Rows) -> Found:
    """The correlation of judges' errors without gold.

    The gain over the majority is left out: its interval is of the fits at hand, not of the mean of
    fits to other data sets, so there is no truth here to hold it against.
    """
    count = len(rows.clusters)
    judges = (rows.human, *rows.judges, rows.swapped)
    codes = np.concatenate([judge.codes + 1 for judge in judges])
    items, who = np.tile(np.arange(count), len(judges)), np.repeat(np.arange(len(judges)), count)
    labels = Labels(items, who, codes, count, len(judges), 3)
    return {"correlation": independence(labels, rows.clusters, dawid_skene(labels)).mean}

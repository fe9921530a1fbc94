"""The intervals of people's ratings, rankings and times, asked of simulated rows."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.covering.rows import Rows
from prefkit.statistics.annotators import median
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.drift import drift
from prefkit.statistics.label_noise import label_noise
from prefkit.statistics.rank_agreement import Rankings, rank_agreement

__all__ = ["annotator", "noise", "rankings"]

Found = dict[str, Estimate]

_RESPONSES, _RATERS = 4, 3


def annotator(rows: Rows) -> Found:
    """What one person does: the median time, and how agreement changes over time."""
    agrees = (rows.judges[0].codes == rows.human.codes).astype(float)
    at = np.argsort(np.argsort(rows.spare[:, 1]))
    seconds = np.exp(1 + rows.length + rows.spare[:, 0])
    return {
        "seconds": median(seconds, rows.clusters),
        "change": drift(agrees, at, rows.clusters).change,
    }


def noise(rows: Rows) -> Found:
    """The error of labels from two or three votes without ties, all raters alike."""
    votes = rows.others[:, [0, 2]].copy()
    votes[:, 1] += rows.human.codes == 1
    votes[:, 0] += rows.human.codes == -1
    ahead, behind = votes.max(axis=1), votes.min(axis=1)
    voted = ahead > 0
    return label_noise(ahead[voted], behind[voted], rows.clusters[voted])


def rankings(rows: Rows) -> Found:
    """Three people's rankings of four responses, with ties."""
    count = len(rows.clusters)
    # From rows: the same rows have the same rankings.
    rng = np.random.default_rng(int(rows.spare[:, 2].sum() * 1e9))
    hard = np.where(rows.spare[:, 0] < 0.3, 3.0, 0.8)[:, None, None]
    worth = np.arange(_RESPONSES)[None, None, :]
    scores = worth + hard * rng.normal(size=(count, _RATERS, _RESPONSES))
    group, rater, response = np.indices(scores.shape)
    flat = partial(np.reshape, shape=-1)
    given = Rankings(flat(group), flat(rater), flat(response), flat(np.round(scores)), count)
    return rank_agreement(given, rows.clusters)

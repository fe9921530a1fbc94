"""How well scores find what was planted, and the most that any score can find.

Labels that are turned round in secret are among labels of which some were wrong before. Who knows
the truth calls these wrong too, and a share of the turned ones right: no knowledge of the truth
goes beyond that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, Bools, unmeasured
from prefkit.statistics.spread import FEWEST_WORTH, Clustering
from prefkit.statistics.sums import score_ends

__all__ = ["Limit", "detected", "detection_area", "detection_limit", "found_at"]

_NEAR = 10
"""Rows on either side of the last place looked at, at least, that tell who stands there."""


class Limit(NamedTuple):
    """What a detector that knows the truth so often reaches, by area and among the first rows."""

    auc: float
    precision: float


def detection_limit(accuracy: float, noise: float, share: float) -> Limit:
    """The area and the precision of a yes-or-no detector among labels with natural noise.

    A detector that is right about the truth with probability a, independently of the labels' errors
    e, calls wrong a (1 - e) + (1 - a) e of the labels that were turned, and one minus that of the
    others: this is its area under the curve, and with a = 1 what nothing that knows the truth
    exceeds. The precision is that of the first rows, as many as were turned, rows with one
    verdict in any order.

    Args:
        accuracy: a, from 0 to 1.
        noise: e, the share of labels that were wrong before.
        share: the share of labels that were turned.

    Raises:
        ValueError: a number outside 0 to 1, or nothing or everything was turned.
    """
    if not (0 <= accuracy <= 1 and 0 <= noise <= 1 and 0 < share < 1):
        raise ValueError(f"accuracy {accuracy}, noise {noise}, share {share}")
    hit = accuracy * (1 - noise) + (1 - accuracy) * noise
    called = share * hit + (1 - share) * (1 - hit)
    inside = min(share, called)
    first = inside * share * hit / called if called > 0 else 0.0
    rest = (share - inside) * share * (1 - hit) / (1 - called) if called < 1 else 0.0
    return Limit(hit, min(1.0, (first + rest) / share))


def detected(scores: Floats, planted: Bools, clusters: np.ndarray[Any, Any]) -> dict[str, Estimate]:
    """`auc` and `precision` of scores for what was planted, with intervals over clusters.

    `precision` is the share of planted rows among the first, as many rows as were planted. Equal
    scores count half, and stand in any order. How many were planted is no chance.

    The interval is Wilson's, with the trials that the spread over clusters allows: of the area
    what each row adds to it (DeLong and others, 1988), of the precision what it adds directly and
    by moving the last place that is looked at. It needs 20 clusters, and
    planted rows, as others, that are worth 10.
    """
    order = _Order.of(scores, planted)
    hits, others = order.counts()
    own = [_clustering(clusters[rows]) for rows in (planted, ~planted)]
    bare = unmeasured("nothing was planted, or all rows were", clusters)
    if not (planted.any() and not planted.all()):
        return {"auc": bare, "precision": bare}
    found = {"auc": detection_area(hits, others), "precision": found_at(hits, others)}
    adds = {"auc": order.to_area(), "precision": order.to_precision(found["precision"])}
    fewest = min(own, key=lambda one: one.worth)
    return {
        name: _estimate(bare._replace(value=value, reason=None), adds[name], clusters, fewest)
        for name, value in found.items()
    }


def _clustering(clusters: np.ndarray[Any, Any]) -> Clustering:
    return Clustering.of(np.unique(clusters, return_counts=True)[1].astype(float))


class _Order(NamedTuple):
    """Rows by their score, the most suspicious first."""

    places: Ints
    """The place of each row's score, from 0; equal scores have one."""

    planted: Bools

    @classmethod
    def of(cls, scores: Floats, planted: Bools) -> _Order:
        return cls(np.unique(-scores, return_inverse=True)[1].reshape(-1), planted)

    def counts(self) -> tuple[Floats, Floats]:
        """Planted rows and others at each place."""
        size = int(self.places.max(initial=0)) + 1
        hits, others = (np.bincount(self.places[rows], minlength=size).astype(float)
                        for rows in (self.planted, ~self.planted))  # fmt: skip
        return hits, others

    def to_area(self) -> Floats:
        """What each row adds to the area."""
        hits, others = self.counts()
        after = (others.sum() - np.cumsum(others) + others / 2) / others.sum()
        before = (np.cumsum(hits) - hits / 2) / hits.sum()
        area = detection_area(hits, others)
        return np.where(
            self.planted,
            (after[self.places] - area) / hits.sum(),
            (before[self.places] - area) / others.sum(),
        )

    def to_precision(self, precision: float) -> Floats:
        """What each row adds to the precision.

        A planted row that is found adds to it and takes a place; so does another row that is looked
        at. Whoever gives up the last place was planted as often as rows near it were.
        """
        hits, others = self.counts()
        size, wanted = hits + others, float(hits.sum())
        before = np.cumsum(size) - size
        taken = np.clip(wanted - before, 0.0, size) / size
        room = max(_NEAR, wanted**0.75)
        near = (before < wanted + room) & (before + size > wanted - room)
        last = float(hits[near].sum() / size[near].sum())
        looked = float((others * taken).sum() / others.sum())
        return (
            np.where(
                self.planted,
                (1 - last) * (taken[self.places] - precision),
                -last * (taken[self.places] - looked),
            )
            / wanted
        )


def _estimate(
    bare: Estimate, adds: Floats, clusters: np.ndarray[Any, Any], fewest: Clustering
) -> Estimate:
    codes = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    each = np.bincount(codes, adds)
    variance, apart = float((each**2).sum()), float((adds**2).sum())
    bare = bare._replace(design_effect=variance / apart if apart > 0 else None)
    reason = _clustering(clusters).trouble()
    if reason is None and fewest.worth < FEWEST_WORTH:
        reason = (
            f"the rows that were planted, or the others, are worth {fewest.worth:.1f} prompts, "
            f"an interval needs {FEWEST_WORTH}"
        )
    if reason is not None:
        return bare._replace(reason=reason)
    value = float(bare.value or 0.0)
    factor = bare.clusters / (bare.clusters - 1)
    return bare._replace(**score_ends(value, variance * factor, fewest))


def detection_area(hits: Floats, others: Floats) -> float:
    """The area under the curve, from the weight at each score, the most suspicious score first."""
    after = others.sum() - np.cumsum(others) + others / 2
    total = float(hits.sum() * others.sum())
    return float((hits * after).sum()) / total if total > 0 else NO_NUMBER


def found_at(hits: Floats, others: Floats) -> float:
    """The share of hits in the first rows, as many as there are hits; equal scores in any order."""
    wanted = float(hits.sum())
    if wanted <= 0:
        return NO_NUMBER
    size = hits + others
    taken = np.clip(wanted - (np.cumsum(size) - size), 0.0, size)
    share = np.divide(taken, size, out=np.zeros_like(size), where=size > 0)
    return float((hits * share).sum()) / wanted

"""How well scores find what was planted, and the most that any score can find.

Labels that are turned round in secret are among labels of which some were wrong before. Who knows
the truth calls these wrong too, and a share of the turned ones right: no knowledge of the truth
goes beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import NO_NUMBER, Bools, bounded

__all__ = ["Limit", "detected", "detection_area", "detection_limit", "found_at"]


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


def detected(
    scores: Floats, planted: Bools, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """`auc` and `precision` of scores for what was planted, with intervals over clusters.

    `precision` is the share of planted rows among the first, as many rows as were planted. Equal
    scores count half, and stand in any order.
    """
    columns = {"scores": scores, "planted": planted.astype(float)}
    return bounded(estimates(columns, clusters, np.ones(len(scores)), _detection, seed=seed))


def _detection(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
    values, codes = np.unique(-columns["scores"], return_inverse=True)
    places, planted = codes.reshape(-1), columns["planted"]
    size = float(planted.sum())

    def scaled(weights: Floats, total: float) -> Floats:
        """How many were planted is no chance: each draw has as many."""
        found = np.bincount(places, weights, len(values)).astype(float, copy=False)
        there = float(found.sum())
        return found * (total / there) if there > 0 else found

    def of(weights: Floats) -> dict[str, float]:
        hits = scaled(weights * planted, size)
        others = scaled(weights * (1 - planted), len(planted) - size)
        return {"auc": detection_area(hits, others), "precision": found_at(hits, others)}

    return of


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

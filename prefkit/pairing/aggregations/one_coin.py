"""One accuracy for every judge."""

from __future__ import annotations

from pydantic import Field

from prefkit.pairing.judge_models import JudgeModel
from prefkit.statistics.aggregation.dawid_skene import SMOOTHING
from prefkit.statistics.aggregation.labels import Aggregated, Labels, Prior
from prefkit.statistics.aggregation.one_coin import one_coin

__all__ = ["OneCoin"]


class OneCoin(JudgeModel):
    """Learn one accuracy of each judge, whatever the truth is, and weigh its votes by it.

    It needs fewer votes of a judge than a confusion matrix does, and misses a taste for ties.
    """

    smoothing: float = Field(
        SMOOTHING, ge=0, description="Votes of the average judge that each judge begins with."
    )

    def fit(self, labels: Labels, prior: Prior) -> Aggregated:
        """By expectation and maximisation."""
        return one_coin(labels, prior, smoothing=self.smoothing, limits=self.limits())

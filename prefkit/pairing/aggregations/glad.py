"""Able judges and hard contests."""

from __future__ import annotations

from prefkit.pairing.judge_models import JudgeModel
from prefkit.statistics.aggregation.glad import glad
from prefkit.statistics.aggregation.labels import Aggregated, Labels, Prior

__all__ = ["Glad"]


class Glad(JudgeModel):
    """Learn an ability of each judge and an ease of each contest: hard ones excuse errors.

    It has a number more for every contest, so it wants several votes on each.
    """

    def fit(self, labels: Labels, prior: Prior) -> Aggregated:
        """By expectation and maximisation after Whitehill et al. (2009)."""
        return glad(labels, prior, limits=self.limits())

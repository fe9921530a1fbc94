"""Judges that spam, and when."""

from __future__ import annotations

from pydantic import Field

from prefkit.pairing.judge_models import JudgeModel
from prefkit.statistics.aggregation.labels import Aggregated, Labels, Prior
from prefkit.statistics.aggregation.mace import mace

__all__ = ["Mace"]


class Mace(JudgeModel):
    """Learn how often each judge spams (votes without looking), and weigh its votes by it.

    A judge either says the truth or what its habit says, so honest errors count as spam.
    """

    smoothing: float = Field(
        0.5, gt=0, description="Votes meant and votes spammed that each judge begins with."
    )

    def fit(self, labels: Labels, prior: Prior) -> Aggregated:
        """By expectation and maximisation after Hovy et al. (2013)."""
        return mace(labels, prior, smoothing=self.smoothing, limits=self.limits())

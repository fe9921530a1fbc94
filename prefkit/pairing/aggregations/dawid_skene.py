"""A confusion matrix for every judge."""

from __future__ import annotations

from pydantic import Field

from prefkit.pairing.judge_models import JudgeModel
from prefkit.statistics.aggregation.dawid_skene import SMOOTHING, dawid_skene
from prefkit.statistics.aggregation.labels import Aggregated, Labels, Prior

__all__ = ["DawidSkene"]


class DawidSkene(JudgeModel):
    """Learn how each judge errs (a confusion matrix), and weigh its votes by it.

    Takes errors for independent once the truth is given. Judges that are fooled by the same thing
    are not, and then the majority can be better: the report says so where it shows.
    """

    smoothing: float = Field(
        SMOOTHING, ge=0, description="Votes of the average judge that each judge begins with."
    )

    def fit(self, labels: Labels, prior: Prior) -> Aggregated:
        """By expectation and maximisation after Dawid and Skene (1979)."""
        return dawid_skene(labels, prior, smoothing=self.smoothing, limits=self.limits())

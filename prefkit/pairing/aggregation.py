"""What an aggregation of votes is, and what it hands on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import polars as pl
import pyarrow as pa

from prefkit.pairing.ballots import Selection
from prefkit.pairing.posteriors import Posteriors
from prefkit.step import Options, name_of

__all__ = ["Aggregation"]


class Aggregation(Options):
    """Makes one answer of all votes on two responses; its fields are its options.

    The first pass calls `collect` on every batch and `learn` once on all of it, in row order; the
    second pass orients pairs by what `learn` gives.
    """

    looks_first: ClassVar[bool] = True
    """Whether it learns from all votes before it can say anything of one contest."""

    takes_gold: ClassVar[bool] = True
    """Whether what gold says of contests can anchor what it learns."""

    @property
    def name(self) -> str:
        """The registered name; `p_kind` of the pairs that it has a probability for."""
        return name_of(self)

    def collect(self, table: pa.Table, selection: Selection) -> pl.DataFrame:
        """The votes of a batch of comparisons as numbers and judges' names, never the text.

        Raises:
            DataError: a score is not finite or outside its scale.
        """
        raise NotImplementedError

    def learn(self, batches: Iterable[pl.DataFrame], gold: pl.DataFrame | None) -> Posteriors:
        """Learn from the votes of all batches.

        Args:
            batches: what `collect` gave, in the order of the dataset.
            gold: what is known of contests, as `gold_pairs.anchors` gives it; null for nothing.

        Raises:
            ConfigError: these votes cannot teach it anything.
        """
        raise NotImplementedError

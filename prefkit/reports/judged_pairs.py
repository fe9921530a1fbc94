"""What one judge thinks of each pair of responses, beside what the gold says of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["Sides", "judged_pairs", "showings_for", "sides_for", "sides_of_all"]

_PAIR = ["comparison", "a", "b"]
_LEAST = 1e-6  # a probability nearer to 0 or 1 is what a server rounds to, not a belief
_UNREADABLE = 0.5

_SAID = pl.coalesce("p", (pl.col("verdict") + 1) / 2)
"""What a showing says for side a: its probability, or 1, 0 and one half for a tie."""


class Sides(NamedTuple):
    """Pairs turned to one side, a row each."""

    judged: Floats
    """What the judge says for the side, from 0 to 1."""

    labels: Floats
    """What the gold says, NaN where it says nothing."""

    clusters: np.ndarray[Any, Any]

    @property
    def labelled(self) -> Bools:
        """Where there is gold."""
        known: Bools = ~np.isnan(self.labels)
        return known


def judged_pairs(rows: pl.DataFrame, gold: pl.DataFrame | None) -> pl.DataFrame:
    """One line for each pair that the judge was asked about.

    `value` is one number for side a. Of a pair shown in both orders it is free of the order: the
    middle of the two log-odds where both are probabilities, else the mean of the verdicts. Draws of
    an order are averaged first. A pair with no readable verdict counts one half: PPI holds for any
    value that is fixed before the labels are seen, so silence is a value too, and leaving such
    pairs out would answer for easier pairs only. `label` is the gold for side a (1, 0, one half for
    a tie), null where there is none.
    """
    said = rows.select(
        *_PAIR, "cluster", "model_a", "model_b", "first", said=_SAID,
        odds=_logit(pl.col("p").clip(_LEAST, 1 - _LEAST)), chance=pl.col("p").is_not_null(),
    )  # fmt: skip
    readable = said.filter(pl.col("said").is_not_null())
    orders = readable.group_by(*_PAIR, "first").agg(
        pl.col("said").mean(), pl.col("odds").mean(), pl.col("chance").all()
    )
    both = pl.col("first").drop_nulls().n_unique() == 2
    known = pl.col("first").is_not_null()
    middle = 1 / (1 + (-pl.col("odds").filter(known).mean()).exp())
    by_pair = orders.group_by(_PAIR).agg(
        value=pl.when(both & pl.col("chance").filter(known).all())
        .then(middle)
        .when(both)
        .then(pl.col("said").filter(known).mean())
        .otherwise(pl.col("said").mean())
    )
    pairs = said.unique(_PAIR, keep="first", maintain_order=True)
    joined = pairs.select(*_PAIR, "cluster", "model_a", "model_b").join(
        by_pair, on=_PAIR, how="left", maintain_order="left"
    )
    joined = joined.with_columns(pl.col("value").fill_null(_UNREADABLE))
    if gold is None:
        return joined.with_columns(label=pl.lit(None, pl.Float64))
    labels = gold.select(*_PAIR, label=(pl.col("verdict") + 1) / 2)
    return joined.join(labels, on=_PAIR, how="left", maintain_order="left")


def _logit(share: pl.Expr) -> pl.Expr:
    return share.log() - (1 - share).log()


def _toward(model: str, against: str | None) -> tuple[pl.Expr, pl.Expr]:
    """Rows about the model and another one, and whether the model is side a."""
    a, b = pl.col("model_a"), pl.col("model_b")
    if against is None:
        return (a != b) & ((a == model) | (b == model)), a == model
    there = ((a == model) & (b == against)) | ((a == against) & (b == model))
    return there, a == model


def sides_for(pairs: pl.DataFrame, model: str, against: str | None) -> Sides:
    """The pairs of a model and another (null: any other), turned to the model."""
    there, is_a = _toward(model, against)
    turned = pairs.filter(there).select(
        "cluster",
        *(pl.when(is_a).then(name).otherwise(1 - pl.col(name)).alias(name) for name in _VALUES),
    )
    return _sides(turned)


def sides_of_all(pairs: pl.DataFrame) -> Sides:
    """Every pair, turned to the model whose name comes first, or to side a without two names."""
    turn = (pl.col("model_b") < pl.col("model_a")).fill_null(False)
    turned = pairs.select(
        "cluster",
        *(pl.when(turn).then(1 - pl.col(name)).otherwise(name).alias(name) for name in _VALUES),
    )
    return _sides(turned)


_VALUES = ("value", "label")


def _sides(turned: pl.DataFrame) -> Sides:
    labels = turned["label"].cast(pl.Float64).fill_null(float("nan"))
    return Sides(turned["value"].to_numpy(), labels.to_numpy(), turned["cluster"].to_numpy())


def showings_for(rows: pl.DataFrame, model: str, against: str | None) -> pl.DataFrame:
    """Every showing of such a pair: `said` for the model (null unreadable), `order`, `cluster`.

    `order` is 1 where the model was shown first, -1 where second, null where that is unknown or
    each response was judged alone; `inferred` where the source does not say the order but tells
    the verdict twice (see `statistics.order_effect.infer_order`).
    """
    there, is_a = _toward(model, against)
    said = pl.when(is_a).then(_SAID).otherwise(1 - _SAID)
    first = pl.coalesce("first", "inferred_first")
    return rows.filter(there).select(
        "cluster",
        "form",
        said=said,
        order=pl.when(is_a).then(first).otherwise(-first),
        inferred=pl.col("first").is_null() & pl.col("inferred_first").is_not_null(),
    )

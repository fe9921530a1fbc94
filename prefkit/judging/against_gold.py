"""A judge beside the gold: one verdict of each pair, and the numbers of its certificate.

One verdict a pair. Of several draws in one order, the most frequent readable answer; a tie where
none is. Then of both orders: the same answer twice is that answer, two different ones are a tie,
and where only one is readable the pair is unreadable, for one order alone cannot be told from a
taste for a slot. A pair that was shown in one order only, or whose order nobody wrote down, has the
verdict that it got.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.columns import coded
from prefkit.judging.duels import swapped
from prefkit.judging.gold import Gold, head_counts
from prefkit.statistics.agreement import TIES, VERDICTS, agreement, credits_of
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.ceiling import ceiling_share
from prefkit.statistics.faultless import coefficients_without_fault, difference_without_fault
from prefkit.statistics.lean import longer_lean
from prefkit.statistics.prediction import Ints
from prefkit.statistics.rates import rate
from prefkit.statistics.shares import Coded, unmeasured
from prefkit.statistics.swaps import swaps

__all__ = ["Measured", "base_rates", "chance_levels", "measured", "one_verdict_each"]

_PAIR = ("comparison", "a", "b")
_ORDERS = ("order_unknown", "one_order", "both_orders", "shown_apart")
_CREDITS = {"class": credits_of(3), "dropped": credits_of(2), "half": credits_of(3, "linear")}
"""What two answers are worth together, by reading of ties."""


class Measured(NamedTuple):
    """The numbers of one judge; shares of 0 to 1."""

    against_gold: Mapping[str, Mapping[str, Estimate]]
    """By reading of ties: `percent`, `kappa` and `ac`, one verdict a pair."""

    one_human: Mapping[str, Mapping[str, Estimate]]
    """By reading of ties, as `ceiling_share` has them; empty where the gold is not of humans."""

    by_order: Mapping[str, Estimate]
    """Accuracy of single verdicts, ties a class: `every_verdict`, `a_first`, `b_first` (sides
    as stored), `better_first` and `better_second` (the side that the gold prefers)."""

    swaps: Mapping[str, Estimate]
    """Of all pairs of the judge shown in both orders, gold or not."""

    lean: Mapping[str, Estimate]
    unreadable: Estimate
    """Of all duels of the judge, gold or not: a duel of two grades is unreadable if either is, and
    an unreadable list is one for each of its pairs. By votes the share may be smaller."""

    chance: Mapping[str, float]
    base_rate: Mapping[str, float | None]
    pairs: Mapping[str, int]
    """`gold`: judged by this judge and by the gold; of these `readable`, `unreadable`, and
    `both_orders`, `one_order`, `order_unknown`, `shown_apart`; `without_gold` are none of these."""

    clusters: int
    """Prompts of the readable gold pairs."""


def one_verdict_each(one_judge: pl.DataFrame) -> pl.DataFrame:
    """A line for each pair: its key, `cluster`, `longer`, `verdict` (null: unreadable), `orders`.

    `orders` is both_orders, one_order, order_unknown or shown_apart (pointwise). See the module for
    how the verdict is made.
    """
    pairs = (
        _answers(one_judge)
        .group_by(_PAIR, maintain_order=True)
        .agg(
            pl.col("cluster", "longer").first(),
            pl.col("answer").null_count().alias("silent"),
            pl.col("answer").first().alias("one"),
            pl.col("answer").n_unique().alias("answers"),
            pl.col("first").drop_nulls().n_unique().alias("slots"),
            (pl.col("form") == "pointwise").all().alias("apart"),
        )
    )
    verdict = (
        pl.when(pl.col("silent") > 0).then(None)
        .when(pl.col("answers") == 1).then(pl.col("one"))
        .otherwise(0)
    )  # fmt: skip
    words = dict(enumerate(_ORDERS[:3]))  # by how many orders are known
    return pairs.select(
        *_PAIR,
        "cluster",
        "longer",
        verdict.cast(pl.Int8).alias("verdict"),
        pl.when("apart")
        .then(pl.lit("shown_apart"))
        .otherwise(pl.col("slots").replace_strict(words, return_dtype=pl.String))
        .alias("orders"),
    )


def _answers(one_judge: pl.DataFrame) -> pl.DataFrame:
    """A line for each pair and order: `answer` of all draws (null: none is readable)."""
    said = pl.col("verdict")
    counts = [(said == code).sum().alias(f"said_{code + 1}") for code in (-1, 0, 1)]
    names = [f"said_{code + 1}" for code in (-1, 0, 1)]
    most = pl.max_horizontal(names)
    alone = pl.sum_horizontal([(pl.col(name) == most).cast(pl.Int64) for name in names]) == 1
    answer = (
        pl.when(most == 0).then(None)
        .when(~alone | (pl.col("said_1") == most)).then(0)
        .when(pl.col("said_2") == most).then(1)
        .otherwise(-1)
    )  # fmt: skip
    shown = one_judge.group_by([*_PAIR, "first"], maintain_order=True).agg(
        pl.col("cluster", "longer", "form").first(), *counts
    )
    return shown.with_columns(answer.cast(pl.Int8).alias("answer"))


def measured(
    duels: pl.DataFrame, one_judge: pl.DataFrame, gold: Gold, *, seed: int = 0
) -> Measured:
    """The numbers of one judge.

    Args:
        duels: all duels; the single votes of humans are read from them.
        one_judge: the lines of the judge.
        gold: what it is held against; may be empty.
        seed: another seed gives other draws of prompts.
    """
    every = one_verdict_each(one_judge)
    answers = gold.frame.select(*_PAIR, pl.col("verdict").alias("gold"))
    both = every.join(answers, on=_PAIR, how="inner", maintain_order="left")
    judge, truth, clusters = coded(both["verdict"]), coded(both["gold"]), both["cluster"].to_numpy()
    given = one_judge.join(answers, on=_PAIR, how="inner", maintain_order="left")
    lean = longer_lean(judge, truth, both["longer"].to_numpy(), clusters, seed=seed)
    return Measured(
        against_gold=_against(judge, truth, clusters, seed),
        one_human=_one_human(duels, every, gold, seed),
        by_order=_by_order(given, seed),
        swaps=_swaps(swapped(one_judge), seed),
        lean={**lean, "difference": difference_without_fault(lean["difference"])},
        unreadable=rate(
            one_judge["verdict"].is_null().to_numpy().astype(float),
            one_judge["cluster"].to_numpy(),
            seed=seed,
        ),
        chance=chance_levels(truth),
        base_rate=base_rates(truth),
        pairs=_pair_counts(both, without_gold=len(every) - len(both)),
        clusters=len(np.unique(clusters[judge.known])),
    )


def _pair_counts(both: pl.DataFrame, *, without_gold: int) -> dict[str, int]:
    """`Measured.pairs`, of the pairs that the judge and the gold judged."""
    unreadable = both["verdict"].null_count()
    return {
        "gold": len(both),
        "readable": len(both) - unreadable,
        "unreadable": unreadable,
        **{word: int((both["orders"] == word).sum()) for word in _ORDERS},
        "without_gold": without_gold,
    }


def chance_levels(truth: Coded) -> dict[str, float]:
    """The accuracy of guessing A, tie or B evenly, by reading of ties.

    With a tie at half credit it rises from 1/2 to 2/3 with the share of ties in the gold.
    """
    codes = truth.codes[truth.known]
    ties = float((codes == 0).mean()) if len(codes) else 0.0
    return {"class": 1 / 3, "dropped": 1 / 2, "half": 1 / 2 + ties / 6}


def base_rates(truth: Coded) -> dict[str, float | None]:
    """The accuracy of always giving the best single answer, by reading of ties; null: no gold.

    With ties as a class or dropped this is the share of the gold's most frequent answer.
    """
    codes = truth.codes[truth.known]
    sides = codes[codes != 0]
    if not len(codes):
        return dict.fromkeys(TIES)
    half = [1 - np.abs(codes - answer).mean() / 2 for answer in (-1, 0, 1)]
    return {
        "class": float(max((codes == answer).mean() for answer in (-1, 0, 1))),
        "dropped": float(max((sides == 1).mean(), (sides == -1).mean())) if len(sides) else None,
        "half": float(max(half)),
    }


def _against(
    judge: Coded, truth: Coded, clusters: np.ndarray[Any, Any], seed: int
) -> dict[str, dict[str, Estimate]]:
    one, other = (Coded(rater.codes + 1, rater.known) for rater in (judge, truth))
    found = agreement(one, other, clusters, VERDICTS, seed=seed)
    both = judge.known & truth.known
    sides = both & (judge.codes != 0) & (truth.codes != 0)
    answers = {"class": one.codes[both], "dropped": one.codes[sides] // 2, "half": one.codes[both]}
    return {
        ties: coefficients_without_fault(found[ties], answers[ties], _CREDITS[ties])
        for ties in TIES
    }


def _swaps(turned: pl.DataFrame, seed: int) -> dict[str, Estimate]:
    clusters = turned["cluster"].to_numpy()
    found = swaps(coded(turned["a_first"]), coded(turned["b_first"]), clusters, seed=seed)
    if len(turned):
        return found
    reason = "no pair is known to have been shown in both orders"
    return dict.fromkeys(found, unmeasured(reason, clusters))


def _one_human(
    duels: pl.DataFrame, every: pl.DataFrame, gold: Gold, seed: int
) -> dict[str, dict[str, Estimate]]:
    """The judge against single humans, and these against each other, on the same pairs.

    Pairs on which the humans have no majority are among them: without these, two humans a pair
    would always agree.
    """
    if gold.kind != "human":
        return {}
    heads = head_counts(duels, gold.criterion, ("human",)).drop("verdict")
    rows = every.join(heads, on=_PAIR, how="inner", maintain_order="left")
    humans: Ints = rows.select("for_b", "ties", "for_a").to_numpy()
    clusters = rows["cluster"].to_numpy()
    return ceiling_share(coded(rows["verdict"]), humans, clusters, seed=seed)


def _by_order(given: pl.DataFrame, seed: int) -> dict[str, Estimate]:
    """Accuracy of single verdicts of gold pairs, by what was shown first."""
    lines = given.filter(pl.col("verdict").is_not_null())
    first, truth = pl.col("first"), pl.col("gold")
    parts = {
        "every_verdict": pl.lit(value=True),
        "a_first": first == 1,
        "b_first": first == -1,
        "better_first": (truth != 0) & (first == truth),
        "better_second": (truth != 0) & (first == -truth),
    }
    found = {}
    for name, chosen in parts.items():
        part = lines.filter(chosen)
        right = (part["verdict"] == part["gold"]).to_numpy().astype(float)
        found[name] = rate(right, part["cluster"].to_numpy(), seed=seed)
    return found

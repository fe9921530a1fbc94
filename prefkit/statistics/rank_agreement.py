"""How far people who ranked the same responses agree on their order.

Kendall's tau asks of every two responses whether two people order them alike, and has three forms
by what is done with a tie. `tau_a` lets a pair that either tied count for neither side, `gamma`
(Goodman and Kruskal, 1954) leaves it out, `tau_b` (Kendall, 1945) corrects for it. Spearman's rho
is the correlation of midranks. Kendall's W (1939, corrected for ties) is of all raters at once,
from 0 for no common order to 1; by chance it is 1 / raters on average, not 0.

Each number is taken within a comparison, and their mean over comparisons has the interval, since
responses to two prompts stand in no order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import ratio
from prefkit.statistics.shares import unmeasured

__all__ = ["NAMES", "Rankings", "each_group", "rank_agreement"]

NAMES = ("tau_b", "gamma", "tau_a", "spearman", "w")


class Rankings(NamedTuple):
    """Rankings in long form: a line for each response in each rater's ranking."""

    groups: Ints
    """The comparison, from 0 to `group_count` - 1."""

    raters: Ints
    """Who ranked, within the comparison; a ballot of nobody known has a number of its own."""

    responses: Ints
    """Which response, within the comparison."""

    scores: Floats
    """Higher is better, equal is a tie; only their order counts."""

    group_count: int


def rank_agreement(
    rankings: Rankings, clusters: np.ndarray[Any, Any], *, seed: int = 0
) -> dict[str, Estimate]:
    """Means over comparisons of the numbers of `each_group`, by `NAMES`.

    `n` is the comparisons that have the number. `clusters` has one prompt cluster a comparison.

    Raises:
        ValueError: a rater ranked a response twice, or there is not one cluster a comparison.
    """
    if len(clusters) != rankings.group_count:
        raise ValueError(f"{len(clusters)} clusters of {rankings.group_count} comparisons")
    each = each_group(rankings)
    found = {}
    for name in NAMES:
        there = each.filter(pl.col(name).is_not_null())
        own = clusters[there["group"].to_numpy()]
        if not there.height:
            found[name] = unmeasured("no two raters ranked the same two responses apart", own)
            continue
        values = there[name].to_numpy()
        found[name] = ratio(values, np.ones(len(values)), own, seed=seed)
    return found


def each_group(rankings: Rankings) -> pl.DataFrame:
    """One line a comparison that two raters ranked: `group`, `raters`, then `NAMES`, null or not.

    Taus and rho are means over the pairs of raters who ranked at least two of the same responses,
    on those; one that is null (somebody tied all of them) is left out. `w` is of the responses that
    every rater of the comparison ranked. Cost: raters squared by responses squared a comparison.

    Raises:
        ValueError: a rater ranked a response twice.
    """
    lines = pl.DataFrame(
        {
            "group": rankings.groups,
            "rater": rankings.raters,
            "response": rankings.responses,
            "score": rankings.scores,
        }
    ).filter(pl.col("score").is_not_nan())
    twice = lines.group_by("group", "rater", "response", maintain_order=True).len()
    twice = twice.filter(pl.col("len") > 1)
    if twice.height:
        group, rater, response = twice.row(0)[:3]
        raise ValueError(f"rater {rater} ranked response {response} of {group} more than once")
    lines = lines.filter(pl.len().over("group", "rater") > 1)
    found = _taus(lines).join(_rhos(lines), on="group", how="full", coalesce=True)
    found = found.join(_concordance(lines), on="group", how="full", coalesce=True)
    return found.select("group", "raters", *NAMES).sort("group")


def _meetings(lines: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Every two raters on the same thing, the lower number first."""
    met = lines.join(lines, on=keys, suffix="_other")
    return met.filter(pl.col("rater") < pl.col("rater_other"))


_PAIR = ["group", "rater", "rater_other"]


def _taus(lines: pl.DataFrame) -> pl.DataFrame:
    duels = lines.join(lines, on=["group", "rater"], suffix="_b").filter(
        pl.col("response") < pl.col("response_b")
    )
    duels = duels.select(
        "group", "rater", "response", "response_b",
        sign=(pl.col("score") - pl.col("score_b")).sign(),
    )  # fmt: skip
    one, other = pl.col("sign"), pl.col("sign_other")
    each = (
        _meetings(duels, ["group", "response", "response_b"])
        .group_by(_PAIR)
        .agg(
            both=(one * other).sum(),
            one=(one**2).sum(),
            other=(other**2).sum(),
            apart=(one * other).abs().sum(),
            pairs=pl.len(),
        )
    )
    each = each.select(
        "group",
        tau_b=_over(pl.col("both"), (pl.col("one") * pl.col("other")).sqrt()),
        gamma=_over(pl.col("both"), pl.col("apart")),
        tau_a=pl.col("both") / pl.col("pairs"),
    )
    return _mean(each, ["tau_b", "gamma", "tau_a"])


def _over(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    return pl.when(below > 0).then(above / below)


def _mean(each: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    # Sorted, so that the last bit does not depend on the order of a group's lines.
    return each.group_by("group").agg(pl.col(name).sort().mean() for name in names)


def _midrank(column: str, over: list[str]) -> pl.Expr:
    return pl.col(column).rank("average").over(over)


def _rhos(lines: pl.DataFrame) -> pl.DataFrame:
    met = _meetings(lines, ["group", "response"])
    ranked = met.with_columns(
        one=_midrank("score", _PAIR) - (pl.len().over(_PAIR) + 1) / 2,
        other=_midrank("score_other", _PAIR) - (pl.len().over(_PAIR) + 1) / 2,
    )
    each = ranked.group_by(_PAIR).agg(
        both=(pl.col("one") * pl.col("other")).sum(),
        spread=((pl.col("one") ** 2).sum() * (pl.col("other") ** 2).sum()).sqrt(),
    )
    each = each.select("group", spearman=_over(pl.col("both"), pl.col("spread")))
    return _mean(each, ["spearman"])


def _concordance(lines: pl.DataFrame) -> pl.DataFrame:
    """W = (12 S) / (m^2 (n^3 - n) - m T): m raters, n responses, T sums t^3 - t over ties of t."""
    lines = lines.with_columns(raters=pl.col("rater").n_unique().over("group"))
    shared = lines.filter(pl.len().over("group", "response") == pl.col("raters"))
    shared = shared.filter(pl.col("raters") > 1)
    own = ["group", "rater"]
    tied = pl.len().over("group", "rater", "score")
    ranked = shared.with_columns(rank=_midrank("score", own), tied=tied**2 - 1)
    totals = ranked.group_by("group", "response").agg(pl.col("rank").sum())
    spread = totals.group_by("group").agg(
        s=((pl.col("rank") - pl.col("rank").mean()) ** 2).sum(), n=pl.len()
    )
    ties = ranked.group_by("group").agg(pl.col("tied").sum(), pl.col("raters").first())
    joined = spread.join(ties, on="group")
    m, n = pl.col("raters").cast(pl.Float64), pl.col("n").cast(pl.Float64)
    below = m**2 * (n**3 - n) - m * pl.col("tied")
    found = joined.select("group", w=_over(12 * pl.col("s"), below))
    every = lines.group_by("group").agg(pl.col("raters").first().cast(pl.Int64))
    return every.filter(pl.col("raters") > 1).join(found, on="group", how="left")

"""Verdicts of a judge counted: outcomes, failures, token mass, grades, money and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from prefkit.judging.columns import clusters, floats
from prefkit.judging.numbers import missing, number
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.rates import rate, ratio

__all__ = ["COLLAPSED", "count_audit"]

COLLAPSED = 0.8
"""A scale is collapsed where one grade has at least this share of all grades."""

_RULE = f"one grade has at least {COLLAPSED:.0%} of 20 grades or more"
_FEWEST = 20
_TRUSTED_MASS = 0.9
_READABLE = ("scored", "tie", "both_good", "both_bad")


def count_audit(votes: pl.DataFrame, *, seed: int = 0) -> dict[str, Any]:
    """What one judge's votes say before they are compared with anything.

    Args:
        votes: the columns of `votes_of` and `cluster`, a vote each.
        seed: another seed gives other draws.
    """
    outcomes = votes["outcome"].value_counts().sort("outcome")
    return {
        "votes": len(votes),
        "outcomes": dict(outcomes.iter_rows()),
        "failures": _failures(votes, seed),
        "mass": _mass(votes, seed),
        "grades": _grades(votes),
        "cost": _cost(votes, seed),
        "seconds": _seconds(votes),
    }


def _failures(votes: pl.DataFrame, seed: int) -> dict[str, Any]:
    """Replies of which no verdict could be read, by reason."""
    said = votes.filter(pl.col("outcome") != "infra")
    failed = said["outcome"] == "failed"
    reasons = (
        said.filter(failed)
        .select(pl.col("reason").fill_null("reason not told"))["reason"]
        .value_counts()
        .sort(["count", "reason"], descending=[True, False])
    )
    found = rate(failed.cast(pl.Float64).to_numpy(), clusters(said), seed=seed)
    return {
        "failed": int(failed.sum()),
        "share": number(found),
        "reasons": dict(reasons.iter_rows()),
    }


def _mass(votes: pl.DataFrame, seed: int) -> dict[str, Any]:
    """The probability that the first token gave to allowed answers, verdicts too low included."""
    told = votes.filter(pl.col("mass").is_not_null())
    if not len(told):
        empty = missing("no verdict was read from the log-probs of a first token")
        return {"verdicts": 0, "least": None, "median": None, "low": empty}
    low = (told["mass"] < _TRUSTED_MASS).cast(pl.Float64).to_numpy()
    least, median = (float(np.quantile(floats(told["mass"]), share)) for share in (0.0, 0.5))
    return {
        "verdicts": len(told),
        "least": _rounded(least),
        "median": _rounded(median),
        "low": number(rate(low, clusters(told), seed=seed)),
    }


def _grades(votes: pl.DataFrame) -> dict[str, Any]:
    """How many grades a pointwise judge uses, and whether nearly all are one."""
    graded = votes.filter(pl.col("grade").is_not_null())
    if not len(graded):
        return {"grades": 0, "used": 0, "most_used": None, "share": None, "collapsed": None,
                "reason": "no response was graded alone", "rule": _RULE}  # fmt: skip
    counts = graded["grade"].value_counts().sort(["count", "grade"], descending=[True, False])
    most_used, times = counts.row(0)
    enough = len(graded) >= _FEWEST
    return {
        "grades": len(graded),
        "scales": sorted(graded["scale"].unique().to_list()),
        "used": len(counts),
        "most_used": most_used,
        "share": _rounded(times / len(graded)),
        "collapsed": times >= COLLAPSED * len(graded) if enough else None,
        "reason": None if enough else f"{len(graded)} grades are too few to say",
        "rule": _RULE,
    }


def _cost(votes: pl.DataFrame, seed: int) -> dict[str, Any]:
    """Dollars for each readable verdict: what unreadable ones cost is paid all the same."""
    priced = votes.filter(pl.col("cost_usd").is_not_null())
    facts = {"total_usd": _rounded(float(priced["cost_usd"].sum())) if len(priced) else None,
             "priced": len(priced), "unpriced": len(votes) - len(priced)}  # fmt: skip
    if not len(priced):
        return {**facts, "per_verdict_usd": missing("no vote says what it cost", len(votes))}
    readable = priced["outcome"].is_in(_READABLE).cast(pl.Float64).to_numpy()
    found = ratio(floats(priced["cost_usd"]), readable, clusters(priced), seed=seed)
    return {**facts, "per_verdict_usd": number(_never_without_a_value(found, priced, readable))}


def _never_without_a_value(found: Estimate, priced: pl.DataFrame, readable: Any) -> Estimate:
    """What was spent is no sample: of few prompts too it is a number, without an interval."""
    total = float(readable.sum())
    if found.value is not None or total == 0:
        return found
    return found._replace(value=float(priced["cost_usd"].sum()) / total)


def _seconds(votes: pl.DataFrame) -> dict[str, Any]:
    timed = floats(votes["seconds"].drop_nulls())
    if not len(timed):
        return {
            "timed": 0,
            "median": None,
            "total": None,
            "reason": "no vote says how long it took",
        }
    return {"timed": len(timed), "median": _rounded(float(np.median(timed))),
            "total": _rounded(float(timed.sum())), "reason": None}  # fmt: skip


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")

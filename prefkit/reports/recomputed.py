"""Numbers that other projects publish of their judges, made again from the votes.

Each is what its name says and nothing else: a kappa is Cohen's, over readable verdicts. Where a
source publishes something else under the name, the two differ, and that is the finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from prefkit.judging.duels import judges_of
from prefkit.reports.judged_pairs import showings_for
from prefkit.statistics.agreement import VERDICTS, cohen_kappa, counted, credits_of
from prefkit.statistics.shares import Coded

__all__ = ["ALPACA", "LLMBAR", "Again", "Votes", "alpaca_numbers", "llmbar_numbers", "votes_in"]

LLMBAR = (
    "correct_False",
    "correct_True",
    "correct_average",
    "correct_both",
    "equal",
    "kappa_False",
    "kappa_True",
    "kappa_average",
    "kappa_agreement",
)
ALPACA = (
    "win_rate",
    "standard_error",
    "n_wins",
    "n_wins_base",
    "n_draws",
    "n_total",
    "discrete_win_rate",
    "avg_length",
)
_SWAP = r"swap = (True|False)$"
_TO_JUDGEMENT = r", results.*$"


class Again(NamedTuple):
    """A number made again, or why it is none; shares go from 0 to 1, `percent` to 100."""

    value: float | None
    n: int
    note: str | None = None
    percent: bool = False
    rounded: bool = False
    """To six digits, as the report has it."""


class Votes(NamedTuple):
    """What is read of the comparisons themselves: see `votes_in`."""

    swapped: pl.DataFrame
    """Verdicts for the side that the source lists first: comparison, row, by, file, swap, said."""

    gold: pl.DataFrame
    """Labels for the response with the lower id: comparison, label."""

    lengths: pl.DataFrame
    """Characters of a model's responses: model, total, responses."""


def votes_in(tables: Iterable[pa.Table]) -> Votes:
    """Read, once, what the duels do not keep: which side a source listed first, and lengths."""
    swapped, gold, lengths = [], [], []
    for table in tables:
        batch = pl.DataFrame(pl.from_arrow(table.select(["id", "responses", "votes"])))
        votes = _two_sided(batch)
        swapped.append(_swapped(votes))
        gold.append(_labels(votes))
        lengths.append(_lengths(batch))
    if not swapped:
        return Votes(pl.DataFrame(), pl.DataFrame(), pl.DataFrame())
    measured = pl.concat(lengths).group_by("model").agg(pl.col("total", "responses").sum())
    return Votes(_last_stage(pl.concat(swapped)), pl.concat(gold), measured)


def _two_sided(batch: pl.DataFrame) -> pl.DataFrame:
    """The votes on two responses, `difference` for the first of them."""
    ids = pl.col("responses").list.eval(pl.element().struct.field("id"))
    votes = (
        batch.filter(pl.col("responses").list.len() == 2)
        .select("id", "votes", ids=ids)
        .explode("votes")
        .drop_nulls("votes")
    )
    of = pl.col("votes").struct
    scores = of.field("scores")
    return votes.select(
        comparison="id",
        kind=of.field("kind"),
        by=of.field("by"),
        file=of.field("source").struct.field("name"),
        record=of.field("source").struct.field("record"),
        a=pl.col("ids").list.get(0),
        shown=of.field("order").list.get(0, null_on_oob=True),
        difference=(
            scores.list.get(0, null_on_oob=True) - scores.list.get(1, null_on_oob=True)
        ).sign(),
        tied=of.field("outcome").is_in(["tie", "both_good", "both_bad"]),
    )


def _swapped(votes: pl.DataFrame) -> pl.DataFrame:
    judged = votes.filter((pl.col("kind") == "judge") & pl.col("record").str.contains(_SWAP))
    judged = judged.with_columns(swap=pl.col("record").str.extract(_SWAP) == "True")
    # Unless it is swapped, the side that the source lists first is shown first.
    first_is_a = (pl.col("shown") == pl.col("a")) != pl.col("swap")
    verdict = pl.when("tied").then(0.0).otherwise("difference")
    return judged.select(
        *("comparison", "by", "file", "swap"),
        first_is_a=first_is_a,
        row=pl.col("record").str.replace(_TO_JUDGEMENT, ""),
        stage=pl.col("record").str.extract(r"stage (\d+)").cast(pl.Int64).fill_null(1),
        said=pl.when(first_is_a).then(verdict).otherwise(-verdict),
    )


def _last_stage(swapped: pl.DataFrame) -> pl.DataFrame:
    """A later stage weighs the verdicts of the one before: it is the judge's answer."""
    key = ["comparison", "row", "by", "file", "swap"]
    return swapped.sort("stage", maintain_order=True).unique(key, keep="last", maintain_order=True)


def _labels(votes: pl.DataFrame) -> pl.DataFrame:
    return (
        votes.filter(pl.col("kind") == "label")
        .group_by("comparison", maintain_order=True)
        .agg(label=pl.col("difference").mean().sign())
    )


def _lengths(batch: pl.DataFrame) -> pl.DataFrame:
    of = pl.col("responses").struct
    content = pl.element().struct.field("content").str.len_chars()
    return (
        batch.select("responses")
        .explode("responses")
        .drop_nulls("responses")
        .select(
            model=of.field("model"),
            total=of.field("messages").list.eval(content).list.sum().cast(pl.Int64),
        )
        .drop_nulls("model")
        .group_by("model")
        .agg(pl.col("total").sum(), responses=pl.len().cast(pl.Int64))
    )


def llmbar_numbers(votes: Votes) -> dict[str, dict[str, Again]]:
    """By judge (its name, or else its file): accuracy, agreement of both orders, and kappas."""
    if votes.swapped.is_empty():
        return {}
    found = {}
    named = votes.swapped.with_columns(judge=pl.coalesce("by", "file"))
    for (judge,), rows in sorted(named.group_by("judge"), key=lambda one: str(one[0])):
        wide = (
            rows.group_by("comparison", "row", maintain_order=True)
            .agg(
                pl.col("first_is_a").drop_nulls().first(),
                plain=pl.col("said").filter(~pl.col("swap")).first(),
                swapped=pl.col("said").filter(pl.col("swap")).first(),
            )
            .join(votes.gold, on="comparison", how="left", maintain_order="left")
        )
        turned = pl.when("first_is_a").then("label").otherwise(-pl.col("label"))
        found[str(judge)] = _llmbar(wide.with_columns(label=turned))
    return found


def _llmbar(wide: pl.DataFrame) -> dict[str, Again]:
    n = len(wide)
    gold, plain, swapped = (_coded(wide[name]) for name in ("label", "plain", "swapped"))
    right = [one.known & gold.known & (one.codes == gold.codes) for one in (plain, swapped)]
    both = plain.known & swapped.known
    unread = int((~plain.known).sum() + (~swapped.known).sum())
    wrong = f"{unread} unreadable verdicts count as wrong" if unread else None
    apart = f"{unread} unreadable verdicts agree with nothing" if unread else None
    without = f"without {unread} unreadable verdicts" if unread else None
    kappas = [_kappa(one, gold) for one in (plain, swapped)]
    together = _kappa(plain, swapped)
    mean = [float(one.mean()) if n else math.nan for one in right]
    means = (sum(mean) / 2, sum(kappas) / 2)
    readable = [int((one.known & gold.known).sum()) for one in (plain, swapped)]
    return {
        "correct_False": _again(mean[0], n, wrong),
        "correct_True": _again(mean[1], n, wrong),
        "correct_average": _again(means[0], n, wrong),
        "correct_both": _again(float((right[0] & right[1]).mean()), n, wrong),
        "equal": _again(float((both & (plain.codes == swapped.codes)).mean()), n, apart),
        "kappa_False": _again(kappas[0], readable[0], without),
        "kappa_True": _again(kappas[1], readable[1], without),
        "kappa_average": _again(means[1], sum(readable), without),
        "kappa_agreement": _again(together, int(both.sum()), without),
    }


def _coded(said: pl.Series) -> Coded:
    return Coded(said.fill_null(0).to_numpy().astype(np.int64), said.is_not_null().to_numpy())


def _kappa(one: Coded, other: Coded) -> float:
    # VERDICTS are the codes of `Coded` plus one.
    first, second = (Coded(rater.codes + 1, rater.known) for rater in (one, other))
    return cohen_kappa(counted(first, second, VERDICTS), credits_of(VERDICTS.categories))


def _again(value: float, n: int, note: str | None = None, *, percent: bool = False) -> Again:
    if not math.isfinite(value):
        return Again(None, n, "no such number: the rows do not vary", percent)
    return Again(value, n, note, percent)


def alpaca_numbers(duels: pl.DataFrame, votes: Votes) -> dict[str, dict[str, dict[str, Again]]]:
    """By judge, then model: what alpaca_eval's leaderboards say of it, against all it met."""
    lengths: Mapping[str, float] = (
        {}
        if votes.lengths.is_empty()
        else {model: total / count for model, total, count in votes.lengths.iter_rows()}
    )
    found = {}
    for name, rows in judges_of(duels):
        named = rows.filter(pl.col("model_a") != pl.col("model_b"))
        models = sorted({*named["model_a"].to_list(), *named["model_b"].to_list()})
        found[name.shown] = {
            model: _alpaca(showings_for(named, model, None), lengths.get(model)) for model in models
        }
    return found


def _alpaca(shown: pl.DataFrame, length: float | None) -> dict[str, Again]:
    said = shown["said"].drop_nulls().to_numpy()
    n = len(said)
    wins, draws = int((said > 0.5).sum()), int((said == 0.5).sum())
    left = f"without {len(shown) - n} unreadable verdicts" if len(shown) > n else None
    mean = 100 * float(said.mean()) if n else math.nan
    error = 100 * float(said.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    discrete = 100 * (wins + draws / 2) / n if n else math.nan
    found = {
        "win_rate": _again(mean, n, left, percent=True),
        "standard_error": _again(error, n, left, percent=True),
        "n_wins": Again(wins, n, left),
        "n_wins_base": Again(n - wins - draws, n, left),
        "n_draws": Again(draws, n, left),
        "n_total": Again(n, n, left),
        "discrete_win_rate": _again(discrete, n, left, percent=True),
    }
    if length is not None:
        found["avg_length"] = Again(math.floor(length), len(shown), "characters, rounded down")
    return found

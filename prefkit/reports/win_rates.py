"""How often humans would prefer a model, from a judge of all pairs and humans of a few.

A judge's own win rate is what the judge likes. It is listed, never with an interval, and never
under the name `win_rate`: that is the estimate by PPI++, and it is given only together with its
interval, the number of pairs, the design effect and the size of the gold slice.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from prefkit.judging.duel_names import JudgeName
from prefkit.judging.gold import Gold, gold_for
from prefkit.judging.numbers import missing, number
from prefkit.reports.corrected import powered_facts, told
from prefkit.reports.judged_pairs import judged_pairs, showings_for, sides_for
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.order_effect import order_effect

__all__ = ["NOT_HUMAN", "win_rates"]

NOT_HUMAN = "the judge's own rate is not an estimate of human preference"
_ALONE = "each response was judged alone: there is no order"
_UNKNOWN = "the order shown is not known"
_OF_ORDER = ("preference", "theta", "order")


class _Of(NamedTuple):
    """One judge, with its pairs."""

    name: JudgeName
    rows: pl.DataFrame
    pairs: pl.DataFrame
    gold: Gold


def win_rates(
    duels: pl.DataFrame,
    judges: list[tuple[JudgeName, pl.DataFrame]],
    *,
    seed: int = 0,
    most_pairs: int = 40,
) -> list[dict[str, Any]]:
    """Win rates of every judge for the pairs of models that meet most often.

    Where more than two models meet, also of each model against all others (`against` null), over
    the opponents as often as they occur. A judge whose responses name no two models has one entry
    that says so; pairs of models beyond `most_pairs` are counted in an entry (`left_out`).

    Args:
        duels: all lines, see `judging.duels`; the gold is taken from them.
        judges: as `judges_of` gives them.
        seed: another seed gives other draws of the order-free interval.
        most_pairs: pairs of models, and models, for each judge.
    """
    found = []
    for name, rows in judges:
        gold = gold_for(duels, name)
        pairs = judged_pairs(rows, gold.frame if gold.kind is not None else None)
        found += _of_judge(_Of(name, rows, pairs, gold), seed, most_pairs)
    return found


def _of_judge(judge: _Of, seed: int, most: int) -> list[dict[str, Any]]:
    met = _met(judge.pairs)
    if not met:
        reason = "no comparison of this judge names two different models"
        return [{"judge": judge.name.shown, "model": None, "against": None, "reason": reason}]
    models = sorted({name for pair in met for name in pair})
    matches: list[tuple[str, str | None]] = [*met[:most]]
    if len(models) > 2:
        matches += [(name, None) for name in models[:most]]
    found = [_match(judge, model, against, seed) for model, against in matches]
    left = max(0, len(met) - most), max(0, len(models) - most)
    if any(left):
        reason = f"only {most} pairs of models and {most} models are listed for a judge"
        out = {"pairs_of_models": left[0], "models": left[1]}
        entry = {"judge": judge.name.shown, "model": None, "against": None}
        found.append({**entry, "left_out": out, "reason": reason})
    return found


def _met(pairs: pl.DataFrame) -> list[tuple[str, str]]:
    """Pairs of models, the most frequent first; in each the name that sorts first is first."""
    named = pairs.filter(pl.col("model_a") != pl.col("model_b"))
    counted = named.select(
        one=pl.min_horizontal("model_a", "model_b"), other=pl.max_horizontal("model_a", "model_b")
    )
    sizes = counted.group_by("one", "other").len()
    ranked = sizes.sort("len", "one", "other", descending=[True, False, False])
    return [(one, other) for one, other, _ in ranked.iter_rows()]


def _match(judge: _Of, model: str, against: str | None, seed: int) -> dict[str, Any]:
    sides = sides_for(judge.pairs, model, against)
    shown = showings_for(judge.rows, model, against)
    powered = powered_facts(sides, judge.gold.said)
    why_none = powered["estimate"]["reason"] if not powered["calibrated"] else None
    entry = {
        "judge": judge.name.shown,
        "model": model,
        "against": against,
        "gold_left_out": dict(judge.gold.left_out),
        "pairs": len(sides.judged),
        "showings": len(shown),
        "readable": _readable(shown),
        "judge_rate": _judge_rate(shown),
        "order_free": _order_free(shown, why_none, seed),
        "win_rate": powered.pop("estimate"),
        **powered,
    }
    return {**entry, "said": _sentence(entry)}


def _readable(shown: pl.DataFrame) -> float | None:
    return float(shown["said"].is_not_null().mean()) if len(shown) else None  # type: ignore[arg-type]


def _judge_rate(shown: pl.DataFrame) -> dict[str, Any]:
    """The mean over readable showings, ties one half, as leaderboards have it."""
    readable = shown.drop_nulls("said")
    clusters = readable["cluster"].n_unique()
    if not len(readable):
        return missing("no readable verdict")
    mean = float(readable["said"].to_numpy().mean())
    return number(Estimate(mean, None, None, len(readable), clusters, NOT_HUMAN))


def _order_free(shown: pl.DataFrame, why_none: str | None, seed: int) -> dict[str, Any]:
    """What the judge prefers without the order; its interval only beside a win rate by gold.

    `why_none`: why there is no such win rate, null where there is.
    """
    known = shown.drop_nulls(["said", "order"])
    facts: dict[str, Any] = {
        "known": len(known),
        "inferred": int(known["inferred"].sum()),
        "unknown": len(shown) - len(known),
    }
    if not len(known):
        alone = len(shown) > 0 and bool((shown["form"] == "pointwise").all())
        reason = _ALONE if alone else _UNKNOWN
        return {**facts, **{name: missing(reason) for name in _OF_ORDER}, "reason": reason}
    found = order_effect(
        known["said"].to_numpy(), known["order"].to_numpy(), known["cluster"].to_numpy(), seed=seed
    )
    if why_none is not None:
        # An interval would pass for what humans prefer; the order effect is about the judge.
        for name in ("preference", "theta"):
            found[name] = _bare(found[name], why_none)
    preference = found["preference"]
    why = preference.reason if preference.value is None else None
    return {**facts, **{name: number(found[name]) for name in _OF_ORDER}, "reason": why}


def _bare(found: Estimate, reason: str) -> Estimate:
    if found.value is None:
        return found
    return found._replace(low=None, high=None, reason=reason)


def _sentence(entry: dict[str, Any]) -> str:
    whom = entry["against"] or "all others"
    what = f"{entry['judge']}, {entry['model']} against {whom}"
    rate, raw = entry["win_rate"], entry["judge_rate"]["value"]
    own = "no readable verdict" if raw is None else f"{NOT_HUMAN} ({raw:.3f})"
    if rate["value"] is None:
        return f"{what}: no win rate, {rate['reason']}; {own}"
    return f"{what}: {told(rate, entry, 'pairs')}; {own}"

"""Raw margins become probabilities: one curve per source of margins, fitted to gold.

A curve is fitted to every gold pair from both sides, f(-margin) = 1 - f(margin). Pairs stand with
the side their votes prefer first, so all their margins are above zero; told from both sides a judge
that knows nothing comes out at one half and not above. It is measured on each gold pair once, for
the chosen side, which is the probability that the pair carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from prefkit.pairing.margin_sources import MarginSource, margin_sources
from prefkit.statistics.calibration import FEWEST_OF_A_CLASS, Calibration, calibrate_pairs
from prefkit.statistics.curves import Curve, Isotonic, Platt
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.planning import most_errors
from prefkit.statistics.ranks import Floats

__all__ = ["GOLD", "GOLD_ROWS", "SPLIT", "Curves", "SourceCurve", "calibrated", "curves_of"]

GOLD = {
    "human": "people by the same criterion",
    "human_overall": "people overall",
    "label": "labels by the same criterion (no person voted on its pairs)",
    "label_overall": "labels overall (no person voted on its pairs)",
}
"""Columns of gold verdicts, and what they are: of each source the first that meets its pairs."""

GOLD_ROWS: Mapping[str, Any] = {
    "source": pl.String,
    "comparison": pl.String,
    "a": pl.Int32,
    "b": pl.Int32,
    "margin": pl.Float64,
    "cluster": pl.UInt64,
    **dict.fromkeys(GOLD, pl.Int8),
}
"""A line a pair: its source, its comparison and places, its margin, its prompt's cluster, and what
gold says of the chosen side: 1 better, 0 a tie, -1 worse, plus or minus `SPLIT` no majority, null
for no gold."""

SPLIT = 9

_COUNTS = (
    *("gold_rows", "gold_wrong", "gold_clusters"),
    *("gold_ties_left_out", "gold_splits_left_out"),
)
_DIGITS = 9  # of a curve, so that it reads the same in the manifest as it was used, and of margins
_PLACES = 12  # of a probability: beyond, machines differ


class SourceCurve(NamedTuple):
    """What gold made of one source; `gold` is a key of `GOLD`, null where nothing met its pairs."""

    source: MarginSource
    found: Calibration
    gold: str | None
    counts: Mapping[str, int]

    @property
    def reason(self) -> str | None:
        """Why the source has no curve."""
        return self.found.reason

    @property
    def level(self) -> bool:
        """Whether gold finds that its margins tell nothing: one half for every pair."""
        curve = self.found.curve
        if isinstance(curve, Platt):
            return curve.slope == 0
        return curve is not None and curve.values[0] == curve.values[-1]

    @property
    def note(self) -> str | None:
        """What the curve does not tell by itself: no use of the margins, or hardly an error."""
        if self.found.curve is None:
            return None
        if self.level:
            return "a larger margin is not more often right: every pair gets one half"
        wrong, prompts = self.counts["gold_wrong"], self.counts["gold_clusters"]
        if wrong >= FEWEST_OF_A_CLASS:
            return None
        most = most_errors(min(wrong, prompts), prompts)
        return (
            f"gold finds only {wrong} of {self.counts['gold_rows']:,} wrong: up to {most:.1%} may"
            " be, and how that falls with the margin is hardly measured"
        )

    @property
    def said(self) -> str:
        """What gold made of it in one line: `ECE 0.21 -> 0.04 (n 412)`, or why nothing."""
        found = self.found
        if found.curve is None:
            return str(found.reason)
        errors = [part["ece"].value for part in (found.before, found.after) if part]
        shown = " -> ".join("not known" if one is None else f"{one:.2f}" for one in errors)
        note = ", no better than chance: one half" if self.level else ""
        if self.note and not self.level:
            note = f", {self.note}"
        return f"{found.kind}, ECE {shown} (n {self.counts['gold_rows']:,}){note}"

    def facts(self) -> dict[str, Any]:
        """The source, its gold, its curve and what that is worth, for a manifest."""
        found = self.found
        facts: dict[str, Any] = {
            "source": self.source.name,
            **self.source.facts(),
            "calibrated": found.curve is not None,
            "kind": found.kind,
            "gold": GOLD.get(self.gold or ""),
            **self.counts,
        }
        if found.curve is None:
            return {**facts, "reason": found.reason}
        if self.note is not None:
            facts["note"] = self.note
        parts = {"before": found.before, "after": found.after, "gain": found.gain}
        measured = {
            part: {name: one.facts() for name, one in numbers.items()}
            for part, numbers in parts.items()
        }
        chance = {name: float(f"{value:.6g}") for name, value in found.ece_by_chance.items()}
        bins = {"ece_by_chance": chance, "bins": found.bins}
        return {**facts, "curve": found.curve.facts(), **measured, **bins}


class Curves(NamedTuple):
    """The curves of all sources that met gold, by their key."""

    kind: str
    known: Mapping[str, SourceCurve]

    def of(self, key: str) -> SourceCurve:
        """The curve of a source; one that never met gold has none."""
        return self.known.get(key) or _curve_of(key, pl.DataFrame(schema=GOLD_ROWS), self.kind)


def curves_of(rows: Iterable[pl.DataFrame], kind: str) -> Curves:
    """Fit the curve of every source to its lines of `GOLD_ROWS`.

    Args:
        rows: frames with these columns, in the order of the dataset; a pair that comes again from
            the same source counts once.
        kind: `platt` or `isotonic`.
    """
    lines = pl.concat([pl.DataFrame(schema=GOLD_ROWS), *rows])
    lines = lines.unique(["source", "comparison", "a", "b"], keep="first", maintain_order=True)
    keys = sorted(lines["source"].unique().to_list())
    parts = {key: lines.filter(pl.col("source") == key) for key in keys}
    return Curves(kind, {key: _curve_of(key, part, kind) for key, part in parts.items()})


def _curve_of(key: str, lines: pl.DataFrame, kind: str) -> SourceCurve:
    source = MarginSource.of(key)
    met = [name for name in GOLD if lines[name].count()]
    if source.own_gold or not met:
        reason = "its votes are people's own, which gold is made of" if source.own_gold else None
        reason = reason or f"no gold on its pairs, {kind} is fitted to gold"
        none = Calibration(kind, None, reason, {}, {}, {}, 0, {})
        return SourceCurve(source, none, None, dict.fromkeys(_COUNTS, 0))
    decided = lines.filter(pl.col(met[0]).is_in([1, -1]))
    margins = _all_short(decided["margin"].to_numpy())
    clusters = decided["cluster"].to_numpy()
    found = calibrate_pairs(
        margins,
        (decided[met[0]] == 1).cast(pl.Float64).to_numpy(),
        clusters,
        kind=kind,
        given=sigmoid(margins) if source.unit == "logit" else None,
    )
    if found.curve is not None:
        found = found._replace(curve=_rounded(found.curve))
    verdicts = lines[met[0]].drop_nulls().abs()
    left_out = [(verdicts == 0).sum(), (verdicts == SPLIT).sum()]
    wrong = (decided[met[0]] == -1).sum()
    counts = map(int, [len(margins), wrong, len(np.unique(clusters)), *left_out])
    return SourceCurve(source, found, met[0], dict(zip(_COUNTS, counts, strict=True)))


def _rounded(curve: Curve) -> Curve:
    if isinstance(curve, Isotonic):
        margins, values = (tuple(map(_short, part)) for part in (curve.margins, curve.values))
        return curve._replace(margins=margins, values=values)
    return curve._replace(slope=_short(curve.slope), low=_short(curve.low), high=_short(curve.high))


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _all_short(margins: Floats) -> Floats:
    """Margins that differ in their last bits only, as log-odds of 1 and 0 do, are equal."""
    known, places = np.unique(margins, return_inverse=True)
    short = np.array([_short(one) for one in known.tolist()], dtype=float)
    return short[places.reshape(-1)]


def calibrated(found: pl.DataFrame, table: pa.Table, curves: Curves) -> pl.DataFrame:
    """Chosen pairs with the probabilities that the curves give to margins without one.

    Adds `source` (the key; null where there was nothing to calibrate) and `beyond`: what to say of
    a margin beyond those that gold has seen, which gets the probability of that end.
    """
    keys = margin_sources(found, table)
    margins = _all_short(found["margin"].to_numpy())
    chosen = np.full(len(found), np.nan)
    beyond: list[str | None] = [None] * len(found)
    for key in keys.drop_nulls().unique().sort():
        curve = curves.of(key).found.curve
        if curve is None:
            continue
        own = np.flatnonzero((keys == key).fill_null(value=False).to_numpy())
        chosen[own] = np.round(curve.probabilities(margins[own]), _PLACES)
        for line in own[curve.outside(margins[own])].tolist():
            beyond[line] = f"beyond the margins of its gold ({_range(curve)}): that end's value"
    got = pl.Series("got", chosen).fill_nan(None)
    found = found.with_columns(keys.alias("source"), pl.Series("beyond", beyond, pl.String))
    return found.with_columns(
        p_chosen=pl.coalesce("p_chosen", got),
        p_kind=pl.when(got.is_not_null()).then(pl.lit(curves.kind)).otherwise("p_kind"),
    )


def _range(curve: Curve) -> str:
    if isinstance(curve, Platt):
        return f"{curve.low:.4g} to {curve.high:.4g}"
    return f"{curve.margins[0]:.4g} to {curve.margins[-1]:.4g}"

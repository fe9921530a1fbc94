"""What gives the label away: baselines that never read for meaning, and the gate they make.

A sample of the rows that are exported is drawn from a seed. Each baseline is fitted to four fifths
of its prompt clusters and scores the last fifth, five times; the area under the curve of those
scores has an interval over clusters. Where it is above a limit, a reward model learns the giveaway
before it learns anything else, and the export fails with what gives the label away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.errors import GateFailed
from prefkit.exporters import null_features as features
from prefkit.exporters.null_position import shown_first
from prefkit.exporters.null_words import words_of
from prefkit.schema.columns import join, one_chunk
from prefkit.schema.texts import texts_of
from prefkit.statistics.prediction import FOLDS, auc_of, folds_of, held_out_scores
from prefkit.statistics.ranks import Floats
from prefkit.statistics.word_model import require_sklearn

__all__ = ["BASELINES", "SAMPLE", "check_baselines", "described", "measure_baselines"]

SAMPLE = 20_000
"""Pairs that are looked at; with as many the interval of an area is about 0.015 wide."""

BASELINES = ("length", "markdown", "position", "generator", "refusal", "words")

_FEWEST = 200
_COLUMNS = ("comparison", "chosen", "rejected", "chosen_model", "rejected_model")

Found = dict[str, Any]


class _Sample(NamedTuple):
    """The pairs that are looked at."""

    rows: pa.Table
    clusters: np.ndarray[Any, Any]
    folds: np.ndarray[Any, np.dtype[np.int64]]
    seed: int

    def judged(self, values: Floats, tell: str, known: Any = slice(None)) -> Found:
        """The area under the curve of features (chosen minus rejected) on the known rows."""
        clusters = self.clusters[known]
        if len(clusters) < _FEWEST:
            reason = f"{len(clusters):,} pairs, {_FEWEST} are needed"
            return {"not_measured": reason, "n": len(clusters)}
        scores = held_out_scores(values[known], self.folds[known])
        return {**auc_of(scores, clusters, self.seed).facts(), "tell": tell}


def measure_baselines(
    dataset: Dataset, exported: Any, clusters: pa.Array, *, seed: int = 0, limit: int | None = None
) -> dict[str, Any]:
    """How well each baseline predicts the label of exported pairs, for the manifest.

    Args:
        dataset: the pairs; their comparisons are looked for beside it, for the order shown.
        exported: for each row whether it is exported.
        clusters: 16 bytes for each exported row.
        seed: draws the sample, the folds and the intervals.
        limit: read this many rows only, as the export does.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    require_sklearn("the null baselines")
    places = np.flatnonzero(exported)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(len(places))[:SAMPLE])
    rows = _rows_at(dataset, places[drawn], limit)
    both = pc.and_(pc.is_valid(rows["chosen"]), pc.is_valid(rows["rejected"]))
    rows = rows.filter(both).combine_chunks()
    kept = one_chunk(both).to_numpy(zero_copy_only=False)
    names = pc.dictionary_encode(clusters.take(pa.array(drawn[kept]))).indices.to_numpy()
    facts: dict[str, Any] = {
        "pairs": len(rows), "of": len(places), "seed": seed, "folds": FOLDS,
        "interval": "95 %, bootstrap over prompt clusters of held-out scores",
    }  # fmt: skip
    if len(rows) < _FEWEST:
        reason = f"{len(rows):,} pairs of two sides, {_FEWEST} are needed"
        missing = {"not_measured": reason, "n": len(rows)}
        return facts | {"baselines": {name: dict(missing) for name in BASELINES}}
    sample = _Sample(rows, names, folds_of(names, seed), seed)
    return facts | {"baselines": dict(_baselines(sample, dataset))}


def _rows_at(dataset: Dataset, places: Any, limit: int | None) -> pa.Table:
    """The rows at ascending places; of a batch without any nothing is kept."""
    start, parts = 0, []
    for table in dataset.batches(_COLUMNS, limit):
        first, last = np.searchsorted(places, [start, start + len(table)])
        parts.append(table.take(pa.array(places[first:last] - start)))
        start += len(table)
    return join(parts)


def _baselines(sample: _Sample, dataset: Dataset) -> Iterator[tuple[str, Found]]:
    chosen, rejected = (texts_of(sample.rows[name]) for name in ("chosen", "rejected"))
    yield "length", _length(sample)
    yield "markdown", _markdown(sample, chosen, rejected)
    yield "position", _position(sample, dataset)
    yield "generator", _generator(sample)
    yield "refusal", _refusal(sample, chosen, rejected)
    words = words_of(chosen, rejected, sample.folds, sample.seed)
    if words is None:
        yield "words", {"not_measured": "no word is in five answers", "n": len(sample.rows)}
        return
    told = ", ".join(
        f"{word['word']!r} ({word['in_chosen_only']:,} pairs have it in chosen only, "
        f"{word['in_rejected_only']:,} in rejected only)"
        for word in words.examples[:4]
    )
    area = auc_of(words.scores, sample.clusters, sample.seed).facts()
    yield "words", {**area, "tell": told or "no single word", "words": words.examples}


def _length(sample: _Sample) -> Found:
    one, other = (features.lengths(sample.rows[name]) for name in ("chosen", "rejected"))
    difference = one - other
    unequal = int((difference != 0).sum())
    longer = int((difference > 0).sum())
    share = longer / max(unequal, 1)
    side, often = ("longer", share) if share >= 0.5 else ("shorter", 1 - share)
    tell = f"the {side} side is chosen in {often:.1%} of {unequal:,} pairs of unequal length"
    return sample.judged(np.column_stack([difference, np.log1p(one) - np.log1p(other)]), tell)


def _markdown(sample: _Sample, chosen: pl.Series, rejected: pl.Series) -> Found:
    difference = features.markdown(chosen) - features.markdown(rejected)
    return sample.judged(difference, _strongest(difference, tuple(features.MARKDOWN)))


def _refusal(sample: _Sample, chosen: pl.Series, rejected: pl.Series) -> Found:
    difference = features.refusals(chosen) - features.refusals(rejected)
    return sample.judged(difference, _strongest(difference, (*features.REFUSALS, "any refusal")))


def _strongest(difference: Floats, names: tuple[str, ...]) -> str:
    """The part whose pairs lean most to one side."""
    more, less = (difference > 0).sum(axis=0), (difference < 0).sum(axis=0)
    place = int(np.argmax(np.abs(more - less)))
    return (
        f"{names[place]}: more in chosen in {more[place]:,} pairs, in rejected in {less[place]:,}"
    )


def _position(sample: _Sample, dataset: Dataset) -> Found:
    first = shown_first(dataset.path, sample.rows)
    if isinstance(first, str):
        return {"not_measured": first, "n": 0}
    known = np.isfinite(first)
    before, after = int((first[known] > 0).sum()), int((first[known] < 0).sum())
    tell = f"the side shown first is chosen in {before:,} pairs, the other in {after:,}"
    return sample.judged(first[:, None], tell, known)


def _generator(sample: _Sample) -> Found:
    one, other = (
        pl.Series(pl.from_arrow(one_chunk(sample.rows[name])), dtype=pl.String)
        for name in ("chosen_model", "rejected_model")
    )
    known = (one.is_not_null() & other.is_not_null()).to_numpy()
    if not known.any():
        return {"not_measured": "no pair names both generators", "n": 0}
    if (one == other).fill_null(value=True).all():
        return {"not_measured": "both sides always come from one generator", "n": int(known.sum())}
    names, values = features.generators(one, other)
    wins, losses = (values[known] > 0).sum(axis=0), (values[known] < 0).sum(axis=0)
    place = int(np.argmax(np.abs(wins - losses)))
    total = int(wins[place] + losses[place])
    tell = f"{names[place]} is chosen in {int(wins[place]):,} of its {total:,} pairs with others"
    return sample.judged(values, tell, known)


def check_baselines(facts: Mapping[str, Any], limit: float) -> list[dict[str, Any]]:
    """The gates as manifest entries; a baseline that is not measured makes none.

    Raises:
        GateFailed: a baseline predicts the label better than the limit; says which, how well, how
            sure that is, and what gives the label away.
    """
    gates, failed = [], []
    for name, found in facts["baselines"].items():
        if "value" not in found:
            continue
        passed = found["value"] <= limit
        gates.append(
            {"name": f"null_auc.{name}", "value": found["value"], "limit": limit,
             "holds_if": "<=", "passed": passed}
        )  # fmt: skip
        if not passed:
            failed.append(f"{name}, {described(found)}: {found['tell']}")
    if failed:
        raise GateFailed(
            f"the label can be told without reading: {'; '.join(failed)}. The limit is {limit:g}",
            hint="prefkit curate DATASET --out CURATED --measure length_bias",
        )
    return gates


def described(found: Mapping[str, Any]) -> str:
    """`AUC 0.81 [0.80, 0.82], 2,103 pairs`, or why there is none."""
    if "value" not in found:
        return f"not measured: {found['not_measured']}"
    area = f"AUC {found['value']:.3f}"
    if "interval" in found:
        area += " [{:.3f}, {:.3f}]".format(*found["interval"])
    return f"{area}, {found['n']:,} pairs"

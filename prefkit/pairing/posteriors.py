"""What an aggregation learnt, and how pairs are oriented by it.

A contest stands for its most probable verdict: a side, or a tie where no side is more probable
than that. Responses are ordered by the mean, over their contests in the row, of the probability to
be the better one (ties half), or by their strength where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.pairing.contests import Standing
from prefkit.schema.columns import one_chunk, own_offsets
from prefkit.schema.digests import cluster_digests, digests_of_strings
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = [
    "GOLD_KIND",
    "PLACES",
    "Keys",
    "OfContests",
    "Posteriors",
    "contest_keys",
    "keys_of",
    "keys_of_strings",
    "with_leads",
    "with_posteriors",
]

GOLD_KIND = "gold"
"""`p_kind` of a contest whose answer was given and not learnt."""

_EVEN = 1e-9  # a difference of two probabilities that is rounding
PLACES = 9
"""Decimals of a probability: beyond, machines and the last steps of a fit differ."""

Keys64 = np.ndarray[Any, Any]
Bools = np.ndarray[Any, Any]
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


class Keys(NamedTuple):
    """Numbers (uint64) that name the comparisons of a batch and their responses in every pass.

    `comparisons`, `clusters` (of the prompt): one a row. `responses`: one a response, flattened,
    the first of a row at `starts`; equal for equal responses to prompts of one cluster.
    """

    comparisons: Keys64
    clusters: Keys64
    responses: Keys64
    starts: Ints


def keys_of(table: pa.Table) -> Keys:
    """The keys of a table with the columns `id`, `prompt` and `responses`."""
    responses = one_chunk(table["responses"])
    offsets = own_offsets(responses).to_numpy().astype(np.int64)
    ids = keys_of_strings(_texts(pc.struct_field(responses.flatten(), "id")))
    clusters = np.frombuffer(b"".join(cluster_digests(table["prompt"]).to_pylist()), "<u8")[::2]
    each = np.repeat(clusters, np.diff(offsets))
    comparisons = keys_of_strings(_texts(one_chunk(table["id"])))
    return Keys(comparisons, clusters, each * _ODD[0] + ids, offsets[:-1])


def _texts(column: pa.Array) -> pl.Series:
    return pl.Series(pl.from_arrow(column), dtype=pl.String)


def keys_of_strings(texts: pl.Series) -> Keys64:
    """The first half of the digest of each text: names comparisons by their ids, for one."""
    digests = digests_of_strings(texts)
    found: Keys64 = np.frombuffer(b"".join(digests), "<u8")[::2]
    return found


def contest_keys(comparisons: Keys64, a: Ints, b: Ints) -> Keys64:
    """One number a contest."""
    found: Keys64 = comparisons + a.astype(np.uint64) * _ODD[0] + b.astype(np.uint64) * _ODD[1]
    return found


@dataclass(frozen=True, kw_only=True)
class Posteriors:
    """What was learnt: `name` becomes `p_kind`, the rest is for the manifest and for people."""

    name: str
    facts: dict[str, Any] = field(default_factory=dict)
    lines: tuple[tuple[str, str], ...] = ()

    def chances(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> Floats:
        """Of each two places of a row: the first is better, a tie, the second; NaN unknown."""
        raise NotImplementedError

    def given(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> Bools:
        """Which of them were given by gold; as `chances`."""
        del keys, one, other
        return np.zeros(len(rows), dtype=bool)

    def scores(self, keys: Keys, standing: Standing) -> pl.DataFrame:
        """By what to order responses: row, place, score, scale; unknown ones have no line."""
        known = _contest_chances(self, keys, standing)
        better = known["p"] + known["tie"] / 2
        sides = [
            known.select("row", place=place, score=score)
            for place, score in (("a", better), ("b", 1 - better))
        ]
        means = (
            pl.concat(sides)
            .drop_nulls()
            .group_by("row", "place")
            .agg(
                # Sorted, so that equal chances have the same mean whatever order they come in.
                pl.col("score").sort().mean().round(PLACES)
            )
        )
        return means.with_columns(scale=pl.lit("posterior"))


@dataclass(frozen=True, kw_only=True)
class OfContests(Posteriors):
    """Probabilities of contests: `keys` ascending (`contest_keys`), `posterior` their lines."""

    keys: Keys64
    posterior: Floats
    known: Bools

    def _places(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> tuple[Ints, Bools]:
        low, high = np.minimum(one, other), np.maximum(one, other)
        wanted = contest_keys(keys.comparisons[rows], low, high)
        places = np.searchsorted(self.keys, wanted)
        places = np.minimum(places, len(self.keys) - 1)
        return places, self.keys[places] == wanted

    def chances(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> Floats:
        """Of contests that had a vote; the sides may come in either order."""
        places, found = self._places(keys, rows, one, other)
        chances = self.posterior[places]
        turned = np.where((one > other)[:, None], chances[:, ::-1], chances)
        return np.where(found[:, None], turned, np.nan)

    def given(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> Bools:
        """Which contests gold has answered."""
        places, found = self._places(keys, rows, one, other)
        return found & self.known[places]


def _contest_chances(posteriors: Posteriors, keys: Keys, standing: Standing) -> pl.DataFrame:
    """The contests of a standing with p, tie, p_b (null = unknown)."""
    contests = standing.contests
    places = [contests[name].to_numpy() for name in ("row", "a", "b")]
    found = posteriors.chances(keys, *places)
    columns = [
        pl.Series(name, found[:, place]).fill_nan(None)
        for place, name in enumerate(("p", "tie", "p_b"))
    ]
    return contests.with_columns(columns)


def with_leads(standing: Standing, keys: Keys, posteriors: Posteriors) -> Standing:
    """The standing with the directions and scores that an aggregation gives.

    Contests that it knows nothing of keep their majority. So do responses of rows without any
    contest that it knows; in the other rows responses without one are left out.
    """
    known = _contest_chances(posteriors, keys, standing)
    ahead = pl.col("p") - pl.col("p_b")
    likely = pl.max_horizontal("p", "p_b")
    tie = (ahead.abs() < _EVEN) | (pl.col("tie") > likely - _EVEN)
    lead = pl.when(tie).then(0).otherwise(ahead.sign()).cast(pl.Int8)
    contests = known.with_columns(
        lead=pl.when(pl.col("p").is_null()).then("lead").otherwise(lead)
    ).drop("p", "tie", "p_b")
    responses = standing.responses
    scores = posteriors.scores(keys, standing).with_columns(
        pl.col("place").cast(responses.schema["place"])
    )
    rest = responses.join(scores, on="row", how="anti")
    told = responses.drop("score", "scale").join(scores, on=["row", "place"])
    told = told.with_columns(scales=pl.lit(1, responses.schema["scales"]))
    both = pl.concat([rest, told.select(responses.columns)]).sort("row", "place")
    return standing._replace(contests=contests, responses=both)


def with_posteriors(found: pl.DataFrame, keys: Keys, posteriors: Posteriors) -> pl.DataFrame:
    """Evidence of pairs with the probabilities of an aggregation, ties half, where it knows one."""
    sides = found.with_row_index("line").drop_nulls(["chosen", "rejected"])
    places = [sides[name].to_numpy() for name in ("row", "chosen", "rejected")]
    chances = posteriors.chances(keys, *places)
    lines = sides["line"].to_numpy()
    told = np.full(len(found), np.nan)
    told[lines] = np.round(chances[:, 0] + chances[:, 1] / 2, PLACES)
    given = np.zeros(len(found), dtype=bool)
    given[lines] = posteriors.given(keys, *places)
    p = pl.Series("told", told).fill_nan(None)
    kind = pl.when(pl.Series(given)).then(pl.lit(GOLD_KIND)).otherwise(pl.lit(posteriors.name))
    return found.with_columns(
        p_chosen=pl.coalesce(p, "p_chosen"),
        p_kind=pl.when(p.is_not_null()).then(kind).otherwise("p_kind"),
    )

"""What a pairing policy is, and what it hands on."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, ClassVar, NamedTuple

import polars as pl
import pyarrow as pa

from prefkit.pairing.contests import Standing
from prefkit.step import Options

__all__ = ["TOLD", "Chosen", "Policy", "drawn", "of_one_scale", "ordered"]

_CHOICE = {"row": pl.Int64, "chosen": pl.Int64, "rejected": pl.Int64}
_ASIDE = {"row": pl.Int64, "reason": pl.String}
_SAID = {
    "margin": pl.Float64,
    "margin_kind": pl.String,
    "check": pl.String,
    "value": pl.Float64,
    "note": pl.String,
}

TOLD = {**_CHOICE, **_SAID}
"""Columns of what a policy tells of its pairs."""


class Chosen(NamedTuple):
    """What a policy chose.

    `pairs`: row, chosen, rejected: places of responses, one of them null for an unpaired row.
    `aside`: row, reason: why a comparison that has votes gives no pair; rows with pairs never
    count. `told` (columns `TOLD`): what the policy itself knows of a pair, an entry of its checks
    and, where `margin_kind` is not null, a margin that stands in place of what the votes say.
    """

    pairs: pl.DataFrame
    aside: pl.DataFrame
    told: pl.DataFrame = pl.DataFrame(schema=TOLD)

    @staticmethod
    def of(pairs: pl.DataFrame, *aside: pl.DataFrame) -> Chosen:
        """Bring the frames into their schemas; the first reason of a row is the one that counts."""
        reasons = pl.concat(
            [pl.DataFrame(schema=_ASIDE), *(a.select("row", "reason") for a in aside)]
        )
        chosen = pairs.select([pl.col(name).cast(kind) for name, kind in _CHOICE.items()])
        reasons = reasons.unique("row", keep="first", maintain_order=True)
        return Chosen(chosen, reasons.join(chosen, on="row", how="anti"))


class Policy(Options):
    """Chooses which responses of a comparison become pairs; its fields are its options."""

    def most_of_a_prompt(self) -> int | None:
        """How many pairs of one prompt stay, over all its comparisons; null for no limit."""
        return None

    def choose(self, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Choose from a batch's standing; `ids` has row, id (of the comparison), responses."""
        raise NotImplementedError

    def choose_among(self, table: pa.Table, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Choose with the comparisons themselves at hand; most policies need their standing only.

        `votes` in the standing are positions in the flattened votes of `table`, rows its rows.
        """
        del table
        return self.choose(standing, ids)

    by_votes: ClassVar[bool] = True
    """Whether it orders responses by what votes say of contests or by scores of any scale.

    Another aggregation than the majority gives these; a policy that reads votes itself, or holds
    scores against a limit on their own scale, has no use for it.
    """

    looks_first: ClassVar[bool] = False
    """Whether it must look at every comparison before it can choose from one; see `fitted`."""

    def survey(self, table: pa.Table, responses: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
        """What `fitted` needs of a batch: a line for each comparison, never the text.

        `responses` as in `Standing`; `table` and `ids` as in `choose_among`.
        """
        raise NotImplementedError

    def fitted(self, surveys: Iterable[pl.DataFrame]) -> Policy:
        """Make the policy that then chooses, from the surveys of all batches in row order."""
        raise NotImplementedError

    def facts(self) -> dict[str, Any]:
        """What a fitted policy found, for the manifest."""
        return {}

    def lines(self) -> tuple[tuple[str, str], ...]:
        """What a fitted policy found, for people: label and text."""
        return ()


def ordered(contests: pl.DataFrame) -> pl.DataFrame:
    """Contests with a leading side as row, chosen, rejected; those without are left out."""
    first = pl.col("lead") > 0
    return contests.filter(pl.col("lead") != 0).select(
        "row",
        chosen=pl.when(first).then("a").otherwise("b"),
        rejected=pl.when(first).then("b").otherwise("a"),
    )


def of_one_scale(standing: Standing) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Responses of rows whose votes share one scale, and the other rows with their reason.

    Means over several scales compare stars with thumbs; such rows need `--kind` or `--criterion`.
    """
    scales = standing.responses.group_by("row").agg(
        pl.col("scale").n_unique().alias("several"), pl.col("scales").max()
    )
    mixed = scales.filter((pl.col("several") > 1) | (pl.col("scales") > 1)).select("row")
    aside = mixed.with_columns(reason=pl.lit("scales mixed"))
    return standing.responses.join(mixed, on="row", how="anti"), aside


def drawn(frame: pl.DataFrame, seed: int, *parts: str) -> pl.Series:
    """A random-looking number a line that depends only on the seed and text columns."""
    start = blake2b(str(seed).encode(), digest_size=8).digest()
    lines = frame.select(pl.concat_str(parts, separator="\n")).to_series()
    # A Python loop: no vector engine has a hash that stays the same between its releases.
    values = [
        int.from_bytes(blake2b(line.encode(), key=start, digest_size=8).digest(), "little") >> 1
        for line in lines
    ]
    return pl.Series("draw", values, pl.Int64)

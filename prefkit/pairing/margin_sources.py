"""Where a margin comes from: only margins of one source are comparable, and share a curve."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import DataError
from prefkit.schema.columns import one_chunk

__all__ = ["MarginSource", "margin_sources"]


class MarginSource(NamedTuple):
    """What makes margins comparable; a panel is a source of its own, and so is each part of it.

    `orders`: `one order`, `several orders` (by each judge every order as often as the others) or
    `uneven orders`, null where that is not known or each response stood alone: a margin of one
    order holds the effect of that order, one of uneven orders a part of it.
    """

    unit: str
    kinds: tuple[str, ...]
    judges: tuple[str, ...]
    rubrics: tuple[str, ...]
    orders: str | None

    @classmethod
    def of(cls, key: str) -> MarginSource:
        """The source that a key of `margin_sources` stands for."""
        parts: dict[str, Any] = orjson.loads(key)
        several = {name: tuple(parts[name]) for name in ("kinds", "judges", "rubrics")}
        return cls(unit=parts["unit"], orders=parts["orders"], **several)

    @property
    def name(self) -> str:
        """What people read: `judge gpt-x (helpfulness@1:92d2), logit, several orders`."""
        rubrics = f" ({' + '.join(self.rubrics)})" if self.rubrics else ""
        who = f"{' + '.join(self.kinds)} {' + '.join(self.judges)}{rubrics}"
        return ", ".join([who, self.unit, *([self.orders] if self.orders else [])])

    def facts(self) -> dict[str, Any]:
        """The parts for a manifest."""
        parts = self._asdict().items()
        return {name: list(part) if isinstance(part, tuple) else part for name, part in parts}

    @property
    def own_gold(self) -> bool:
        """Whether its votes are those of people, counted one by one or summed up in labels."""
        return bool({"human", "label"} & set(self.kinds))


def margin_sources(found: pl.DataFrame, table: pa.Table) -> pl.Series:
    """The key of each pair's source, equal for equal sources; null for a pair without use for it.

    These are pairs whose probability is known, and pairs without a margin. `found` has row,
    p_chosen, margin, margin_kind and votes: positions in the flattened column `votes` of `table`.

    Raises:
        DataError: a margin is not finite.
    """
    if not found["margin"].is_finite().all():
        comparison = table["id"][found.filter(~pl.col("margin").is_finite())["row"][0]]
        raise DataError(
            f"comparison {comparison}: the difference of two scores is not a finite number",
            hint="pair without --calibrate, or collect these votes on a smaller scale",
        )
    lines = found.select("p_chosen", "margin", "margin_kind", "votes").with_row_index("line")
    open_lines = lines.filter(pl.col("p_chosen").is_null() & pl.col("margin").is_not_null())
    votes = open_lines.explode("votes").join(
        _votes(table), left_on="votes", right_on="vote", how="left", maintain_order="left"
    )
    shown = pl.col("shown")
    orders = (
        pl.when(shown.null_count() > 0).then(None)
        .when(shown.n_unique() == 1).then(pl.lit("one order"))
        .when(pl.col("even").all()).then(pl.lit("several orders"))
        .otherwise(pl.lit("uneven orders"))
    )  # fmt: skip
    often = pl.len().over("line", "judge", "shown") * shown.n_unique().over("line", "judge")
    other = shown.n_unique().over("line", "judge") > 1
    votes = votes.with_columns(even=other & (often == pl.len().over("line", "judge")))
    each = votes.group_by("line").agg(
        unit=pl.col("margin_kind").first(),
        kinds=pl.col("kind").unique().sort(),
        judges=pl.col("judge").unique().sort(),
        rubrics=pl.col("rubric").drop_nulls().unique().sort(),
        orders=orders,
    )
    key = pl.struct("unit", "kinds", "judges", "rubrics", "orders").struct.json_encode()
    keyed = lines.select("line").join(
        each.select("line", source=key), on="line", how="left", maintain_order="left"
    )
    return keyed["source"]


def _votes(table: pa.Table) -> pl.DataFrame:
    """One line a vote: vote, kind, judge, rubric, shown (the order as one text, null = unknown)."""
    flat = one_chunk(table["votes"]).flatten()
    columns = {
        name: pl.from_arrow(pc.struct_field(flat, name)) for name in ("by", "kind", "rubric")
    }
    file = pl.from_arrow(pc.struct_field(flat, ["source", "name"]))
    order = pl.Series(pl.from_arrow(pc.struct_field(flat, "order")), dtype=pl.List(pl.String))
    frame = pl.DataFrame({**columns, "file": file, "order": order}).with_row_index("vote")
    # A response shown alone has no order.
    shown = pl.when(pl.col("order").list.len() > 1).then(pl.col("order").list.join("\n"))
    named = pl.coalesce("by", pl.format("unnamed in {}", "file"))
    return frame.select("vote", "kind", "rubric", judge=named, shown=shown)

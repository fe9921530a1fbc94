"""Comparisons through a policy, without a dataset around them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa
from comparison_rows import table_of

from prefkit.pairing.ballots import Selection
from prefkit.pairing.pairs import Batch, Plan, pairs_of
from prefkit.registry import load
from prefkit.schema.records import Comparison


class Paired(NamedTuple):
    """The pairs as rows, and the reasons of the comparisons that gave none, in order."""

    rows: list[dict[str, Any]]
    reasons: list[str]
    paired: int


def plan_of(
    policy: str = "as_voted",
    *,
    tie: str = "drop",
    criterion: str | None = None,
    kinds: tuple[str, ...] = (),
    **options: Any,
) -> Plan:
    """A plan; `criterion` as on the command line."""
    mean_of: tuple[str, ...] = ()
    if criterion is not None and criterion.startswith("mean:"):
        mean_of = tuple(criterion.removeprefix("mean:").split(","))
    selection = Selection(None if mean_of else criterion, mean_of, kinds)
    return Plan(load("policy", policy)(**options), "hash", selection, tie, criterion, {})


def batch_of(table: pa.Table, plan: Plan) -> Batch:
    """Pair a table and check what must hold of every batch."""
    batch = pairs_of(plan, table)
    batch.pairs.validate(full=True)
    assert batch.paired + len(batch.aside) == len(table)
    assert {name for name, _ in batch.aside} <= set(table["id"].to_pylist())
    assert not {name for name, _ in batch.aside} & set(batch.pairs["comparison"].to_pylist())
    return batch


def pair(*comparisons: Comparison, policy: str = "as_voted", **how: Any) -> Paired:
    """Pair comparisons by a policy with its options."""
    batch = batch_of(table_of(*comparisons), plan_of(policy, **how))
    return Paired(batch.pairs.to_pylist(), [reason for _, reason in batch.aside], batch.paired)


def sides(row: dict[str, Any]) -> tuple[str | None, str | None]:
    """The texts of the chosen and the rejected side."""
    found = [
        None if row[name] is None else row[name][-1]["content"] for name in ("chosen", "rejected")
    ]
    return found[0], found[1]


def all_sides(found: Paired) -> set[tuple[str | None, str | None]]:
    """Chosen and rejected of every pair; no two are equal."""
    texts = {sides(row) for row in found.rows}
    assert len(texts) == len(found.rows)
    return texts

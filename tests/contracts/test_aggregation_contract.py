"""What every aggregation of votes keeps to, whoever wrote it."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest
import yaml
from comparison_rows import compare, table_of, vote

from prefkit.pairing.aggregation import Aggregation
from prefkit.pairing.ballots import Selection
from prefkit.pairing.pairs import Batch, Plan, pairs_of
from prefkit.pairing.posteriors import Posteriors
from prefkit.registry import load, names, summary
from prefkit.schema.records import Comparison, Vote
from prefkit.step import make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {}
"""Options of aggregations that need some."""

every_aggregation = pytest.mark.parametrize("name", names("aggregation"))
learning = pytest.mark.parametrize(
    "name", [one for one in names("aggregation") if one != "majority"]
)


def made(name: str) -> Aggregation:
    aggregation = make(load("aggregation", name), OPTIONS.get(name, {}), name)
    assert isinstance(aggregation, Aggregation)
    return aggregation


def said(judge: int, first: bool | None) -> Vote:
    """A click, or a tie for null."""
    scores = (0.5, 0.5) if first is None else (float(first), float(not first))
    return vote(*scores, outcome="tie" if first is None else "scored", by=f"p{judge}")


def comparisons() -> pa.Table:
    """Clicks, ties, a ranking, single responses, nobody named, and rows that give nothing."""
    rows: list[Comparison] = []
    for n in range(40):
        rows.append(compare(f"q{n}", ["x", "y"], *(said(j, (n + j) % 4 > 0) for j in range(4))))
    rows += [compare(f"t{n}", ["x", "y"], said(0, None), said(n, n % 2 == 0)) for n in range(1, 8)]
    ranked = vote(-1.0, -2.0, -3.0, scale="rank", by="p1")
    other = vote(-2.0, -1.0, -3.0, scale="rank", by="p2")
    rows += [compare(f"r{n}", ["x", "y", "z"], ranked, other) for n in range(4)]
    rows += [compare("nobody", ["x", "y"], vote(1.0, 0.0)), compare("silent", ["x", "y"])]
    rows += [compare("", ["x", "y"], said(1, True)), compare("one", ["x"], vote(1.0, by="p1"))]
    return table_of(*rows)


def learnt(name: str, table: pa.Table, size: int) -> Posteriors:
    aggregation = made(name)
    starts = range(0, max(len(table), 1), size)
    batches = [aggregation.collect(table.slice(start, size), Selection()) for start in starts]
    return aggregation.learn(batches, None)


def paired(name: str, table: pa.Table, size: int, policy: str = "as_voted") -> list[Batch]:
    plan = Plan(load("policy", policy)(), "0" * 16, Selection(), "drop", None, {})
    if made(name).looks_first:
        plan = plan._replace(posteriors=learnt(name, table, size))
    return [pairs_of(plan, table.slice(start, size)) for start in range(0, len(table), size)]


@every_aggregation
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    aggregation = made(name)
    text = yaml.safe_dump(aggregation.model_dump(mode="json"))
    assert make(load("aggregation", name), load_yaml(text, name), name) == aggregation


@every_aggregation
def test_it_pickles_and_carries_its_name(name: str) -> None:
    assert pickle.loads(pickle.dumps(made(name))) == made(name)
    assert made(name).name == name


@every_aggregation
def test_it_is_documented_and_in_the_catalog(name: str) -> None:
    kind = load("aggregation", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []
    assert Catalog(role="aggregations")().facts["aggregation"][name] == summary("aggregation", name)
    details = Catalog(role="aggregation", name=name)().facts
    assert set(details["options"]) == set(kind.model_fields)


@learning
@pytest.mark.parametrize("policy", ["as_voted", "all"])
@pytest.mark.parametrize("size", [1, 7])
def test_any_batch_size_gives_the_same_pairs_and_facts(name: str, policy: str, size: int) -> None:
    table = comparisons()
    (whole,) = paired(name, table, len(table), policy)
    parts = paired(name, table, size, policy)
    assert len(whole.pairs) > 40, "the contract would see nothing"
    assert [row for part in parts for row in part.pairs.to_pylist()] == whole.pairs.to_pylist()
    assert [entry for part in parts for entry in part.aside] == whole.aside
    assert learnt(name, table, size).facts == learnt(name, table, len(table)).facts


@learning
def test_every_comparison_is_paired_or_set_aside_and_names_its_kind(name: str) -> None:
    table = comparisons()
    (batch,) = paired(name, table, len(table))
    aside = [comparison for comparison, _ in batch.aside]
    assert batch.paired + len(aside) == len(table)
    kinds = set(batch.pairs["p_kind"].to_pylist())
    assert name in kinds <= {name, "beta", None}
    told = zip(batch.pairs["p_chosen"].to_pylist(), batch.pairs["p_kind"].to_pylist(), strict=True)
    assert all(0.5 <= p <= 1 for p, kind in told if kind == name)


@learning
def test_what_it_found_can_stand_in_a_manifest(name: str) -> None:
    facts = learnt(name, comparisons(), 100).facts
    text = yaml.safe_dump(facts)
    assert "nan" not in text.lower().split()
    assert load_yaml(text, name) == facts


def test_no_options_are_kept_for_aggregations_that_are_gone() -> None:
    assert set(OPTIONS) <= set(names("aggregation"))

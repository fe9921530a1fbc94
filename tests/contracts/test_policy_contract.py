"""What every pairing policy keeps to, whoever wrote it."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from prefkit.errors import ConfigError
from prefkit.pairing.ballots import Selection
from prefkit.pairing.pairs import Batch, Plan, pairs_of
from prefkit.pairing.policy import Policy
from prefkit.registry import load, names, summary
from prefkit.schema.arrow import COMPARISONS, PAIRS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.step import make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {"threshold": {"at": 3.0}}
"""Options of policies that need some, or that do more with some."""

every_policy = pytest.mark.parametrize("name", names("policy"))


def made(name: str) -> Policy:
    kind = load("policy", name)
    try:
        policy = make(kind, OPTIONS.get(name, {}), name)
    except ConfigError as error:
        pytest.fail(f"{error}. Add one line for {name!r} to OPTIONS in {Path(__file__).name}")
    assert isinstance(policy, Policy)
    return policy


def vote(scores: tuple[float | None, ...], scale: str = "rating:1-5", by: str = "p1") -> Vote:
    values = [score for score in scores if score is not None]
    outcome = "tie" if len(values) > 1 and len(set(values)) == 1 else "scored"
    return Vote("human", outcome, scores, scale, Source("file.jsonl", "line 1"), by=by)


def nothing(outcome: str, count: int) -> Vote:
    return Vote(
        "human", outcome, (None,) * count, "choice", Source("file.jsonl", "line 2"), by="p2"
    )


def executed(place: int, count: int, passed: int, label: str) -> Vote:
    """A run of ten tests of one of so many responses."""
    row = [place == other for other in range(count)]
    return Vote(
        "execution",
        "scored",
        tuple(passed / 10 if own else None for own in row),
        "pass_share",
        Source("tasks.jsonl", f"{label} {place}"),
        by="sandbox:bubblewrap",
        labels=tuple(label if own else None for own in row),
        trials=tuple(10 if own else None for own in row),
    )


def comparison(number: int, answers: int, *votes: Vote) -> Comparison:
    responses = tuple(
        Response((Message("assistant", f"answer {place} to {number}"),)) for place in range(answers)
    )
    prompt = (Message("user", f"Question {number}?"),) if number else ()
    return Comparison(prompt, responses, votes)


@cache
def comparisons() -> pa.Table:
    click = vote((1.0, 0.0), "choice")
    rows = [
        comparison(0, 2, click),
        comparison(1, 2, click),
        comparison(2, 2, click, vote((0.0, 1.0), "choice", by="p3")),
        comparison(3, 2, vote((0.5, 0.5), "choice")),
        comparison(4, 2, nothing("both_bad", 2)),
        comparison(5, 2),
        comparison(6, 4, vote((5.0, 4.0, 2.0, 1.0))),
        comparison(7, 4, vote((1.0, 2.0, 4.0, 5.0)), vote((1.0, 2.0, 4.0, 3.0), by="p4")),
        comparison(8, 3, vote((3.0, None, None)), vote((None, 5.0, None)), vote((None, None, 1.0))),
        comparison(9, 3, vote((4.0, 4.0, 4.0))),
        comparison(10, 1, vote((5.0,))),
        comparison(11, 1, vote((1.0,))),
        comparison(12, 2, nothing("skip", 2)),
        comparison(13, 2, vote((1.0, 5.0)), click),
        comparison(14, 2, nothing("both_good", 2)),
        comparison(15, 3, executed(0, 3, 10, "pass"), executed(2, 3, 7, "near_miss")),
        comparison(16, 2, executed(0, 2, 10, "pass"), executed(1, 2, 10, "pass")),
    ]
    return comparisons_table([comparison_row(row) for row in rows])


def paired(name: str, table: pa.Table, tie: str = "drop") -> Batch:
    return pairs_of(Plan(made(name), "0" * 16, Selection(), tie, None, {}), table)


@every_policy
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    policy = made(name)
    text = yaml.safe_dump(policy.model_dump(mode="json"))
    assert make(load("policy", name), load_yaml(text, name), name) == policy


@every_policy
def test_it_pickles(name: str) -> None:
    assert pickle.loads(pickle.dumps(made(name))) == made(name)


@every_policy
def test_it_is_documented(name: str) -> None:
    kind = load("policy", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


@every_policy
def test_it_appears_in_the_catalog(name: str) -> None:
    listed = Catalog(role="policy")().facts["policy"]
    assert listed[name] == summary("policy", name) != ""
    details = Catalog(role="policy", name=name)().facts
    assert set(details["options"]) == set(load("policy", name).model_fields)


@every_policy
def test_no_comparisons_give_no_pairs(name: str) -> None:
    batch = paired(name, COMPARISONS.empty_table())
    assert batch.pairs.schema.equals(PAIRS, check_metadata=True)
    assert (len(batch.pairs), batch.aside, batch.paired) == (0, [], 0)


@every_policy
@pytest.mark.parametrize("tie", ["drop", "unpaired", "soft"])
@pytest.mark.parametrize("size", [1, 4])
def test_any_batch_size_gives_the_same_pairs(name: str, tie: str, size: int) -> None:
    whole = paired(name, comparisons(), tie)
    starts = range(0, len(comparisons()), size)
    parts = [paired(name, comparisons().slice(start, size), tie) for start in starts]
    assert len(whole.pairs) > 0, "the contract would see nothing"
    pairs = [row for part in parts for row in part.pairs.to_pylist()]
    assert pairs == whole.pairs.to_pylist()
    assert [entry for part in parts for entry in part.aside] == whole.aside
    assert sum(part.paired for part in parts) == whole.paired
    assert [turned for part in parts for turned in part.turned.tolist()] == whole.turned.tolist()


@every_policy
@pytest.mark.parametrize("tie", ["drop", "unpaired", "soft"])
def test_every_comparison_is_paired_or_set_aside_with_a_reason(name: str, tie: str) -> None:
    batch = paired(name, comparisons(), tie)
    aside = [comparison for comparison, _ in batch.aside]
    both = [*set(batch.pairs["comparison"].to_pylist()), *aside]
    assert sorted(both) == sorted(comparisons()["id"].to_pylist())
    assert batch.paired + len(aside) == len(comparisons())
    assert all(reason for _, reason in batch.aside)


@every_policy
def test_its_pairs_keep_the_schema_and_have_a_side(name: str) -> None:
    pairs = paired(name, comparisons()).pairs
    assert pairs.schema.equals(PAIRS, check_metadata=True)
    sides = zip(pairs["chosen"].to_pylist(), pairs["rejected"].to_pylist(), strict=True)
    assert all(chosen is not None or rejected is not None for chosen, rejected in sides)


def test_no_options_are_kept_for_policies_that_are_gone() -> None:
    assert set(OPTIONS) <= set(names("policy"))

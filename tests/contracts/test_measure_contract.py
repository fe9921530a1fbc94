"""What every measure keeps to, whoever wrote it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from contract_rows import varied_pairs
from pair_rows import assistant, pair, user, write_pairs
from template_models import chatml_model

from prefkit.dataset import open_dataset
from prefkit.filters.votes import Votes
from prefkit.registry import load, names, summary
from prefkit.runner import Measured, run_steps
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.step import Measure, make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {
    "template": {"model": chatml_model()},
    "truncation": {"model": chatml_model(), "max_length": 40},
}
"""Options of measures that need some."""

every_measure = pytest.mark.parametrize("name", names("measure"))


def made(name: str) -> Measure:
    kind = load("measure", name)
    assert issubclass(kind, Measure)
    return make(kind, OPTIONS.get(name, {}), name)


@cache
def rows() -> pa.Table:
    """The varied rows that are kept, four times over under prompts of their own."""
    found = []
    for time in range(4):
        for row in varied_pairs():
            values = dict(zip(PAIRS.names, row, strict=True))
            values["prompt"] = [("system", f"Time {time}", None), *values["prompt"]]
            found.append(tuple(values.values()))
    whole = table(PAIRS, found)
    return whole.filter(pc.is_null(whole["dropped"])).combine_chunks()


def measured(name: str, given: pa.Table, size: int | None = None) -> dict[str, Any]:
    """The facts about a table that is handed over in slices of `size` rows."""
    size = size or max(len(given), 1)
    measure = made(name)
    shown = given.select(list(measure.columns()))
    parts = [shown.slice(start, size) for start in range(0, max(len(given), 1), size)]
    sketches = pa.concat_tables([measure.sketch(part) for part in parts]).combine_chunks()
    return measure.facts(sketches, given["weight"].to_numpy())


def numbers(facts: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every fact that is an estimate: an object with `value`."""
    if isinstance(facts, dict):
        if "value" in facts:
            yield path, facts
        for key, value in facts.items():
            yield from numbers(value, f"{path}.{key}")
    elif isinstance(facts, list):
        for place, value in enumerate(facts):
            yield from numbers(value, f"{path}[{place}]")


@every_measure
def test_its_options_survive_a_round_trip_through_yaml_and_pickle(name: str) -> None:
    measure = made(name)
    text = yaml.safe_dump(measure.model_dump(mode="json"))
    assert make(load("measure", name), load_yaml(text, name), name) == measure
    assert pickle.loads(pickle.dumps(measure)) == measure
    assert measure.name == name


@every_measure
def test_it_is_documented_and_in_the_catalog(name: str) -> None:
    kind = load("measure", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []
    assert Catalog(role="measure")().facts["measure"][name] == summary("measure", name) != ""


@every_measure
def test_a_sketch_has_a_row_for_each_row_and_no_text(name: str) -> None:
    text = "nobody says this twice " * 500
    long = [pair(user(f"{n} {text}"), assistant(text), assistant(f"{n}")) for n in range(50)]
    measure = made(name)
    sketch = measure.sketch(table(PAIRS, long).select(list(measure.columns())))
    assert len(sketch) == len(long)
    assert sketch.nbytes < 150 * len(long)


@every_measure
@pytest.mark.parametrize("size", [1, 7])
def test_any_batch_size_gives_the_same_facts(name: str, size: int) -> None:
    assert measured(name, rows(), size) == measured(name, rows())


@every_measure
def test_no_rows_and_one_row_give_facts_without_a_number_that_is_none(name: str) -> None:
    for count in (0, 1):
        facts = measured(name, rows().slice(0, count))
        json.dumps(facts, allow_nan=False)
        assert made(name).line(facts)
        assert not list(numbers(facts))


@every_measure
def test_every_estimate_has_an_interval_or_says_that_it_has_none(name: str) -> None:
    facts = measured(name, rows())
    json.dumps(facts, allow_nan=False)
    assert made(name).line(facts)
    for path, fact in numbers(facts):
        assert ("interval" in fact) != ("no_interval" in fact), path
        assert fact["n"] > 0, path
        if "interval" in fact:
            low, high = fact["interval"]
            assert np.isfinite([low, high]).all(), path
            assert low <= high, path


@every_measure
def test_a_run_takes_it_before_and_after_its_steps(name: str, tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", varied_pairs()))
    found = Measured(made(name))
    run_steps(source, [Votes(min=2)], None, measured=[found])
    whole = table(PAIRS, varied_pairs())
    kept = whole.filter(pc.is_null(whole["dropped"])).combine_chunks()
    left = kept.filter(
        pc.or_(
            pc.greater_equal(kept["n_votes"], 2),
            pc.fill_null(pc.equal(pc.struct_field(kept["decision"], "verdict"), "keep"), False),
        )
    ).combine_chunks()
    assert 0 < len(left) < len(kept)
    entry = found.facts()
    assert entry["name"] == name
    assert (entry["before"], entry["after"]) == (measured(name, kept), measured(name, left))


@every_measure
def test_steps_that_change_nothing_leave_after_empty(name: str, tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", varied_pairs()))
    found = Measured(made(name))
    run_steps(source, [], None, measured=[found])
    assert found.facts()["after"] is None

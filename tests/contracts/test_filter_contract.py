"""What every filter keeps to, whoever wrote it."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from contract_rows import varied_pairs
from pair_rows import assistant, pair, user, write_pairs
from template_models import chatml_model

from prefkit.dataset import create_dataset, open_dataset
from prefkit.errors import ConfigError
from prefkit.registry import load, names, summary
from prefkit.runner import run_steps
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.step import ROW, Filter, Step, TwoPass, make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {
    "boilerplate": {"kinds": ["phrases"], "also": ["At seven"]},
    "endings": {"min": 0.5, "short": 2, "drop": "either"},
    "language": {"allow": ["de"]},
    "length": {"min": 3, "max": 60, "max_prompt": 40},
    "length_difference": {"max": 10},
    "length_match": {"target": 0.5, "strata": 2},
    "length_ratio": {"max": 2.5, "min": 0.2, "unit": "words"},
    "length_weight": {"target": 0.5, "strata": 2},
    "margin": {"min": {"rating:1-5": 1.5}},
    "margin_quantile": {"drop": 0.3},
    "probability": {"unknown": False},
    "python": {"function": "contract_rows:too_long"},
    "refusal": {"drop": "either"},
    "repetition": {"lines": 0.3, "phrases": 0.3, "drop": "either"},
    "template": {"model": chatml_model()},
    "truncation": {"model": chatml_model(), "max_length": 40},
    "where": {"that": "n_votes >= 2 or criterion is not null"},
}
"""Options of filters that need some, or that do more with some."""

MARKS = ("checks", "dropped", "cluster", "weight")
"""The columns that a filter may change."""

DROPS_NOTHING = {"length_weight"}
"""Filters that change a row's weight and never mark it."""

every_filter = pytest.mark.parametrize("name", names("filter"))


def made(name: str) -> Step | TwoPass:
    kind = load("filter", name)
    try:
        return make(kind, OPTIONS.get(name, {}), name)
    except ConfigError as error:
        pytest.fail(f"{error}. Add one line for {name!r} to OPTIONS in {Path(__file__).name}")


@cache
def rows() -> pa.Table:
    found = table(PAIRS, varied_pairs())
    return found.append_column(ROW, pa.array(np.arange(len(found))))


def marked(name: str, given: pa.Table, size: int | None = None) -> pa.Table:
    """What a filter makes of a table that it is handed in slices of `size` rows."""
    size = size or max(len(given), 1)
    parts = [given.slice(start, size) for start in range(0, max(len(given), 1), size)]
    step = made(name)
    if isinstance(step, TwoPass):
        step = step.fit(pa.concat_tables([step.sketch(part) for part in parts]))
    return pa.concat_tables([step(part) for part in parts])


def fitted(name: str) -> Step:
    step = made(name)
    return step.fit(step.sketch(rows())) if isinstance(step, TwoPass) else step


@every_filter
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    step = made(name)
    text = yaml.safe_dump(step.model_dump(mode="json"))
    assert make(load("filter", name), load_yaml(text, name), name) == step


@every_filter
def test_it_is_called_what_it_is_registered_as(name: str) -> None:
    assert made(name).name == name
    assert fitted(name).name == name


@every_filter
def test_it_pickles(name: str) -> None:
    for step in (made(name), fitted(name)):
        assert pickle.loads(pickle.dumps(step)) == step


@every_filter
def test_it_is_documented(name: str) -> None:
    kind = load("filter", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


@every_filter
def test_it_appears_in_the_catalog(name: str) -> None:
    listed = Catalog(role="filter")().facts["filter"]
    assert listed[name] == summary("filter", name) != ""
    details = Catalog(role="filter", name=name)().facts
    assert set(details["options"]) == set(load("filter", name).model_fields)


@every_filter
def test_it_changes_nothing_but_its_marks(name: str) -> None:
    after = marked(name, rows())
    assert after.schema.equals(rows().schema, check_metadata=True)
    untouched = [column for column in rows().column_names if column not in MARKS]
    assert after.select(untouched).equals(rows().select(untouched))


@every_filter
def test_it_takes_no_rows(name: str) -> None:
    nothing = rows().slice(0, 0)
    assert marked(name, nothing).equals(nothing)


@every_filter
@pytest.mark.parametrize("size", [1, 5])
def test_any_batch_size_gives_the_same_rows(name: str, size: int) -> None:
    assert marked(name, rows(), size).to_pylist() == marked(name, rows()).to_pylist()


@every_filter
def test_twice_marks_what_once_marked(name: str) -> None:
    once = marked(name, rows())
    twice = marked(name, once)
    assert twice["dropped"].to_pylist() == once["dropped"].to_pylist()
    assert twice["cluster"].equals(once["cluster"])
    assert twice["weight"].to_pylist() == pytest.approx(once["weight"].to_pylist())


@every_filter
def test_a_row_that_is_dropped_already_is_not_measured(name: str) -> None:
    gone = pa.array([text is not None for text in rows()["dropped"].to_pylist()])
    assert pc.sum(gone).as_py() > 0
    after = marked(name, rows())
    for column in ("checks", "dropped"):
        assert after[column].filter(gone).equals(rows()[column].filter(gone))


@every_filter
def test_a_row_that_a_person_kept_is_measured_and_stays(name: str) -> None:
    before = rows().filter(pc.is_valid(rows()["decision"]))
    after = marked(name, rows()).filter(pc.is_valid(rows()["decision"]))
    assert after["dropped"].to_pylist() == [None] * len(after) != []
    for old, new in zip(before["checks"].to_pylist(), after["checks"].to_pylist(), strict=True):
        assert len(new) > len(old)


@every_filter
def test_every_kept_row_has_the_same_checks_and_a_reason_names_one_of_them(name: str) -> None:
    shown = pc.is_null(rows()["dropped"])
    before = rows().filter(shown)["checks"].to_pylist()
    after = marked(name, rows()).filter(shown).select(["checks", "dropped"]).to_pylist()
    new = [
        [check["check"] for check in row["checks"][len(old) :]]
        for old, row in zip(before, after, strict=True)
    ]
    assert new == [new[0]] * len(new)
    assert len(set(new[0])) == len(new[0]) > 0
    assert all(check.partition(".")[0] == name for check in new[0])
    reasons = {row["dropped"].partition(": ")[0] for row in after if row["dropped"]}
    assert reasons <= set(new[0])


@every_filter
def test_it_finds_something_in_the_varied_rows(name: str) -> None:
    found = marked(name, rows())["dropped"].null_count
    if name in DROPS_NOTHING:
        assert not marked(name, rows())["weight"].equals(rows()["weight"])
        return
    assert 0 < found < rows()["dropped"].null_count, "the contracts above would see nothing"


@every_filter
def test_it_reads_only_the_columns_that_it_declares(name: str) -> None:
    always = {ROW, "checks", "decision", "dropped"}
    step = made(name)
    if isinstance(step, TwoPass):
        kept = [c for c in rows().column_names if c in {*always, *step.columns()}]
        step = step.fit(step.sketch(rows().select(kept)))
    columns = [c for c in rows().column_names if c in {*always, *step.columns()}]
    alone = step(rows().select(columns))
    whole = marked(name, rows())
    assert alone["checks"].to_pylist() == whole["checks"].to_pylist()
    assert alone["dropped"].to_pylist() == whole["dropped"].to_pylist()


def curated(folder: Path, name: str, group: int) -> tuple[str, bytes, dict[str, Any]]:
    """Content hash, bytes and counts of a run over row groups of `group` rows."""
    source = write_pairs(folder / f"pairs-{group}", varied_pairs())
    (part,) = (source / "rows").glob("*.parquet")
    pq.write_table(pq.read_table(part), part, row_group_size=group)
    with create_dataset(folder / f"curated-{group}", "pairs") as writer:
        (count,) = run_steps(open_dataset(source), [made(name)], writer)
        writer.finish("curate", {}, {})
    done = open_dataset(folder / f"curated-{group}")
    (written,) = (done.path / "rows").glob("*.parquet")
    return done.content_hash, written.read_bytes(), count.facts()


@every_filter
def test_the_runner_writes_the_same_bytes_whatever_the_row_groups(
    name: str, tmp_path: Path
) -> None:
    few, many = (curated(tmp_path, name, group) for group in (1000, 4))
    assert few == many


@every_filter
def test_a_run_that_writes_nothing_counts_the_same(name: str, tmp_path: Path) -> None:
    source = open_dataset(write_pairs(tmp_path / "pairs", varied_pairs()))
    (counted,) = run_steps(source, [made(name)], None)
    assert counted.facts() == curated(tmp_path, name, 1000)[2]
    assert counted.rows_in == rows()["dropped"].null_count


@pytest.mark.parametrize(
    "name", [n for n in names("filter") if issubclass(load("filter", n), TwoPass)]
)
def test_a_sketch_is_small_and_holds_no_text(name: str) -> None:
    step = made(name)
    assert isinstance(step, TwoPass)
    text = "nobody says this twice " * 500
    long = [pair(user(f"{n} {text}"), assistant(text), assistant(f"{n}")) for n in range(50)]
    given = table(PAIRS, long).append_column(ROW, pa.array(np.arange(50)))
    assert step.sketch(given).nbytes < 150 * len(long)


def test_every_class_behind_a_name_is_a_step() -> None:
    kinds = [load("filter", name) for name in names("filter")]
    assert all(issubclass(kind, Filter | TwoPass) for kind in kinds)


def test_no_options_are_kept_for_filters_that_are_gone() -> None:
    assert set(OPTIONS) <= set(names("filter"))

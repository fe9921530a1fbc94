"""What every reader keeps to, whoever wrote it."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefkit.errors import ConfigError
from prefkit.registry import load, names, summary
from prefkit.schema.arrow import COMPARISONS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.step import Reader, Record, make
from prefkit.verbs.catalog import Catalog
from prefkit.verbs.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {
    "columns": {"prompt": "q", "a": "one", "b": "two", "winner": "best", "values": {"1": "a"}},
    "label_studio": {
        "prompt": "prompt",
        "responses": ["left", "right"],
        "buckets": ["good", "bad"],
    },
}
"""Options of readers that need some, or that do more with some."""

SAMPLES: dict[str, dict[str, Any]] = {
    "columns": {"q": "A prime above 10?", "one": "11", "two": "12", "best": "1"},
    "label_studio": {
        "id": 41,
        "data": {"prompt": "A prime above 10?", "left": "11", "right": "12"},
        "annotations": [
            {
                "id": 1,
                "completed_by": 3,
                "was_cancelled": False,
                "result": [
                    {
                        "type": "pairwise",
                        "from_name": "c",
                        "to_name": "left,right",
                        "value": {"selected": "left"},
                    }
                ],
            }
        ],
    },
    "trl": {"prompt": "A prime above 10?", "chosen": "11", "rejected": "12"},
}
"""One row of each format, as decoded from its file."""

HOSTILE: tuple[dict[str, Any], ...] = (
    {},
    {"prompt": None},
    {"prompt": "Q", "chosen": 3, "rejected": [None]},
    {"id": "x", "data": [], "annotations": {}},
    {"data": {"prompt": "Q"}, "annotations": [None, 7, {"result": "text"}]},
    {"q": "Q", "one": "", "two": "", "best": ""},
    {"something": {"deep": [{"er": [1, [2]]}]}},
    {"\x00": "\x00", "prompt": "\x00"},
)

every_reader = pytest.mark.parametrize("name", names("reader"))


def made(name: str) -> Reader:
    kind = load("reader", name)
    try:
        reader = make(kind, OPTIONS.get(name, {}), name)
    except ConfigError as error:
        pytest.fail(f"{error}. Add one line for {name!r} to OPTIONS in {Path(__file__).name}")
    assert isinstance(reader, Reader)
    return reader


def sample(name: str) -> dict[str, Any]:
    if name not in SAMPLES:
        pytest.fail(f"add one row of the reader {name!r} to SAMPLES in {Path(__file__).name}")
    return SAMPLES[name]


@every_reader
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    reader = made(name)
    text = yaml.safe_dump(reader.model_dump(mode="json"))
    assert make(load("reader", name), load_yaml(text, name), name) == reader


@every_reader
def test_it_is_called_what_it_is_registered_as(name: str) -> None:
    assert made(name).name == name


@every_reader
def test_it_pickles(name: str) -> None:
    assert pickle.loads(pickle.dumps(made(name))) == made(name)


@every_reader
def test_it_is_documented(name: str) -> None:
    kind = load("reader", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


@every_reader
def test_it_appears_in_the_catalog(name: str) -> None:
    listed = Catalog(role="reader")().facts["reader"]
    assert listed[name] == summary("reader", name) != ""
    details = Catalog(role="reader", name=name)().facts
    assert set(details["options"]) == set(load("reader", name).model_fields)


@every_reader
def test_no_records_give_no_rows(name: str) -> None:
    assert list(made(name).read([], "empty.json")) == []
    assert made(name).sniff([]) == 0.0


@every_reader
def test_it_recognises_its_own_rows_and_no_others(name: str) -> None:
    reader = made(name)
    assert 0.0 < reader.sniff([sample(name)]) <= 1.0
    assert reader.sniff([{"something": 1}]) == 0.0


@every_reader
def test_every_record_gives_one_row_in_order_and_is_left_as_it_was(name: str) -> None:
    data = [*HOSTILE[:4], sample(name), *HOSTILE[4:], sample(name)]
    records = [Record(f"line {place}", row) for place, row in enumerate(copy.deepcopy(data))]
    rows = list(made(name).read(records, "file.jsonl"))
    assert [row.where for row in rows] == [record.where for record in records]
    assert [record.data for record in records] == data
    assert all(bool(row.comparisons) != (row.aside is not None) for row in rows)
    own = [row for row, given in zip(rows, data, strict=True) if given is sample(name)]
    assert [row.aside for row in own] == [None, None]
    assert all(row.aside.reason and row.aside.detail for row in rows if row.aside is not None)


@every_reader
def test_what_it_reads_are_valid_comparisons(name: str) -> None:
    data = [sample(name), *HOSTILE]
    records = [Record(f"line {place}", row) for place, row in enumerate(data)]
    read = [c for row in made(name).read(records, "file.jsonl") for c in row.comparisons]
    table = comparisons_table([comparison_row(comparison) for comparison in read])
    assert table.schema.equals(COMPARISONS, check_metadata=True)
    sources = {vote.source.record.partition(",")[0] for c in read for vote in c.votes}
    assert sources


@every_reader
def test_reading_records_one_at_a_time_gives_the_same_rows(name: str) -> None:
    records = [Record(f"line {n}", row) for n, row in enumerate([sample(name), *HOSTILE])]
    apart = [row for record in records for row in made(name).read([record], "file.jsonl")]
    assert apart == list(made(name).read(records, "file.jsonl"))


def test_nothing_is_kept_for_readers_that_are_gone() -> None:
    assert set(OPTIONS) | set(SAMPLES) <= set(names("reader"))

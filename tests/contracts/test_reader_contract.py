"""What every reader keeps to, whoever wrote it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefkit.reader import Reader, Record
from prefkit.registry import load, names, summary
from prefkit.schema.arrow import COMPARISONS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.step import make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

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


every_example = pytest.mark.parametrize(
    ("name", "number"),
    [(name, n) for name in names("reader") for n in range(len(load("reader", name).examples))],
)


def made(name: str, number: int = 0) -> Reader:
    """The reader with the options of one of its examples, which must be there."""
    kind = load("reader", name)
    if not kind.examples:
        pytest.fail(f"give the reader {name!r} an `Example` for every shape that it reads")
    example = kind.examples[number]
    reader = make(kind, example.options, name)
    assert isinstance(reader, Reader)
    joined = lines(example.joined)
    return reader.join(numbered(joined)) if joined else reader


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def numbered(rows: Sequence[dict[str, Any]]) -> list[Record]:
    return [Record(f"line {place}", row) for place, row in enumerate(rows, 1)]


def own_rows(name: str, number: int = 0) -> list[dict[str, Any]]:
    return lines(load("reader", name).examples[number].rows)


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


@every_example
def test_it_recognises_its_own_rows_and_no_others(name: str, number: int) -> None:
    reader = made(name, number)
    assert 0.5 <= reader.sniff(own_rows(name, number)) <= 1.0
    assert reader.sniff([{"something": 1}]) == 0.0


@every_example
def test_every_row_of_an_example_is_used(name: str, number: int) -> None:
    reader = made(name, number)
    rows = list(reader.read(numbered(own_rows(name, number)), "file.jsonl"))
    assert [(row.where, row.aside) for row in rows if row.aside is not None] == []
    assert any(row.comparisons for row in rows)
    assert reader.gathers(own_rows(name, number)) or all(row.comparisons for row in rows)


@every_example
def test_votes_of_an_example_say_where_they_come_from(name: str, number: int) -> None:
    rows = made(name, number).read(numbered(own_rows(name, number)), "file.jsonl")
    votes = [vote for row in rows for c in row.comparisons for vote in c.votes]
    assert votes
    assert all(vote.source.name and vote.source.record for vote in votes)


@every_example
def test_every_record_gives_one_row_in_order_and_is_left_as_it_was(name: str, number: int) -> None:
    reader, own = made(name, number), own_rows(name, number)
    data = [*HOSTILE[:4], *own, *HOSTILE[4:], *own]
    records = numbered(copy.deepcopy(data))
    rows = list(reader.read(records, "file.jsonl"))
    assert [row.where for row in rows] == [record.where for record in records]
    assert [record.data for record in records] == data
    if not reader.gathers(data):
        assert all(bool(row.comparisons) != (row.aside is not None) for row in rows)
    assert not any(row.comparisons and row.aside for row in rows)
    assert all(row.aside.reason and row.aside.detail for row in rows if row.aside is not None)


@every_example
def test_what_it_reads_are_valid_comparisons(name: str, number: int) -> None:
    records = numbered([*own_rows(name, number), *HOSTILE])
    read = [c for row in made(name, number).read(records, "file.jsonl") for c in row.comparisons]
    table = comparisons_table([comparison_row(comparison) for comparison in read])
    assert table.schema.equals(COMPARISONS, check_metadata=True)


@every_example
def test_reading_records_one_at_a_time_gives_the_same_rows(name: str, number: int) -> None:
    reader, records = made(name, number), numbered([*own_rows(name, number), *HOSTILE])
    if reader.gathers([record.data for record in records]):
        return  # its rows are read together, whatever the batches: `gathers` is what says so
    apart = [row for record in records for row in reader.read([record], "file.jsonl")]
    assert apart == list(reader.read(records, "file.jsonl"))


@every_reader
def test_it_has_a_page_that_names_its_shapes(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "formats" / f"{name}.md"
    assert page.is_file(), f"write docs/formats/{name}.md: what is kept, what is lost, the pitfalls"
    text = page.read_text(encoding="utf-8")
    missing = [one.shape for one in load("reader", name).examples if one.shape not in text]
    assert not missing
    for heading in ("## Kept", "## Lost", "## Pitfalls"):
        assert heading in text


@every_example
def test_an_example_survives_json_and_names_what_it_was_checked_against(
    name: str, number: int
) -> None:
    example = load("reader", name).examples[number]
    assert example.shape == example.shape.strip() != ""
    assert example.confirmed is None or example.confirmed.strip()
    assert lines(example.rows)


def test_the_index_of_formats_tells_what_the_catalog_tells() -> None:
    """Paste the expected lines into docs/formats/README.md when a reader changes."""
    text = (Path(__file__).parents[2] / "docs" / "formats" / "README.md").read_text(
        encoding="utf-8"
    )
    listed = [line for line in text.splitlines() if line.startswith("| [")]
    expected = [
        f"| [{name}]({name}.md) | {summary('reader', name)} | "
        + " · ".join(
            one.shape + ("" if one.confirmed else " (unconfirmed)")
            for one in load("reader", name).examples
        )
        + " |"
        for name in sorted(names("reader"))
    ]
    assert listed == expected

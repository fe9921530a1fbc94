"""What every writer keeps to, whoever wrote it."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pair_rows import assistant, pair, user
from task_rows import asked

from prefkit.errors import ConfigError, SchemaError
from prefkit.exporters.layout import Needs, needs_of
from prefkit.exporters.lines import json_lines
from prefkit.exporters.losses import FEATURES
from prefkit.exporters.task_writer import Page, TaskWriter
from prefkit.exporters.writer import RowWriter
from prefkit.registry import load, names, summary
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table as table_of
from prefkit.schema.ids import messages_digest, pair_id
from prefkit.step import make
from prefkit.verbs.catalog import Catalog
from prefkit.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {"trl": {"shape": "unpaired"}}
"""Options of writers that need some, or that do more with some."""

every_writer = pytest.mark.parametrize("name", names("writer"))
every_row_writer = pytest.mark.parametrize(
    "name", [name for name in names("writer") if issubclass(load("writer", name), RowWriter)]
)
every_task_writer = pytest.mark.parametrize(
    "name", [name for name in names("writer") if issubclass(load("writer", name), TaskWriter)]
)


def made(name: str) -> RowWriter | TaskWriter:
    kind = load("writer", name)
    try:
        writer = make(kind, OPTIONS.get(name, {}), name)
    except ConfigError as error:
        pytest.fail(f"{error}. Add one line for {name!r} to OPTIONS in {Path(__file__).name}")
    assert isinstance(writer, RowWriter | TaskWriter)
    return writer


@every_writer
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    writer = made(name)
    text = yaml.safe_dump(writer.model_dump(mode="json"))
    assert make(load("writer", name), load_yaml(text, name), name) == writer


@every_writer
def test_it_is_called_what_it_is_registered_as(name: str) -> None:
    assert made(name).name == name


@every_writer
def test_it_pickles(name: str) -> None:
    assert pickle.loads(pickle.dumps(made(name))) == made(name)


@every_writer
def test_it_is_documented(name: str) -> None:
    kind = load("writer", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


ROWS = [
    pair(user("What is it?"), assistant("a"), assistant("b"), p_chosen=0.75, margin=1.0),
    pair(user("Thumb?"), assistant("up"), None),
    pair(user("Thumb?"), None, assistant("down")),
    pair([*user("One"), *assistant("two"), *user("three")], assistant("c"), assistant("d")),
    pair(user("Call"), assistant(None, '{"tool_calls":[{"id":1.50}]}'), assistant("no call"),
         tools='[{"f": 1}]', template_kwargs='{"x":null}'),
]  # fmt: skip


def variants(name: str) -> list[RowWriter]:
    """The writer in every combination of its shapes, forms and margins that it accepts."""
    kind = load("writer", name)
    choices = {
        option: [*get_args(next((part for part in get_args(field.annotation) if get_args(part)),
                                field.annotation)), *([None] if field.default is None else [])]
        for option, field in kind.model_fields.items()
        if option in ("shape", "form", "margin")
    }  # fmt: skip
    found = []
    for values in product(*choices.values()):
        with suppress(ConfigError):
            found.append(make(kind, dict(zip(choices, values, strict=True)), name))
    return found


@every_row_writer
def test_a_row_is_parsed_back_to_the_pair_or_half_it_was_written_from(name: str) -> None:
    written = 0
    for writer in variants(name):
        rows = _halves(ROWS) if writer.rule.halves else ROWS
        table = table_of(PAIRS, rows)
        left_out = np.zeros(len(table), dtype=bool)
        for mask in writer.left_out(table).values():
            left_out |= mask
        layout = writer.layout(needs_of(table, pa.array(~left_out)))
        assert writer.writes(layout.columns)
        bare = writer.rows(table, layout)
        assert bare.schema.equals(layout.schema)
        spared = [row for row, gone in zip(rows, left_out.tolist(), strict=True) if not gone]
        lines = json_lines(bare.filter(pa.array(~left_out)), layout.texts)
        for row, line in zip(spared, lines, strict=True):
            found = writer.parse(line[:-1], layout.columns)
            assert [found.prompt, found.chosen, found.rejected] == [
                None if side is None else tuple(side) for side in row[3:6]
            ]
            assert (found.tools or None) == (row[6] if "tools" in layout.columns else None)
            written += 1
    assert written


def _halves(rows: list[Any]) -> list[Any]:
    """Every pair once with its chosen and once with its rejected side."""
    sides = [(*row[:4], row[4], None, *row[6:]) for row in rows if row[4] is not None]
    return [*sides, *((*row[:4], None, *row[5:]) for row in rows if row[5] is not None)]


@every_row_writer
def test_what_it_carries_and_hashes_is_known(name: str) -> None:
    for writer in variants(name):
        assert writer.carried() <= set(FEATURES)
        assert set(writer.hashed) <= set(writer.layout(Needs()).columns)


TWO = (assistant("a \r\n"), assistant(None, '{"tool_calls":[{"id":1.50}]}'))
LONG = [*user("One"), *assistant("two"), *user("three")]
OWN = pair_id(messages_digest(LONG), (messages_digest(TWO[0]), messages_digest(TWO[1])), "tone")
TASKS = [
    asked(user("What is it?"), assistant("a"), assistant("b")),
    asked(LONG, *TWO, criterion="tone", pair=OWN),
    asked(user(""), *TWO, assistant(""), tools='[{"f": 1}]', template_kwargs='{"x":null}'),
]


@every_task_writer
def test_a_task_is_parsed_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    writer = made(name)
    assert isinstance(writer, TaskWriter)
    files = writer.write(tmp_path, iter(TASKS), Page("name", 'Judge <well> & "fairly".'))
    found = []
    for file in files:
        assert file["bytes"] == (tmp_path / file["name"]).stat().st_size
        assert writer.holds_tasks(file["name"]) == ("rows" in file)
        if "rows" in file:
            entries = json.loads((tmp_path / file["name"]).read_bytes())
            assert len(entries) == file["rows"]
            found += [writer.parse(entry) for entry in entries]
    assert sorted(found) == sorted(TASKS)
    assert load("reader", writer.reader)
    assert writer.steps([file["name"] for file in files])


@every_task_writer
def test_an_entry_that_is_none_is_refused(name: str) -> None:
    writer = made(name)
    assert isinstance(writer, TaskWriter)
    with pytest.raises(SchemaError):
        writer.parse({})


@every_writer
def test_it_appears_in_the_catalog(name: str) -> None:
    listed = Catalog(role="writer")().facts["writer"]
    assert listed[name] == summary("writer", name) != ""
    details = Catalog(role="writer", name=name)().facts
    assert set(details["options"]) == set(load("writer", name).model_fields)


def test_no_options_are_kept_for_writers_that_are_gone() -> None:
    assert set(OPTIONS) <= set(names("writer"))

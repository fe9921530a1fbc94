"""Prompts with what else their rows say, and prompts of plain text."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from prefkit.collectors.prompts import Prompt, Prompts, Unused
from prefkit.collectors.sources import limits
from prefkit.collectors.sources.origins import Reading
from prefkit.errors import ConfigError, DataError


def read(file: Path, *, texts: str | None = None, encoding: str = "utf-8") -> list[Prompt | Unused]:
    return list(Prompts([str(file)], Reading(encoding=encoding), whole=True, texts=texts))  # type: ignore[arg-type]


def contents(found: list[Prompt | Unused]) -> list[tuple[str, str | None]]:
    return [(row.where, row.messages[0].content) for row in found if isinstance(row, Prompt)]


@pytest.mark.parametrize(
    ("row", "reference", "tags", "extra"),
    [
        ({}, None, (), None),
        ({"answer": "42"}, '"42"', (), None),
        ({"answer": 42, "reference": None}, "42", (), None),
        ({"reference": "r", "answer": "a"}, '"r"', (), {"answer": "a"}),
        ({"tests": ["assert f(1)"]}, '["assert f(1)"]', (), None),
        ({"tags": {"b": "2", "a": "1"}, "id": 7}, None, (("a", "1"), ("b", "2")), {"id": 7}),
        ({"tags": {"a": "1", "b": None}}, None, (("a", "1"),), None),
        ({"tags": {"a": "1", "b": 2}}, None, (), {"tags": {"a": "1", "b": 2}}),
        ({"tags": ["a"], "level": None}, None, (), {"tags": ["a"]}),
    ],
)
def test_a_row_brings_its_reference_tags_and_other_fields(
    row: dict[str, object],
    reference: str | None,
    tags: tuple[tuple[str, str], ...],
    extra: dict[str, object] | None,
    tmp_path: Path,
) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"prompt": "Why?"} | row))
    (found,) = read(file)
    assert isinstance(found, Prompt)
    assert (found.reference, found.tags) == (reference, tags)
    assert (found.extra and json.loads(found.extra)) == extra
    assert found.row == {"prompt": "Why?"} | row


def test_conversations_stay_conversations(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Why?"},
    ]
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"messages": turns, "answer": "Because."}))
    (found,) = read(file)
    assert isinstance(found, Prompt)
    assert [turn.role for turn in found.messages] == ["user", "assistant", "user"]
    assert (found.reference, found.extra) == ('"Because."', None)


def test_a_line_or_a_paragraph_of_a_text_file_is_a_prompt(tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_bytes('\ufeff\nOne\r\n  two \n \t\n\n{"three": 3}\nfour'.encode())
    assert contents(read(file, texts="line")) == [
        ("line 2", "One"), ("line 3", "  two "), ("line 6", '{"three": 3}'), ("line 7", "four"),
    ]  # fmt: skip
    assert contents(read(file, texts="paragraph")) == [
        ("line 2", "One\n  two "), ("line 6", '{"three": 3}\nfour'),
    ]  # fmt: skip


def test_text_is_unpacked_and_read_in_its_encoding(tmp_path: Path) -> None:
    file = tmp_path / "p.txt.gz"
    file.write_bytes(gzip.compress("Größe?\n".encode("cp1252")))
    assert contents(read(file, texts="line", encoding="cp1252")) == [("line 1", "Größe?")]
    with pytest.raises(DataError, match="0xf6 is not utf-8"):
        read(file, texts="line")
    with pytest.raises(ConfigError, match="there is no encoding 'klingon'"):
        read(file, texts="line", encoding="klingon")


def test_a_line_that_is_too_long_is_set_aside_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RECORD_BYTES", 100)
    file = tmp_path / "p.txt"
    file.write_text("short\n" + "x" * 1000 + "\nlast\n")
    first, long, last = read(file, texts="line")
    assert isinstance(long, Unused)
    assert (long.where, long.aside.reason) == ("line 2", "too long")
    assert contents([first, last]) == [("line 1", "short"), ("line 3", "last")]


def test_fields_may_be_called_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"question": "Why?", "solution": "So.", "prompt": "a number: 3"}))
    columns = {"prompt": "question", "reference": "solution"}
    (found,) = Prompts([str(file)], Reading(columns=columns), whole=True)
    assert isinstance(found, Prompt)
    assert found.messages[0].content == "Why?"
    assert (found.reference, found.extra) == ('"So."', '{"prompt":"a number: 3"}')


def test_a_field_that_no_row_has_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"prompt": "Why?", "solution": "So."}\n{"prompt": "How?"}\n')
    found = Prompts([str(file)], Reading(columns={"reference": "soluton"}), whole=True)
    with pytest.raises(ConfigError, match="no row has a field 'soluton' to take as reference"):
        list(found)
    some = Prompts([str(file)], Reading(columns={"reference": "solution"}), whole=True)
    assert [row.reference for row in some if isinstance(row, Prompt)] == ['"So."', None]

"""Files as people have them: found, unpacked, cut into rows with their right places."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.collectors.human import arrays, files
from prefkit.collectors.human.arrays import array_items
from prefkit.collectors.human.decoding import decoded_block
from prefkit.collectors.human.files import expand, read_blocks, source_names
from prefkit.errors import ConfigError, DataError
from prefkit.step import Aside, Record

Items = list[tuple[str, Any]]


def read(path: Path | str, **options: Any) -> Items:
    """(place, fields) of every row, and (place, reason) of every one that cannot be decoded."""
    return [
        (item.where, item.data) if isinstance(item, Record) else (item[0], item[1].reason)
        for block in read_blocks(str(path), **options)
        for item in decoded_block(block)
    ]


def aside(path: Path) -> Aside:
    (item,) = [item for block in read_blocks(str(path)) for item in decoded_block(block)]
    assert not isinstance(item, Record)
    return item[1]


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- finding files


def test_folders_globs_and_paths_give_each_file_once_in_order(tmp_path: Path) -> None:
    wanted = ["a.jsonl", "b.csv", "deep/c.json.gz", "deep/d.PARQUET"]
    for name in (*wanted, "notes.txt", ".hidden.jsonl", ".git/x.jsonl", "rows.gz"):
        put(tmp_path / name, "{}\n")
    paths = [str(tmp_path / name) for name in wanted]
    assert expand([str(tmp_path)]) == paths
    assert expand([str(tmp_path / "*.csv"), str(tmp_path), paths[0]]) == [
        paths[1],
        paths[0],
        *paths[2:],
    ]
    assert expand([str(tmp_path / "**/*.json*")]) == [paths[0], paths[2]]
    assert expand([str(tmp_path / "notes.txt"), "-"]) == [str(tmp_path / "notes.txt"), "-"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    put(tmp_path / "part[1].jsonl", "{}")
    assert expand([str(tmp_path / "part[1].jsonl")]) == [str(tmp_path / "part[1].jsonl")]


@pytest.mark.parametrize(
    ("name", "message"), [("none.jsonl", "there is no file"), ("*.jsonl", "there is no file")]
)
def test_a_path_that_matches_nothing_is_said(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        expand([str(tmp_path / name)])


def test_a_folder_without_data_is_said(tmp_path: Path) -> None:
    put(tmp_path / "d/notes.txt", "x")
    with pytest.raises(ConfigError, match=r"holds no file ending in \.jsonl"):
        expand([str(tmp_path / "d")])


def test_sources_are_called_by_plain_names_and_by_folders_where_these_are_shared() -> None:
    assert source_names(["/x/a.jsonl", "/x/b.jsonl", "-"]) == {
        "/x/a.jsonl": "a.jsonl",
        "/x/b.jsonl": "b.jsonl",
        "-": "standard input",
    }
    assert source_names(["/x/ann/e.json", "/x/bob/e.json", "/x/bob/f.json", "/y/bob/e.json"]) == {
        "/x/ann/e.json": "ann/e.json",
        "/x/bob/e.json": "x/bob/e.json",
        "/x/bob/f.json": "f.json",
        "/y/bob/e.json": "y/bob/e.json",
    }


# --- lines


LINES = b'{"n":1}\n\n{"n":2}\r\n  \r\n{"n":3\n[4]\n"x"\nnull\n{"n":5}'
FOUND: Items = [
    ("line 1", {"n": 1}),
    ("line 2", "blank"),
    ("line 3", {"n": 2}),
    ("line 4", "blank"),
    ("line 5", "not JSON"),
    ("line 6", "not an object"),
    ("line 7", "not an object"),
    ("line 8", "not an object"),
    ("line 9", {"n": 5}),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 1_000])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_line_is_a_row_with_its_number_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, end: bytes
) -> None:
    monkeypatch.setattr(files, "_LINES_BYTES", size)
    assert read(put(tmp_path / "a.jsonl", LINES + end)) == FOUND


@given(
    lines=st.lists(
        st.sampled_from([b"", b"{}", b'{"a":1}', b"x", b'{"long":"' + b"y" * 30 + b'"}'])
    ),
    size=st.integers(1, 40),
)
@settings(deadline=None)
def test_rows_are_the_lines_at_any_block_size(lines: list[bytes], size: int) -> None:
    text = b"".join(line + b"\n" for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_LINES_BYTES", size)
        blocks = list(files.json_lines(io.BytesIO(text), "utf-8", None))
    found = [
        (block.first + number, line)
        for block in blocks
        for number, line in enumerate((block.lines or b"").split(b"\n"))
    ]
    assert found == list(enumerate(lines, 1))


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    assert read(put(tmp_path / "a.jsonl", mark + b'{"n":1}\n{"n":2}')) == [
        ("line 1", {"n": 1}),
        ("line 2", {"n": 2}),
    ]
    assert read(put(tmp_path / "a.json", mark + b'[{"n":1}]')) == [("item 1", {"n": 1})]
    assert read(put(tmp_path / "b.json", mark + b'{\n"n":1}')) == [("object", {"n": 1})]
    assert read(put(tmp_path / "a.csv", mark + b"n,m\n1,2\n")) == [("row 1", {"n": "1", "m": "2"})]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json", "a", "b.jsonl.gz"):
        content = gzip.compress(b"") if name.endswith(".gz") else b""
        assert read(put(tmp_path / name, content)) == []


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ('{"a": NaN}', "not JSON", "NaN is not a JSON number"),
        ('{"a": -Infinity}', "not JSON", "-Infinity is not a JSON number"),
        ('{"a": 12345678901234567890, "b": NaN}', "not JSON", "NaN is not a JSON number"),
        ("{'a': 1}", "not JSON", "Expecting property name"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "not JSON", "maximum recursion depth"),
        ("[" * 100_000, "not JSON", "maximum recursion depth"),
        ('{"a": ' + "1" * 5_000 + "}", "not JSON", "Exceeds the limit"),
        ('{"a": "\\ud800"}', "not text", "half a character"),
        ('{"a": 1, "b": 2, "a": 3}', "key given twice", "the key 'a' is there twice"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_row_that_cannot_be_trusted_is_set_aside_with_its_text(
    tmp_path: Path, name: str, line: str, reason: str, detail: str
) -> None:
    if name == "a.json":
        line = line if not line.startswith("[[") else line + "]" * len(line)
    found = aside(put(tmp_path / name, line if name == "a.jsonl" else f"[{line}]"))
    assert found.reason == reason
    assert detail in found.detail
    assert found.data == {"line": line}


def test_bytes_that_are_no_utf_8_are_shown_with_a_mark(tmp_path: Path) -> None:
    found = aside(put(tmp_path / "a.jsonl", b'{"a": "caf\xe9"}'))
    assert found.reason == "not JSON"
    assert found.data == {"line": '{"a": "caf\ufffd"}'}


@pytest.mark.parametrize(
    "line",
    [
        '{"chosen": 1, "chosen": 2}',
        '{"chosen":1,"chosen":2}',
        '{"chosen" : 1, "chosen" : 2}',
        '{"a":{"chosen":0},"chosen":1,"chosen":1}',
        '{"id":1,"id":2}',
        '{"":1,"":2}',
        '{"é":1,"é":2}',
        '{"a_very_long_name":1,"a_very_long_name":2}',
        '{"a":[{"a":1,"a":2}]}',
    ],
)
def test_a_key_given_twice_is_found_among_sound_rows(tmp_path: Path, line: str) -> None:
    sound = ['{"chosen":1,"id":2,"a":"\\"chosen\\":"}', '{"a":{"chosen":1},"chosen":2,"é":"id"}']
    path = put(tmp_path / "a.jsonl", "\n".join([*sound, line, *sound]))
    reasons = [data if isinstance(data, str) else None for _, data in read(path)]
    assert reasons == [None, None, "key given twice", None, None]


keys = st.sampled_from(["a", "b", "chosen", "rejected_side", ":", '"', "é", "a b"])
leaf = st.sampled_from([0, "a", '"a":', 'x "chosen" : y', ":", None])
rows = st.lists(
    st.dictionaries(keys, leaf | st.dictionaries(keys, leaf, max_size=3), max_size=4), max_size=5
)


@given(rows=rows, indent=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
@settings(deadline=None)
def test_no_sound_row_is_taken_for_one_with_a_key_twice(
    rows: list[dict[str, Any]], indent: tuple[str, str]
) -> None:
    text = "\n".join(json.dumps(row, separators=indent, ensure_ascii=False) for row in rows)
    found = decoded_block(files.Block(1, text.encode())) if rows else []
    assert [item.data for item in found if isinstance(item, Record)] == rows


def test_integers_beyond_64_bits_are_exact_in_lines_and_arrays(tmp_path: Path) -> None:
    big = 2**70 + 1
    row = f'{{"id": {big}, "low": -{big}, "f": 0.12345678901234567890}}'
    expected = {"id": big, "low": -big, "f": 0.12345678901234568}
    assert read(put(tmp_path / "a.jsonl", row)) == [("line 1", expected)]
    assert read(put(tmp_path / "a.json", f"[{row}]")) == [("item 1", expected)]


def test_a_row_that_is_a_list_with_a_long_number_is_no_object(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '[]\n[["a", 123456789012345678901]]\n123456789012345678901')
    assert [reason for _, reason in read(path)] == ["not an object"] * 3


# --- arrays and objects


def test_an_array_is_read_item_by_item(tmp_path: Path) -> None:
    text = '[{"n": 1.5, "t": "a]\\"}, {"},\n\n {"n": [1, {"m": 2}]} , 3, "x,]", null, [], {}]\n '
    assert read(put(tmp_path / "a.json", text)) == [
        ("item 1", {"n": 1.5, "t": 'a]"}, {'}),
        ("item 2", {"n": [1, {"m": 2}]}),
        ("item 3", "not an object"),
        ("item 4", "not an object"),
        ("item 5", "not an object"),
        ("item 6", "not an object"),
        ("item 7", {}),
    ]


def test_an_empty_array_has_no_rows(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.json", "[ \n]")) == []


def test_a_bad_item_is_one_row_set_aside(tmp_path: Path) -> None:
    path = put(tmp_path / "a.json", '[{"n":1},{"n":NaN},{n:1},{"n":2}]')
    assert read(path) == [
        ("item 1", {"n": 1}),
        ("item 2", "not JSON"),
        ("item 3", "not JSON"),
        ("item 4", {"n": 2}),
    ]


@pytest.mark.parametrize("size", [3, 5, 4_000_000])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a":1},{"b":', "broken after item 1: the file ends inside it"),
        ('[{"a":1},{"b":2}', "broken after item 2: the file ends inside it"),
        ('[{"a":1},"x', "broken after item 1: the file ends inside it"),
        ("[", "broken after item 0: the file ends inside it"),
        ("[" * 100_000, "broken after item 0: the file ends inside it"),
        ('[{"a":1}] x', "broken after item 1: there is more text behind the closing ]"),
        ('[{"a":1}][]', "broken after item 1: there is more text behind the closing ]"),
        ('[{"a":1}{"b":2}]', "broken after item 1: a comma is missing"),
        ('[{"a":1} 2]', "broken after item 1: a comma is missing"),
        ('[{"a":1},]', "broken after item 1: a comma with no item behind it"),
        ('[,{"a":1}]', "broken after item 0: a comma with no item before it"),
        ('[{"a":1},,{"b":2}]', "broken after item 1: a comma with no item before it"),
        ('[{"a":1}}', "broken after item 1: a bracket too many"),
    ],
)
def test_a_broken_array_is_refused_and_says_behind_which_item(
    monkeypatch: pytest.MonkeyPatch, text: str, message: str, size: int
) -> None:
    if len(text) < 1_000:
        monkeypatch.setattr(arrays, "_CHUNK", size)
    with pytest.raises(DataError) as error:
        list(array_items("a.json", io.BytesIO(text.encode())))
    assert str(error.value) == f"a.json: the JSON array is {message}"


json_values = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(['"', "\\", '\\"', "]", "}{", ","]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    items=st.lists(json_values, max_size=6),
    size=st.integers(3, 50),
    indent=st.sampled_from([None, 1]),
    escaped=st.booleans(),
)
@settings(deadline=None)
def test_any_array_is_cut_into_its_items_at_any_chunk_size(
    items: list[Any], size: int, indent: int | None, escaped: bool
) -> None:
    text = json.dumps(items, indent=indent, ensure_ascii=escaped).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "_CHUNK", size)
        patch.setattr(arrays, "_WINDOW", 16)
        found = list(array_items("a.json", io.BytesIO(text)))
    assert [json.loads(item.text) for item in found] == items
    assert [item.where for item in found] == [f"item {n}" for n in range(1, len(items) + 1)]


def test_lines_in_a_json_file_are_lines(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.json", '{"n":1}\n{"n":\n{"n":3}\n')) == [
        ("line 1", {"n": 1}),
        ("line 2", "not JSON"),
        ("line 3", {"n": 3}),
    ]


def test_a_bad_first_line_of_a_json_file_costs_no_other_and_adds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a.json", '{"n":\n{"n":2}\n{"n":3}\n')
    expected: Items = [("line 1", "not JSON"), ("line 2", {"n": 2}), ("line 3", {"n": 3})]
    assert read(path) == expected
    monkeypatch.setattr(files, "_LINES_BYTES", 8)
    assert read(path) == expected


def test_a_single_object_over_several_lines_is_one_row(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.json", '{\n "n": [\n 1\n ]\n}\n')) == [("object", {"n": [1]})]


def test_a_json_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not begin like JSON"):
        read(put(tmp_path / "a.json", "name,value\n"))


def test_a_file_without_an_ending_is_known_by_its_beginning(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a", '{"n":1}\n')) == [("line 1", {"n": 1})]
    assert read(put(tmp_path / "b", '[{"n":1}]')) == [("item 1", {"n": 1})]
    assert read(put(tmp_path / "c", "n\n1\n")) == [("row 1", {"n": "1"})]


# --- compression


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.jsonl"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_packed_files_are_unpacked_whatever_their_ending(
    tmp_path: Path, name: str, pack: Any
) -> None:
    packed = pack(b'{"n":1}\n') + pack(b'{"n":2}\n')  # two members one behind the other
    assert read(put(tmp_path / name, packed)) == [("line 1", {"n": 1}), ("line 2", {"n": 2})]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("cut", [30, 5_000, -1])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, pack: Any, cut: int) -> None:
    lines = b"".join(b'{"n":%d}\n' % (n * n * 7919) for n in range(5_000))
    with pytest.raises(DataError, match="the compressed file is damaged or cut off"):
        read(put(tmp_path / "a.jsonl.gz", pack(lines)[:cut]))


checked = zstandard.ZstdCompressor(write_checksum=True).compress


@pytest.mark.parametrize("pack", [gzip.compress, checked])
def test_a_packed_file_with_a_flipped_byte_is_refused(tmp_path: Path, pack: Any) -> None:
    lines = b"".join(b'{"n":%d}\n' % (n * n * 7919) for n in range(5_000))
    damaged = bytearray(pack(lines))
    damaged[len(damaged) // 2] ^= 0xFF
    path = put(tmp_path / "a.jsonl.gz", bytes(damaged))
    with pytest.raises(DataError, match="the compressed file is damaged or cut off"):
        read(path)


def test_a_large_packed_file_is_read_whole(tmp_path: Path) -> None:
    lines = b"".join(b'{"n":%d}\n' % n for n in range(200_000))
    path = put(tmp_path / "a.jsonl.zst", zstandard.compress(lines))
    assert b"\n".join(block.lines or b"" for block in read_blocks(str(path))) + b"\n" == lines


STDIN = """
import sys
from prefkit.collectors.human.decoding import decode
from prefkit.collectors.human.files import read_blocks
for block in read_blocks("-"):
    print([tuple(item) for item in decode(block)])
"""


@pytest.mark.parametrize(
    ("given_bytes", "printed"),
    [
        (b'{"n":1}\n{"n":2}\n', "[('line 1', {'n': 1}), ('line 2', {'n': 2})]\n"),
        (b'[{"n":1}]', "[('item 1', {'n': 1})]\n"),
        (gzip.compress(b'{"n":1}\n'), "[('line 1', {'n': 1})]\n"),
        (zstandard.compress(b'{"n":1}\n'), "[('line 1', {'n': 1})]\n"),
        (b"n;m\n1;2\n", "[('row 1', {'n': '1', 'm': '2'})]\n"),
        (b"", ""),
    ],
)
def test_standard_input_is_a_file_like_any_other(given_bytes: bytes, printed: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", STDIN], input=given_bytes, capture_output=True, check=False
    )
    assert (found.stdout.decode(), found.stderr.decode()) == (printed, "")


# --- tables


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'n,text\n1,"a, ""b""\nc"\n2,x\n'),
        ("a.csv", 'n;text\r\n1;"a, ""b""\nc"\r\n2;x\r\n'),
        ("a.tsv", 'n\ttext\n1\t"a, ""b""\nc"\n2\tx'),
    ],
)
def test_cells_may_hold_marks_quotes_and_lines(tmp_path: Path, name: str, text: str) -> None:
    assert read(put(tmp_path / name, text)) == [
        ("row 1", {"n": "1", "text": 'a, "b"\nc'}),
        ("row 2", {"n": "2", "text": "x"}),
    ]


def test_cells_too_many_too_few_and_none_are_said(tmp_path: Path) -> None:
    text = "a,b\n1,2\n1\n1,2,3\n1,2,\n\n,\n3,4\n"
    assert read(put(tmp_path / "a.csv", text)) == [
        ("row 1", {"a": "1", "b": "2"}),
        ("row 2", "too few cells"),
        ("row 3", "too many cells"),
        ("row 4", {"a": "1", "b": "2"}),
        ("row 5", "blank"),
        ("row 6", "blank"),
        ("row 7", {"a": "3", "b": "4"}),
    ]


def test_columns_without_a_name_are_called_by_their_place(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.csv", ",text,,\n0,x,\n")) == [
        ("row 1", {"column 1": "0", "text": "x"})
    ]
    assert read(put(tmp_path / "b.csv", ",,text\n0,1,x\n")) == [
        ("row 1", {"column 1": "0", "column 2": "1", "text": "x"})
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b, a\n1,2,3\n", "the column 'a' is there twice"),
        ("\n1,2\n", "has no header row"),
        (",,\n1,2\n", "has no header row"),
        ('a,b\n1,"x\n', r"broken after row 0 \(line 2\)"),
        ('a,b\n1,x\n1,"x"y\n', r"broken after row 1 \(line 3\)"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(put(tmp_path / "a.csv", text))


def test_a_wrong_encoding_gives_the_byte_and_a_hint(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text\ncafé\n".encode("cp1252"))
    with pytest.raises(DataError, match=r"byte 0xe9 is not utf-8") as error:
        read(path)
    assert error.value.hint is not None
    assert "--encoding cp1252" in error.value.hint
    assert read(path, encoding="cp1252") == [("row 1", {"text": "café"})]
    with pytest.raises(ConfigError, match="there is no encoding 'latin-99'"):
        read(path, encoding="latin-99")


def test_other_encodings_are_read_when_named(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text;n\ncafé;1\n".encode("utf-16"))
    assert read(path, encoding="utf-16") == [("row 1", {"text": "café", "n": "1"})]


def test_a_cell_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    assert csv.field_size_limit() > 0
    long = "x" * 200_000
    assert read(put(tmp_path / "a.csv", f"text\n{long}\n")) == [("row 1", {"text": long})]


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in sheets.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    book.save(path)
    return path


def test_cells_of_a_workbook_become_the_text_of_a_csv(tmp_path: Path) -> None:
    import datetime

    day = datetime.datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 - a workbook knows no time zones
    cells = [
        ["text", "whole", "part", "flag", "day", None],
        ["x", 3, 0.5, True, day],
        [None, 4.0, None, None, None],
        [None] * 5,
    ]
    assert read(workbook(tmp_path / "a.xlsx", {"one": cells})) == [
        (
            "row 1",
            {
                "text": "x",
                "whole": "3",
                "part": "0.5",
                "flag": "True",
                "day": "2024-05-06T07:08:09",
            },
        ),
        ("row 2", {"text": None, "whole": "4", "part": None, "flag": None, "day": None}),
        ("row 3", "blank"),
    ]


def test_of_several_sheets_one_must_be_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", {"one": [["n"], [1]], "two": [["n"], [2]]})
    with pytest.raises(ConfigError, match="has the sheets one, two") as error:
        read(path)
    assert error.value.hint == "--sheet one"
    assert read(path, sheet="two") == [("row 1", {"n": "2"})]
    with pytest.raises(ConfigError, match="has no sheet 'three'; it has one, two"):
        read(path, sheet="three")


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no XLSX workbook"):
        read(put(tmp_path / "a.xlsx", b"PK\x03\x04 and then nothing"))


def test_parquet_is_read_row_by_row_whatever_its_ending(tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2], "turns": [[{"role": "user", "content": "x"}], None]})
    for name in ("a.parquet", "b.data"):
        pq.write_table(table, tmp_path / name)
        assert read(tmp_path / name) == [
            ("row 1", {"n": 1, "turns": [{"role": "user", "content": "x"}]}),
            ("row 2", {"n": 2, "turns": None}),
        ]


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as Parquet after row 0"):
        read(put(tmp_path / "a.parquet", b"PAR1 and then nothing"))


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot open .*none\.jsonl: No such file"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(ConfigError, match=r"cannot open .*: Is a directory"):
        read(tmp_path)

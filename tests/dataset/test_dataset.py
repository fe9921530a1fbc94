"""Datasets: what is written can be opened, what is no dataset is said, a kill leaves old or new."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare, table_of, vote, write_comparisons

from prefkit.dataset import create_dataset, open_dataset
from prefkit.dataset.lineage import find_dataset, lineage
from prefkit.dataset.manifest import Gate, check_gates, file_entry, read_manifest
from prefkit.errors import ConfigError, DataError, GateFailed

ROWS = table_of(compare("q", ["x", "y"], vote(1.0, 0.0)), compare("r", ["x"]))
FACTS: dict[str, Any] = {"parents": [], "inputs": [], "counts": {}}


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_dataset_is_rows_what_was_set_aside_and_a_manifest(tmp_path: Path) -> None:
    with create_dataset(tmp_path / "d", "comparisons") as writer:
        writer.write(ROWS)
        writer.put_aside({"where": "line 3", "reason": "blank"})
        manifest = writer.finish("collect human", {"format": "trl"}, FACTS)
    assert names(tmp_path / "d") == {"rows", "set_aside.jsonl", "manifest.json"}
    dataset = open_dataset(tmp_path / "d", "comparisons")
    assert (dataset.kind, dataset.rows, dataset.content_hash) == (
        "comparisons",
        2,
        manifest["content_hash"],
    )
    assert next(dataset.batches()).equals(ROWS)
    assert list(dataset.set_aside()) == [{"where": "line 3", "reason": "blank"}]
    (path,) = (tmp_path / "d/rows").iterdir()
    assert dataset.manifest["files"] == [
        {"name": "part-00000.parquet", "bytes": path.stat().st_size, "rows": 2}
    ]
    assert dataset.manifest["options"] == {"format": "trl"}


def test_equal_content_has_equal_manifests_but_for_the_run(tmp_path: Path) -> None:
    found = [dict(read_manifest(write_comparisons(tmp_path / name, ROWS))) for name in "ab"]
    for manifest in found:
        assert set(manifest.pop("run")) == {"command", "git_commit", "start", "end", "host"}
    assert found[0] == found[1]


def test_a_rewrite_replaces_all_rows_and_may_read_them_twice(tmp_path: Path) -> None:
    with create_dataset(tmp_path / "d", "comparisons") as writer:
        writer.write(ROWS)
        assert writer.rows == 2
        writer.rewrite(lambda rows: (table.slice(0, 1) for _ in range(2) for table in rows()))
        writer.finish("collect human", {}, FACTS)
    dataset = open_dataset(tmp_path / "d")
    assert names(tmp_path / "d") == {"rows", "set_aside.jsonl", "manifest.json"}
    assert [table["id"].to_pylist() for table in dataset.batches()] == [[ROWS["id"][0].as_py()] * 2]


def test_a_dataset_without_manifest_does_not_appear(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="without its manifest"),
        create_dataset(tmp_path / "d", "comparisons") as writer,
    ):
        writer.write(ROWS)
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        ({"n": 2**70}, {"n": 2**70}),
        ({"t": "half \ud800"}, {"t": "half \ud800"}),
        ({"d": decimal.Decimal("1.50")}, {"d": "1.50"}),
        ({"b": b"x"}, {"b": "b'x'"}),
        (
            {"t": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)},
            {"t": "2024-01-02T00:00:00+00:00"},
        ),
    ],
)
def test_whatever_a_row_held_can_be_set_aside(tmp_path: Path, data: Any, stored: Any) -> None:
    with create_dataset(tmp_path / "d", "comparisons") as writer:
        writer.put_aside({"reason": "odd", "data": data})
        writer.finish("collect human", {}, FACTS)
    assert list(open_dataset(tmp_path / "d").set_aside()) == [{"reason": "odd", "data": stored}]


def test_data_without_end_is_left_out_of_what_is_set_aside(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with create_dataset(tmp_path / "d", "comparisons") as writer:
        writer.put_aside({"reason": "odd", "data": deep})
        writer.finish("collect human", {}, FACTS)
    (entry,) = open_dataset(tmp_path / "d").set_aside()
    assert entry["reason"] == "odd"
    assert entry["data"].startswith("(left out: ")
    while isinstance(deep, list):  # freed level by level: the interpreter would recurse
        deep = deep[0]


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        (None, ConfigError, "there is no dataset folder"),
        ({}, ConfigError, "has no manifest.json, so it is no prefkit folder"),
        ({"manifest.json": "{"}, DataError, "is not a prefkit manifest"),
        ({"manifest.json": "[]"}, DataError, "is not a prefkit manifest"),
        ({"manifest.json": "{}"}, DataError, "is not a prefkit manifest"),
        (
            {
                "manifest.json": '{"prefkit": {"format": 99, "schema": 1, "version": "9"}, '
                '"kind": "pairs"}'
            },
            DataError,
            "written by prefkit 9, which is newer than this one",
        ),
        (
            {
                "manifest.json": '{"prefkit": {"format": 1, "schema": 1, "version": "0"}, '
                '"kind": "export"}'
            },
            ConfigError,
            "holds an export, not a dataset",
        ),
    ],
)
def test_what_is_no_dataset_is_said(
    tmp_path: Path, files: dict[str, str] | None, error: type[Exception], message: str
) -> None:
    if files is not None:
        (tmp_path / "d").mkdir()
        for name, text in files.items():
            (tmp_path / "d" / name).write_text(text)
    with pytest.raises(error, match=message):
        open_dataset(tmp_path / "d")


def test_a_dataset_of_the_other_kind_names_the_verb_that_helps(tmp_path: Path) -> None:
    write_comparisons(tmp_path / "d", ROWS)
    with pytest.raises(ConfigError, match="holds comparisons, this needs pairs") as error:
        open_dataset(tmp_path / "d", "pairs")
    assert error.value.hint == "prefkit pair --help"


def test_a_parent_is_found_by_its_hash_beside_or_where_it_is_said_to_be(tmp_path: Path) -> None:
    parent = open_dataset(write_comparisons(tmp_path / "one/comparisons", ROWS))
    child = tmp_path / "two/pairs"
    with create_dataset(child, "pairs") as writer:
        writer.finish("pair", {}, {**FACTS, "parents": [parent.content_hash]})
    for place in (tmp_path / "one", tmp_path / "one/comparisons"):
        assert [found.path for found in lineage(child, [place])] == [tmp_path / "one/comparisons"]
    assert find_dataset(parent.content_hash, parent.path).path == parent.path
    with pytest.raises(ConfigError, match=parent.content_hash):
        lineage(child)


def test_gates_say_value_and_limit_of_each_that_does_not_hold() -> None:
    good, bad = Gate("kept", 0.9, 0.5), Gate("leaks", 3, 0, "<=")
    assert check_gates([good]) == [
        {"name": "kept", "value": 0.9, "limit": 0.5, "holds_if": ">=", "passed": True}
    ]
    with pytest.raises(GateFailed, match=r"^leaks is 3, must be <= 0$"):
        check_gates([good, bad])


def test_a_file_entry_has_the_plain_name_and_the_hash(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc")
    assert file_entry(tmp_path / "a.txt", rows=1) == {
        "name": "a.txt",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "rows": 1,
    }


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from comparison_rows import compare, table_of, vote
from prefkit.dataset import create_dataset
table = table_of(*(compare(f"{n}", ["x" * 200, "y" * 200], vote(1.0, 0.0)) for n in range(300)))
print("ready", flush=True)
while True:
    target = Path(sys.argv[1])
    with create_dataset(target, "comparisons", force=sys.argv[2] == "force") as writer:
        for start in range(0, 300, 50):
            writer.write(table.slice(start, 50))
            writer.put_aside({"reason": "blank"})
        writer.rewrite(lambda rows: rows())
        writer.finish("collect human", {}, {"parents": [], "inputs": [], "counts": {}})
    if sys.argv[2] != "force":
        break
"""


def killed_writer(target: Path, mode: str, after_s: float) -> None:
    """Run the writer and kill it some time after it began to write."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target), mode, str(Path(__file__).parents[1])],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGKILL)
        # the end of the pipe: a child that was just forked holds it, and the writer's lock, too
        assert process.stdout.read() == ""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_no_dataset_or_a_whole_one(tmp_path: Path) -> None:
    drawn = random.Random(1)
    for number in range(10):
        target = tmp_path / f"d{number}"
        killed_writer(target, "new", drawn.uniform(0.0, 0.06))
        if target.exists():  # how often it does depends on the machine
            dataset = open_dataset(target)
            assert sum(len(table) for table in dataset.batches()) == dataset.rows == 300
        with create_dataset(target, "comparisons", force=True) as writer:
            writer.finish("collect human", {}, FACTS)
        assert names(tmp_path) == {f"d{earlier}" for earlier in range(number + 1)}


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_dataset_or_the_new_one(tmp_path: Path) -> None:
    drawn = random.Random(2)
    target = tmp_path / "d"
    old = open_dataset(write_comparisons(target, ROWS)).content_hash
    new = set()
    for _ in range(10):
        killed_writer(target, "force", drawn.uniform(0.0, 0.3))
        dataset = open_dataset(target)
        assert sum(len(table) for table in dataset.batches()) == dataset.rows
        assert len(list(dataset.set_aside())) == (0 if dataset.content_hash == old else 6)
        new.add((dataset.rows, dataset.content_hash))
    assert {rows for rows, _ in new} <= {2, 300}
    assert len(new) <= 2
    with create_dataset(target, "comparisons", force=True) as writer:
        writer.write(ROWS)
        writer.finish("collect human", {}, FACTS)
    assert names(tmp_path) == {"d"}


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from comparison_rows import compare, table_of
from prefkit.dataset import create_dataset
from prefkit.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
rows = table_of(*(compare(f"{n}", [f"{n * 7919 % 1_000_003}" * 50, "y"]) for n in range(500)))
try:
    with create_dataset(Path(sys.argv[1]), "comparisons") as writer:
        if sys.argv[2] == "rows":
            writer.write(rows)
        for n in range(2_000 if sys.argv[2] == "aside" else 0):
            writer.put_aside({"reason": "blank", "where": f"line {n}"})
        options = {"long": "x" * 30_000} if sys.argv[2] == "manifest" else {}
        writer.finish("collect human", options, {"parents": [], "inputs": [], "counts": {}})
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("part", ["rows", "aside", "manifest"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, part: str) -> None:
    """A limit on the size of files stands in for the disk: a write beyond it fails likewise."""
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "d"), part, str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert found.stderr == ""
    assert found.stdout.startswith("cannot write ")
    assert "File too large" in found.stdout
    assert names(tmp_path) == set()


def test_the_manifest_is_sorted_and_in_utf_8(tmp_path: Path) -> None:
    with create_dataset(tmp_path / "d", "comparisons") as writer:
        writer.finish("collect human", {"name": "é"}, FACTS)
    text = (tmp_path / "d/manifest.json").read_text(encoding="utf-8")
    assert '"name": "é"' in text
    assert list(json.loads(text)) == sorted(json.loads(text))

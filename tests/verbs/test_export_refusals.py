"""What export refuses, and what a stopped export leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from exported import TOOL_CALLS, read_jsonl, tree
from pair_rows import assistant, pair, simple_pairs, user, write_pairs

from prefkit.errors import ConfigError, GateFailed, NothingUsable
from prefkit.verbs.export import Export
from prefkit.verbs.verify import Verify


@pytest.mark.parametrize(
    ("row", "what", "filter_name"),
    [
        (
            pair(user("q"), assistant("same"), assistant("same")),
            "chosen equals rejected",
            "identical_sides",
        ),
        (pair(user("q"), assistant("a"), assistant(" \n")), "a side has no text", "empty_sides"),
        (pair(user("q"), assistant("a"), []), "a side has no text", "empty_sides"),
        (pair(user(" "), assistant("a"), assistant("b")), "the prompt has no text", "empty_sides"),
        (pair([], assistant("a"), assistant("b")), "the prompt has no text", "empty_sides"),
    ],
)
def test_rows_that_no_trainer_should_see_are_refused_and_named(
    tmp_path: Path, row: tuple[Any, ...], what: str, filter_name: str
) -> None:
    dataset = write_pairs(tmp_path / "pairs", [*simple_pairs(5), row])

    with pytest.raises(GateFailed, match=what) as failure:
        Export(dataset=dataset, out=tmp_path / "out")()

    assert str(failure.value).startswith("1 rows")
    assert failure.value.hint is not None
    assert failure.value.hint.endswith(f"--filter {filter_name}")
    assert not (tmp_path / "out").exists()


def test_a_side_that_only_calls_a_tool_is_not_empty(tmp_path: Path) -> None:
    rows = [pair(user("q"), assistant(None, TOOL_CALLS[0]), assistant(None, TOOL_CALLS[1]))]

    outcome = Export(dataset=write_pairs(tmp_path / "pairs", rows), out=tmp_path / "out")()

    assert outcome.facts["counts"]["exported"] == 1


def test_nothing_to_export_is_exit_3_and_nothing_is_written(tmp_path: Path) -> None:
    rows = [pair(user("q"), assistant("a"), assistant("b"), dropped="margin: 0.1 < 0.5")]

    with pytest.raises(NothingUsable, match="dropped: margin 1") as failure:
        Export(dataset=write_pairs(tmp_path / "pairs", rows), out=tmp_path / "out")()

    assert failure.value.exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs"]


def test_too_few_rows_fail_the_gate(tmp_path: Path) -> None:
    with pytest.raises(GateFailed, match="rows is 5, must be >= 6"):
        Export(
            dataset=write_pairs(tmp_path / "pairs", simple_pairs(5)),
            out=tmp_path / "out",
            min_rows=6,
        )()


def test_a_dry_run_says_the_split_and_writes_nothing(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(40))

    outcome = Export(dataset=dataset, out=tmp_path / "out", dry_run=True)()

    assert outcome.facts["split"]["rows"] == {"train": 36, "validation": 2, "test": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs"]


def test_a_limit_looks_at_the_first_rows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefkit.dataset.rows._GROUP_ROWS", 4)
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(30))

    outcome = Export(dataset=dataset, out=tmp_path / "out", limit=10, validation=0, test=0)()

    assert outcome.facts["counts"]["rows"] == 10
    prompts = [row["prompt"][0]["content"] for row in read_jsonl(tmp_path / "out/train.jsonl")]
    assert prompts == [f"Question {n}?" for n in range(10)]


def test_an_existing_output_is_refused_and_replaced_only_by_force(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(20))
    export = Export(dataset=dataset, out=tmp_path / "out")
    export()
    before = tree(tmp_path / "out")

    with pytest.raises(ConfigError, match="exists already"):
        export()
    Export(dataset=dataset, out=tmp_path / "out", force=True)()

    assert tree(tmp_path / "out") == before


def test_the_dataset_itself_is_never_the_output(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(20))

    with pytest.raises(ConfigError, match="the dataset itself"):
        Export(dataset=dataset, out=dataset, force=True)()


def test_repeated_prompts_never_cross_the_splits(tmp_path: Path) -> None:
    rows = [
        pair(
            user(f"  PROMPT {n % 30} " if n % 2 else f"prompt {n % 30}"),
            assistant(f"a{n}"),
            assistant("b"),
        )
        for n in range(120)
    ]
    dataset = write_pairs(tmp_path / "pairs", rows)

    Export(dataset=dataset, out=tmp_path / "out", validation=0.2, test=0.2)()

    seen = [
        {
            row["prompt"][0]["content"].strip().lower()
            for row in read_jsonl(tmp_path / f"out/{split}.jsonl")
        }
        for split in ("train", "validation", "test")
    ]
    assert all(seen)
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


@pytest.mark.slow
@pytest.mark.parametrize("delay_s", [0.9, 1.3, 1.7, 2.2, 3.0])
def test_a_killed_export_leaves_nothing_or_a_whole_folder(tmp_path: Path, delay_s: float) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(3000))
    code = (
        "from pathlib import Path; from prefkit.verbs.export import Export; "
        f"Export(dataset=Path({str(dataset)!r}), out=Path({str(tmp_path / 'out')!r}), "
        "files=('jsonl', 'parquet', 'arrow'))()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    time.sleep(delay_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    if (tmp_path / "out").exists():
        assert Verify(folder=tmp_path / "out")().facts["rows"] == 3000
    Export(dataset=dataset, out=tmp_path / "out", force=True)()
    Verify(folder=tmp_path / "out")()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pairs"]


def test_the_schema_of_plain_parquet_is_plain(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(3))

    Export(dataset=dataset, out=tmp_path / "out", files=("parquet",))()

    turn = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pq.read_schema(tmp_path / "out/train.parquet")
    assert schema.names == ["prompt", "chosen", "rejected"]
    assert all(kind == pa.list_(pa.field("element", turn)) for kind in schema.types)
    assert Verify(folder=tmp_path / "out")().facts["rows"] == 3

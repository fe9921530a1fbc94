from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_rows import assistant, pair, simple_pairs, user, write_pairs

from prefkit.errors import ConfigError, GateFailed, NothingUsable
from prefkit.verbs.export import Export
from prefkit.verbs.verify import Verify

ALL = ("jsonl", "parquet", "arrow")
TOOL_CALLS = [
    '{"tool_calls":[{"id":"1","function":{"name":"f","arguments":{"a":1,"b":[1.5,null]}}}]}',
    '{"tool_calls":[{"id":"2","function":{"name":"g","arguments":{"x":{"y":"z"}}}},{"id":null}]}',
    '{"name":"weather","tool_call_id":"1"}',
]


def odd_pairs(count: int) -> list[tuple[Any, ...]]:
    """Rows with tools, tool calls and extras of ever different shapes."""
    rows = []
    for n in range(count):
        prompt = [
            *user(f"Zeile \u2028 {n} \U0001f600 \x00"),
            ("assistant", None, TOOL_CALLS[n % 2]),
            ("tool", '{"t": 21}', TOOL_CALLS[2]),
        ]
        tools = [None, '[{"type":"function","function":{"name":"f"}}]', '[{"p":{"q":[]}},[1],"s"]'][
            n % 3
        ]
        kwargs = [None, '{"enable_thinking":false}'][n % 2]
        rows.append(
            pair(
                prompt, assistant(f"a{n}"), assistant(f"b{n}"), tools=tools, template_kwargs=kwargs
            )
        )
    return rows


def read_jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def read_parquet(path: Path) -> list[Any]:
    """Rows as pyarrow gives them, the JSON columns decoded."""

    def decoded(value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    rows = pq.read_table(path).to_pylist()
    return [
        {name: [decoded(v) for v in value] if isinstance(value, list) else decoded(value)
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, of the manifest only what two equal runs share."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "manifest.json":
                manifest = json.loads(data)
                del manifest["run"]
                data = json.dumps(manifest, sort_keys=True).encode()
            found[path.relative_to(folder).as_posix()] = data
    return found


@pytest.mark.parametrize("rows", [simple_pairs(60), odd_pairs(60)], ids=["plain", "tools"])
def test_all_three_formats_hold_equal_rows(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    dataset = write_pairs(tmp_path / "pairs", rows)

    Export(dataset=dataset, out=tmp_path / "out", files=ALL)()

    loaded = datasets.load_from_disk(str(tmp_path / "out/arrow"))
    assert list(loaded) == ["train", "validation", "test"]
    total = 0
    for split in loaded:
        lines = read_jsonl(tmp_path / f"out/{split}.jsonl")
        assert lines
        assert read_parquet(tmp_path / f"out/{split}.parquet") == lines
        assert loaded[split].to_list() == lines
        total += len(lines)
    assert total == 60
    assert Verify(folder=tmp_path / "out")().facts["verified"] is True


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.sampled_from([0.5, -1.25, 1e10])
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(JSON, st.dictionaries(st.just("tool_calls"), JSON, min_size=1)),
        min_size=1,
        max_size=4,
    )
)
def test_json_parts_of_any_shape_are_the_same_text_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[Any, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("shapes")
    stored = [(json.dumps(tools), json.dumps(extra)) for tools, extra in parts]
    rows = [
        pair(user(f"q{n}"), assistant(None, extra), assistant("b"), tools=tools)
        for n, (tools, extra) in enumerate(stored)
    ]
    dataset = write_pairs(folder / "pairs", rows)

    Export(dataset=dataset, out=folder / "out", files=ALL, validation=0, test=0)()

    lines = (folder / "out/train.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    parquet = pq.read_table(folder / "out/train.parquet").to_pylist()
    arrow = datasets.load_from_disk(str(folder / "out/arrow"))["train"].data.table.to_pylist()
    for (tools, extra), line, one, other in zip(stored, lines, parquet, arrow, strict=True):
        assert f'"content":null,{extra[1:]}' in line
        if any(value is not None for value, _ in parts):
            assert line.endswith(f'"tools":{tools}}}')
            assert one["tools"] == other["tools"] == (None if tools == "null" else tools)
        assert (
            one["chosen"] == other["chosen"] == [f'{{"role":"assistant","content":null,{extra[1:]}']
        )
    Verify(folder=folder / "out")()


def test_dropped_rows_stay_behind_and_are_counted_by_check(tmp_path: Path) -> None:
    rows = [
        *simple_pairs(20),
        pair(
            user("d"),
            assistant("a"),
            assistant("a"),
            dropped="identical_sides: the sides are equal",
        ),
        pair(user("e"), assistant("a"), None, dropped="length_ratio: 7.2 > 3"),
    ]
    dataset = write_pairs(tmp_path / "pairs", rows)

    outcome = Export(dataset=dataset, out=tmp_path / "out", write_dropped=True)()

    assert outcome.facts["counts"] == {
        "rows": 22,
        "kept": 20,
        "dropped": {"identical_sides": 1, "length_ratio": 1},
        "left_out": {"unpaired": 0},
        "exported": 20,
    }
    aside = read_jsonl(tmp_path / "out/dropped.jsonl")
    assert [(row["dropped"], row["prompt"][0]["content"], row["rejected"]) for row in aside] == [
        ("identical_sides: the sides are equal", "d", [{"role": "assistant", "content": "a"}]),
        ("length_ratio: 7.2 > 3", "e", None),
    ]
    Verify(folder=tmp_path / "out")()


def test_unpaired_rows_are_left_out_loudly_or_written_with_labels(tmp_path: Path) -> None:
    rows = [
        *simple_pairs(12),
        pair(user("u"), assistant("a"), None),
        pair(user("v"), None, assistant("b")),
    ]
    dataset = write_pairs(tmp_path / "pairs", rows)

    paired = Export(dataset=dataset, out=tmp_path / "paired")()
    single = Export(dataset=dataset, out=tmp_path / "single", shape="unpaired", files=ALL)()

    assert paired.facts["counts"]["left_out"] == {"unpaired": 2}
    assert (
        "Left out",
        "2 unpaired rows, which this shape cannot hold (--shape unpaired writes them)",
    ) in (paired.lines)
    assert single.facts["counts"]["left_out"] == {"paired": 12}
    assert read_jsonl(tmp_path / "single/train.jsonl") == [
        {"prompt": [{"role": "user", "content": "u"}],
         "completion": [{"role": "assistant", "content": "a"}], "label": True},
        {"prompt": [{"role": "user", "content": "v"}],
         "completion": [{"role": "assistant", "content": "b"}], "label": False},
    ]  # fmt: skip
    assert datasets.load_from_disk(str(tmp_path / "single/arrow"))["train"]["label"][:] == [
        True,
        False,
    ]
    Verify(folder=tmp_path / "single")()


def test_meta_tells_of_each_row_in_the_order_of_the_files(tmp_path: Path) -> None:
    more = {
        "p_chosen": 0.75, "p_kind": "beta", "margin": 2.0, "margin_kind": "choice",
        "tags": [("topic", 'a "quoted" one'), ("language", "de")], "chosen_model": "m1",
        "checks": [("length_ratio", 1.5, None)], "criterion": "helpful",
    }  # fmt: skip
    rows = simple_pairs(40, **more)
    rows = [
        pair(row[3], row[4], row[5], **more, sources=[("f.jsonl", f"line {n}", "mit", None)])
        for n, row in enumerate(rows)
    ]
    dataset = write_pairs(tmp_path / "pairs", rows)

    Export(dataset=dataset, out=tmp_path / "out")()

    meta = read_jsonl(tmp_path / "out/meta.jsonl")
    by_id = {row[0]: row for row in rows}
    place = 0
    for split in ("train", "validation", "test"):
        for number, line in enumerate(read_jsonl(tmp_path / f"out/{split}.jsonl")):
            told = meta[place]
            assert (told["split"], told["row"]) == (split, number)
            assert line["prompt"][0]["content"] == by_id[told["id"]][3][0][1]
            place += 1
    assert place == len(meta) == 40
    assert {key: meta[0][key] for key in ("tags", "models", "checks", "criterion", "p_chosen")} == {
        "tags": {"topic": 'a "quoted" one', "language": "de"},
        "models": {"chosen": "m1", "rejected": None},
        "checks": [{"check": "length_ratio", "value": 1.5, "note": None}],
        "criterion": "helpful",
        "p_chosen": 0.75,
    }


def test_equal_rows_in_other_batches_and_row_groups_give_equal_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*odd_pairs(70), *simple_pairs(80)]
    one = write_pairs(tmp_path / "one", rows)
    monkeypatch.setattr("prefkit.dataset.rows._GROUP_ROWS", 7)
    other = write_pairs(tmp_path / "other", rows, batch=11)
    assert pq.ParquetFile(other / "rows/part-00000.parquet").num_row_groups == 22

    for dataset in (one, other):
        Export(dataset=dataset, out=dataset / "../out" / dataset.name, files=ALL)()

    assert tree(tmp_path / "out/one") == tree(tmp_path / "out/other")


def test_the_groups_of_parquet_depend_on_the_rows_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefkit.exporters.files._GROUP_ROWS", 10)
    monkeypatch.setattr("prefkit.exporters.files._GROUP_BYTES", 400)
    rows = simple_pairs(100)
    for name, size in (("one", 100), ("other", 3)):
        monkeypatch.setattr("prefkit.dataset.rows._GROUP_ROWS", size)
        Export(dataset=write_pairs(tmp_path / name, rows), out=tmp_path / "out" / name, files=ALL)()

    assert pq.ParquetFile(tmp_path / "out/one/train.parquet").num_row_groups > 9
    assert tree(tmp_path / "out/one") == tree(tmp_path / "out/other")


def test_the_manifest_holds_the_proof_of_the_split_and_every_file(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", simple_pairs(100))

    outcome = Export(dataset=dataset, out=tmp_path / "out", files=ALL)()

    manifest = json.loads((tmp_path / "out/manifest.json").read_bytes())
    assert manifest["kind"] == "export"
    assert manifest["split"]["clusters"] == {"train": 90, "validation": 5, "test": 5}
    assert manifest["split"]["clusters_in_two_splits"] == 0
    assert set(manifest["split"]["strata"]) == {
        "file.jsonl | chosen longer", "file.jsonl | chosen not longer"
    }  # fmt: skip
    assert (
        manifest["parent"]["content_hash"]
        == json.loads((dataset / "manifest.json").read_bytes())["content_hash"]
    )
    listed = {file["name"] for file in manifest["files"]}
    assert listed | {"manifest.json"} == set(tree(tmp_path / "out"))
    assert str(tmp_path) not in json.dumps({k: v for k, v in manifest.items() if k != "run"})
    assert outcome.facts["digest"] == Verify(folder=tmp_path / "out")().facts["digest"]


def test_a_tag_given_to_stratify_is_balanced_over_the_splits(tmp_path: Path) -> None:
    rows = [
        pair(
            user(f"q{n}"),
            assistant("aa"),
            assistant("b"),
            tags=[("topic", "rare" if n < 40 else "common")],
        )
        for n in range(400)
    ]
    dataset = write_pairs(tmp_path / "pairs", rows)

    outcome = Export(dataset=dataset, out=tmp_path / "out", stratify=("topic", "absent"))()

    strata = outcome.facts["split"]["strata"]
    assert set(strata) == {
        "file.jsonl | topic=rare | absent=- | chosen longer",
        "file.jsonl | topic=common | absent=- | chosen longer",
    }
    assert 1 <= strata["file.jsonl | topic=rare | absent=- | chosen longer"]["test"] <= 4


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

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pair_rows import assistant, pair, simple_pairs, user, write_pairs

from prefkit.dataset import create_dataset
from prefkit.dataset.manifest import file_entry
from prefkit.errors import ConfigError, GateFailed
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.records import Comparison, Message, Response
from prefkit.verbs.export import Export
from prefkit.verbs.verify import Verify

EXTRA = '{"tool_calls":[{"a":1.50}]}'


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    rows = [
        *simple_pairs(50),
        pair(user("t"), assistant(None, EXTRA), assistant("b"), tools='[{"f": 1}]'),
    ]
    rows.append(
        pair(user("gone"), assistant("a"), assistant("a"), dropped="identical_sides: equal")
    )
    dataset = write_pairs(folder / "pairs", rows)
    files = ("jsonl", "parquet", "arrow")
    Export(dataset=dataset, out=folder / "out", files=files, write_dropped=True)()
    return folder


@pytest.fixture
def export(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine / "out", tmp_path / "out"))


@pytest.fixture
def dataset(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine / "pairs", tmp_path / "pairs"))


def problems(folder: Path, **options: Any) -> str:
    with pytest.raises(GateFailed) as failure:
        Verify(folder=folder, **options)()
    assert failure.value.exit_code == 3
    return str(failure.value)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def rehash(folder: Path, **rows: int) -> None:
    """What an attacker does: after a change every hash in the manifest is made to fit."""

    def change(manifest: dict[str, Any]) -> None:
        for entry in manifest["files"]:
            found = file_entry(folder / entry["name"])
            entry |= {"bytes": found["bytes"], "sha256": found["sha256"]}
            if entry["name"] in rows:
                entry["rows"] = rows[entry["name"]]

    edit_manifest(folder, change)


def test_an_untouched_export_and_its_dataset_verify(export: Path, dataset: Path) -> None:
    outcome = Verify(folder=export)()

    assert outcome.facts["rows"] == 51
    assert sum(outcome.facts["splits"].values()) == 51
    assert Verify(folder=dataset)().facts["rows"] == 52


@pytest.mark.parametrize(
    "name",
    [
        "train.jsonl",
        "test.parquet",
        "meta.jsonl",
        "dropped.jsonl",
        "arrow/train/data-00000-of-00001.arrow",
    ],
)
def test_a_flipped_byte_is_found_and_named(export: Path, name: str) -> None:
    data = bytearray((export / name).read_bytes())
    data[len(data) // 2] ^= 1
    (export / name).write_bytes(data)

    assert f"{name}: has sha256" in problems(export)


def test_a_missing_row_is_found_though_every_hash_was_recomputed(export: Path) -> None:
    lines = (export / "train.jsonl").read_bytes().splitlines(keepends=True)
    (export / "train.jsonl").write_bytes(b"".join(lines[:-1]))
    rehash(export)

    found = problems(export)

    assert f"train.jsonl: the manifest says {len(lines)} rows, there are {len(lines) - 1}" in found
    assert "train.parquet: has rows beyond" in found
    assert "content hash is not that of the rows" in found


def test_swapped_rows_in_parquet_alone_are_found(export: Path) -> None:
    table = pq.read_table(export / "train.parquet")
    places = [1, 0, *range(2, len(table))]
    pq.write_table(table.take(pa.array(places)), export / "train.parquet")
    rehash(export)

    found = problems(export)

    assert "train.parquet, row 0: differs from the same row in the other format" in found
    assert "2 problems" in found


def test_rows_swapped_in_every_file_but_meta_do_not_match_their_ids(export: Path) -> None:
    for name in ("train.parquet", "arrow/train/data-00000-of-00001.arrow"):
        (export / name).unlink()
    shutil.rmtree(export / "arrow")
    edit_manifest(export, lambda m: m.update(files=[
        f for f in m["files"] if f["name"] != "train.parquet" and not f["name"].startswith("arrow")
    ]))  # fmt: skip
    lines = (export / "train.jsonl").read_bytes().splitlines(keepends=True)
    (export / "train.jsonl").write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    rehash(export)

    assert "train.jsonl:1: its text is not that of the id in meta.jsonl" in problems(export)


def test_a_leaked_prompt_fails_though_every_hash_was_recomputed(export: Path) -> None:
    train = orjson.loads((export / "train.jsonl").read_bytes().splitlines()[0])
    lines = (export / "test.jsonl").read_bytes().splitlines()
    leaked = orjson.loads(lines[0])
    leaked["prompt"][0]["content"] = train["prompt"][0]["content"].upper() + " "
    (export / "test.jsonl").write_bytes(b"\n".join([orjson.dumps(leaked), *lines[1:]]) + b"\n")
    rehash(export)

    assert "test.jsonl:1: the same prompt is in train.jsonl:1: a leak" in problems(export)


def test_a_cluster_in_two_splits_fails(export: Path) -> None:
    lines = [orjson.loads(line) for line in (export / "meta.jsonl").read_bytes().splitlines()]
    test = next(line for line in lines if line["split"] == "test")
    test["cluster"] = lines[0]["cluster"]
    (export / "meta.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    rehash(export)

    assert "test.jsonl:1: a row of the same cluster is in train.jsonl:1: a leak" in problems(export)


def test_equal_sides_and_an_empty_side_fail(export: Path) -> None:
    lines = [orjson.loads(line) for line in (export / "train.jsonl").read_bytes().splitlines()]
    lines[0]["rejected"] = lines[0]["chosen"]
    lines[1]["chosen"][0]["content"] = " "
    (export / "train.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    rehash(export)

    found = problems(export)

    assert "train.jsonl:1: chosen equals rejected" in found
    assert "train.jsonl:2: a side has no text" in found


def test_a_removed_file_and_an_extra_file_are_found(export: Path) -> None:
    (export / "validation.parquet").unlink()
    (export / "notes.txt").write_text("hello")

    found = problems(export)

    assert "validation.parquet: is in the manifest, but is no file in the folder" in found
    assert "notes.txt: is in the folder, but not in the manifest" in found


def test_a_line_with_other_columns_or_no_json_is_named(export: Path) -> None:
    lines = (export / "train.jsonl").read_bytes().splitlines()
    row = orjson.loads(lines[0])
    lines[0] = orjson.dumps(row | {"score": 1})
    lines[1] = b"{nonsense"
    (export / "train.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    rehash(export)

    found = problems(export)

    assert "train.jsonl:1: has the columns prompt, chosen, rejected, tools, score" in found
    assert "train.jsonl:2: does not parse" in found


def test_a_cut_file_is_found(export: Path) -> None:
    data = (export / "train.jsonl").read_bytes()
    (export / "train.jsonl").write_bytes(data[:-5])
    rehash(export)

    assert "the line has no end" in problems(export)


def test_a_flipped_byte_in_the_rows_of_a_dataset_is_found(dataset: Path) -> None:
    path = dataset / "rows/part-00000.parquet"
    data = bytearray(path.read_bytes())
    place = data.index(b"Question 0?")
    data[place] ^= 1
    path.write_bytes(data)

    assert "rows: cannot read" in problems(dataset)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/hostname",
        "../pairs/manifest.json",
        "a/../../b",
        "",
        ".",
        "a//b",
        "a\\b",
        "x\x00y",
        7,
        None,
    ],
)
def test_a_hostile_file_name_is_refused_and_not_opened(export: Path, name: object) -> None:
    edit_manifest(
        export, lambda m: m["files"].append({"name": name, "bytes": 1, "sha256": "0", "rows": 1})
    )

    assert "no plain path below the folder" in problems(export)


def test_a_symbolic_link_is_never_followed(export: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    (export / "test.jsonl").rename(outside)
    (export / "test.jsonl").symlink_to(outside)

    found = problems(export)

    assert "test.jsonl: is a symbolic link" in found
    assert "test.jsonl: is in the manifest, but is no file in the folder" in found


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", '{"prefkit":1}', '{"prefkit":{},"kind":"export"}',
        '{"prefkit":{},"kind":"export","files":7}',
        '{"prefkit":{},"kind":"export","files":[[],{},1]}',
        '{"prefkit":{},"kind":["pairs"]}', '{"prefkit":{},"kind":"pairs","files":[{"name":"x"}]}',
        "[" * 5000, '{"prefkit":{},"a":' + "[" * 600 + "]" * 600 + "}", "\ufffd\x00",
    ],
)  # fmt: skip
def test_a_garbage_manifest_gives_a_clear_error(export: Path, text: str) -> None:
    (export / "manifest.json").write_text(text)

    assert "manifest" in problems(export) or "kind" in problems(export)


def test_a_huge_manifest_is_not_read(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefkit.exporters.claims._MANIFEST_BYTES", 100)

    assert "writes no manifest of that size" in problems(export)


def test_a_folder_without_manifest_is_a_usage_error(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ConfigError) as failure:
            Verify(folder=folder)()
        assert failure.value.exit_code == 2


def test_the_digest_given_elsewhere_is_compared(export: Path) -> None:
    digest = Verify(folder=export)().facts["digest"]

    assert Verify(folder=export, digest=digest)().facts["verified"] is True
    assert "the folder's digest is" in problems(export, digest="sha256:" + "0" * 64)


def test_the_digest_changes_with_any_hash_and_not_with_the_run(export: Path) -> None:
    digest = Verify(folder=export)().facts["digest"]

    edit_manifest(export, lambda m: m["run"].update(start="another time"))
    assert Verify(folder=export)().facts["digest"] == digest

    edit_manifest(export, lambda m: m["split"].update(seed=99))
    assert Verify(folder=export)().facts["digest"] != digest


def test_at_most_twenty_problems_are_listed_and_the_rest_counted(export: Path) -> None:
    for number in range(30):
        (export / f"extra-{number}.txt").write_text("x")

    found = problems(export)

    assert "30 problems" in found
    assert found.count("extra-") == 20
    assert found.endswith("and 10 more")


def test_another_data_file_in_the_arrow_state_is_found(export: Path) -> None:
    state = export / "arrow/test/state.json"
    state.write_text(
        state.read_text().replace("data-00000-of-00001.arrow", "../train/data-00000-of-00001.arrow")
    )
    rehash(export)

    assert "arrow/test/state.json: names other data files" in problems(export)


def test_a_parquet_column_of_another_type_is_named(export: Path) -> None:
    pq.write_table(pa.table({"prompt": [1, 2]}), export / "train.parquet")
    rehash(export)

    assert "train.parquet: its column prompt has the type int64" in problems(export)


def test_a_changed_row_of_a_dataset_is_found_by_its_id_and_content_hash(dataset: Path) -> None:
    path = dataset / "rows/part-00000.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("weight")
    heavier = table.set_column(place, table.schema.field(place), pa.array([2.0] * len(table)))
    place = table.schema.get_field_index("prompt")
    prompts = pa.concat_arrays(
        [table["prompt"].chunk(0).slice(1, 1), table["prompt"].chunk(0).slice(1)]
    )
    pq.write_table(heavier.set_column(place, table.schema.field(place), prompts), path)
    edit_manifest(dataset, lambda m: m["files"][0].update(bytes=path.stat().st_size))

    found = problems(dataset)

    assert "rows/, row 0: its id is" in found
    assert "its content hash is not that of the rows" in found
    assert "2 problems" in found


def test_a_missing_row_file_and_a_wrong_count_of_a_dataset_are_found(dataset: Path) -> None:
    edit_manifest(dataset, lambda m: m.update(rows=7))
    assert "says 7 rows, the files hold 52" in problems(dataset)

    (dataset / "rows/part-00000.parquet").unlink()
    assert "rows/part-00000.parquet: is in the manifest, but is no file" in problems(dataset)


def test_comparisons_are_verified_by_their_ids_too(tmp_path: Path) -> None:
    comparison = Comparison(
        (Message("user", "q"),),
        (Response((Message("assistant", "a"),)), Response((Message("assistant", "b"),)),
         Response((Message("assistant", "b"),), model="m")),
        (),
        tools="[1]",
    )  # fmt: skip
    rows = comparisons_table([comparison_row(comparison)])
    for name, changed in (("right", rows), ("wrong", _with_tools(rows, "[2]"))):
        with create_dataset(tmp_path / name, "comparisons") as writer:
            writer.write(changed)
            writer.finish("collect", {}, {})

    assert Verify(folder=tmp_path / "right")().facts["rows"] == 1
    assert "row 0: its id is" in problems(tmp_path / "wrong")


def _with_tools(table: pa.Table, tools: str) -> pa.Table:
    place = table.schema.get_field_index("tools")
    return table.set_column(place, table.schema.field(place), pa.array([tools]))

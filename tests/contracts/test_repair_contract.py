"""What every repair keeps to: rows change and say so, nothing that was judged is lost."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from contract_rows import varied_pairs
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import open_dataset
from prefkit.registry import load, names
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.schema.digests import digests_of
from prefkit.schema.ids import pair_id
from prefkit.step import ROW, Step, make
from prefkit.verbs.catalog import Catalog
from prefkit.verbs.curate import Curate
from prefkit.yaml import load_yaml

every_repair = pytest.mark.parametrize("name", names("repair"))

TOLD = [("system", "Be brief.", None), *user("Is it open?"), *user("Now?")]
TO_MEND = [
    pair(TOLD, assistant("<think>\n\n</think>\n\nYes."), None, cluster="c" * 32),
    pair(user("Null?"), assistant("Yes.", '{"name":null}'), assistant("No."), tools="null"),
    pair(user("Tools?"), assistant("None."), assistant("Some."), tools="[]"),
    pair(TOLD, assistant("Gone."), assistant("Left."), dropped="length: 1 < 2"),
]


def made(name: str) -> Step:
    step = make(load("repair", name), {}, name)
    assert isinstance(step, Step)
    return step


def rows() -> pa.Table:
    found = table(PAIRS, [*varied_pairs(), *TO_MEND])
    return found.append_column(ROW, pa.array(np.arange(len(found))))


@every_repair
def test_it_changes_some_rows_and_leaves_the_others_as_they_are(name: str) -> None:
    before, after = rows(), made(name)(rows())
    assert after.schema.equals(before.schema, check_metadata=True)
    pairs = list(zip(before.to_pylist(), after.to_pylist(), strict=True))
    told = [len(new["checks"]) > len(old["checks"]) for old, new in pairs]
    assert 0 < sum(told) < len(pairs) / 2
    assert [old != new for old, new in pairs] == told


@every_repair
def test_a_changed_row_has_the_id_of_its_content_and_names_the_old_one(name: str) -> None:
    before, after = rows(), made(name)(rows())
    digests = [digests_of(after[side]) for side in ("prompt", "chosen", "rejected")]
    ids = [
        pair_id(str(prompt), sides, criterion)
        for prompt, *sides, criterion in zip(
            *digests, after["criterion"].to_pylist(), strict=True
        )
    ]  # fmt: skip
    pairs = zip(before.to_pylist(), after.to_pylist(), ids, strict=True)
    for old, new, expected in pairs:
        if {**old, "checks": 0} == {**new, "checks": 0}:
            assert old == new
            continue
        assert new["id"] == expected
        assert new["checks"][:-1] == old["checks"]
        assert new["checks"][-1]["check"] == f"repair.{name}"
        assert new["checks"][-1]["note"] == f"was {old['id']}"
        for column in ("comparison", "criterion", "weight", "sources", "decision"):
            assert new[column] == old[column]


@every_repair
def test_every_word_is_still_there(name: str) -> None:
    def words(row: dict[str, Any]) -> list[str]:
        turns = [*row["prompt"], *(row["chosen"] or ()), *(row["rejected"] or ())]
        text = " ".join(turn["content"] or "" for turn in turns)
        return text.replace("<think>\n\n</think>", "").split()

    for old, new in zip(rows().to_pylist(), made(name)(rows()).to_pylist(), strict=True):
        assert words(old) == words(new)


@every_repair
def test_twice_is_once_and_dropped_rows_stay(name: str) -> None:
    once = made(name)(rows())
    assert made(name)(once).equals(once)
    gone = pc.is_valid(rows()["dropped"])
    assert once.filter(gone).equals(rows().filter(gone))
    assert made(name)(rows().slice(0, 0)).equals(rows().slice(0, 0))


@every_repair
def test_a_prompt_that_changes_belongs_to_no_cluster(name: str) -> None:
    before, after = rows().to_pylist(), made(name)(rows()).to_pylist()
    for old, new in zip(before, after, strict=True):
        assert new["cluster"] == (old["cluster"] if old["prompt"] == new["prompt"] else None)


@every_repair
def test_it_is_documented_and_goes_through_yaml_and_pickle(name: str) -> None:
    step = made(name)
    text = yaml.safe_dump(step.model_dump(mode="json"))
    assert make(load("repair", name), load_yaml(text, name), name) == step
    assert pickle.loads(pickle.dumps(step)) == step
    assert step.name == name
    assert Catalog(role="repair")().facts["repair"][name].endswith(".")


@every_repair
def test_curate_runs_it_and_counts_what_it_changed(name: str, tmp_path: Path) -> None:
    source = write_pairs(tmp_path / "pairs", [*varied_pairs(), *TO_MEND])
    before = rows()
    changed = [
        {"was": old["id"], "is": new["id"]}
        for old, new in zip(before.to_pylist(), made(name)(before).to_pylist(), strict=True)
        if old != new
    ]
    outcome = Curate(dataset=source, out=tmp_path / "out", repair=(name,))()
    step = open_dataset(tmp_path / "out").manifest["steps"][0]
    assert (step["name"], step["changed"], step["first"]) == (name, len(changed), changed)
    assert dict(outcome.lines)[name] == f"{len(changed)} changed of {step['rows_in']}"
    dry = Curate(dataset=source, out=tmp_path / "dry", repair=(name,), dry_run=True)()
    assert dry.facts["steps"][0] == step

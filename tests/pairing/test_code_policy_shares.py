"""The classes of rejected sides over all tasks: shares wanted, shares found, and what is said."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from code_votes import Ran, bad, good, task
from comparison_rows import table_of, write_comparisons

import prefkit
from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison
from prefkit.verbs.verb import Outcome

PASSED = {"near_miss": 6, "wrong": 2, "slow": 7, "crashing": 0}


def failing(kind: str, count: int) -> list[Ran]:
    return [bad(f"{kind} {place}", kind, PASSED[kind]) for place in range(count)]


def one_task(number: int, **counts: int) -> Comparison:
    """A task with two candidates that pass and so many of each failing class."""
    rest = [one for kind, count in counts.items() for one in failing(kind, count)]
    return task(f"task {number}", [good("one"), good("other"), *rest])


def paired(
    folder: Path, tasks: list[Comparison], name: str = "pairs", **options: Any
) -> tuple[Outcome, Counter[str]]:
    """What the verb says, and how many kept pairs have a rejected side of each class."""
    source = folder / "tasks"
    if not source.exists():
        write_comparisons(source, table_of(*tasks))
    outcome = prefkit.pair(source, out=folder / name, policy={"code": options})
    return outcome, classes(folder / name)


def classes(folder: Path) -> Counter[str]:
    rows = [row for table in open_dataset(folder, "pairs").batches() for row in table.to_pylist()]
    return Counter(row["checks"][0]["note"] for row in rows if row["dropped"] is None)


def test_the_shares_are_met_where_there_are_candidates(tmp_path: Path) -> None:
    tasks = [one_task(n, near_miss=4, wrong=4, slow=4, crashing=4) for n in range(20)]
    outcome, found = paired(tmp_path, tasks)
    # 20 tasks at 4 pairs each: 80 by 0.5, 0.3, 0.1, 0.1
    assert found == {"near_miss": 40, "wrong": 24, "slow": 8, "crashing": 8}
    lines = dict(outcome.lines)
    assert lines["Rejected"].startswith("near_miss 40 (50%, wanted 50%) · wrong 24 (30%")
    assert "Short" not in lines


def test_other_tasks_make_up_for_what_one_does_not_have(tmp_path: Path) -> None:
    # only every second task has near misses: these give nothing else, and the share is met
    tasks = [one_task(n, wrong=4, **({"near_miss": 4} if n % 2 else {})) for n in range(20)]
    _, found = paired(tmp_path, tasks, near_miss=1, wrong=1, slow=0, crashing=0)
    assert found == {"near_miss": 40, "wrong": 40}


def test_a_class_that_is_short_is_filled_by_the_others_and_named(tmp_path: Path) -> None:
    # 10 tasks of at most 4 pairs; one has a crashing candidate, which makes 2 pairs of the 4 wanted
    tasks = [one_task(n, near_miss=4, wrong=4, slow=4) for n in range(9)]
    tasks.append(one_task(9, near_miss=4, wrong=4, slow=4, crashing=1))
    outcome, found = paired(tmp_path, tasks)
    # the 2 that are missing go to the others by their shares of 20, 12 and 4: one to each of the
    # first two, whose parts are then 21/20 and 13/12; 5/4 and 22/20 would be further off
    assert found == {"near_miss": 21, "wrong": 13, "slow": 4, "crashing": 2}
    assert dict(outcome.lines)["Short"] == (
        "crashing: 2 where its share is 4 (its candidates make 2 at most);"
        " other classes fill its part"
    )
    crashing = outcome.facts["policy_found"]["rejected"]["crashing"]
    assert crashing == {"wanted": 0.1, "share": 0.05, "pairs": 2, "most": 2}
    manifest = open_dataset(tmp_path / "pairs", "pairs").manifest
    assert manifest["policy_found"] == outcome.facts["policy_found"]


def test_a_share_of_nothing_is_never_used(tmp_path: Path) -> None:
    tasks = [one_task(n, near_miss=1, slow=3) for n in range(5)]
    outcome, found = paired(tmp_path, tasks, slow=0)
    assert found == {"near_miss": 10}
    assert "slow" not in dict(outcome.lines)["Rejected"]


def test_the_order_of_tasks_changes_nothing(tmp_path: Path) -> None:
    tasks = [one_task(n, near_miss=n % 3, wrong=2, crashing=n % 2) for n in range(12)]
    sides = []
    for name, order in (("forward", tasks), ("backward", tasks[::-1])):
        write_comparisons(tmp_path / f"{name}_tasks", table_of(*order))
        prefkit.pair(tmp_path / f"{name}_tasks", out=tmp_path / name, policy="code")
        tables = open_dataset(tmp_path / name, "pairs").batches(["id", "chosen", "rejected"])
        sides.append(sorted(str(row) for table in tables for row in table.to_pylist()))
    assert sides[0] == sides[1]


def test_a_dry_run_says_the_same_shares_and_writes_nothing(tmp_path: Path) -> None:
    write_comparisons(tmp_path / "tasks", table_of(one_task(1, near_miss=2, wrong=2)))
    dry = prefkit.pair(tmp_path / "tasks", out=tmp_path / "dry", policy="code", dry_run=True)
    wet = prefkit.pair(tmp_path / "tasks", out=tmp_path / "wet", policy="code")
    assert dry.facts["policy_found"] == wet.facts["policy_found"]
    assert not (tmp_path / "dry").exists()


def test_pairs_by_speed_are_counted_beside_the_shares(tmp_path: Path) -> None:
    timed = [good("quick", times=[0.1] * 5), good("slow", times=[0.2] * 5)]
    alone, _ = paired(tmp_path / "alone", [task("task 1", timed)], speed=True)
    assert "Rejected" not in dict(alone.lines)
    tasks = [task("task 1", timed), task("task 2", [*timed, *failing("wrong", 3)])]
    outcome, _ = paired(tmp_path, tasks, speed=True, cap=4)
    # the second task is full: four of its six pairs against wrong candidates
    assert dict(outcome.lines)["By speed"] == "1"
    assert outcome.facts["policy_found"]["by_speed"] == 1
    assert outcome.facts["pairs"] == 5


@pytest.mark.parametrize("cap", [1, 3])
def test_the_cap_holds_over_comparisons_of_one_prompt(tmp_path: Path, cap: int) -> None:
    tasks = [
        task("same", [good("one"), *failing("wrong", 3)]),
        task("same", [good("two"), *failing("wrong", 3)]),
    ]
    _, found = paired(tmp_path, tasks, cap=cap)
    assert found == {"wrong": cap}

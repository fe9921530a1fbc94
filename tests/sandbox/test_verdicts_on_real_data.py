"""Whole benchmark files and recorded verdicts of others."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from code_judging import a_worker, all_judged

from prefkit.sandbox.extract import extract, extract_completion
from prefkit.sandbox.judges import Judge
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.references import checked
from prefkit.sandbox.task_files import read_task
from prefkit.sandbox.tasks import Task
from prefkit.sandbox.verdicts import Plan, Result, plan
from prefkit.statistics.pass_at_k import pass_at_k

pytestmark = pytest.mark.real

HUMANEVAL = "humaneval/HumanEval.jsonl.gz"
MBPP = "mbpp/mbpp.jsonl.gz"
SANITIZED = "mbpp/mbpp_sanitized.jsonl.gz"

ROOMY = Limits(call_s=20.0, total_s=60.0)
"""Of the recorded verdicts: a clean run had 8 s a candidate, on a machine with less to do."""

ALWAYS_EQUAL = """
class Everything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __sub__(self, other): return self
    __rsub__ = __add__ = __radd__ = __sub__
    def __abs__(self): return self
    def __float__(self): return 0.0
    def __iter__(self): return iter([self])
    def __len__(self): return 1
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __call__(self, *arguments, **keywords): return self
"""

WRONGLY_STORED = {
    "simple_test_run__simple_1_text-davinci-003_pass_at_k_1.jsonl.gz": {
        # The first harness ran all in one namespace, so names of earlier tasks were at hand.
        "HumanEval/133": "stored as solved; uses math, which it never imports",
        "HumanEval/143": "stored as solved; uses is_prime, which it never defines",
        "HumanEval/150": "stored as solved; uses is_prime, which it never defines",
    },
    "reflexion_ucs_with_output__reflexion-ucs_5_gpt-4_pass_at_k_1.jsonl.gz": {
        "HumanEval/39": "stored as solved; takes more than 8 s for the tenth prime",
        "HumanEval/41": "stored as solved; returns n where n squared is asked",
        "HumanEval/75": "stored as solved; misses products of one prime thrice",
        "HumanEval/81": "stored as unsolved; passes a clean run",
        "HumanEval/83": "stored as unsolved; passes a clean run",
        "HumanEval/91": "stored as solved; uses re, which it never imports",
        "HumanEval/93": "stored as solved; does not swap the case of vowels",
        "HumanEval/108": "stored as solved; reads the sign as a digit",
        "HumanEval/115": "stored as solved; counts buckets over all wells together",
        "HumanEval/119": "stored as solved; takes ')(' twice for balanced",
        "HumanEval/121": "stored as solved; counts odd values at the other positions",
        "HumanEval/126": "stored as solved; refuses a value that occurs twice",
        "HumanEval/129": "stored as solved; finds another path than the least",
        "HumanEval/133": "stored as solved; uses math, which it never imports",
        "HumanEval/140": "stored as solved; makes one dash of two spaces",
        "HumanEval/155": "stored as solved; finds no even digit in 0",
    },
    "simple_mbpp_py__mbpp-py._simple_1_gpt-4_pass_at_k_1_py.jsonl.gz": dict.fromkeys(
        (
            *("mbpp_67_bell_number", "mbpp_170_sum_range_list", "mbpp_798__sum"),
            *("mbpp_724_power_base_sum", "mbpp_419_round_and_sum", "mbpp_598_armstrong_number"),
        ),
        "stored as unsolved; passes a clean run",
    ),
    "simple_test_run__simple_1_gpt-3.5-turbo_pass_at_k_1.jsonl.gz": {},
    "simple_test_run__simple_1_gpt-4_pass_at_k_1.jsonl.gz": {},
}


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / "code" / name
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.decode().splitlines() if line.strip()]


def read(row: dict[str, Any]) -> Task:
    task = read_task(row, "row")
    assert isinstance(task, Task), task
    return task


def tasks(folder: Path, name: str) -> list[Task]:
    return [read(row) for row in rows(folder, name)]


def fails(results: list[Result]) -> dict[str, tuple[Any, ...]]:
    return {
        one.task: tuple(test for test in one.tests if test.verdict != "pass")
        for one in results
        if one.outcome != "passed"
    }


@pytest.mark.parametrize(("name", "count", "cases"), [(HUMANEVAL, 164, 1116), (MBPP, 974, 2938)])
def test_every_reference_passes(real_data: Path, name: str, count: int, cases: int) -> None:
    plans = [plan(task) for task in tasks(real_data, name)]
    results = all_judged([(one, one.task.reference or "") for one in plans], ROOMY)
    assert fails(results) == {}
    assert len(results) == count
    assert sum(one.trials for one in results) == cases


def test_the_references_of_sanitized_mbpp_pass_once_their_docstring_is_taken_out(
    real_data: Path,
) -> None:
    plans = [plan(task) for task in tasks(real_data, SANITIZED)]
    results = all_judged([(one, one.task.reference or "") for one in plans], ROOMY)
    assert fails(results) == {}
    assert len(results) == 427


def test_sanitized_mbpp_changed_what_some_references_of_mbpp_are_asked(real_data: Path) -> None:
    """Where the other edition kept name, parameters and meaning its reference passes as well."""
    known = {task.id: task.reference for task in tasks(real_data, MBPP)}
    plans = [plan(task) for task in tasks(real_data, SANITIZED)]
    jobs = [(one, known[one.task.id.split("/")[1]] or "") for one in plans]
    bad = fails(all_judged(jobs, ROOMY))
    kinds = Counter(tests[0].note.partition(":")[0] for tests in bad.values())
    assert len(plans) - len(bad) == 360
    assert kinds["TypeError"] == 26  # it takes a parameter more, or another kind of value
    assert kinds["NameError"] == 16  # it has another name


def test_a_reference_sets_the_limits_of_its_task(real_data: Path) -> None:
    slow = next(task for task in tasks(real_data, MBPP) if task.id == "123")
    with a_worker(0, Limits()) as worker, Judge(worker) as judge:
        found = checked(judge, slow, Limits())
    assert isinstance(found, Plan)
    assert found.task.call_s is not None
    assert found.task.call_s > 2.0


@pytest.mark.parametrize("name", [HUMANEVAL, MBPP, SANITIZED])
@pytest.mark.parametrize(
    "body",
    ["    pass\n", "    return Everything()\n", "    raise SystemExit(0)\n"],
    ids=["nothing", "equal to everything", "leaves"],
)
def test_a_body_that_does_nothing_solves_nothing(real_data: Path, name: str, body: str) -> None:
    plans = [plan(task) for task in tasks(real_data, name)]
    heads = [f"def {one.task.entry_point}(*arguments, **keywords):\n" for one in plans]
    jobs = [(one, ALWAYS_EQUAL + head + body) for one, head in zip(plans, heads, strict=True)]
    outcomes = Counter(one.outcome for one in all_judged(jobs))
    assert outcomes == {"failed": len(plans)}


@pytest.mark.parametrize(("name", "differs"), WRONGLY_STORED.items())
def test_recorded_verdicts_are_ours_but_for_those_that_are_known_to_be_wrong(
    real_data: Path, name: str, differs: dict[str, str]
) -> None:
    given = rows(real_data, f"samples/reflexion/{name}")
    found = [read(row) for row in given]
    jobs = []
    for task, row in zip(found, given, strict=True):
        code = extract(row.get("solution") or "", task.prompt, task.entry_point or "").code
        jobs.append((plan(task), code or ""))
    results = all_judged(jobs, Limits(call_s=8.0, total_s=8.0))
    ours = {one.task: one.outcome == "passed" for one in results}
    stored = {task.id: row["is_solved"] for task, row in zip(found, given, strict=True)}
    assert {one for one in ours if ours[one] != stored[one]} == set(differs)
    assert all(stored[one] is ("as solved" in why) for one, why in differs.items())


@pytest.mark.parametrize(
    ("name", "passed"),
    [
        ("Bard_custom.jsonl.gz", 73),
        ("Claude_Plus_custom_md.jsonl.gz", 87),
        ("gpt3_final_500c_long.jsonl", 112),
    ],
)
def test_pass_at_1_of_completions_is_the_published_one(
    real_data: Path, name: str, passed: int
) -> None:
    plans = {task.id: plan(task) for task in tasks(real_data, HUMANEVAL)}
    given = rows(real_data, f"samples/evalplus_style/{name}")
    jobs = []
    for row in given:
        made = plans[row["task_id"]]
        jobs.append((made, extract_completion(row["completion"], made.task.prompt)))
    results = all_judged(jobs)
    rates = [pass_at_k(1, int(one.outcome == "passed"), 1) for one in results]
    assert sum(rates) == passed
    assert len(rates) == 164


def test_the_toy_set_has_its_published_pass_at_1(real_data: Path) -> None:
    (made,) = [plan(task) for task in tasks(real_data, "humaneval/example_problem.jsonl")]
    given = rows(real_data, "humaneval/example_samples.jsonl")
    codes = [extract_completion(row["completion"], made.task.prompt) for row in given]
    results = all_judged([(made, code) for code in codes])
    passed = sum(one.outcome == "passed" for one in results)
    assert pass_at_k(len(results), passed, 1) == pytest.approx(0.5)

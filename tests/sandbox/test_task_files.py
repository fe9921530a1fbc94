"""Rows of benchmark files as tasks, and rows that are none."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from typing import Any

import pytest

from prefkit.sandbox.plans import planned
from prefkit.sandbox.task_files import read_task, sniff
from prefkit.sandbox.tasks import Asserts, Check, Fault, Inputs, Pair, Program, Task, faults

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 1\n",
}
MBPP = {
    "task_id": 367,
    "text": "Write a function.",
    "code": "class Node:\r\n    pass\r\ndef f(x):\r\n    return 1\r\n",
    "test_setup_code": "root = Node()\r\n",
    "test_list": ["assert f(root) == 1"],
    "challenge_test_list": ["assert f(2) == 1"],
}
EVALPLUS = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "base_input": [[1]],
    "plus_input": [[2], [3]],
    "atol": 0,
}
LIVE = {
    "question_id": "abc",
    "question_content": "Add.",
    "starter_code": "class Solution:\n    def add(self, a: int) -> int:\n        ",
    "public_test_cases": json.dumps([{"input": "1\n[2]", "output": "3", "testtype": "functional"}]),
    "metadata": json.dumps({"func_name": "add"}),
}
OWN: dict[str, Any] = {
    "id": "mine",
    "prompt": "Add.",
    "entry_point": "f",
    "tests": [
        "assert f(1) == 2",
        {"input": [1], "output": [2], "tolerance": 0.1},
        {"check": "def check(candidate):\n    candidate(1)\n"},
    ],
}


def read(row: dict[str, Any]) -> Task:
    task = read_task(row, "row 1")
    assert isinstance(task, Task), task
    assert faults(task) == ()
    return task


@pytest.mark.parametrize(
    ("row", "known"),
    [
        (HUMANEVAL, "humaneval"),
        (MBPP, "mbpp"),
        (EVALPLUS, "evalplus"),
        (LIVE, "livecodebench"),
        (OWN, "own"),
        ({"text": "x"}, None),
        ({}, None),
    ],
)
def test_a_row_is_told_by_its_keys(row: dict[str, Any], known: str | None) -> None:
    assert sniff(row) == known


def test_a_humaneval_row_has_its_reference_whole() -> None:
    task = read(HUMANEVAL)
    assert task.reference == "def f(x):\n    return x\n"
    assert task.tests == (Check(HUMANEVAL["test"]),)


def test_a_sanitized_mbpp_body_that_is_indented_unlike_its_docstring_is_put_right() -> None:
    prompt = "def f(x):\n    '''\n    Say it.\n    '''\n"
    task = read(HUMANEVAL | {"prompt": prompt, "canonical_solution": "  y = x\n  return y\n"})
    assert task.reference == "def f(x):\n  y = x\n  return y\n"


def test_a_reference_that_fits_no_prompt_is_left_out_and_it_is_said() -> None:
    task = read(HUMANEVAL | {"canonical_solution": "  a\n b"})
    assert task.reference is None
    assert "left out" in task.notes[0]


def test_mbpp_has_crlf_and_a_setup_that_runs_after_the_code() -> None:
    task = read(MBPP)
    assert task.entry_point == "f"
    assert task.reference == "class Node:\n    pass\ndef f(x):\n    return 1\n"
    assert task.setup == "root = Node()"
    assert task.tests == (Asserts("assert f(root) == 1"), Asserts("assert f(2) == 1"))


def test_the_newer_sanitized_mbpp_has_imports_for_its_tests() -> None:
    row = {
        "task_id": 2,
        "prompt": "Write it.",
        "code": "def f(x):\n    return x",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(f(1.0), 1.0)"],
    }
    task = read(row)
    assert (task.entry_point, task.setup) == ("f", "import math")


def test_an_evalplus_row_has_inputs_whose_answers_are_the_references() -> None:
    assert read(EVALPLUS).tests == (Inputs(calls=((1,), (2,), (3,)), tolerance=1e-6),)
    with pytest.raises(ValueError, match="not known yet"):
        planned(read(EVALPLUS))


def test_a_livecodebench_function_is_a_method_and_its_values_are_json() -> None:
    task = read(LIVE)
    assert task.tests == (Pair(arguments=(1, [2]), expected=3, from_json=True),)
    assert task.setup == "add = Solution().add"


def test_a_livecodebench_program_is_told_by_its_test_type() -> None:
    cases = [{"input": "1\n", "output": "2\n", "testtype": "stdin"}]
    row = LIVE | {"public_test_cases": json.dumps(cases), "metadata": "{}", "starter_code": ""}
    task = read(row)
    assert task.entry_point is None
    assert task.tests == (Program(stdin="1\n", stdout="2\n"),)


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was read",))


def test_pickled_private_tests_are_never_read() -> None:
    packed = base64.b64encode(zlib.compress(pickle.dumps(_Bomb()))).decode()
    task = read(LIVE | {"private_test_cases": packed})
    assert len(task.tests) == 1
    assert "a pickle is never read" in task.notes[0]


def test_an_own_row_mixes_kinds_of_tests() -> None:
    kinds = [type(one) for one in read(OWN).tests]
    assert kinds == [Asserts, Pair, Check]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"a": 1, "b": 2}, "a row with a, b is in no known format"),
        (HUMANEVAL | {"test": 3}, "test is no text"),
        (OWN | {"tests": [{"stdout": "x", "policy": "loose"}]}, "no policy 'loose'"),
        (OWN | {"tests": [3]}, "not in the format own"),
        (OWN | {"tests": {"input": [1], "output": 2}}, "tests are no list"),
        (OWN | {"tests": [{"input": "abc", "output": 2}]}, "input is no list"),
        (EVALPLUS | {"base_input": ["abc"]}, "no lists of arguments"),
        (EVALPLUS | {"task_id": "Mbpp/295", "entry_point": "sum_div"}, "its own way to check"),
        (EVALPLUS | {"entry_point": "find_zero"}, "which its prompt does not define"),
        (LIVE | {"metadata": "{}"}, "no func_name"),
        (LIVE | {"metadata": "{broken"}, "not in the format livecodebench"),
    ],
)
def test_a_row_that_is_no_task_says_why(row: dict[str, Any], words: str) -> None:
    fault = read_task(row, "row 7")
    assert isinstance(fault, Fault)
    assert fault.kind == "unreadable"
    assert words in str(fault)


def nested(depth: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


SUM = "+".join(["1"] * 2500)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"entry_point": "f; g"}, "no_entry_point", "'f; g' is no name"),
        ({"tests": [{"stdin": "1", "stdout": 2}]}, "broken_tests", "no text"),
        ({"tests": [{"stdin": 1, "stdout": "2"}]}, "broken_tests", "no text"),
        ({"tests": [{"input": [1], "output": 1, "tolerance": "inf"}]}, "broken_tests", "of inf"),
        ({"tests": [{"input": [1], "output": 1, "tolerance": -1}]}, "broken_tests", "of -1"),
        ({"tests": [{"input": [1], "output": 1, "tolerance": "nan"}]}, "broken_tests", "of nan"),
        ({"tests": [{"input": [nested(300)], "output": 1}]}, "broken_tests", "nested too deep"),
        ({"tests": [{"input": [], "output": nested(300)}]}, "broken_tests", "nested too deep"),
        ({"tests": [f"assert f(1) == {SUM}"]}, "broken_tests", "nested too deep"),
        ({"tests": ["#" * 1_000_001]}, "broken_tests", "more than 1,000,000"),
        ({"tests": ["assert f(1)"] * 20_001}, "broken_tests", "20,001 tests"),
        ({"tests": ["x = 1\nassert eval(f(x)) == 1"]}, "broken_tests", "run texts as code"),
        ({"prompt": f"A = {SUM}\ndef f(x):\n"}, "unreadable", "nested too deep"),
        ({"setup": f"a = {SUM}"}, "unreadable", "nested too deep"),
        ({"reference": "x = 1\n" * 200_000}, "broken_reference", "more than 1,000,000"),
        ({"call_s": "nan"}, "unreadable", "limits"),
        ({"total_s": 1e9}, "unreadable", "limits"),
    ],
)
def test_a_hostile_row_is_a_fault_and_not_the_end(
    changes: dict[str, Any], kind: str, words: str
) -> None:
    task = read_task(OWN | changes, "row 7")
    assert isinstance(task, Task), task
    (fault,) = faults(task)
    assert (fault.kind, words in fault.text) == (kind, True), fault
    with pytest.raises(ValueError, match="mine"):
        planned(task)


def test_output_that_a_program_should_print_keeps_every_byte() -> None:
    row = {"prompt": "x", "tests": [{"stdin": "1\r\n", "stdout": "2\r\n", "policy": "exact"}]}
    assert read(row).tests == (Program(stdin="1\r\n", stdout="2\r\n", policy="exact"),)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (OWN | {"tests": []}, "no_tests"),
        (HUMANEVAL | {"test": " "}, "no_tests"),
        (OWN | {"tests": ["assert f(1) =="]}, "broken_tests"),
        (OWN | {"language": "rust"}, "unsupported_language"),
        (OWN | {"entry_point": None}, "no_entry_point"),
        (OWN | {"reference": "def f(:"}, "broken_reference"),
        (EVALPLUS | {"canonical_solution": "  a\n b"}, "no_reference"),
    ],
)
def test_a_fault_of_a_task_is_a_value(row: dict[str, Any], kind: str) -> None:
    task = read_task(row, "row 7")
    assert isinstance(task, Task)
    assert [fault.kind for fault in faults(task)] == [kind]
    with pytest.raises(ValueError, match=task.id):
        planned(task)

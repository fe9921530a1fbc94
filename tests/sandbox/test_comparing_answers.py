"""Answers that are compared in other ways than by `==`."""

from __future__ import annotations

from code_judging import QUICK, a_worker, judged, task

from prefkit.sandbox.references import with_answers
from prefkit.sandbox.task_files import read_task
from prefkit.sandbox.tasks import Pair, Task


def test_a_whole_number_is_never_nearly_right() -> None:
    row = {
        "task_id": "x",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return [x, x > 1]\n",
        "base_input": [[1548008755920]],
    }
    one = read_task(row, "row")
    assert isinstance(one, Task)
    with a_worker(0, QUICK) as worker:
        answered = with_answers(worker, one)
    assert isinstance(answered, Task)
    assert judged(answered, "def f(x):\n    return [x, 1]\n").verdicts == ("pass",)
    assert judged(answered, "def f(x):\n    return [x + 1, True]\n").verdicts == ("wrong",)
    assert judged(answered, "def f(x):\n    return [x + 1e-7, True]\n").verdicts == ("pass",)


def test_roots_are_put_into_the_polynomial_as_evalplus_does() -> None:
    prompt = (
        "import math\n\n\ndef poly(xs: list, x: float):\n"
        "    return sum(c * math.pow(x, i) for i, c in enumerate(xs))\n\n\n"
        "def find_zero(xs: list):\n    'A root.'\n"
    )
    row = {
        "task_id": "HumanEval/32",
        "prompt": prompt,
        "entry_point": "find_zero",
        "canonical_solution": "    return -xs[0] / xs[1]\n",
        "base_input": [[[1, 2]], [[-6, 5, -1]]],
        "plus_input": [[[4, 2]]],
        "atol": 1e-4,
    }
    one = read_task(row, "row")
    assert isinstance(one, Task)
    # x**2 - 5x + 6 has two roots
    right = "def find_zero(xs): return 3.000001 if len(xs) == 3 else -xs[0] / xs[1]\n"
    assert judged(one, right).verdicts == ("pass", "pass")
    for wrong in ("1", "float('nan')", "None"):
        cheat = f"def poly(xs, x): return 0\ndef find_zero(xs): return {wrong}\n"
        assert judged(one, cheat).verdicts == ("wrong", "wrong")


def test_members_are_compared_where_evalplus_does_so() -> None:
    row = {
        "task_id": "Mbpp/2",
        "prompt": "x",
        "entry_point": "similar_elements",
        "canonical_solution": "def similar_elements(a, b):\n    return tuple(set(a) & set(b))\n",
        "base_input": [[[1, 2, 3], [2, 3]]],
    }
    one = read_task(row, "row")
    assert isinstance(one, Task)
    with a_worker(0, QUICK) as worker:
        answered = with_answers(worker, one)
    assert isinstance(answered, Task)
    head = "def similar_elements(a, b):\n    return "
    for value, verdict in (
        ("[3, 2, 3]", "pass"),
        ("[3, 2, 1]", "wrong"),
        ("None", "wrong"),
        ("[object()]", "wrong"),
        ("[n * (2 ** 61 - 1) for n in range(30000)]", "wrong"),
    ):
        assert judged(answered, head + value).verdicts == (verdict,)


def test_keys_are_compared_as_json_writes_them() -> None:
    one = task(Pair(arguments=(), expected={"true": 1, "null": 2, "1": 3}, from_json=True))
    assert judged(one, "def f(): return {True: 1, None: 2, '1': 3}").outcome == "passed"
    # of two keys that are one in JSON neither may stand for the other
    assert judged(one, "def f(): return {True: 1, None: 2, 1.5: 0, '1.5': 3}").outcome == "failed"
    two = task(Pair(arguments=(), expected={"1": 3}, from_json=True))
    assert judged(two, "def f(): return {1: 0, '1': 3}").outcome == "failed"
    # more digits than Python writes
    assert judged(two, "def f(): return {10 ** 5000: 3}").outcome == "failed"

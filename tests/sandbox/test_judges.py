"""Verdicts of candidates, from real sandboxes."""

from __future__ import annotations

import pickle
import threading
import time
from fractions import Fraction

import pytest
from code_judging import QUICK, a_worker, all_judged, judged, task

from prefkit.sandbox.cases import Judged, alike
from prefkit.sandbox.judges import Gate, Judge
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.references import checked, with_answers
from prefkit.sandbox.task_files import read_task
from prefkit.sandbox.tasks import Check, Fault, Inputs, Pair, Task
from prefkit.sandbox.verdicts import Plan, Result, plan

TWO = task("assert f(1) == 2", "assert f(2) == 4")
RIGHT = "def f(x):\n    return 2 * x\n"


def test_a_right_candidate_passes_and_its_cost_is_told() -> None:
    result = judged(TWO, RIGHT)
    assert result.verdicts == ("pass", "pass")
    assert (result.trials, result.share, result.outcome) == (2, 1.0, "passed")
    assert 0 < result.wall_s < 2
    assert result.cpu_s is not None
    assert result.peak_kb is not None


@pytest.mark.parametrize(
    ("code", "verdicts"),
    [
        ("def f(x):\n    return 2\n", ("pass", "wrong")),
        ("def f(x):\n    return 2.0 * x\n", ("pass", "pass")),  # 2 == 2.0, as in Python
        ("def f(x):\n    return 4 // (2 - x)\n", ("wrong", "error")),
        (
            "def f(x):\n    if x == 1:\n        while True: pass\n    return 4\n",
            ("timeout", "pass"),
        ),
        (
            "import os\ndef f(x):\n    if x == 1:\n        os._exit(0)\n    return 4\n",
            ("crash", "pass"),
        ),
        ("def f(x):\n    return 'x' * (2 << 20)\n", ("oversize", "oversize")),
        ("def f(x):\n    pass\n", ("wrong", "wrong")),
        ("def g(x):\n    pass\n", ("error", "error")),
        ("def f(x:\n", ("error", "error")),
        ("raise SystemExit(0)", ("error", "error")),
        ("class N(int):\n    __eq__ = lambda s, o: True\nf = lambda x: N(7)\n", ("wrong", "wrong")),
        ("def f(x):\n    return float('nan')\n", ("wrong", "wrong")),
        ("def f(x):\n    return (2 * x,)\n", ("wrong", "wrong")),
    ],
)
def test_every_test_has_its_own_verdict(code: str, verdicts: tuple[str, ...]) -> None:
    result = judged(TWO, code)
    assert result.verdicts == verdicts, result.tests
    assert result.outcome == ("passed" if set(verdicts) == {"pass"} else "failed")


def test_a_candidate_never_sees_what_is_expected() -> None:
    # The number sought is made late, so that it is not found in this program itself.
    spy = (
        "import gc, sys\n"
        "def f(x):\n"
        "    found = [str(o) for o in gc.get_objects() if isinstance(o, (list, dict, tuple))]\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        found.append(str(frame.f_locals)); frame = frame.f_back\n"
        "    sought = str(int('987653') + 1)\n"
        "    return int(sought) if any(sought in one for one in found) else 0\n"
    )
    assert judged(task("assert f(1) == 987654"), spy).verdicts == ("wrong",)


def test_comparisons_of_order_and_truth_follow_python_on_plain_values() -> None:
    one = task("assert f(1)", "assert not f(0)", "assert f(2) != 3", "assert abs(f(3) - 3) < 0.1")
    assert judged(one, "def f(x):\n    return x\n").outcome == "passed"
    result = judged(one, "def f(x):\n    return 'x'\n")
    assert result.verdicts == ("pass", "wrong", "pass", "wrong")
    assert "TypeError" in result.tests[3].note


def test_an_iterator_is_made_a_list_where_the_test_does_so() -> None:
    one = task("assert list(f(2)) == [0, 1]", "assert f(2) == [0, 1]")
    assert judged(one, "def f(x):\n    yield from range(x)\n").verdicts == ("pass", "wrong")


def test_setup_runs_after_the_code_and_before_the_tests() -> None:
    one = task("assert f(node) == 3", setup="node = Node(3)")
    code = "class Node:\n    def __init__(self, v): self.v = v\nf = lambda n: n.v"
    assert judged(one, code).verdicts == ("pass",)


def test_a_method_of_livecodebench_finds_its_imports_at_hand() -> None:
    cases = [{"input": "[3, 1]\n1", "output": "[3]", "testtype": "functional"}]
    row = {
        "question_id": "q",
        "question_content": "Keep what is larger.",
        "starter_code": "class Solution:\n    def keep(self, xs: List[int], y: int):\n        ",
        "public_test_cases": cases,
        "metadata": {"func_name": "keep"},
    }
    one = read_task(row, "row")
    assert isinstance(one, Task)
    body = "        return [x for x in xs if x > y]\n"
    assert judged(one, str(row["starter_code"]).rstrip() + "\n" + body).outcome == "passed"


def test_a_plan_survives_a_copy() -> None:
    made = pickle.loads(pickle.dumps(plan(TWO)))
    with a_worker(0, QUICK) as worker, Judge(worker) as judge:
        assert judge.judge(made, RIGHT).outcome == "passed"


def test_pairs_take_keywords_tolerance_and_json() -> None:
    one = task(
        Pair(arguments=(1,), keywords=(("y", 2),), expected=3.05, tolerance=0.1),
        Pair(arguments=(1, 2), expected=3),
    )
    assert judged(one, "def f(x, y):\n    return x + y\n").outcome == "passed"
    json_task = task(Pair(arguments=(), expected=[[1, 2], {"3": 4}], from_json=True))
    assert judged(json_task, "def f():\n    return ((1, 2), {3: 4})\n").outcome == "passed"
    plain = task(Pair(arguments=(), expected=[1, 2]))
    assert judged(plain, "def f():\n    return (1, 2)\n").verdicts == ("wrong",)


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [
        ([1.0, (2.0,)], [1.0000001, (2.0,)], True),
        ([1.0], (1.0,), False),
        ([1.0, 2.0], [1.0], False),
        ({"a": 1.0}, {"a": 1.0000001}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        (True, 1.0, True),  # they are equal in Python
        (10**12 + 5, 10**12, False),
        ([10**12 + 5, 0.5], [10**12, 0.5], False),
        (10.0**12 + 5, 10.0**12, True),
        (10**400, 10**400, True),
        (Fraction(1, 2), 0.5, True),
        (float("nan"), float("nan"), False),
        (float("inf"), float("inf"), True),
        ("x", "x", True),
    ],
)
def test_a_tolerance_is_for_numbers_only(value: object, expected: object, same: bool) -> None:
    assert alike(value, expected, 1e-6) is same


def test_a_time_out_is_believed_only_when_it_repeats_alone_with_twice_the_time() -> None:
    nearly = "import time\ndef f(x):\n    time.sleep(0.7)\n    return 2 * x\n"
    result = judged(task("assert f(1) == 2"), nearly)
    assert result.verdicts == ("unsure",)
    assert "then pass alone" in result.tests[0].note
    assert result.outcome == "undecided"
    slow = nearly.replace("0.7", "5")
    assert judged(task("assert f(1) == 2"), slow).outcome == "failed"


def test_a_candidate_that_uses_up_its_total_time_is_not_run_on() -> None:
    one = task(*(f"assert f({n}) == {n}" for n in range(40)))
    began = time.monotonic()
    result = judged(one, "def f(x):\n    while True: pass\n", Limits(call_s=0.3, total_s=0.9))
    assert set(result.verdicts) == {"timeout"}
    assert "no time is left" in result.tests[-1].note
    assert time.monotonic() - began < 15


def test_a_candidate_that_dies_again_and_again_is_not_started_for_ever() -> None:
    one = task(*(f"assert f({n}) == {n}" for n in range(25)))
    result = judged(one, "import os\ndef f(x):\n    os._exit(0)\n")
    assert result.verdicts == ("crash",) * 20 + ("unsure",) * 5
    assert (result.trials, result.share) == (20, 0.0)


def test_one_candidate_does_not_touch_the_next() -> None:
    poison = (
        "import builtins, math\nbuiltins.abs = lambda x: 0\nmath.floor = None\ndef f(x): pass\n"
    )
    with a_worker(0, QUICK) as worker, Judge(worker) as judge:
        assert judge.judge(plan(TWO), poison).outcome == "failed"
        honest = "import math\ndef f(x):\n    return abs(math.floor(2.0 * x))\n"
        assert judge.judge(plan(TWO), honest).outcome == "passed"


def test_results_come_in_the_order_of_the_jobs() -> None:
    made = plan(TWO)
    slow = "import time\ntime.sleep(0.3)\n" + RIGHT
    codes = [slow, RIGHT, "def f(x): pass", RIGHT, slow]
    outcomes = [one.outcome for one in all_judged([(made, code) for code in codes])]
    assert outcomes == ["passed", "passed", "failed", "passed", "passed"]


def test_alone_means_that_nobody_else_runs() -> None:
    gate, seen = Gate(), []
    inside = threading.Event()

    def other() -> None:
        inside.wait(5)
        with gate.shared():
            seen.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    with gate.alone():
        inside.set()
        time.sleep(0.1)
        seen.append("alone")
    thread.join(5)
    assert seen == ["alone", "other"]


def test_what_the_machine_did_wrong_counts_for_nothing() -> None:
    tests = (Judged("pass"), Judged("infra"), Judged("unsure"))
    result = Result(task="t", tests=tests, cpu_s=None, peak_kb=None)
    assert (result.trials, result.share, result.outcome) == (1, 1.0, "undecided")
    failed = Result(task="t", tests=(*tests, Judged("wrong")), cpu_s=None, peak_kb=None)
    assert (failed.trials, failed.share, failed.outcome) == (2, 0.5, "failed")


def test_limits_follow_a_slow_reference() -> None:
    slow = task(
        "assert f(1) == 2",
        reference="import time\ndef f(x):\n    time.sleep(0.4)\n    return 2 * x\n",
    )
    with a_worker(0, QUICK) as worker, Judge(worker) as judge:
        found = checked(judge, slow, QUICK)
        assert isinstance(found, Plan)
        assert found.task.call_s is not None
        assert 2.0 <= found.task.call_s < 5.0
        late = "import time\ndef f(x):\n    time.sleep(0.8)\n    return 2 * x\n"
        assert judge.judge(found, late).outcome == "passed"


@pytest.mark.parametrize(
    ("one", "kind", "words"),
    [
        (task("assert f(1) == 2", reference="def f(x): return 3"), "reference_fails", "wrong"),
        (task("assert True"), "no_tests", "none of its tests calls"),
        (task(), "no_tests", "no tests"),
        (task("assert ("), "broken_tests", "no Python"),
    ],
)
def test_a_task_that_cannot_rank_anything_says_why(one: Task, kind: str, words: str) -> None:
    with a_worker(0, QUICK) as worker, Judge(worker) as judge:
        found = checked(judge, one, QUICK)
    assert isinstance(found, Fault)
    assert found.kind == kind
    assert words in found.text


def test_inputs_are_answered_by_the_reference() -> None:
    row = {
        "task_id": "x",
        "prompt": "def f(x):\n",
        "entry_point": "f",
        "canonical_solution": "    return x / 3\n",
        "base_input": [[1]],
        "plus_input": [[2]],
    }
    one = read_task(row, "row")
    assert isinstance(one, Task)
    with a_worker(0, QUICK) as worker:
        answered = with_answers(worker, one)
        assert isinstance(answered, Task)
        none = with_answers(worker, task(Inputs(calls=((1,),)), reference="def f(x): yield 1"))
    assert [one.expected for one in answered.tests if isinstance(one, Pair)] == [1 / 3, 2 / 3]
    assert judged(answered, "def f(x):\n    return x * 0.33333333\n").outcome == "passed"
    assert judged(answered, "def f(x):\n    return x * 0.333\n").outcome == "failed"
    assert isinstance(none, Fault)
    assert none.kind == "reference_fails"


def test_a_failure_of_the_machine_gives_no_second_try_at_what_was_wrong() -> None:
    """This candidate is right from a moment on, and keeps its first run busy until then."""
    late = time.time() + 2.0
    code = (
        "import time\n"
        f"def f(x):\n    if x == 1:\n        return 2 if time.time() > {late} else 0\n"
        "    return 10 ** 9\n"
    )
    hangs = Check("def check(candidate):\n    x = candidate(3)\n    while x: x -= 1\n")
    one = plan(task("assert f(1) == 2", hangs))
    with a_worker(0, Limits(total_s=0.5)) as worker, Judge(worker, tester_s=2.5) as judge:
        assert judge.judge(one, code).verdicts == ("wrong", "infra")


def test_many_tests_that_find_no_time_are_not_all_run_alone() -> None:
    one = plan(task(*(f"assert f({n}) == {n}" for n in range(1500))))
    code = "import time\ndef f(x):\n    time.sleep(0.001)\n    return x\n"
    began = time.monotonic()
    with a_worker(0, Limits(call_s=0.5, total_s=0.5)) as worker, Judge(worker) as judge:
        result = judge.judge(one, code)
    assert time.monotonic() - began < 6
    assert set(result.verdicts) == {"pass", "unsure"}
    assert "10 others were not too slow alone" in result.tests[-1].note
    assert result.outcome == "undecided"


@pytest.mark.parametrize(
    "code",
    ["\ufeff" + RIGHT, "from __future__ import annotations\n" + RIGHT, RIGHT.replace("\n", "\r\n")],
    ids=["mark of the byte order", "future", "crlf"],
)
def test_code_as_files_have_it_is_right_too(code: str) -> None:
    assert judged(task("assert f(1) == 2", preamble="import math"), code).outcome == "passed"


def test_a_candidate_of_10_mb_is_not_run() -> None:
    result = judged(TWO, "x = 1\n" * 1_700_000 + RIGHT)
    assert result.verdicts == ("oversize",) * 2
    assert "more than 1,000,000 characters" in result.tests[0].note


def test_a_test_that_is_too_much_to_work_out_is_not_the_candidates_fault() -> None:
    one = task("assert f(1) == 10 ** 40000")
    assert judged(one, "def f(x):\n    return 10 ** 40000\n").verdicts == ("pass",)

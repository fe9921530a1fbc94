"""Tests that are code, in a sandbox of their own."""

from __future__ import annotations

import pytest
from code_judging import a_worker, judged, task

from prefkit.sandbox.cases import CheckCase
from prefkit.sandbox.judges import Judge
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.plans import planned
from prefkit.sandbox.tasks import Check, Task
from prefkit.sandbox.verdicts import plan

LOOP = Check(
    "def check(candidate):\n    for x in range(5):\n        assert candidate(x) == 2 * x\n"
)
RIGHT = "def f(x):\n    return 2 * x\n"


def test_a_check_that_computes_is_one_test() -> None:
    assert judged(task(LOOP), RIGHT).verdicts == ("pass",)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def f(x):\n    return x\n", "wrong"),
        ("def f(x):\n    return None\n", "wrong"),
        ("def f(x):\n    return 1 / x\n", "error"),
        ("def f(x):\n    raise AssertionError\n", "error"),
        ("def f(x):\n    import os\n    os._exit(0)\n", "crash"),
        ("def f(x):\n    while True: pass\n", "timeout"),
        ("def f(x):\n    return 'x' * (2 << 20)\n", "oversize"),
        ("g = 1", "error"),
        ("def f(:", "error"),
        (
            "class E:\n    def __eq__(self, other): return True\n"
            "    def __ne__(self, other): return False\n"
            "def f(x):\n    return E()\n",
            "wrong",
        ),
        ("import builtins\nbuiltins.range = lambda n: []\ndef f(x):\n    return 0\n", "wrong"),
        (
            "import sys\ndef f(x):\n"
            "    frame = sys._getframe()\n"
            "    while frame:\n"
            "        if 'candidate' in frame.f_locals or 'nonce' in frame.f_locals:\n"
            "            return 2 * x\n"
            "        frame = frame.f_back\n"
            "    return -1\n",
            "wrong",
        ),
        (
            "def f(x):\n"
            "    import gc\n"
            "    texts = [o for o in gc.get_objects() if isinstance(o, dict) and 'nonce' in o]\n"
            "    return 2 * x if texts else -1\n",
            "wrong",
        ),
    ],
)
def test_a_candidate_fails_a_check_and_it_is_said_how(code: str, verdict: str) -> None:
    result = judged(task(LOOP), code)
    assert result.verdicts == (verdict,), result.tests


@pytest.mark.parametrize(
    "source",
    [
        "def check(candidate):\n    undefined_at_all.x\n    assert candidate(1) == 2\n",
        "import no_such_module\ndef check(candidate):\n    x = candidate(1)\n    assert x == 2\n",
        "def check(candidate):\n    [].pop()\n    candidate(1)\n",
        "def check(candidate):\n    x = 1\n",
        "def check(candidate):\n    x = object()\n    candidate(x)\n",
        "def check(candidate):\n    import os\n    os._exit(0)\n",
        "def check(candidate):\n    raise SystemExit(0)\n",
        "def check(candidate):\n    while True: pass\n",
    ],
)
def test_a_fault_of_the_tests_says_nothing_about_the_candidate(source: str) -> None:
    with a_worker(0, Limits(total_s=0.5)) as worker, Judge(worker, tester_s=1.0) as judge:
        result = judge.judge(plan(task(Check(source))), RIGHT)
    assert result.verdicts == ("infra",), result.tests
    assert (result.trials, result.share, result.outcome) == (0, None, "undecided")


def test_a_test_may_expect_an_error() -> None:
    source = (
        "def check(candidate):\n"
        "    try:\n"
        "        candidate(-1)\n"
        "    except ValueError:\n"
        "        return\n"
        "    assert False\n"
    )
    raising = "def f(x):\n    if x < 0:\n        raise ValueError('no')\n"
    assert judged(task(Check(source)), raising).verdicts == ("pass",)
    assert judged(task(Check(source)), RIGHT).verdicts == ("wrong",)
    own = "class Mine(Exception): pass\ndef f(x):\n    raise Mine('no')\n"
    assert judged(task(Check(source)), own).verdicts == ("error",)


def test_an_iterator_that_cannot_cross_is_unsure_and_never_wrong() -> None:
    source = (
        "def check(candidate):\n    for n in (1, 2):\n        assert list(candidate(n)) == [n]\n"
    )
    result = judged(task(Check(source)), "def f(x):\n    yield x\n")
    assert result.verdicts == ("unsure",)


def test_helpers_of_the_prompt_are_the_prompts_and_not_the_candidates() -> None:
    prompt = (
        "import math\n\n\ndef poly(xs, x):\n    return sum(c * x ** i for i, c in enumerate(xs))\n"
        "\n\ndef f(xs):\n    '''A root.'''\n"
    )
    source = (
        "def check(candidate):\n"
        "    for xs in ([1, 2], [-6, 3]):\n"
        "        assert math.fabs(poly(xs, candidate(xs))) < 1e-4\n"
    )
    one = Task(id="t", prompt=prompt, entry_point="f", tests=(Check(source),))
    cheat = "def poly(xs, x):\n    return 0\ndef f(xs):\n    return 1\n"
    assert judged(one, cheat).verdicts == ("wrong",)
    assert judged(one, "def f(xs):\n    return -xs[0] / xs[1]\n").verdicts == ("pass",)


def test_a_test_file_that_calls_check_itself_runs_once() -> None:
    source = (
        "seen = []\ndef check(candidate):\n    seen.append(candidate(1))\n    assert seen == [2]\n"
    )
    for ending in ("", "check(f)\n", "def test():\n    check(f)\ntest()\n"):
        (case,) = planned(task(Check(source + ending)))
        assert isinstance(case, CheckCase)
        assert case.calls is (ending == "")
        assert judged(task(Check(source + ending)), RIGHT).verdicts == ("pass",)


def test_what_is_neither_the_tests_nor_pythons_is_asked_of_the_candidate() -> None:
    source = (
        "def check(candidate):\n    x = other(2)\n    assert x == 5\n    assert sys.maxsize > 1\n"
    )
    result = judged(task(Check(source)), "def other(x):\n    return x + 3\ndef f(): pass\n")
    assert result.verdicts == ("pass",), result.tests


@pytest.mark.parametrize(
    "body",
    [
        "for one, two in zip(map(candidate, [1, 2]), [2, 4]):\n        assert one == two",
        "y = 2\n    assert all(map(candidate, [1, y]))",
    ],
)
def test_an_error_that_ends_an_iteration_does_not_end_the_tests(body: str) -> None:
    source = f"def check(candidate):\n    {body}\n"
    result = judged(task(Check(source)), "def f(x):\n    raise StopIteration\n")
    assert result.verdicts == ("error",), result.tests
    assert judged(task(Check(source)), RIGHT).verdicts == ("pass",)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        ("assert f(3) == range(3)", "def f(x):\n    return range(x)\n"),
        (
            "assert f(3) == datetime.date(2020, 1, 3)",
            "import datetime\ndef f(x):\n    return datetime.date(2020, 1, x)\n",
        ),
        ("assert asyncio.run(f(1)) == 1", "async def f(x):\n    return x\n"),
        (
            "for n in (1, 2):\n    assert f(n)(3) == 3 * n",
            "def f(x):\n    return lambda y: x * y\n",
        ),
    ],
)
def test_a_right_answer_that_cannot_cross_is_unsure_and_never_wrong(one: str, code: str) -> None:
    assert judged(task(one), code).verdicts == ("unsure",)


@pytest.mark.parametrize(
    ("setup", "test", "cheat", "right"),
    [
        (
            "from math import isclose",
            "assert isclose(f(1), 0.5)",
            "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return 9\n",
            "def f(x): return 0.5\n",
        ),
        (
            "from math import *",
            "assert isclose(f(1), 0.5)",
            "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return 9\n",
            "def f(x): return 0.5\n",
        ),
        (
            "def same(a, b):\n    return sorted(a) == sorted(b)",
            "assert same(f(1), [1, 2])",
            "import builtins\nbuiltins.sorted = lambda x: 0\ndef f(x): return 9\n",
            "def f(x): return [2, 1]\n",
        ),
        (
            "from decimal import Decimal",
            "assert f(1) == Decimal('1.5')",
            "import decimal\ndecimal.Decimal = lambda x: 0\ndef f(x): return 0\n",
            "import decimal\ndef f(x): return decimal.Decimal(3) / 2\n",
        ),
        (
            "expected = [1, 2]",
            "assert f(1) == expected",
            "def f(x): return [2, 1]\n",
            "def f(x): return [1, 2]\n",
        ),
        (
            "",
            "assert f(1).startswith('abc')",
            "class S(str):\n    startswith = lambda s, x: True\ndef f(x): return S('q')\n",
            "def f(x): return 'abcd'\n",
        ),
    ],
)
def test_what_the_tests_use_is_not_the_candidates_to_change(
    setup: str, test: str, cheat: str, right: str
) -> None:
    assert judged(task(test, setup=setup), cheat).verdicts == ("wrong",)
    assert judged(task(test, setup=setup), right).verdicts == ("pass",)


def test_what_a_setup_imports_from_everywhere_hides_no_function_of_the_candidate() -> None:
    one = task("assert g(1) == 2", setup="from math import *")
    assert judged(one, "def g(x): return 2\ndef f(x): pass\n").verdicts == ("pass",)

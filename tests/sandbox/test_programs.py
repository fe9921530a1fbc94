"""Programs that read and print: the whole output counts."""

from __future__ import annotations

import pytest
from code_judging import judged, task

from prefkit.sandbox.limits import Limits
from prefkit.sandbox.programs import same_output
from prefkit.sandbox.tasks import OutputPolicy, Program

SHORT = Limits(total_s=1.0)


@pytest.mark.parametrize(
    ("printed", "expected", "policy", "tolerance", "same"),
    [
        ("1\n2\n", "1\n2", "lines", 0.0, True),
        ("1 \n2\t\n\n", "1\n2\n", "lines", 0.0, True),
        ("1\n2\n", "1\n2", "exact", 0.0, False),
        ("1\n2", "1\n2", "exact", 0.0, True),
        ("1\n", "1\n2\n", "lines", 0.0, False),  # a right beginning is not enough
        ("1\n2\n3\n", "1\n2\n", "lines", 0.0, False),
        (" 1\n", "1\n", "lines", 0.0, False),
        ("0.3333333\n", "0.333333\n", "lines", 0.0, False),
        ("0.3333333\n", "0.333333\n", "lines", 1e-6, True),
        ("x 0.5\n", "x 0.6\n", "lines", 0.01, False),
        ("0.5 0.5\n", "0.5\n", "lines", 0.01, False),
        ("nan\n", "0.5\n", "lines", 0.01, False),
        ("YES\n", "YES\n", "lines", 0.01, True),
        ("", "", "lines", 0.0, True),
        ("1\r\n2\r\n", "1\n2", "lines", 0.0, True),
        ("a\u2028b\n", "a\nb", "lines", 0.0, False),  # one line
        ("a\x0cb\n", "a\nb", "lines", 0.0, False),
    ],
)
def test_output_is_compared_as_a_whole(
    printed: str, expected: str, policy: OutputPolicy, tolerance: float, same: bool
) -> None:
    assert same_output(printed, expected, policy, tolerance) is same


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("print(int(input()) * 2)", "pass"),
        ("import sys\nif __name__ == '__main__':\n    print(2 * int(sys.stdin.read()))", "pass"),
        ("print(int(input()) * 2)\nraise SystemExit(0)", "pass"),
        ("import os\nos.write(1, b'42\\n')\nos._exit(0)", "pass"),
        ("print(41)", "wrong"),
        ("print(42, end='')\nprint(' ok')", "wrong"),
        ("import os\nos.write(1, b'\\xff')", "wrong"),
        ("print(42)\nraise ValueError('late')", "error"),
        ("print(42)\nraise SystemExit(3)", "error"),
        ("def broken(:", "error"),
        ("while True: pass", "timeout"),
        ("while True: print('x' * 1000)", "oversize"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "crash"),
    ],
)
def test_a_program_is_judged_by_what_it_prints(code: str, verdict: str) -> None:
    result = judged(task(Program(stdin="21\n", stdout="42\n"), entry_point=None), code, SHORT)
    assert result.verdicts == (verdict,), result.tests


def test_every_input_has_a_process_of_its_own() -> None:
    one = task(*(Program(stdin=f"{n}\n", stdout=f"{n}\n") for n in (1, 2)), entry_point=None)
    code = (
        "import builtins\nassert not hasattr(builtins, 'seen')\nbuiltins.seen = 1\nprint(input())"
    )
    result = judged(one, code)
    assert result.verdicts == ("pass", "pass")
    assert result.cpu_s is not None
    assert result.peak_kb is not None
    assert result.peak_kb > 1000


def test_a_program_that_is_too_slow_twice_is_not_run_again() -> None:
    one = task(*(Program(stdin=f"{n}", stdout="x") for n in range(4)), entry_point=None)
    result = judged(one, "while True: pass", Limits(total_s=0.3))
    assert result.verdicts == ("timeout",) * 4
    assert "not run" in result.tests[2].note

"""Mathematics: equal, different, or not known; nothing of it is run, and no time is lost on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from prefkit.errors import MissingExtra
from prefkit.judging.answers import latex_process
from prefkit.judging.answers.checking import Checked, check
from prefkit.judging.answers.latex import Latex

WHOLE = Latex(marks=("boxed", "whole"))


@pytest.mark.parametrize(
    ("answer", "reference", "outcome"),
    [
        ("\\frac{1}{2}", "0.5", "right"),
        ("(1,2)", "\\{1,2\\}", "unsure"),
        ("1,2", "\\{1,2\\}", "right"),
        ("5=x", "5", "right"),
        ("AB=5", "5", "right"),
        ("2+3=5", "5", "right"),
        ("x+1=6", "6", "unsure"),
        ("5\\text{ cm}", "5\\text{ km}", "unsure"),
        ("5\\text{ cm}", "5", "right"),
        ("10\\,000", "10000", "right"),
        ("10 000", "10000", "unsure"),
        ("1010_{2}", "1010_{3}", "unsure"),
        ("10_2", "10", "unsure"),
        ("0.33333333333", "\\frac13", "unsure"),
        ("k\\pi", "n\\pi", "unsure"),
        ("x^2+C", "x^2+K", "unsure"),
        ("x^2+2x+1", "(x+1)^2", "right"),
        ("x^2+1", "(x+1)^2", "wrong"),
        ("\\sin^2 x + \\cos^2 x", "1", "right"),
        ("\\sqrt{8}", "2\\sqrt{2}", "right"),
        ("\\{1,2\\}", "\\{2,1\\}", "right"),
        ("\\{1,2\\}", "\\{2,3\\}", "wrong"),
        ("[0,1)", "[0,1)", "right"),
        ("[0,1)", "[0,1]", "wrong"),
        ("x=5", "5", "right"),
        ("5", "x=5", "right"),
        ("x=6", "5", "wrong"),
        ("x>3", "3<x", "right"),
        ("x=6", "x=5", "wrong"),
        ("x>4", "x>3", "wrong"),
        ("y+1", "x+1", "wrong"),
        ("2\\frac{1}{2}", "2.5", "right"),
        ("50\\%", "0.5", "right"),
        ("3.14", "\\pi", "wrong"),
        (
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "right",
        ),
        (
            "\\begin{pmatrix}1&2\\\\3&5\\end{pmatrix}",
            "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
            "wrong",
        ),
        ("so \\boxed{\\dfrac{14}{3}}", "\\frac{14}{3}", "right"),
        ("$\\frac{14}{3}$", "A proof.\n\\boxed{\\frac{14}{3}}", "right"),
    ],
)
def test_formulas_are_compared_by_what_they_mean(answer: str, reference: str, outcome: str) -> None:
    assert check(WHOLE, answer, reference).outcome == outcome


@pytest.mark.parametrize(
    ("answer", "reference", "reason"),
    [
        ("1 - \\frac{1}{\\mathrm{e}}", "1 + \\frac{1}{\\mathrm{e}}", "not read as mathematics"),
        ("2x+1=0", "x=-1/2", "relations that were not shown to be the same"),
        ("x \\ge 3", "x>3", "relations that were not shown to be the same"),
        ("x>5", "5", "against"),
        ("5, 6", "5", "against"),
        ("\\pm 5", "5", "against"),
        ("5 junk", "5", "a letter may be a variable or a constant"),
        ("1e5", "100000", "an e that may be a number or a power of ten"),
        ("i^2", "-1", "a letter may be a variable or a constant"),
        ("\\frac{1}{0}", "1", "no value could be computed"),
        ("\\{1,2\\}", "5", "against"),
        ("\\boxed{5} or \\boxed{6}", "5", "different answers"),
        ("{" * 41 + "5" + "}" * 41, "5", "nested more than 40 deep"),
        ("1+" * 1_500 + "1", "5", "more than 2000 characters"),
        ("\\frac{\\frac{", "5", "not read as mathematics"),
    ],
)
def test_what_cannot_be_compared_is_unsure(answer: str, reference: str, reason: str) -> None:
    found = check(WHOLE, answer, reference)
    assert found.outcome == "unsure"
    assert reason in found.reason


@pytest.mark.parametrize(
    "hostile",
    [
        "__import__('os').mkdir('{place}')",
        "\\text{{__import__('os').mkdir('{place}')}}",
        "\\operatorname{{eval}}(__import__('os').mkdir('{place}'))",
        "x_{{__import__('os').mkdir('{place}')}}",
        "\\mathrm{{exec}}(\"import os; os.mkdir('{place}')\")",
        "1; __import__('os').mkdir('{place}')",
        "\\input{{{place}}}",
    ],
)
def test_code_in_a_formula_is_never_run(tmp_path: Path, hostile: str) -> None:
    place = tmp_path / "made"
    for answer, reference in (
        (hostile.format(place=place), "1"),
        ("1", hostile.format(place=place)),
    ):
        check(WHOLE, answer, reference)
        assert not place.exists()


def test_the_way_to_eval_lets_plain_numbers_through_and_nothing_else() -> None:
    from prefkit.judging.answers import latex_worker

    assert latex_worker._plain_number("Integer (12 )") == 12
    assert latex_worker._plain_number("Float ('0.5' )") == 0.5
    for code in (
        "Symbol ('x' )",
        "Integer (1 ).__class__",
        "__import__ ('os')",
        "1",
        "Integer (1 )\n+1",
    ):
        with pytest.raises(latex_worker.Unreadable):
            latex_worker._plain_number(code)


@pytest.mark.parametrize("bomb", ["99999999!", "9^{9^{9^{9}}}", "\\prod_{n=1}^{10000000} n"])
def test_a_formula_that_computes_for_ever_is_unsure_in_time(bomb: str) -> None:
    check(WHOLE, "1", "1")  # the process is warm
    start = time.monotonic()
    found = check(Latex(marks=("whole",), limit_s=1), bomb, "1")
    assert found == Checked("unsure", bomb, "not compared within 1 s")
    assert time.monotonic() - start < 10
    assert check(WHOLE, "2", "2").outcome == "right", "the next one is compared again"


def test_no_process_is_left_behind_by_those_that_ran_out_of_time() -> None:
    check(WHOLE, "1", "1")
    for _ in range(2):
        check(Latex(marks=("whole",), limit_s=0.5), "99999999!", "1")
    check(WHOLE, "1", "1")
    workers = [
        child
        for child in psutil.Process().children(recursive=True)
        if any("latex_worker" in part for part in child.cmdline())
    ]
    assert len(workers) == 1


def test_a_killed_parent_leaves_no_computing_process() -> None:
    code = (
        "import os, signal, threading, time\n"
        "from prefkit.judging.answers.latex_process import compare\n"
        "compare('1', '1', 5)\n"
        "threading.Thread(target=compare, args=('99999999!', '1', 1), daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "from prefkit.judging.answers import latex_process\n"
        "print(latex_process._warm[0]._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    worker = int(done.stdout)
    until = time.monotonic() + 20
    while psutil.pid_exists(worker) and time.monotonic() < until:
        if psutil.Process(worker).status() == psutil.STATUS_ZOMBIE:
            return  # of nobody's: the machine's first process does not reap
        time.sleep(0.2)
    assert not psutil.pid_exists(worker)


def test_the_process_has_nothing_of_our_environment_and_bounded_memory() -> None:
    check(WHOLE, "1", "1")
    (worker,) = (
        child
        for child in psutil.Process().children()
        if any("latex_worker" in part for part in child.cmdline())
    )
    assert set(worker.environ()) == {"LANG", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS"}
    assert worker.rlimit(psutil.RLIMIT_AS) == (1 << 30, 1 << 30)
    assert worker.cwd() == "/"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_starts_a_process_of_its_own() -> None:
    check(WHOLE, "1", "1")
    child = os.fork()
    if not child:
        try:
            os._exit(0 if check(WHOLE, "x+x", "2x").outcome == "right" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert check(WHOLE, "2", "2").outcome == "right"


def test_threads_get_their_own_answers() -> None:
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = check(WHOLE, str(number), "3").outcome

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: "right" if number == 3 else "wrong" for number in range(6)}


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    latex_process._end()
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(MissingExtra) as raised:
        check(WHOLE, "1", "1")
    assert raised.value.hint == 'pip install "prefkit[answers]"'

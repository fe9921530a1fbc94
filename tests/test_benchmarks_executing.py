"""Executing is measured as it is said: the same right programs for all, every verdict counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.claims import Claim
from benchmarks.executing.cases import candidate, read_cases, write_cases
from benchmarks.executing.job import EVALPLUS, Executed, Harness, _execute
from benchmarks.executing.spent import spending
from benchmarks.measure import CommandError


def test_the_same_cases_are_written_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_cases(14, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    cases = read_cases(tmp_path / "one")
    assert len({case.entry_point for case in cases}) == len(cases) == 14


def test_a_case_says_the_same_as_calls_and_as_a_check(tmp_path: Path) -> None:
    write_cases(6, tmp_path / "cases")
    for case in read_cases(tmp_path / "cases"):
        held: dict[str, object] = {}
        exec(candidate(case, 3), held)
        function = held[case.entry_point]
        assert callable(function)
        assert [function(*given) for given in case.inputs] == case.outputs
        exec(case.test, held)
        check = held["check"]
        assert callable(check)
        check(function)


def test_the_processor_time_of_children_counts() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    with spending() as spent:
        subprocess.run([sys.executable, "-c", burn], check=True)
    assert spent.cpu_s >= 0.3
    assert json.loads(spent.printed())["cpu_s"] == spent.cpu_s


def test_our_harness_passes_every_right_program(tmp_path: Path) -> None:
    write_cases(3, tmp_path / "cases")
    spent = _execute(
        Harness("ours", sys.executable, "with_prefkit", ("1", "references")), tmp_path / "cases", 6
    )
    assert spent["passed"] == 6
    assert spent["cpu_s"] > 0


def test_processes_side_by_side_share_the_work(tmp_path: Path) -> None:
    write_cases(3, tmp_path / "cases")
    harness = Harness("ours", sys.executable, "with_prefkit", ("1",), processes=2)
    assert _execute(harness, tmp_path / "cases", 5)["passed"] == 5


def test_a_harness_that_fails_a_right_program_ends_the_benchmark(tmp_path: Path) -> None:
    write_cases(2, tmp_path / "cases")
    text = (tmp_path / "cases").read_text(encoding="utf-8").replace("// 100", "// 101")
    (tmp_path / "cases").write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match="passed 1 of 2 right programs"):
        _execute(Harness("ours", sys.executable, "with_prefkit", ("1",)), tmp_path / "cases", 2)


def test_a_peer_that_was_not_measured_holds_nothing() -> None:
    assert Claim(f"x {EVALPLUS}", None, 1.5).holds is None
    assert Claim(f"x {EVALPLUS}", 1.5, 1.5).holds is True
    assert Claim("end to end", 1.3, 1.25, at_least=False).holds is False


def test_executions_a_second_are_those_of_the_processor() -> None:
    assert Executed("ours", 200, cpu_s=0.5, wall_s=2.0, median_cpu_s=0.6).a_second == 400

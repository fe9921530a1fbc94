"""Nothing grows, nothing is left, and nobody disturbs another: as root and as a user."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from callers import WAYS, Caller, Way, cannot
from lifetime_caller import marked

from prefkit.sandbox.levels import check_level
from prefkit.sandbox.users import user_of


@pytest.fixture(params=WAYS, ids=str)
def called(request: pytest.FixtureRequest, callers: Callable[[Way], Caller]) -> tuple[Caller, str]:
    """A caller and its level, which is known to hold."""
    way: Way = request.param
    caller = callers(way)
    if way not in _why_not:
        _why_not[way] = _run(caller, "-c", _CHECK.format(way.level))
    if _why_not[way]:
        cannot(f"{way}: {_why_not[way]}")
    return caller, way.level


_why_not: dict[Way, str] = {}
_CHECK = """
import json
from prefkit.sandbox.levels import check_level
print(json.dumps(check_level({!r}).why_not))
"""


def _run(caller: Caller, *arguments: str) -> Any:
    with caller.start(*arguments) as process:
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(said)


def _task(called: tuple[Caller, str], name: str) -> Any:
    caller, level = called
    return _run(caller, "-m", "lifetime_caller", level, name)


def test_500_candidates_in_a_row_leave_no_growth(called: tuple[Caller, str]) -> None:
    came = _task(called, "many")
    assert came["right"] == 550
    assert came["started"] == 1
    before, after = came["before"], came["after"]
    assert after["descriptors"] == before["descriptors"]
    assert after["processes"] == before["processes"]
    assert after["runner_kb"] <= before["runner_kb"] + 512
    assert after["caller_kb"] <= before["caller_kb"] + 2048


def test_20_timeouts_leave_no_process(called: tuple[Caller, str]) -> None:
    came = _task(called, "timeouts")
    assert came == {"kinds": ["timeout"] * 20, "started": 20, "left": []}


@pytest.mark.parametrize("task", ["hang", "hang_with_a_fork"])
def test_when_the_caller_is_killed_nothing_lives_on(called: tuple[Caller, str], task: str) -> None:
    caller, level = called
    with caller.start("-m", "lifetime_caller", level, task, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            were = json.loads(process.stdout.readline())
            assert len(were) >= 2  # the runner and its candidate
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed = time.monotonic()
            while marked(process.pid) and time.monotonic() < killed + 1:
                time.sleep(0.01)
            assert marked(process.pid) == []
        finally:
            _end_session(process.pid)


def _end_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def test_a_worker_that_nobody_closed_leaves_nothing(called: tuple[Caller, str]) -> None:
    came = _task(called, "forgotten")
    assert came["before"] == came["after"]
    assert came["left"] == []


def test_an_interrupted_call_leaves_a_worker_that_goes_on(called: tuple[Caller, str]) -> None:
    came = _task(called, "interrupted")
    assert came == {"over": ["infra"] * 3, "answers": [8] * 3, "left": []}


def test_1000_candidates_that_fail_at_every_step_leave_no_growth(
    called: tuple[Caller, str],
) -> None:
    came = _task(called, "failing")
    assert set(came["kinds"]) == {"error", "crash", "protocol", "oversize", "refused"}
    assert sum(came["kinds"].values()) == 1000
    assert came["before"] == came["after"]


def test_when_descriptors_run_out_at_any_step_none_is_lost(called: tuple[Caller, str]) -> None:
    came = _task(called, "starved")
    assert set(came["raised"]) == {"SandboxError"}
    assert came["before"] == came["after"]
    assert came["answer"] == 8
    assert came["left"] == []


def test_a_worker_in_trouble_does_not_disturb_another(called: tuple[Caller, str]) -> None:
    assert _task(called, "two") == {"all_right": True, "started": 1}


def test_a_runner_that_does_not_listen_is_killed(called: tuple[Caller, str]) -> None:
    came = _task(called, "stopped")
    assert came["left"] == []
    assert came["again"] == 8
    assert came["took_s"] < 10


def test_a_runner_that_died_between_candidates_is_replaced(called: tuple[Caller, str]) -> None:
    assert _task(called, "killed_between") == {"answer": 8, "started": 2}


def test_a_runner_that_dies_under_a_candidate_is_no_fault_of_it(
    called: tuple[Caller, str],
) -> None:
    assert _task(called, "killed_within") == {"kind": "infra", "left": [], "answer": 8}


def test_a_worker_outlives_the_thread_that_started_it(called: tuple[Caller, str]) -> None:
    assert _task(called, "thread") == {"answer": 8, "started": 1}


def test_a_fork_of_the_caller_has_a_sandbox_of_its_own(called: tuple[Caller, str]) -> None:
    assert _task(called, "fork") == {"theirs": [10, 2], "ours": [12, 1]}


def test_workers_of_root_are_users_apart() -> None:
    users = {user_of(number) for number in range(256)}
    assert len(users) == 256
    assert min(users) > 60_000


def test_the_level_of_root_without_bubblewrap_is_refused() -> None:
    if os.geteuid():
        cannot("this needs root")
    assert "nothing runs as root" in check_level("landlock").why_not

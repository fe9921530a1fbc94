"""Programs written to be hostile manage nothing, and what is honest is not held up."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from callers import WAYS, Caller, Way, cannot
from harmless_programs import PROGRAMS as HONEST
from hostile_caller import CANARY_VARIABLE, LIMITS, PROGRAMS
from hostile_programs import Hostile


@pytest.fixture(params=WAYS, ids=str)
def found(
    request: pytest.FixtureRequest,
    callers: Callable[[Way], Caller],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """What came of all programs, let loose once on a caller, whichever test asks first."""
    way: Way = request.param
    folder = tmp_path_factory.getbasetemp()
    # The workers of pytest-xdist share the folder above their own, and so the result
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    place = folder / f"hostile-{way}.json"
    with (folder / f"hostile-{way}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            place.write_text(_let_loose(callers(way), way.level))
    result: dict[str, Any] = json.loads(place.read_text())
    if "refused" in result:
        cannot(f"{way}: {result['refused']}")
    return result


def _let_loose(caller: Caller, level: str) -> str:
    secret = {CANARY_VARIABLE: f"canary-{os.urandom(8).hex()}"}
    other = caller._replace(environment={**caller.environment, **secret})
    with other.start("-m", "hostile_caller", level) as process:
        said, _ = process.communicate(timeout=600)
    assert caller.user is None or _left_of(caller.user) == []
    return said or '{"refused": "the caller has crashed"}'


def _left_of(user: int) -> list[str]:
    """Processes of a user that do not end within two seconds."""
    until = time.monotonic() + 2
    while (left := _processes_of(user)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _processes_of(user: int) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.stat().st_uid == user:
                found.append((place / "cmdline").read_text()[:100])
        except OSError:
            continue
    return found


@pytest.mark.parametrize("hostile", PROGRAMS, ids=[one.name for one in PROGRAMS])
def test_a_hostile_program_does_not_manage_what_it_must_not(
    found: dict[str, Any], hostile: Hostile
) -> None:
    came = found["programs"][hostile.name]
    assert came["managed"] is None, f"it managed to {hostile.must_not}: {came['managed']}"
    assert came["leaked"] == []
    assert not came["changed"]
    assert came["kind"] in hostile.kinds, came
    assert came["took_s"] < LIMITS.total_s + 10
    assert (came["right"], came["wrong"]) == (True, False)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_is_not_held_up(found: dict[str, Any], name: str) -> None:
    assert "kind='value', value=True" in found["honest"][name]


def test_numpy_runs_where_it_is_allowed_and_its_numbers_are_plain_ones(
    found: dict[str, Any],
) -> None:
    assert "kind='value', value=True" in found["honest"]["numpy"]
    assert "value=(1.5, 3, True)" in found["honest"]["numpy's numbers"]


def test_a_faked_clock_does_not_make_a_candidate_fast(found: dict[str, Any]) -> None:
    assert found["programs"]["a clock that was patched"]["wall_s"] >= 0.3


def test_memory_is_bounded(found: dict[str, Any]) -> None:
    peaks = [one["peak_kb"] for one in found["programs"].values() if one["peak_kb"] is not None]
    assert max(peaks) < (LIMITS.memory_mb + 64) * 1024

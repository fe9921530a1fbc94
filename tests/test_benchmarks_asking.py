"""Asking is measured as it is said: the same faults for all, and every answer is checked."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.asking.answering import Answering, Tally
from benchmarks.asking.cases import (
    answer_to,
    case_number,
    fate,
    read_answers,
    read_cases,
    write_answers,
    write_cases,
)
from benchmarks.asking.claims import (
    CURATOR,
    DISTILABEL,
    HOSTED,
    RAW,
    SELF_HOSTED,
    Claim,
    claims,
)
from benchmarks.asking.runs import Asked, Cached, Client, Plan, Resumed, ask, best, resumed
from benchmarks.measure import Cost

ROOT = Path(__file__).resolve().parent.parent
RAW_LOOP = Client(RAW, sys.executable, "raw_loop")

QUICK = (20.0, 5.0)


def post(url: str, body: object) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def first_with(kind: str) -> int:
    return next(n for n in range(10_000) if fate(n, 1, QUICK, faults=True).kind == kind)


def is_answered(number: int, attempt: int) -> bool:
    return fate(number, attempt, QUICK, faults=True).kind == "answer"


def prompt(number: int) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": f"This is case {number:07d}."}]}


def test_the_same_cases_have_the_same_bytes_and_about_2_5_kb_each(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_cases(50, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    cases = read_cases(tmp_path / "one")
    assert [case.number for case in cases] == list(range(50))
    assert [case_number(case.prompt.encode()) for case in cases] == list(range(50))
    assert 2_200 <= sum(len(case.prompt) for case in cases) / 50 <= 2_700


def test_no_two_cases_have_the_same_answer() -> None:
    assert len({answer_to(number) for number in range(2_000)}) == 2_000


def test_the_first_2000_cases_meet_the_faults_that_are_claimed() -> None:
    met: Counter[str] = Counter()
    waits = []
    for number in range(2_000):
        attempt = 1
        while (found := fate(number, attempt, (200.0, 50.0), faults=True)).kind != "answer":
            met[found.kind] += 1
            waits.append(found.after_s)
            attempt += 1
        waits.append(found.after_s)
    # 2 %, 1 % and 0.5 % of 2,000 are 40, 20 and 10; retries can fail again.
    assert 38 <= met["throttled"] <= 43
    assert 19 <= met["error"] <= 22
    assert 9 <= met["truncated"] <= 11
    assert min(waits) >= 0.150
    assert max(waits) <= 0.250
    assert 0.198 <= sum(waits) / len(waits) <= 0.202


def test_an_attempt_meets_the_same_fate_whoever_asks() -> None:
    assert fate(7, 1, QUICK, faults=True) == fate(7, 1, QUICK, faults=True)
    assert fate(7, 1, QUICK, faults=True).after_s != fate(7, 2, QUICK, faults=True).after_s


def test_a_server_without_faults_answers_everything() -> None:
    assert {fate(n, 1, QUICK, faults=False).kind for n in range(2_000)} == {"answer"}


def test_the_server_speaks_both_forms_fails_as_planned_and_counts() -> None:
    throttled, error, truncated = map(first_with, ("throttled", "error", "truncated"))
    good = next(n for n in range(100) if all(is_answered(n, attempt) for attempt in (1, 2)))
    with Answering("--latency-ms", "1", "0") as server:
        chat, talk = f"{server.url}/v1/chat/completions", f"{server.url}/v1/messages"
        status, _, body = post(chat, prompt(good))
        assert status == 200
        assert json.loads(body)["choices"][0]["message"]["content"] == answer_to(good)
        status, _, body = post(talk, prompt(good))
        assert status == 200
        assert json.loads(body)["content"][0]["text"] == answer_to(good)
        status, heads, _ = post(chat, prompt(throttled))
        assert (status, heads["retry-after"]) == (429, "1")
        assert post(chat, prompt(error))[0] == 500
        status, _, body = post(chat, prompt(truncated))
        assert status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
        assert post(chat, {"messages": []})[0] == 400
        tally = server.tally()
    assert set(tally.failed) == {throttled, error, truncated}
    assert tally.kinds == {"answer": 2, "throttled": 1, "error": 1, "truncated": 1}
    assert set(tally.answered) == {good}
    assert (tally.sends, tally.again, tally.probes) == (5, 1, 1)


def test_the_raw_loop_gets_every_answer_whatever_fails(tmp_path: Path) -> None:
    plan = Plan(300, 50, tmp_path, QUICK)
    faults = sum(fate(n, 1, QUICK, faults=True).kind != "answer" for n in range(300))
    assert faults > 0
    asked = ask(plan, RAW_LOOP)
    assert (asked.lost, asked.again) == (0, 0)
    assert asked.sends >= 300 + faults
    assert asked.most_in_flight == 50
    assert 0 < asked.span_s < asked.cost.wall_s
    assert not plan.work.exists()


def test_an_answer_that_is_missing_empty_or_of_another_case_is_lost(tmp_path: Path) -> None:
    plan = Plan(4, 2, tmp_path)
    with plan.prepared():
        assert plan.lost() == 4
        write_answers(plan.answers, [(0, answer_to(0)), (1, answer_to(2)), (2, None)])
        assert read_answers(plan.answers) == {0: answer_to(0), 1: answer_to(2), 2: None}
        assert plan.lost() == 3


def test_the_best_run_has_the_least_seconds_and_the_most_of_all_else() -> None:
    one = Asked("x", Cost(1.0, 9.0, 50.0), 8.0, 100, 0, 1, 10)
    other = Asked("x", Cost(2.0, 7.0, 40.0), 6.0, 101, 2, 0, 11)
    assert best([one, other]) == Asked("x", Cost(1.0, 7.0, 50.0), 6.0, 101, 2, 1, 11)


def test_what_is_sent_again_after_a_kill_is_sorted_by_where_it_stood() -> None:
    asked = {
        0: [1.0],  # answered, kept, not sent again
        1: [1.0, 6.0],  # answered long before the kill at 5, and yet sent again
        2: [4.9, 6.0],  # under way
        3: [4.0, 6.0],  # throttled and waiting
        4: [4.0, 4.9, 6.0],  # throttled once, then under way
        5: [4.8, 6.0],  # answered a hundredth before the kill, not on disk
        6: [6.0],  # first asked after it
        7: [4.8, 6.0],  # answered as late, but on disk: sent again all the same
    }
    answered = {0: 1.2, 1: 1.2, 2: 6.2, 3: 6.2, 4: 6.2, 5: 4.99, 6: 6.2, 7: 4.99}
    tally = Tally(asked, answered, {3: [4.2], 4: [4.2]}, 0, {}, 0, 0, 0, 0.0)
    found = resumed(tally, 5.0, {0, 7}, lost=0)
    assert found == Resumed(kept=3, kept_again=2, in_flight_again=2, just_answered_again=1, lost=0)


def run_of(name: str, wall_s: float, cpu_s: float, lost: int = 0) -> Asked:
    return Asked(name, Cost(cpu_s, wall_s, 80.0), wall_s, 2_070, lost, 0, 100)


def held(*, peers: bool = True, lost: int = 0, kept_again: int = 0) -> dict[str, Claim]:
    runs = [
        run_of(RAW, 5.0, 0.4),
        run_of(SELF_HOSTED, 6.0, 1.4, lost),
        *(run_of(name, 7.0, 4.0) for name in HOSTED),
    ]
    if peers:
        runs += [run_of(CURATOR, 18.0, 10.0), run_of(DISTILABEL, 27.0, 13.0, 1_000)]
    killed = Resumed(1_000, kept_again, 90, 2, 0)
    found = claims(
        {run.client: run for run in runs},
        killed,
        Cached(1.2, 0.05, 2_000, 0),
        Plan(2_000, 100, Path()),
    )
    return {claim.what: claim for claim in found}


def test_each_claim_is_the_ratio_it_names() -> None:
    found = held()
    wall = found[f"{SELF_HOSTED}: wall, x {RAW}"]
    assert (wall.value, wall.holds) == (pytest.approx(1.2), False)
    cpu = found[f"{SELF_HOSTED}: CPU ms a request"]
    assert (cpu.value, cpu.holds) == (pytest.approx(0.7), True)
    throughput = found[f"{SELF_HOSTED}: throughput, x {DISTILABEL}"]
    assert (throughput.value, throughput.holds) == (pytest.approx(4.5), True)
    again = found["from the journal, x as fast as asking at once"]
    assert (again.value, again.holds) == (pytest.approx(24.0), True)


def test_one_lost_answer_or_one_kept_answer_sent_again_does_not_hold() -> None:
    assert held()[f"{SELF_HOSTED}: lost"].holds is True
    assert held(lost=1)[f"{SELF_HOSTED}: lost"].holds is False
    what = "kill -9 at half way: kept answers sent again"
    assert held()[what].holds is True
    assert held(kept_again=1)[what].holds is False


def test_a_peer_that_was_not_measured_holds_nothing_and_misses_nothing() -> None:
    claim = held(peers=False)[f"{SELF_HOSTED}: throughput, x {CURATOR}"]
    assert (claim.value, claim.holds) == (None, None)


@pytest.mark.slow
def test_a_small_run_without_peers_says_that_they_are_missing_and_loses_nothing(
    tmp_path: Path,
) -> None:
    options = ["--only", "asking", "--requests", "200", "--no-peers", "--repeats", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "curator was not measured" in done.stdout
    assert "distilabel was not measured" in done.stdout
    found = json.loads((tmp_path / "results.json").read_text())["asking"]
    assert found["not_measured"] == ["curator", "distilabel"]
    assert [client["client"] for client in found["clients"]] == [RAW, SELF_HOSTED, *HOSTED]
    assert {client["lost"] for client in found["clients"]} == {0}
    assert {client["again"] for client in found["clients"]} == {0}
    assert found["killed"]["kept_again"] == 0
    assert found["killed"]["kept"] >= 90
    assert found["killed"]["in_flight_again"] <= 100
    assert (found["cached"]["sends"], found["cached"]["lost"]) == (200, 0)

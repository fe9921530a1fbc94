"""Votes by execution: labels, shares, what gets none, and what is written with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from code_execution import ADD, BLANK, as_prompt, code_caster, comparison, executed, own_task

TESTS = ("assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(9, 1) == 10")

PROGRAMS = {
    "pass": (ADD, 1.0),
    "near_miss": ("def add(a, b):\n    return a + b if a < 9 else 0\n", 2 / 3),
    "wrong": ("def add(a, b):\n    return a * b\n", 1 / 3),
    "slow": ("def add(a, b):\n    while True: pass\n", 0.0),
    "crashing": ("def add(a, b):\n    return (a + b) / 0\n", 0.0),
    "trivial": (
        "def add(a, b):\n    return {(1, 2): 3, (0, 0): 0, (9, 1): 10}.get((a, b), None)\n",
        1.0,
    ),
    "invalid": ("def plus(a, b):\n    return a + b\n\nadd: int\n\n# def add(\n", 0.0),
}


def test_each_kind_of_program_gets_its_label_and_its_share() -> None:
    told = executed([comparison(own_task(*TESTS), *(code for code, _ in PROGRAMS.values()))])
    # the last names no function: no code was found that defines it
    assert told.missing == [("no_code", 6)]
    found = dict(zip(told.labels, told.shares, strict=True))
    wanted = {label: (share, 3) for label, (_, share) in PROGRAMS.items() if label != "invalid"}
    assert found == wanted


def test_a_vote_is_about_one_response_and_says_who_ran_it_and_what_came_of_each_test() -> None:
    told = executed([comparison(own_task(*TESTS), "def add(a, b):\n    return a * b\n", ADD)])
    wrong, right = told.votes
    assert (wrong.kind, wrong.outcome, wrong.scale) == ("execution", "scored", "pass_share")
    assert wrong.scores == (1 / 3, None)
    assert (right.scores, right.labels, right.trials) == ((None, 1.0), (None, "pass"), (None, 3))
    assert wrong.by == f"sandbox:{told.facts['level']}"
    assert wrong.source.name == "synthetic:code"
    assert wrong.source.record != right.source.record
    raw = told.raw[0]
    assert raw["tests"] == ["wrong", "pass", "wrong"]
    assert raw["error"] == "assert add(1, 2) == 3"
    assert (raw["repeats"], raw["extracted"], raw["calls"]) == (3, "fenced", 3)
    assert raw["peak_kb"] > 1000
    assert wrong.seconds is not None
    assert wrong.seconds >= raw["cpu_s"] > 0


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def add(a, b):\n    return 'x' * 10**7\n", "oversize"),
        ("import os\ndef add(a, b):\n    os._exit(0)\n", "crash"),
        ("def add(a, b)\n    return a + b\n", "error"),
    ],
    ids=["a huge answer", "leaves", "no Python"],
)
def test_a_program_that_gives_no_answer_fails(code: str, verdict: str) -> None:
    told = executed([comparison(own_task(*TESTS), code, ADD)])
    assert told.raw[0]["tests"] == [verdict] * 3
    assert told.labels == ["invalid" if verdict == "error" else "crashing", "pass"]


def test_a_method_is_found_by_the_last_part_of_its_name() -> None:
    tests = ["assert Sums().add(1, 2) == 3", "assert Sums().add(0, 0) == 0"]
    task = own_task(*tests, entry_point="Sums.add", reference=None)
    one, other = (f"class Sums:\n    def add(self, a, b): return {say}\n" for say in ("a + b", "a"))
    told = executed([comparison(task, one, other, "class Sums:\n    def add(self): pas s\n")])
    assert told.labels == ["pass", "near_miss", "invalid"]


def test_what_a_program_prints_is_no_answer_and_no_harm() -> None:
    code = "def add(a, b):\n    print('1' * 10**6)\n    return a + b\n"
    assert executed([comparison(own_task(*TESTS), code)]).labels == ["pass"]


def test_an_object_equal_to_everything_passes_nothing() -> None:
    code = (
        "class E:\n    def __eq__(self, o): return True\n    __hash__ = None\n"
        "def add(a, b): return E()\n"
    )
    assert executed([comparison(own_task(*TESTS), code)]).shares == [(0.0, 3)]


def test_words_without_code_and_texts_without_end_get_no_vote_and_count_as_failed() -> None:
    words = ("I would rather not.", {"count": 2})
    endless = ("x" * 1_100_000, {"count": 1})
    told = executed([comparison(own_task(*TESTS), words, endless, ADD)])
    assert told.missing == [("no_code", 0), ("too_long", 1)]
    assert told.labels == ["pass"]
    assert told.facts["pass_at_k"]["1"]["value"] == 0.25


def test_pass_at_k_counts_answers_not_texts() -> None:
    right = (f"```python\n{ADD}```", {"count": 3})
    wrong = ("```python\ndef add(a, b):\n    return 0\n```", {"count": 7})
    told = executed([comparison(own_task(*TESTS), right, wrong)])
    # 1 - C(7, 5) / C(10, 5) = 1 - 21 / 252
    found = {k: one["value"] for k, one in told.facts["pass_at_k"].items()}
    assert found == {"1": 0.3, "5": 0.916667, "10": 1.0}


def test_answers_that_are_no_response_count_as_failed_in_pass_at_k() -> None:
    right = (f"```python\n{ADD}```", {"count": 3})
    wrong = ("```python\ndef add(a, b):\n    return 0\n```", {"count": 5})
    judged = comparison(own_task(*TESTS), right, wrong)
    other = own_task(*TESTS, prompt="Again.")
    broken = own_task(*TESTS, reference="def add(a, b):\n    return 0\n", prompt="Broken.")
    with code_caster() as caster:
        for task, count, kept in ((other, 1, None), (broken, 4, None), (None, 2, judged)):
            caster.unusable(as_prompt(task or own_task(*TESTS)), (BLANK,) * count, kept)
        (cast,) = caster.cast([judged])
    assert len(cast.votes) == 2
    # of 10 answers 3 pass: 1 - C(7, 5) / C(10, 5) = 1 - 21 / 252; the other task has 1 that fails
    found = {k: one["value"] for k, one in caster.facts()["pass_at_k"].items()}
    assert found == {"1": 0.15, "5": 0.916667, "10": 1.0}
    # a task that is of no use says nothing
    assert caster.facts()["answers"] == {"answers": 11, "passed": 3, "undecided": 0}
    assert caster.facts()["unanswered_tasks"] == 2


def test_answers_of_which_nobody_can_tell_are_counted_apart() -> None:
    coin = "import random\ndef add(a, b):\n    return a + b + random.choice([0, 1])\n"
    given = (f"```python\n{coin}```", {"count": 4})
    told = executed([comparison(own_task(*TESTS), ADD, given)], repeats=12)
    assert told.facts["answers"] == {"answers": 1, "passed": 1, "undecided": 4}


def test_a_rule_that_the_reference_breaks_itself_does_not_make_a_program_trivial() -> None:
    task = own_task("assert add(1, 2) == 3", reference="def add(*numbers):\n    return 3\n")
    assert executed([comparison(task, "def add(a, b):\n    return 3\n")]).labels == ["pass"]


def test_a_completion_goes_behind_its_prompt_and_a_reply_is_searched() -> None:
    task = own_task(*TESTS, prompt='def add(a, b):\n    """Add."""\n')
    body = "    return a + b\n"
    whole = "Sure! Here it is:\n\ndef add(a, b):\n    return a + b\n\nGlad to help."
    completion = {"count": 1, "draws": [{"as": "completion"}]}
    told = executed([comparison(task, (body, completion), (body + " ", {}), (whole, completion))])
    assert told.labels == ["pass", "pass", "invalid"]
    assert [raw["extracted"] for raw in told.raw] == ["completion", "body", "completion"]


def test_whole_programs_are_run_with_their_input() -> None:
    tests = [{"stdin": "1 2\n", "stdout": "3\n"}, {"stdin": "5 5\n", "stdout": "10\n"}]
    task = own_task(*tests, entry_point=None, reference="print(sum(map(int, input().split())))")
    told = executed(
        [
            comparison(
                task,
                "a, b = map(int, input().split())\nprint(a + b)",
                "input()\nprint(3)",
                "print('3\\n' * 10**6)",
            )
        ]
    )
    assert told.labels == ["pass", "near_miss", "crashing"]
    assert told.raw[2]["tests"] == ["oversize", "oversize"]


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (own_task(), "no_tests"),
        (own_task(*TESTS, reference="def add(a, b):\n    return 0\n"), "reference_fails"),
        (own_task("assert add(1, 2) = 3"), "broken_tests"),
        (own_task(*TESTS, language="rust"), "unsupported_language"),
        (own_task("assert True"), "no_tests"),
        ("the answer is 42", "broken_tests"),
        (42, "unreadable"),
    ],
)
def test_a_task_that_is_no_use_says_why_and_the_others_go_on(reference: Any, reason: str) -> None:
    told = executed([comparison(reference, ADD), comparison(own_task(*TESTS), ADD)])
    assert told.missing == [(reason, None)]
    assert told.labels == ["pass"]
    assert told.facts["unusable_tasks"] == 1


def test_a_reference_of_tests_alone_takes_the_words_of_the_prompt() -> None:
    told = executed([comparison({"tests": list(TESTS), "entry_point": "add"}, ADD)])
    assert told.labels == ["pass"]


def test_votes_without_measurements_are_equal_in_equal_runs() -> None:
    given = [
        comparison(own_task(*TESTS), *(code for code, _ in PROGRAMS.values())),
        comparison(own_task(*TESTS), "def add(a, b):\n    raise KeyError(object())\n"),
    ]
    one, other = (executed(given, measured=False, variants=5, mutants=5) for _ in range(2))
    assert one.casts == other.casts
    assert one.facts == other.facts
    assert {vote.seconds for vote in one.votes} == {None}
    assert not {"cpu_s", "peak_kb", "times"} & set(one.raw[0])


def test_going_without_a_sandbox_stands_in_every_vote_and_in_what_is_said() -> None:
    told = executed([comparison(own_task(*TESTS), ADD)], unsafe=True)
    assert [vote.by for vote in told.votes] == ["sandbox:unsafe"]
    assert told.facts["level"] == "unsafe"
    assert told.lines["Sandbox"].startswith("unsafe (NONE")


def test_programs_that_pass_are_timed_in_turn_if_asked() -> None:
    told = executed([comparison(own_task(*TESTS), ADD, PROGRAMS["wrong"][0])], speed=True)
    right, wrong = told.raw
    assert len(right["times"]) == 5
    assert told.votes[0].seconds == min(right["times"])
    assert "times" not in wrong


def test_facts_and_rows_have_a_json_form() -> None:
    told = executed([comparison(own_task(*TESTS), ADD)], mutants=5, variants=5)
    assert json.loads(json.dumps(told.facts)) == told.facts

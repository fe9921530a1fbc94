"""Inputs like those of the tests, and answers to them held against each other."""

from __future__ import annotations

from typing import Any

import pytest
from code_judging import task

from prefkit.sandbox.answer import Answer
from prefkit.sandbox.differing import Call, disagree, known_calls, same_answer, variants
from prefkit.sandbox.inside.values import Opaque
from prefkit.sandbox.tasks import Check, Pair
from prefkit.sandbox.verdicts import plan


def value(one: Any) -> Answer:
    return Answer("value", one)


def test_the_calls_of_all_kinds_of_tests_are_found_if_they_are_literals() -> None:
    made = plan(
        task(
            "assert f(1, [2]) == 3\nassert sorted(f(x='a')) == []\nassert f(1, [2]) == 3",
            "assert f(abs(-1)) == 1",
            Pair(arguments=(4,), expected=5),
            Check(
                "def check(candidate):\n    for one in [1]:\n        assert candidate(-7) == 8\n"
            ),
        )
    )
    assert known_calls(made.cases, "f") == (
        Call((1, [2])),
        Call((), (("x", "a"),)),
        Call((4,)),
        Call((-7,)),
    )


def test_a_variant_differs_in_one_argument_and_keeps_its_type() -> None:
    calls = [Call((3, "ab", [1, 2]))]
    for one in variants(calls, 40, "s"):
        assert [type(given) for given in one.arguments] == [int, str, list]
        changed = [a != b for a, b in zip(one.arguments, calls[0].arguments, strict=True)]
        assert sum(changed) == 1


def test_variants_are_new_each_once_and_the_same_for_the_same_seed() -> None:
    calls = [Call((3,)), Call((4,))]
    found = variants(calls, 10, "s")
    # one more, one less or twice as much, and none of the given ones
    assert {one.arguments[0] for one in found} == {2, 6, 5, 8}
    assert found == variants(calls, 10, "s")


@pytest.mark.parametrize("given", [(), (None,), ([],), ("",)])
def test_what_cannot_be_changed_has_no_variant(given: tuple[Any, ...]) -> None:
    assert variants([Call(given)], 5, "s") == ()


def test_a_number_keeps_its_sign() -> None:
    found = variants([Call((-1,)), Call((1,)), Call((0,))], 20, "s")
    assert {one.arguments[0] for one in found} == {-2, 2}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (value(1), value(1), True),
        (value(0.1 + 0.2), value(0.3), True),
        (value([1]), value([2]), False),
        (value(None), value(False), False),
        (value(1), Answer("error", error="ValueError"), None),
        (value(1), value([Opaque("generator")]), None),
    ],
)
def test_answers_are_held_against_each_other_if_both_are_values(
    one: Answer, other: Answer, same: bool | None
) -> None:
    assert same_answer(one, other) is same
    assert disagree([one, other]) is (same is False)

"""A number in words: its rows, its prompts, its design effect, and how intervals were made."""

from __future__ import annotations

from prefkit.judging.numbers import number
from prefkit.reports.words import methods, shown
from prefkit.statistics.bootstrap import Estimate


def test_rows_that_share_prompts_are_told_with_their_design_effect() -> None:
    found = number(Estimate(0.71, 0.66, 0.76, 1412, 120, None, "Wilson over prompts", 1.6))
    assert shown(found) == "0.71 (0.66 to 0.76, n 1,412 in 120 prompts, design effect 1.6)"


def test_rows_of_different_prompts_need_no_more_words() -> None:
    found = number(Estimate(0.71, 0.66, 0.76, 412, 412, None, "Wilson over prompts", 1.0))
    assert shown(found) == "0.71 (0.66 to 0.76, n 412)"


def test_a_number_without_an_interval_says_why() -> None:
    found = number(Estimate(0.71, None, None, 30, 12, "12 prompt clusters"))
    assert shown(found) == "0.71 (n 30 in 12 prompts, no interval: 12 prompt clusters)"


def test_the_methods_of_a_document_are_listed_once_and_only_of_intervals() -> None:
    made = number(Estimate(0.5, 0.4, 0.6, 30, 30, None, "Wilson over prompts", 1.0))
    bare = number(Estimate(0.5, None, None, 30, 30, "why", "exact binomial", 1.0))
    assert methods({"one": [made, {"two": made}], "method": "told", "three": bare}) == [
        "Wilson over prompts"
    ]

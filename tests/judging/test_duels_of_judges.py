"""What a judge of ours was asked over a real server comes back as duels with all that it said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from comparison_rows import compare, table_of
from judge_server import JudgeServer, Rule, first, larger

from prefkit.judging.duel_votes import OUR_RUBRIC
from prefkit.judging.duels import duels_of, judges_of, swapped
from prefkit.judging.library import load_rubric, rubric_names
from prefkit.judging.protocol import Protocol, judged
from prefkit.llm.connect import connect
from prefkit.llm.settings import Settings
from prefkit.schema.records import Comparison


def numbers(count: int, *, size: int = 2) -> list[Comparison]:
    """Comparisons of responses that name rising numbers."""
    return [
        compare(f"Prompt {row}: the largest?", [f"It is {row + place}" for place in range(size)])
        for row in range(count)
    ]


def asked(rule: Rule, comparisons: Sequence[Comparison], rubric: str, cache: Path) -> pl.DataFrame:
    """The duels of what a judge on loopback says."""
    protocol = Protocol(rubrics=(load_rubric(rubric),))
    with (
        JudgeServer(rule) as server,
        connect(server.spec, Settings(attempts=1), cache=cache) as client,
    ):
        found = list(judged(client, comparisons, protocol, revision="r1"))
    voted = [
        comparison._replace(votes=one.votes)
        for comparison, one in zip(comparisons, found, strict=True)
    ]
    return duels_of(table_of(*voted))


def test_every_rubric_of_ours_is_known_by_its_label() -> None:
    names = rubric_names()
    assert names
    assert all(re.fullmatch(OUR_RUBRIC, load_rubric(name).label) for name in names)


def test_a_judge_locked_on_the_first_slot_is_seen_to_be(tmp_path: Path) -> None:
    duels = asked(first, numbers(5), "helpfulness", tmp_path)
    [(name, lines)] = judges_of(duels)
    assert name.by == "judge-2026@r1"
    assert name.shown.startswith("judge-2026@r1 (helpfulness@1:")
    assert lines["verdict"].equals(lines["first"], check_names=False)
    both = swapped(lines)
    assert both.height == 5
    assert both["a_first"].to_list() == [1] * 5
    assert both["b_first"].to_list() == [-1] * 5


def test_a_judge_that_reads_says_the_same_in_both_orders(tmp_path: Path) -> None:
    both = swapped(asked(larger, numbers(5), "helpfulness", tmp_path))
    assert both.height == 5
    assert both["a_first"].equals(both["b_first"], check_names=False)


def test_an_unreadable_verdict_keeps_its_order_and_reason(tmp_path: Path) -> None:
    def by_number(texts: list[str]) -> Any:
        return "I cannot say." if texts[0].endswith(" 2") else larger(texts)

    duels = asked(by_number, numbers(3), "helpfulness", tmp_path)
    unread = duels.filter(pl.col("verdict").is_null())
    # "It is 2" comes first once in the pair 1, 2 and once in the pair 2, 3.
    assert unread["reason"].to_list() == ["invalid"] * 2
    assert unread["order"].to_list() == ["shown"] * 2
    both = swapped(duels)
    assert both.height == 3
    assert sum(both[name].null_count() for name in ("a_first", "b_first")) == 2


def test_grades_of_one_response_at_a_time_meet_and_failures_are_where_they_were(
    tmp_path: Path,
) -> None:
    def grade(texts: list[str]) -> Any:
        return "No." if texts[0].endswith(" 2") else {"grade": int(texts[0].split()[-1])}

    # 1, unreadable, 3 and 4: three readable pairs, three that the failure would have been in.
    [only] = [compare("The largest?", [f"It is {number}" for number in (1, 2, 3, 4)])]
    duels = asked(grade, [only], "helpfulness_rating", tmp_path)
    assert duels["form"].unique().to_list() == ["pointwise"]
    readable = duels.drop_nulls("verdict")
    assert sorted(readable["difference"].abs().to_list()) == [1.0, 2.0, 3.0]
    unread = duels.filter(pl.col("verdict").is_null())
    assert unread["outcome"].to_list() == ["failed"] * 3
    assert unread["vote"].n_unique() == 1
    assert unread["reason"].to_list() == ["invalid"] * 3


@pytest.mark.parametrize("rubric", ["overall_ranking"])
def test_a_ranking_is_every_two_of_its_list(tmp_path: Path, rubric: str) -> None:
    def ranks(texts: list[str]) -> dict[str, Any]:
        order = sorted(texts, key=lambda text: -float(text.split()[-1]))
        return {"ABCD"[place]: 1 + order.index(text) for place, text in enumerate(texts)}

    duels = asked(ranks, numbers(2, size=3), rubric, tmp_path)
    assert set(duels["form"]) == {"listwise"}
    shown = duels.group_by("comparison", "vote").len()["len"].to_list()
    assert set(shown) == {3}, "three pairs of three"
    # The larger number wins in every order: two verdicts on one pair never differ.
    assert (
        duels.group_by("comparison", "a", "b")
        .agg(pl.col("verdict").n_unique())["verdict"]
        .to_list()
        == [1] * 6
    )

"""What was checked, as a vote."""

from __future__ import annotations

import pytest

from prefkit.judging.answers.ballots import label_of, vote_of
from prefkit.judging.answers.checking import Checked, check
from prefkit.judging.answers.number import Number
from prefkit.registry import load, names
from prefkit.schema.records import Source
from prefkit.schema.validate import check_vote
from prefkit.step import name_of

SOURCE = Source("collect", "row 3")


def test_right_and_wrong_are_shares_and_unsure_is_null() -> None:
    checker = Number()
    checked = [check(checker, text, "18") for text in ("A: 18", "A: 17", "eighteen")]
    cast = vote_of(checker, checked, SOURCE)
    assert cast.vote is not None
    check_vote(cast.vote, 3)
    assert cast.vote.kind == "rule"
    assert cast.vote.outcome == "scored"
    assert cast.vote.scores == (1.0, 0.0, None)
    assert cast.vote.scale == "pass_share"
    assert cast.vote.trials == (1, 1, None)
    assert cast.vote.labels == ("right", "wrong", "unsure")
    assert cast.vote.criterion == "correctness"
    assert cast.vote.by == "rule:number"
    assert cast.vote.rubric == label_of(checker)
    assert cast.unjudged == ((2, "no answer was found"),)
    assert cast.vote.raw is not None
    assert '"reason":"17 is not 18"' in cast.vote.raw


def test_without_anything_known_there_is_no_vote_and_every_reason() -> None:
    unsure = Checked("unsure", None, "no answer was found")
    cast = vote_of(Number(), [unsure, unsure], SOURCE)
    assert cast.vote is None
    assert [one.place for one in cast.unjudged] == [0, 1]


def test_the_label_follows_the_options() -> None:
    assert label_of(Number()) == label_of(Number(absolute=0.0))
    assert label_of(Number()) != label_of(Number(absolute=0.1))
    assert label_of(Number()).startswith("number:")


@pytest.mark.parametrize("name", names("answer"))
def test_a_checker_bears_its_name_in_the_table(name: str) -> None:
    kind = load("answer", name)
    assert name_of(kind) == name

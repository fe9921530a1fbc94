"""What votes on one pair come to."""

from __future__ import annotations

from pathlib import Path

import pytest
from decided import line
from pair_rows import simple_pairs, write_pairs

from prefkit.dataset import Dataset, open_dataset
from prefkit.errors import DataError
from prefkit.reviews.settling import Policy, counted, in_order, settle
from prefkit.schema.decision_lines import decision_of, line_of, outcome_of


@pytest.fixture
def pairs(tmp_path: Path) -> Dataset:
    return open_dataset(write_pairs(tmp_path / "pairs", simple_pairs(4)))


def answer(pairs: Dataset, votes: str, policy: Policy = "majority", fewest: int = 2) -> str | None:
    """What the votes of ann, bob, cy ... on the first row come to; the chosen side is A."""
    names = {"A": "a", "B": "b", "T": "tie", "X": "both_bad", "?": "unsure"}
    lines = [line(pairs, 0, f"r{n}", names[vote]) for n, vote in enumerate(votes)]
    return settle(lines, policy, fewest).outcome


@pytest.mark.parametrize(
    ("votes", "policy", "fewest", "expected"),
    [
        ("A", "majority", 2, "chosen"),
        ("B", "majority", 2, None),
        ("B", "majority", 1, "rejected"),
        ("BB", "majority", 2, "rejected"),
        ("BB", "majority", 3, None),
        ("AB", "majority", 2, None),
        ("ABB", "majority", 2, "rejected"),
        ("AAB", "majority", 2, "chosen"),
        ("ABT", "majority", 2, None),
        ("BB?", "majority", 2, "rejected"),
        ("??", "majority", 2, None),
        ("TT", "majority", 2, "tie"),
        ("XX", "majority", 2, "both_bad"),
        ("BB", "unanimous", 2, "rejected"),
        ("BB?", "unanimous", 2, None),
        ("BBA", "unanimous", 2, None),
        ("AA", "lead", 2, "chosen"),
        ("BB", "lead", 2, None),
    ],
)
def test_votes_come_to_one_answer_or_to_a_second_look(
    pairs: Dataset, votes: str, policy: Policy, fewest: int, expected: str | None
) -> None:
    assert answer(pairs, votes, policy, fewest) == expected


def test_whoever_settles_a_pair_is_heard_before_the_blind_votes(pairs: Dataset) -> None:
    lines = [line(pairs, 0, name, "b") for name in ("ann", "bob")]
    found = settle([*lines, line(pairs, 0, "lead", "accept")], "majority")
    assert (found.outcome, found.settled) == ("chosen", True)
    blind = settle([*lines, line(pairs, 0, "lead", "a", role="adjudicate")], "unanimous")
    assert blind.outcome == "chosen"


def test_two_who_settle_it_differently_leave_it_open(pairs: Dataset) -> None:
    found = settle([line(pairs, 0, "ann", "accept"), line(pairs, 0, "bob", "flip")], "lead")
    assert (found.outcome, found.why) == (None, "those who settle it disagree")


def test_the_last_vote_of_a_reviewer_counts_and_what_is_superseded_does_not(
    pairs: Dataset,
) -> None:
    first = line(pairs, 0, "ann", "a")
    second = line(pairs, 0, "ann", "b", id="two", supersedes=first.id)
    undone = line(pairs, 0, "bob", "a")
    undo = line(pairs, 1, "bob", "unsure", id="undo", supersedes=undone.id)
    assert [one.id for one in counted([first, second, undone, undo])] == ["two", "undo"]


def test_gold_repeats_and_practice_say_nothing_about_data(pairs: Dataset) -> None:
    items = ("gold", "repeat", "practice", "pair")
    lines = [line(pairs, 0, f"r-{item}", "b", item=item) for item in items]
    assert [one.item for one in counted(lines)] == ["pair"]


def test_the_side_is_the_one_that_was_shown(pairs: Dataset) -> None:
    assert [outcome_of("a", "rejected"), outcome_of("b", "rejected")] == ["rejected", "chosen"]
    with pytest.raises(DataError, match="which side was shown left is not known"):
        settle([line(pairs, 0, "ann", "a", left=None)], "majority")


def test_a_line_reads_back_as_it_was_written(pairs: Dataset) -> None:
    made = line(pairs, 0, "ann", "b", reasons=["clearer"], comment="x", ms_visible=9)
    assert decision_of(line_of(made), "again") == made
    assert list(line_of(made))[:4] == ["schema", "id", "dataset", "sample"]
    with pytest.raises(DataError, match=r"file, line 3: verdict: .*'a'"):
        decision_of({**line_of(made), "verdict": "A"}, "file, line 3")


def test_the_last_vote_is_told_by_its_time_and_not_by_the_order_of_files(pairs: Dataset) -> None:
    early = line(pairs, 0, "ann", "b", at="2026-01-01T10:00:00.000+02:00")
    late = line(pairs, 0, "ann", "a", at="2026-01-01T09:00:00.000Z")
    for lines in ([early, late], [late, early]):
        assert [one.verdict for one in counted(in_order(lines))] == ["a"]
    never = line(pairs, 0, "ann", "tie", at="yesterday")
    assert [one.verdict for one in counted(in_order([late, never]))] == ["a"]


def test_votes_without_a_name_that_differ_are_not_one_reviewer_who_changed_their_mind(
    pairs: Dataset,
) -> None:
    said = [("n1", "b"), ("n2", "b"), ("n3", "a")]
    lines = counted([line(pairs, 0, None, verdict, id=name) for name, verdict in said])
    assert len(lines) == 2, "those who say the same may be one person"
    assert settle(lines, "majority").outcome is None

"""What decisions make of the rows of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from decided import ids_of, line
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import Dataset, create_dataset, open_dataset
from prefkit.reviews.applying import Applied, Rules, apply_to
from prefkit.reviews.next_version import changed
from prefkit.schema.decision_lines import Decision

BOTH = Rules()


def rows(count: int = 6, **more: Any) -> list[tuple[Any, ...]]:
    return [
        pair(user(f"Question {n}?"), assistant(f"good {n}"), assistant(f"bad {n}"), **more)
        for n in range(count)
    ]


@pytest.fixture
def pairs(tmp_path: Path) -> Dataset:
    more: dict[str, Any] = {
        "p_chosen": 0.9,
        "p_kind": "beta",
        "margin": 2.0,
        "margin_kind": "rating",
        "agreement": 0.75,
        "chosen_model": "m1",
        "rejected_model": "m2",
    }
    return open_dataset(write_pairs(tmp_path / "pairs", rows(**more), batch=4))


def both(pairs: Dataset, row: int, verdict: str, **more: Any) -> list[Decision]:
    return [line(pairs, row, name, verdict, **more) for name in ("ann", "bob")]


def following(
    pairs: Dataset, lines: Sequence[Decision], target: Path, rules: Rules = BOTH
) -> tuple[Dataset, Applied]:
    found = apply_to(pairs, lines, rules)
    with create_dataset(target, "pairs") as writer:
        for table in changed(pairs.batches(), found.changes):
            writer.write(table)
        writer.finish("apply", {}, {"parents": [pairs.content_hash]})
    return open_dataset(target), found


def values(dataset: Dataset, row: int) -> dict[str, Any]:
    listed = [one for table in dataset.batches() for one in table.to_pylist()]
    return dict(listed[row])


def test_a_flip_swaps_the_sides_and_every_number_that_leans_to_one(
    pairs: Dataset, tmp_path: Path
) -> None:
    after, _ = following(pairs, both(pairs, 1, "b"), tmp_path / "next")
    row = values(after, 1)
    assert row["chosen"][0]["content"] == "bad 1"
    assert row["rejected"][0]["content"] == "good 1"
    assert (row["chosen_model"], row["rejected_model"]) == ("m2", "m1")
    assert (row["p_chosen"], row["agreement"], row["margin"]) == (0.1, 0.25, -2.0)
    assert row["id"] == ids_of(pairs)[1]
    assert row["decision"]["verdict"] == "flip"
    assert row["decision"]["reference"].startswith("2 of 2 votes for rejected (majority), ")
    assert row["checks"][-1]["note"].startswith("flipped: ")
    assert row["dropped"] is None
    assert values(after, 0) == values(pairs, 0)


def test_sides_are_those_of_the_key_and_not_of_the_letter(pairs: Dataset, tmp_path: Path) -> None:
    lines = [line(pairs, 0, "ann", "a", left="rejected"), line(pairs, 0, "bob", "b", left="chosen")]
    after, found = following(pairs, lines, tmp_path / "next")
    assert values(after, 0)["chosen"][0]["content"] == "bad 0"
    assert found.answers == {"flip": 1}


def test_bad_pairs_and_ties_are_dropped_with_their_reason(pairs: Dataset, tmp_path: Path) -> None:
    lines = [*both(pairs, 0, "both_bad"), *both(pairs, 1, "tie"), *both(pairs, 2, "a")]
    after, found = following(pairs, lines, tmp_path / "next")
    assert values(after, 0)["dropped"] == "review: 2 of 2 votes for both bad"
    assert values(after, 1)["dropped"] == "review: 2 of 2 votes for a tie"
    assert values(after, 2)["dropped"] is None
    assert values(after, 2)["decision"]["verdict"] == "keep"
    assert found.answers == {"drop": 1, "tie: drop": 1, "keep": 1}
    kept, _ = following(pairs, lines, tmp_path / "kept", Rules(tie="keep"))
    assert values(kept, 1)["decision"]["verdict"] == "keep"
    assert values(kept, 1)["dropped"] is None


def test_votes_without_an_answer_leave_the_row_and_are_listed(
    pairs: Dataset, tmp_path: Path
) -> None:
    lines = [line(pairs, 3, "ann", "a"), line(pairs, 3, "bob", "b"), line(pairs, 4, "ann", "b")]
    after, found = following(pairs, lines, tmp_path / "next")
    assert values(after, 3)["chosen"] == values(pairs, 3)["chosen"]
    assert [values(after, n)["decision"]["verdict"] for n in (3, 4)] == ["open", "open"]
    assert [(one["row"], one["reason"]) for one in found.waiting] == [
        (3, "reviewers disagree: 1 for chosen, 1 for rejected"),
        (4, "1 vote for rejected, a change takes 2"),
    ]


def test_applying_twice_changes_nothing(pairs: Dataset, tmp_path: Path) -> None:
    lines = [
        *both(pairs, 0, "b"), *both(pairs, 1, "tie"), *both(pairs, 2, "a"),
        *both(pairs, 5, "both_bad"), line(pairs, 4, "ann", "b"),
    ]  # fmt: skip
    once, first = following(pairs, lines, tmp_path / "once")
    twice, second = following(once, lines, tmp_path / "twice")
    assert twice.content_hash == once.content_hash != pairs.content_hash
    assert second.changes == {}
    assert (second.answers, second.as_before, second.moved) == (first.answers, 4, [])


def test_an_earlier_flip_is_never_taken_back_in_silence(pairs: Dataset, tmp_path: Path) -> None:
    lines = both(pairs, 0, "b")
    once, _ = following(pairs, lines, tmp_path / "once")
    against = [*lines, *(line(pairs, 0, name, "a") for name in ("cy", "di", "eve"))]
    twice, found = following(once, against, tmp_path / "twice")
    assert values(twice, 0) == values(once, 0)
    assert "it was flipped since" in found.waiting[0]["reason"]
    looked_at_now = [line(once, 0, "lead", "flip")]
    back, _ = following(once, looked_at_now, tmp_path / "back")
    assert values(back, 0)["chosen"] == values(pairs, 0)["chosen"]
    assert values(back, 0)["p_chosen"] == 0.9


def test_lines_about_a_pair_that_changed_or_is_gone_are_listed_and_not_guessed(
    pairs: Dataset, tmp_path: Path
) -> None:
    turned = [
        pair(user("Question 0?"), assistant("bad 0"), assistant("good 0")),
        *rows()[1:3],
    ]
    moved = open_dataset(write_pairs(tmp_path / "moved", turned))
    lines = [*both(pairs, 0, "b"), *both(pairs, 1, "b"), line(pairs, 5, "ann", "b")]
    after, found = following(moved, lines, tmp_path / "next")
    assert values(after, 0) == values(moved, 0)
    assert values(after, 1)["chosen"][0]["content"] == "bad 1"
    assert [(one["line"], one["reason"]) for one in found.moved] == [
        ("ann-0-b", "changed since it was looked at"),
        ("bob-0-b", "changed since it was looked at"),
        ("ann-5-b", "not in this dataset"),
    ]


def test_blind_votes_do_not_bring_back_what_a_filter_dropped_but_the_lead_does(
    tmp_path: Path,
) -> None:
    before = open_dataset(write_pairs(tmp_path / "p", rows(2, dropped="length_ratio: 7 > 3")))
    after, found = following(before, both(before, 0, "a"), tmp_path / "blind")
    assert values(after, 0)["dropped"] == "length_ratio: 7 > 3"
    assert found.still_dropped == 1
    lead, found = following(before, [line(before, 0, "lead", "accept")], tmp_path / "lead")
    assert values(lead, 0)["dropped"] is None
    assert values(lead, 0)["checks"][-1] == {
        "check": "review", "value": None, "note": "restored from length_ratio: 7 > 3"
    }  # fmt: skip
    assert found.still_dropped == 0


def test_the_lead_overturns_what_an_earlier_review_dropped(pairs: Dataset, tmp_path: Path) -> None:
    once, _ = following(pairs, both(pairs, 0, "both_bad"), tmp_path / "once")
    lines = [*both(pairs, 0, "both_bad"), line(once, 0, "lead", "accept")]
    after, _ = following(once, lines, tmp_path / "after")
    assert values(after, 0)["dropped"] is None
    assert values(after, 0)["decision"]["verdict"] == "keep"


def test_equal_rows_are_decided_together(tmp_path: Path) -> None:
    twins = open_dataset(write_pairs(tmp_path / "p", [*rows(1), *rows(1)]))
    _, found = following(twins, both(twins, 0, "b"), tmp_path / "next")
    assert sorted(found.changes) == [0, 1]


OPPOSITE = [
    pair(user("Q?"), assistant("one"), assistant("other")),
    pair(user("Q?"), assistant("other"), assistant("one")),
]


def test_rows_with_opposite_labels_that_are_answered_alike_stay_so_when_applied_again(
    tmp_path: Path,
) -> None:
    pairs = open_dataset(write_pairs(tmp_path / "pairs", OPPOSITE))
    lines = [*both(pairs, 0, "b"), *both(pairs, 1, "a")]
    once, found = following(pairs, lines, tmp_path / "once")
    assert found.rows_changed() == {"flipped": 1, "marked as kept": 1}
    twice, again = following(once, lines, tmp_path / "twice")
    assert (again.changes, again.moved, again.as_before) == ({}, [], 2)
    assert twice.content_hash == once.content_hash


def test_rows_with_opposite_labels_that_are_answered_against_each_other_wait(
    tmp_path: Path,
) -> None:
    pairs = open_dataset(write_pairs(tmp_path / "pairs", OPPOSITE))
    lines = [*both(pairs, 0, "b"), *both(pairs, 1, "b")]
    once, found = following(pairs, lines, tmp_path / "once")
    assert found.rows_changed() == {"marked as open": 2}
    assert {one["reason"] for one in found.waiting} == {
        "2 of 2 votes for rejected, but with the sides exchanged 2 of 2 votes for rejected"
    }
    twice, again = following(once, lines, tmp_path / "twice")
    assert (again.changes, len(again.waiting)) == ({}, 2)
    assert twice.content_hash == once.content_hash


def test_who_settles_one_of_two_rows_with_opposite_labels_is_heard_before_votes_on_the_other(
    tmp_path: Path,
) -> None:
    pairs = open_dataset(write_pairs(tmp_path / "pairs", OPPOSITE))
    kept = apply_to(pairs, [line(pairs, 0, "lead", "accept"), *both(pairs, 1, "a")], BOTH)
    assert [kept.changes[row].verdict for row in (0, 1)] == ["keep", "open"]
    dropped = apply_to(pairs, [line(pairs, 0, "lead", "drop"), *both(pairs, 1, "a")], BOTH)
    assert [dropped.changes[row].verdict for row in (0, 1)] == ["drop", "keep"]


def test_two_reviews_that_flip_a_row_to_and_fro_leave_it_for_the_lead(
    pairs: Dataset, tmp_path: Path
) -> None:
    first = both(pairs, 0, "b")
    flipped, _ = following(pairs, first, tmp_path / "flipped")
    second = [line(flipped, 0, name, "b", id=f"{name}-2") for name in ("ann", "bob")]
    back, _ = following(flipped, second, tmp_path / "back")
    assert values(back, 0)["chosen"] == values(pairs, 0)["chosen"]
    for dataset in (flipped, back):
        found = apply_to(dataset, [*first, *second], BOTH)
        assert found.changes == {}
        assert len(found.waiting) == 1
    assert apply_to(back, second, BOTH).changes == {}

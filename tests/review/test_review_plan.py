"""Frames, draws, targeted queues, and the headline number that they cannot enter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pair_rows import assistant, pair, simple_pairs, user, write_pairs

from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, DataError
from prefkit.reviews.dimensions import NOTHING, values_of
from prefkit.reviews.drawing import OTHERS, simple, strata_of, stratified, topped_up
from prefkit.reviews.estimate import headline, slice_share
from prefkit.reviews.folder import read_review, update_review, write_review
from prefkit.reviews.frame import Frame, frame_of, hashes_of
from prefkit.reviews.goal import Goal
from prefkit.reviews.plan import Planned, new_plan, with_queue, with_top_up
from prefkit.reviews.queue import read_queue

GOAL = Goal(0.85, 0.9, 25, 0.05, 0.10)


def tagged(count: int, names: str = "ab") -> list[tuple[Any, ...]]:
    """Pairs that carry a tag `topic` in turn."""
    yes, no = assistant("yes"), assistant("no")
    return [
        pair(user(f"Question {n}?"), yes, no, tags=[("topic", names[n % len(names)])])
        for n in range(count)
    ]


def frame(folder: Path, rows: list[tuple[Any, ...]], seed: int = 0, batch: int = 1000) -> Frame:
    return frame_of(open_dataset(write_pairs(folder, rows, batch)), seed)


def planned(one: Frame, by: str | None = None, count: int | None = None) -> Planned:
    dimensions = {} if by is None else {by: values_of(one.dataset, by)}
    return new_plan(one, GOAL, dimensions, count, None)


def queue_file(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_only_kept_pairs_with_both_sides_can_be_drawn(tmp_path: Path) -> None:
    rows = [
        *simple_pairs(3),
        pair(user("One?"), assistant("a"), None),
        pair(user("Two?"), assistant("a"), assistant("b"), dropped="turns: 1 < 2"),
    ]
    found = frame(tmp_path / "pairs", rows)
    assert found.pairs["row"].sort().to_list() == [0, 1, 2]
    assert found.left_out == {"dropped": 1, "one side only": 1}


def test_a_larger_sample_holds_the_smaller_one_and_batches_change_nothing(tmp_path: Path) -> None:
    one = frame(tmp_path / "one", simple_pairs(200))
    other = frame(tmp_path / "other", simple_pairs(200), batch=7)
    small, large = (simple(each, n).pairs for each, n in ((one, 20), (other, 50)))
    assert small.equals(large.head(20))
    another = frame(tmp_path / "another", simple_pairs(200), seed=1)
    assert not small.equals(simple(another, 20).pairs)


def test_every_stratum_is_drawn_from_and_weighs_what_it_stands_for(tmp_path: Path) -> None:
    found = planned(frame(tmp_path / "pairs", tagged(300, "aaaaab")), "tag:topic", 60)
    strata = {one["name"]: one for one in found.plan["parts"][0]["strata"]}
    assert strata["tag:topic=a"]["pairs"] == 250
    assert strata["tag:topic=b"]["pairs"] == 50
    assert strata["tag:topic=b"]["drawn"] >= 20
    assert sum(one["drawn"] * one["weight"] for one in strata.values()) == pytest.approx(300)
    weights = {line["stratum"]: line["weight"] for line in found.sample}
    assert weights == {name: one["weight"] for name, one in strata.items()}


def test_strata_too_many_for_the_sample_are_put_together(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", tagged(100, "aaabcdefgh"))
    pairs = strata_of(one, {"tag:topic": values_of(one.dataset, "tag:topic")}, 15)
    assert pairs["stratum"].unique().sort().to_list() == [
        OTHERS, "tag:topic=a", "tag:topic=b"
    ]  # fmt: skip
    assert stratified(pairs, 15).pairs.height == 15


def test_a_pair_with_several_values_is_in_one_stratum_and_in_all_its_slices(
    tmp_path: Path,
) -> None:
    sources = [("one.jsonl", "line 1", None, None), ("two.jsonl", "line 1", None, None)]
    found = planned(frame(tmp_path / "pairs", simple_pairs(40, sources=sources)), "source", 10)
    part = found.plan["parts"][0]
    assert sum(one["pairs"] for one in part["strata"]) == 40
    assert [(one["value"], one["pairs"], one["drawn"]) for one in part["slices"]] == [
        ("one.jsonl", 40, 10), ("two.jsonl", 40, 10)
    ]  # fmt: skip


def test_a_pair_without_a_value_has_a_stratum_too(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", [*tagged(5), *simple_pairs(3, cluster="c")])
    values = values_of(one.dataset, "tag:topic")
    assert values.filter(pl.col("value") == NOTHING).height == 3


def test_a_top_up_draws_other_pairs_of_the_slice_only(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", tagged(100))
    values = values_of(one.dataset, "tag:topic")
    first = simple(one, 20).pairs["row"].to_list()
    more, had = topped_up(one, values, "b", first, 10)
    assert had == sum(row % 2 for row in first)
    rows = more.pairs["row"].to_list()
    assert len(rows) == 10
    assert all(row % 2 for row in rows)
    assert not set(rows) & set(first)


def test_a_top_up_and_a_queue_never_enter_the_headline_number(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", tagged(200))
    base = planned(one, count=40)
    values = values_of(one.dataset, "tag:topic")
    found = with_top_up(base, one, GOAL, ("tag:topic", "a", values), 30)
    ids = dict(one.pairs.select("row", "id").iter_rows())
    free = next(row for row in range(200) if row not in {line["row"] for line in found.sample})
    path = queue_file(tmp_path / "q.jsonl", {"schema": 1}, {"pair": ids[free]})
    found = with_queue(found, read_queue(path, one), GOAL)
    right = {line["row"]: line["part"] == 1 for line in found.sample} | {free: False}
    estimate = headline(found, right)
    assert (estimate.value, estimate.n) == (1.0, 40)
    assert slice_share(found, 2, right)[:1] == (0.0,)
    assert [line["targeted"] for line in found.queue] == [True]
    assert [line["headline"] for line in found.queue] == [False]


def test_a_part_that_is_no_random_sample_cannot_claim_the_headline(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", tagged(60))
    values = values_of(one.dataset, "tag:topic")
    found = with_top_up(planned(one, count=20), one, GOAL, ("tag:topic", "a", values), 5)
    found.plan["parts"][1]["headline"] = True
    with pytest.raises(DataError, match="no random sample"):
        headline(found, {})


def test_the_headline_weighs_strata_by_their_pairs(tmp_path: Path) -> None:
    found = planned(frame(tmp_path / "pairs", tagged(300, "aaaaab")), "tag:topic", 60)
    right = {line["row"]: line["stratum"] == "tag:topic=a" for line in found.sample}
    assert headline(found, right).value == pytest.approx(250 / 300)
    without = {row: said for row, said in right.items() if said}
    assert headline(found, without).reason == "1 of 2 strata have no row that was looked at"


def test_a_queue_leaves_out_what_is_not_there_or_was_flipped(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", simple_pairs(5))
    ids = dict(one.pairs.select("row", "id").iter_rows())
    hashes = hashes_of(one.dataset, [0, 1])
    path = queue_file(
        tmp_path / "q.jsonl",
        {"dataset": one.dataset.content_hash},
        {"pair": ids[0], "pair_sha256": hashes[0], "rank": 1, "evidence": ["judge"]},
        {"pair": ids[0]},
        {"pair": ids[1], "pair_sha256": "0" * 64},
        {"pair": "f" * 32},
    )
    found = read_queue(path, one)
    assert [(e["row"], e["rank"], e["evidence"]) for e in found.entries] == [(0, 1, ["judge"])]
    assert found.left_out == {
        "not among the pairs that can be drawn": 1,
        "changed since the file was written": 1,
        "listed twice": 1,
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1: no JSON"),
        ("[1]", "line 1: not an object"),
        ('{"pair": 3}', "pair is 3, not a text"),
        ('{"dataset": "sha256:0", "pair": "x"}', "about the dataset sha256:0"),
    ],
)
def test_a_wrong_queue_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    one = frame(tmp_path / "pairs", simple_pairs(2))
    path = tmp_path / "q.jsonl"
    path.write_text(f"{text}\n")
    with pytest.raises((DataError, ConfigError), match=says):
        read_queue(path, one)


def test_what_a_killed_writer_left_is_not_read(tmp_path: Path) -> None:
    one = frame(tmp_path / "pairs", tagged(60))
    base = planned(one, count=20)
    target = tmp_path / "review"
    write_review(target, base, {}, force=False)
    assert read_review(target) == base
    values = values_of(one.dataset, "tag:topic")
    more = with_top_up(base, one, GOAL, ("tag:topic", "a", values), 5)
    update_review(target, more._replace(plan=base.plan))  # killed before the plan was written
    assert read_review(target) == base


def test_decisions_are_never_replaced_by_a_plan(tmp_path: Path) -> None:
    target = tmp_path / "review"
    base = planned(frame(tmp_path / "pairs", tagged(60)), count=20)
    write_review(target, base, {}, force=False)
    write_review(target, base, {}, force=True)
    (target / "events.sqlite").write_bytes(b"votes")
    with pytest.raises(ConfigError, match="holds more than a plan"):
        write_review(target, base, {}, force=True)
    assert (target / "events.sqlite").read_bytes() == b"votes"

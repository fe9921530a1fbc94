"""The blind packet: what is in the file, and what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import Dataset, open_dataset
from prefkit.errors import ConfigError, NothingUsable
from prefkit.reviews.events import Events
from prefkit.reviews.folder import read_review, write_review
from prefkit.reviews.frame import frame_of
from prefkit.reviews.goal import Goal
from prefkit.reviews.issued import Issued, read_issued
from prefkit.reviews.plan import new_plan
from prefkit.reviews.returned import read_returned
from prefkit.schema.decisions import pair_hashes
from prefkit.verbs.review_packet import Wanted, check_file, write_packet

GOAL = Goal(0.85, 0.9, 25, 0.05, 0.10)


@pytest.fixture
def pairs(tmp_path: Path) -> Dataset:
    rows = [
        pair(
            user(f"Question {n}?"), assistant(f"**good** {n}"), assistant(f"bad {n}"),
            p_chosen=0.99, n_votes=5,
        )
        for n in range(60)
    ]  # fmt: skip
    return open_dataset(write_pairs(tmp_path / "pairs", rows))


@pytest.fixture
def review(tmp_path: Path, pairs: Dataset) -> Path:
    folder = tmp_path / "review"
    write_review(folder, new_plan(frame_of(pairs, 0), GOAL, {}, 40, None), {}, force=False)
    return folder


def packet(pairs: Dataset, review: Path, out: Path, reviewer: str = "ann") -> tuple[str, Issued]:
    wanted = Wanted(reviewer, out)
    facts = write_packet(review, read_review(review), frame_of(pairs, 0), wanted).facts
    found = read_issued([review], facts["packet"])
    assert found is not None
    return out.read_text(encoding="utf-8"), found[1]


def test_a_packet_holds_every_pair_with_gold_and_repeats_among_them(
    tmp_path: Path, pairs: Dataset, review: Path
) -> None:
    html, issued = packet(pairs, review, tmp_path / "ann.html")
    items = [place.item for place in issued.places]
    assert items.count("pair") == 40
    assert items.count("gold") == 2
    repeats = items.count("repeat")  # the second one is due from the 43rd to the 50th card on
    assert repeats in (1, 2)
    assert html.count('<article class="pair"') == 42 + repeats
    sides = {place.left for place in issued.places}
    assert sides == {"chosen", "rejected"}
    for again in (place for place in issued.places if place.item == "repeat"):
        first = next(place for place in issued.places if place.pair == again.pair)
        assert (first.item, first.left != again.left) == ("pair", True)


def test_no_key_is_in_the_file(tmp_path: Path, pairs: Dataset, review: Path) -> None:
    html, issued = packet(pairs, review, tmp_path / "ann.html")
    for table in pairs.batches():
        assert not any(digest in html for digest in pair_hashes(table))
    for word in ("chosen", "rejected", "gold", "repeat", "p_chosen", "margin", "annotator"):
        assert word not in re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    assert issued.sample not in html, "its seed tells which pairs are gold"
    key = (review / "issued" / "key").read_bytes()
    assert key.hex() not in html
    shown = re.findall(
        r'<h2>A</h2>\s*<div class="answer">\s*<div class="rendered"><p>(.*?)</p>', html
    )
    left = ["chosen" if "good" in text else "rejected" for text in shown]
    assert left == [place.left for place in issued.places]


def test_the_file_asks_for_nothing_and_runs_one_script_only(
    tmp_path: Path, pairs: Dataset, review: Path
) -> None:
    html, _ = packet(pairs, review, tmp_path / "ann.html")
    policy = re.search('Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;")
    assert "unsafe" not in policy[1]
    assert html.count("<script") == 1
    assert not re.search(r"https?:|src=|href=|url\(|@import", html)


def test_a_pair_that_the_reviewer_has_judged_is_not_asked_again(
    tmp_path: Path, pairs: Dataset, review: Path
) -> None:
    _, issued = packet(pairs, review, tmp_path / "one.html")
    lines = [
        {"schema": "prefkit.decision/1", "id": f"{issued.packet}:{n}:1", "packet": issued.packet,
         "place": n, "pair": place.pair, "verdict": "a"}
        for n, place in enumerate(issued.places, start=1) if place.item == "pair"
    ]  # fmt: skip
    path = tmp_path / "d.jsonl"
    import json

    path.write_text("".join(json.dumps(line) + "\n" for line in lines[:30]))
    returned = read_returned(path, [review], None)
    with Events(review) as events:
        assert len(events.append(returned.of_packets[review])) == 30
        assert events.append(returned.of_packets[review]) == []
    _, second = packet(pairs, review, tmp_path / "two.html")
    judged = {line["pair"] for line in lines[:30]}
    left = {place.pair for place in second.places if place.item == "pair"}
    assert (len(left), left & judged) == (10, set())
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Events(review) as events:
        events.append(read_returned(path, [review], None).of_packets[review])
    with pytest.raises(NothingUsable, match="ann has seen every pair"):
        packet(pairs, review, tmp_path / "three.html")


def test_a_packet_goes_to_a_file_outside_the_review(tmp_path: Path, review: Path) -> None:
    for out in (None, tmp_path / "packet", review / "ann.html", tmp_path):
        with pytest.raises(ConfigError):
            check_file(out, review, force=False)
    there = tmp_path / "ann.html"
    there.write_text("x")
    with pytest.raises(ConfigError, match="exists already"):
        check_file(there, review, force=False)
    assert check_file(there, review, force=True) == there

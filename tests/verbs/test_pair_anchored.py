"""`pair --aggregate --gold`: what is known beforehand tells who can be believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparison_rows import compare, vote
from planted_judges import A, B, by, found_in, nobody, planted, right, stored, write

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError


def test_gold_anchors_what_most_judges_have_upside_down(tmp_path: Path) -> None:
    """Three of four judges mistake bad for good: votes alone cannot tell who is right."""
    rows = planted(200, (0.9, 0.15, 0.15, 0.15), seed=4)
    write(tmp_path / "c", rows)
    gold = [compare(f"Question {n}?", ["good", "bad"], vote(*A)) for n in range(40)]
    write(tmp_path / "gold", gold)
    prefkit.pair(tmp_path / "c", out=tmp_path / "free", aggregate="one_coin")
    prefkit.pair(
        tmp_path / "c", out=tmp_path / "held", aggregate="one_coin", gold=tmp_path / "gold"
    )
    assert right(stored(tmp_path / "free")) < 0.2
    held = stored(tmp_path / "held")
    assert right(held) > 0.9
    given = [row for row in held if row["p_kind"] == "gold"]
    assert len(given) == 40
    assert {row["p_chosen"] for row in given} == {1.0}
    found = found_in(tmp_path / "held")
    digest = open_dataset(tmp_path / "gold").content_hash
    assert (found["anchored"], found["gold_contests"]) == ("gold", 40)
    assert found["gold_dataset"] == {"name": "gold", "content_hash": digest}
    ((_, policy),) = open_dataset(tmp_path / "held").manifest["policies"].items()
    assert policy["learnt_from"] == {"gold": digest}
    assert str(tmp_path) not in json.dumps(open_dataset(tmp_path / "held").manifest)


def test_single_votes_can_be_held_to_gold(tmp_path: Path) -> None:
    rows = [
        compare(f"q{n}", ["good", "bad"], by(f"p{n % 2}", B if n % 2 else A)) for n in range(40)
    ]
    write(tmp_path / "c", rows)
    gold = [compare(f"q{n}", ["good", "bad"], vote(*A)) for n in range(20)]
    write(tmp_path / "gold", gold)
    prefkit.pair(tmp_path / "c", out=tmp_path / "p", aggregate="one_coin", gold=tmp_path / "gold")
    judges = {one["judge"]: one["accuracy"] for one in found_in(tmp_path / "p")["judges"]}
    assert judges["p1"] < 0.5 < judges["p0"]


def test_gold_that_meets_no_contest_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "c", planted(20, (0.9, 0.8)))
    write(tmp_path / "gold", nobody(3))
    with pytest.raises(ConfigError, match="no verdict on any contest that a named judge voted on"):
        prefkit.pair(tmp_path / "c", out=tmp_path / "p", aggregate="mace", gold=tmp_path / "gold")

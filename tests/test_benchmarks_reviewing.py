"""Reviewing is measured as it is said: ten people, every vote from one pair to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measure import CommandError
from benchmarks.reviewing.cases import NAMES, write_case
from benchmarks.reviewing.clients import Voted, vote_all
from benchmarks.reviewing.job import Outcome
from prefkit.reviews.events import read_decisions


def test_every_vote_of_ten_people_is_timed_and_kept(tmp_path: Path) -> None:
    places = write_case(tmp_path, 200, 60)
    assert len(read_decisions(places[1])) == 60
    voted = vote_all(*places, 40)
    assert len(voted.each_s) == 40
    assert 0 < max(voted.each_s) <= voted.whole_s
    assert 10_000 < voted.first_bytes < 50_000
    lines = read_decisions(places[1])
    assert len(lines) == 100
    assert {line.reviewer for line in lines[60:]} == set(NAMES)


def test_who_finds_nothing_left_to_vote_on_is_no_measurement(tmp_path: Path) -> None:
    places = write_case(tmp_path, 20, 0)
    with pytest.raises(CommandError, match="there is no card left"):
        vote_all(*places, 1000)


def test_a_slow_desk_or_a_lost_vote_fails_and_few_votes_hold_nothing() -> None:
    quick, slow = Voted([0.02] * 100, 1.0, 30_000), Voted([0.2] * 100, 1.0, 30_000)
    assert Outcome(2000, quick, quick, 0).holds
    assert not Outcome(2000, quick, slow, 0).holds
    assert not Outcome(2000, quick, quick, 1).holds
    assert not Outcome(2000, quick._replace(first_bytes=50_001), quick, 0).holds
    assert Outcome(100, slow, slow, 0).holds
    assert "NO" in Outcome(2000, quick, slow, 0).text()

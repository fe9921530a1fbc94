"""Agreement and aggregation are measured as it is said: the same votes, the same results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.agreeing.job import (
    DAWID_SKENE,
    KAPPA,
    PREFKIT,
    Differ,
    Engine,
    Measured,
    _hold_alike,
    engines,
    run,
)
from benchmarks.agreeing.votes import CLASSES, RATERS, read_votes, write_votes
from benchmarks.measure import Cost

NOTHING = Cost(1.0, 1.0, 1.0)


def test_the_same_votes_are_written_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    for path in (one, two):
        write_votes(40, 7, path)
    for ours, theirs in zip(read_votes(one), read_votes(two), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_every_item_has_its_votes_and_no_judge_twice(tmp_path: Path) -> None:
    write_votes(300, RATERS, tmp_path / "votes.npz")
    votes = read_votes(tmp_path / "votes.npz")
    assert np.bincount(votes.items).tolist() == [RATERS] * 300
    assert len(set(zip(votes.items.tolist(), votes.judges.tolist(), strict=True))) == 300 * RATERS
    assert set(votes.codes.tolist()) == set(range(CLASSES))


def test_a_small_size_finds_what_the_peers_find_and_holds_no_speed(tmp_path: Path) -> None:
    found = run(400, 1, tmp_path, engines())
    assert not found.missing
    assert [claim.what for claim in found.claims if claim.value is None] == []
    assert found.holds
    assert {engine.name for engine in found.measured} == {PREFKIT, "statsmodels", "crowd_kit"}
    assert found.text().splitlines()[-1].endswith("-")
    assert not (tmp_path / "agreeing").exists()
    held = found.as_json()
    assert [one["what"] for one in held["engines"]] == [KAPPA, KAPPA, DAWID_SKENE, DAWID_SKENE]


def test_a_peer_that_is_not_there_is_said_and_claims_nothing(tmp_path: Path) -> None:
    found = run(400, 1, tmp_path, engines(peers=False))
    assert found.missing == ("statsmodels", "crowd_kit")
    assert "crowd_kit was not measured" in found.text()
    assert [claim.value is None for claim in found.claims] == [True, False, True, False]


def test_results_that_differ_void_the_comparison(tmp_path: Path) -> None:
    interval = {"value": 0.5, "low": 0.4, "high": 0.6}
    ours, theirs = Engine(KAPPA, PREFKIT), Engine(KAPPA, "statsmodels")
    for name, other in (("value", 0.51), ("low", 0.35), ("high", 0.65)):
        measured = {
            ours: Measured(NOTHING, interval),
            theirs: Measured(NOTHING, interval | {name: other}),
        }
        with pytest.raises(Differ, match=name):
            _hold_alike(measured, tmp_path)


def test_an_item_of_which_two_think_otherwise_voids_the_comparison(tmp_path: Path) -> None:
    np.save(tmp_path / f"{PREFKIT}.npy", [[1.0, 0.0], [0.5, 0.5]])
    np.save(tmp_path / "crowd_kit.npy", [[1.0, 0.0], [0.4, 0.6]])
    both = [Engine(DAWID_SKENE, name) for name in (PREFKIT, "crowd_kit")]
    with pytest.raises(Differ, match="differ in an answer"):
        _hold_alike({one: Measured(NOTHING, {}) for one in both}, tmp_path)

"""Intervals hold the truth as often as they say; `make bench ONLY=covering` is the long form.

A fault is a share of data sets below 93 % by three standard errors of that share where 95 % is the
truth: below 87.7 % of 150, in less than one of 50,000 looks at an interval of 95 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from benchmarks.covering.counts import COUNTS
from benchmarks.covering.cover import Covered, Setting, cover, cover_counts, truth_at
from benchmarks.covering.job import COUNTED, MEASURES, Outcome, run
from benchmarks.covering.numbers import QUICK, SLOW
from benchmarks.covering.rows import SHAPES, TASTES, rows_of

SINGLE = Setting("one row a prompt", "even", 20)
SKEWED = Setting("five rows a prompt", "skewed", 20)
TIES = Setting("geometric, mean four", "many ties", 60)


def failing(found: Iterable[Covered]) -> Iterator[str]:
    for one in found:
        if one.fails:
            yield f"{one.number}: {one.share:.1%} of {one.given} ({one.setting})"


def faults(name: str, setting: Setting, trials: int) -> list[str]:
    measure = {**QUICK, **SLOW}[name]
    return list(failing(cover(measure, setting, truth_at(name, setting, 2 * trials), trials)))


@pytest.mark.parametrize(("name", "setting"), [("rates", SKEWED), ("agreement", SINGLE)])
def test_intervals_of_sums_hold_the_truth(name: str, setting: Setting) -> None:
    measure = QUICK[name]
    found = cover(measure, setting, truth_at(name, setting, 120), 120)
    assert not list(failing(found))
    wide = [one.share for one in found if one.given >= one.trials / 2]
    assert np.mean(wide) < 0.99, "intervals that are always right say nothing"


@pytest.mark.parametrize("name", COUNTS)
def test_intervals_of_counts_hold_the_truth(name: str) -> None:
    assert not list(failing(cover_counts(name, 300)))


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_every_interval_holds_the_truth(name: str) -> None:
    assert not [line for setting in (SKEWED, TIES) for line in faults(name, setting, 150)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_intervals_that_take_long_hold_the_truth(name: str) -> None:
    assert not faults(name, SKEWED, 60)


def test_an_interval_that_is_too_short_is_a_fault() -> None:
    # Three standard errors of 400 below 93 % are 89.7 %.
    few, enough = (Covered("x", SKEWED, 400, held, 400, 0.1) for held in (358, 359))
    assert (few.fails, enough.fails) == (True, False)
    assert not few._replace(trials=801).fails, "most data sets gave none"
    assert not Outcome(400, [few]).holds
    assert Outcome(10, [few]).holds, "ten data sets of a kind show nothing"


def test_the_table_has_a_line_for_every_interval() -> None:
    outcome = run(2, ["swaps", "powered", COUNTED], (20,))
    text = outcome.text()
    for one in outcome.found:
        assert one.number in text
    assert "swaps.lock_bias" in text
    assert "hardly ever given" in text, "20 prompts have no 30 labelled ones"
    assert set(MEASURES) == {*QUICK, *SLOW, COUNTED}


def test_the_truth_is_the_same_for_every_shape() -> None:
    rng = np.random.default_rng(1)
    for taste in TASTES.values():
        shares = []
        for shape in SHAPES.values():
            rows = rows_of(shape(8_000, rng), taste, rng)
            shares.append((rows.judges[0].codes == rows.human.codes).mean())
        assert np.ptp(shares) < 0.04

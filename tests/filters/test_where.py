"""Rows for which an expression holds."""

from __future__ import annotations

import pytest
from filter_runs import dropped, sides, values

from prefkit.errors import ConfigError
from prefkit.filters.where import Where
from prefkit.step import make

ROWS = [
    sides("a", "b", n_votes=3, margin=1.0),
    sides("a", "c", n_votes=2, margin=-1.0),
    sides("a", "d", n_votes=3, margin=None),
]


def test_rows_for_which_it_does_not_hold_are_dropped_with_the_expression() -> None:
    step = Where(that="n_votes >= 3")
    assert dropped(step, *ROWS) == [None, "where: not n_votes >= 3", None]
    assert values(step, *ROWS) == [1.0, 0.0, 1.0]


def test_null_drops_or_keeps_as_declared() -> None:
    reasons = [None, "where: not margin > 0"]
    assert dropped(Where(that="margin > 0"), *ROWS) == [*reasons, "where: margin > 0 is null"]
    assert dropped(Where(that="margin > 0", null="keep"), *ROWS) == [*reasons, None]
    assert values(Where(that="margin > 0"), *ROWS) == [1.0, 0.0, None]


def test_it_reads_only_the_columns_that_it_names() -> None:
    assert Where(that="n_votes > 1 and words(chosen) < 9").columns() == ("chosen", "n_votes")
    assert Where(that="true").columns() == ("id",)


def test_a_wrong_expression_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError) as caught:
        make(Where, {"that": "nvotes > 1"}, "curate[2]: where")
    message = "that: in the expression 'nvotes > 1', 'nvotes' is no column. Did you mean 'n_votes'?"
    assert str(caught.value) == f"curate[2]: where: {message}"


def test_an_expression_is_needed() -> None:
    with pytest.raises(ConfigError, match="the option 'that' is needed"):
        make(Where, {}, "curate[0]: where")

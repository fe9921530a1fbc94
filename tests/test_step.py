"""What a step is: options, names, messages, and how a filter marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_rows import assistant, pair, user
from pydantic import Field, ValidationError

from prefkit.errors import ConfigError
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.step import ROW, Filter, Measurement, Options, Step, against, make, name_of


class HTTPCheckV2(Options):
    """A name with capitals in a row."""


class Ranged(Step):
    """Options of several kinds."""

    low: float = Field(0.0, ge=0)
    names: tuple[str, ...] = ()
    limits: dict[str, int] = Field({}, description="By name.")
    word: str = Field(pattern="^[a-z]+$")


class TwoChecks(Filter):
    """Drops by number of votes, too few and odd ones, under two names."""

    reads: ClassVar[tuple[str, ...]] = ("n_votes",)

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        votes = table["n_votes"].combine_chunks()
        odd = [f"{number} is odd" if number % 2 else None for number in votes.to_pylist()]
        note = pa.array([f"of {number}" for number in votes.to_pylist()], pa.string())
        return [
            against("two_checks.few", votes, "<", 2, note),
            Measurement("two_checks.odd", pa.nulls(len(votes), pa.float64()), pa.array(odd)),
        ]


def voted(*votes: int, **more: Any) -> list[tuple[Any, ...]]:
    return [pair(user("Q?"), assistant("a"), assistant("b"), n_votes=n, **more) for n in votes]


def numbered(rows: list[tuple[Any, ...]]) -> pa.Table:
    return table(PAIRS, rows).append_column(ROW, pa.array(np.arange(len(rows))))


@pytest.mark.parametrize(
    ("kind", "name"),
    [(TwoChecks, "two_checks"), (Ranged, "ranged"), (HTTPCheckV2, "httpcheck_v2")],
)
def test_a_name_is_the_class_in_lower_case(kind: type[Options], name: str) -> None:
    assert name_of(kind) == name


def test_a_name_is_that_of_a_value_too() -> None:
    assert name_of(TwoChecks()) == TwoChecks().name == "two_checks"


def test_options_are_frozen_and_compare_by_value() -> None:
    step = Ranged(word="a")
    with pytest.raises(ValidationError):
        step.low = 1.0  # type: ignore[misc]
    assert step == Ranged(word="a", low=0)
    assert step != Ranged(word="b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "the option 'word' is needed"),
        ({"word": "a", "lo": 1}, "there is no option 'lo'. Did you mean 'low'?"),
        ({"word": "a", "zzz": 1}, "there is no option 'zzz'"),
        ({"word": "a", "low": -1}, "low: Input should be greater than or equal to 0"),
        ({"word": "a", "limits": {"b": "many"}}, "limits.b: Input should be a valid integer"),
        ({"word": "A"}, "word: String should match pattern '^[a-z]+$'"),
        ({"lo": 1}, "the option 'word' is needed; there is no option 'lo'. Did you mean 'low'?"),
    ],
)
def test_wrong_options_are_said_with_their_place(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(Ranged, options, "curate[1]: ranged")
    assert str(caught.value).startswith(f"curate[1]: ranged: {message}")


@pytest.mark.parametrize(
    ("sign", "reasons"),
    [
        (">", [None, None, "3 > 2"]),
        ("<", ["1.5 < 2", None, None]),
        (">=", [None, "2.0 >= 2", "3 >= 2"]),
        ("<=", ["1.5 <= 2", "2.0 <= 2", None]),
        ("!=", ["1.5 != 2", None, "3 != 2"]),
    ],
)
def test_a_reason_says_value_and_limit(sign: str, reasons: list[str | None]) -> None:
    found = against("votes", pa.array([1.5, 2.0, 3.0]), sign, 2)
    assert found.reason.to_pylist() == reasons
    assert found.value.to_pylist() == [1.5, 2.0, 3.0]


def test_null_and_nan_never_fail() -> None:
    value = pa.array([None, float("nan")], pa.float64())
    for sign in (">", "<", ">=", "<="):
        assert against("votes", value, sign, 2).reason.to_pylist() == [None, None]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e6, 1e6))
def test_a_reason_never_shows_value_and_limit_as_equal_where_they_are_not(
    number: float, limit: float
) -> None:
    for sign in ("<", ">"):
        (reason,) = against("x", pa.array([number]), sign, limit).reason.to_pylist()
        if reason is not None:
            shown, _, bound = reason.split(" ")
            assert shown != bound


def test_every_measured_value_goes_into_the_checks_and_the_first_reason_counts() -> None:
    rows = TwoChecks()(numbered(voted(1, 2, 3, 4))).to_pylist()
    assert [row["dropped"] for row in rows] == [
        "two_checks.few: 1 < 2",
        None,
        "two_checks.odd: 3 is odd",
        None,
    ]
    assert rows[0]["checks"] == [
        {"check": "two_checks.few", "value": 1.0, "note": "of 1"},
        {"check": "two_checks.odd", "value": None, "note": None},
    ]


def test_a_filter_works_on_a_slice_of_a_table_in_several_chunks() -> None:
    whole = pa.concat_tables([numbered(voted(1, 2)), numbered(voted(3)), numbered(voted(4, 5))])
    part = whole.slice(1, 3)
    assert TwoChecks()(part)["dropped"].to_pylist() == [None, "two_checks.odd: 3 is odd", None]
    assert [len(checks) for checks in TwoChecks()(part)["checks"].to_pylist()] == [2, 2, 2]


def test_reasons_and_values_that_are_all_null_need_no_type() -> None:
    found = TwoChecks()(numbered(voted(2, 4))).to_pylist()
    assert [row["dropped"] for row in found] == [None, None]


def test_a_decision_that_a_pair_stays_spares_the_row_and_no_other_decision_does() -> None:
    rows = numbered(
        [
            *voted(1, decision=("keep", "d1")),
            *voted(1, decision=("flip", "d2")),
            *voted(1, decision=("drop", "d3")),
            *voted(1),
        ]
    )
    found = TwoChecks()(rows).to_pylist()
    assert [row["dropped"] is None for row in found] == [True, True, False, False]
    assert [len(row["checks"]) for row in found] == [2, 2, 2, 2]


def test_a_row_that_is_dropped_keeps_its_reason_and_its_checks() -> None:
    gone = voted(1, dropped="length: 9 > 5", checks=[("length", 9.0, None)])
    (row, other) = TwoChecks()(numbered([*gone, *voted(1)])).to_pylist()
    assert row["dropped"] == "length: 9 > 5"
    assert [check["check"] for check in row["checks"]] == ["length"]
    assert other["dropped"] == "two_checks.few: 1 < 2"


def test_a_table_of_dropped_rows_only_is_given_back_as_it_was() -> None:
    rows = numbered(voted(1, 2, dropped="length: 9 > 5"))
    assert TwoChecks()(rows).equals(rows)

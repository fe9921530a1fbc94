"""Times as sources write them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from prefkit.schema.moments import UNKNOWN, moments

NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-01T12:00:00Z",
        "2024-05-01T12:00:00.000000+00:00",
        "2024-05-01T14:00:00+02:00",
        "2024-05-01T14:00:00+0200",
        "2024-05-01 14:00:00+02:00",
        "2024-05-01T12:00:00",
        "2024-05-01 12:00:00.000",
        "2024-05-01 12:00",
        "Wed May 01 12:00:00 PDT 2024",
        "1714564800",
        "1714564800.0",
        "1714564800000",
        " 2024-05-01T12:00:00Z ",
    ],
)
def test_one_noon_is_read_however_it_is_written(written: str) -> None:
    assert moments(pl.Series([written])).tolist() == [int(NOON.timestamp()) * 1_000_000]


def test_a_day_alone_is_its_midnight() -> None:
    midnight = datetime(2024, 5, 1, tzinfo=UTC).timestamp()
    assert moments(pl.Series(["2024-05-01"])).tolist() == [int(midnight) * 1_000_000]


def test_what_cannot_be_read_is_unknown_and_keeps_its_place() -> None:
    written = pl.Series(["yesterday", None, "", "1714564800", "-5", "nan", "inf", "1950-01-01"])
    expected = [UNKNOWN] * 8
    expected[3] = 1_714_564_800_000_000
    assert moments(written).tolist() == expected


def test_nothing_is_no_moments() -> None:
    assert moments(pl.Series([], dtype=pl.String)).tolist() == []
    assert moments(pl.Series([None], dtype=pl.String)).tolist() == [UNKNOWN]

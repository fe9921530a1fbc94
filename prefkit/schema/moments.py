"""When votes were cast, from what sources write in as many ways as they like."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

__all__ = ["UNKNOWN", "moments"]

UNKNOWN = -1
"""Instead of a moment that nobody wrote down or that cannot be read."""

_Ints = np.ndarray[Any, np.dtype[np.int64]]

_ZONED = ("%+", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z")
_LOCAL = (
    "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
_LETTERS = r" [A-Z]{3,4} "  # of a zone between time and year: of one source they are all alike
_MILLISECONDS = 1e11  # seconds since 1970 are below it until the year 5138


def moments(written: pl.Series) -> _Ints:
    """Microseconds since 1970, `UNKNOWN` where there is none to be read or it is before.

    Reads ISO 8601 with or without a zone, a day alone, `Wed Jul 29 02:16:20 PDT 2015`, and
    seconds or milliseconds since 1970. A time without a zone, or with letters for one, is taken as
    it stands: it is compared with others of its source.
    """
    text = pl.col("at").str.strip_chars()
    bare = text.str.replace(_LETTERS, " ")
    seconds = text.cast(pl.Float64, strict=False)
    seconds = pl.when(seconds > _MILLISECONDS).then(seconds / 1000).otherwise(seconds)
    number = pl.when(seconds.is_finite() & seconds.is_between(0, _MILLISECONDS)).then(seconds * 1e6)
    zoned = [text.str.to_datetime(form, strict=False, time_unit="us") for form in _ZONED]
    local = [bare.str.to_datetime(form, strict=False, time_unit="us") for form in _LOCAL]
    day = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    micros = [each.dt.epoch("us") for each in (*zoned, *local, day)]
    distinct = pl.DataFrame({"at": written.cast(pl.String)}).unique(maintain_order=True)
    known = distinct.with_columns(
        moment=pl.coalesce(*micros, number.cast(pl.Int64)).fill_null(UNKNOWN).clip(UNKNOWN)
    )
    joined = pl.DataFrame({"at": written.cast(pl.String)}).join(
        known, on="at", how="left", nulls_equal=True, maintain_order="left"
    )
    found: _Ints = joined["moment"].to_numpy()
    return found

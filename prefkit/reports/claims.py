"""A file of numbers that somebody published, read with the digits in which they were written.

JSON (objects in objects, joined by dots) or CSV (a line for each name in its first column). A
number may be written as `92 / 100 = 92.0%`, `92.0%` or in digits.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.errors import DataError

__all__ = ["Claim", "read_claims"]

_MOST_BYTES = 20_000_000
_DEEPEST = 20
_LEAST_TOLERANCE = 1e-9  # sums in another order differ by their last bits
_LARGEST = 2**63
_LONGEST = 100_000  # characters; the limit of `csv` is the whole process's, and others raise it
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_PLAIN = re.compile(_NUMBER)
_RATIO = re.compile(rf"\s*([0-9]{{1,15}})\s*/\s*([0-9]{{1,15}})\s*(?:=\s*({_NUMBER})\s*%\s*)?")
_PERCENT = re.compile(rf"\s*({_NUMBER})\s*%\s*")
_HINT = 'write a mapping of names to numbers, like {"equal": "92 / 100 = 92.0%", "kappa": 0.79}'


class _Digits(str):
    """A number of JSON with a fraction or an exponent, as it was written."""

    __slots__ = ()


class Claim(NamedTuple):
    """One published number; `value` null where what is written is none."""

    name: str
    written: Any
    """As in the file, for people."""

    value: float | None
    tolerance: float
    """Half a unit of the last digit written: what rounding explains; 0 of whole numbers."""

    total: int | None = None
    """What it is a share of, where that is written."""

    percent: bool = False
    """Written with a percent sign, and divided by 100 here."""

    fault: str | None = None
    """What it contradicts in itself, as 93 / 100 = 92.0% does."""


def read_claims(path: Path) -> list[Claim]:
    """Every entry of the file in its order, numbers or not.

    Raises:
        DataError: the file cannot be read, is no mapping of names, or names one twice.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: more than 20 MB of published numbers", hint=_HINT)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", hint=_HINT) from error
    tree = _of_csv(path, text) if path.suffix.lower() == ".csv" else _of_json(path, text)
    if _depth(tree) > _DEEPEST:
        raise DataError(f"{path}: objects lie more than {_DEEPEST} deep", hint=_HINT)
    found = list(_flat(tree, ""))
    # {"a.b": 1, "a": {"b": 2}} has one name for two numbers.
    _refuse_twice(path, [name for name, _ in found])
    return [_claim(name, written) for name, written in found]


def _refuse_twice(path: Path, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path}: {twice[0]!r:.80} is given twice", hint=_HINT)


def _of_json(path: Path, text: str) -> Mapping[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_twice(path, [name for name, _ in pairs])
        return dict(pairs)

    try:
        tree = json.loads(text, parse_float=_Digits, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON: {error}", hint=_HINT) from error
    if not isinstance(tree, dict) or not tree:
        raise DataError(f"{path}: holds no mapping of names to numbers", hint=_HINT)
    return tree


def _of_csv(path: Path, text: str) -> Mapping[str, Any]:
    try:
        rows = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise DataError(f"{path}: is no CSV: {error}", hint=_HINT) from error
    if any(len(cell) > _LONGEST for row in rows for cell in row):
        raise DataError(f"{path}: is no CSV: a cell has over {_LONGEST:,} characters", hint=_HINT)
    if len(rows) < 2 or len(rows[0]) < 2:
        raise DataError(f"{path}: has no line of names and one of numbers", hint=_HINT)
    _refuse_twice(path, rows[0][1:])
    found: dict[str, Any] = {}
    for number, row in enumerate(rows[1:], 2):
        if not row:
            continue
        if len(row) != len(rows[0]) or row[0] in found:
            what = "names a line twice" if row[0] in found else "has another number of cells"
            raise DataError(f"{path}: line {number} {what}: {row[0]!r}", hint=_HINT)
        cells = zip(rows[0][1:], row[1:], strict=True)
        found[row[0]] = {name: cell for name, cell in cells if cell}
    return found


def _depth(tree: Any) -> int:
    """How deep objects lie in each other, counted no further than is allowed."""
    layer, depth = [tree], 0
    while layer and depth <= _DEEPEST:
        inner = [value.values() if isinstance(value, Mapping) else value for value in layer]
        layer = [one for values in inner for one in values if isinstance(one, Mapping | list)]
        depth += 1
    return depth


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        inner = [(str(key), one) for key, one in value.items()]
    elif isinstance(value, list):
        inner = [(str(place), one) for place, one in enumerate(value)]
    else:
        yield name, value
        return
    for key, one in inner:
        yield from _flat(one, f"{name}.{key}" if name else key)


def _claim(name: str, written: Any) -> Claim:
    none = Claim(name, written, None, 0.0)
    if isinstance(written, bool) or written is None:
        return none
    if isinstance(written, int | float | _Digits):
        return _in_digits(none._replace(written=_shown(written)), str(written))
    ratio, percent = _RATIO.fullmatch(written), _PERCENT.fullmatch(written)
    if ratio is not None:
        return _ratio(none, ratio)
    if percent is not None:
        return _as_percent(none, percent[1])
    return _in_digits(none, written.strip())


def _shown(written: float | _Digits) -> float | str:
    """A number of JSON as it may stand in JSON again, else its text: NaN, or more than 64 bits."""
    if isinstance(written, int):
        return written if abs(written) < _LARGEST else str(written)
    value = float(written)
    return value if math.isfinite(value) else str(written)


def _in_digits(none: Claim, written: str) -> Claim:
    # A Decimal would also read 1_000, other scripts' digits, and NaN, which no float takes.
    if _PLAIN.fullmatch(written) is None:
        return none
    try:
        found = Decimal(written)
    except InvalidOperation:  # an exponent beyond all bounds
        return none
    digits, value = found.as_tuple().exponent, float(found)
    if not math.isfinite(value) or not isinstance(digits, int):
        return none
    if digits >= 0:
        return none._replace(value=value)
    # A float is written without its last zeros: 50.0 is rounded to one digit for all we know.
    return none._replace(value=value, tolerance=max(0.5 * 10.0**digits, _LEAST_TOLERANCE))


def _as_percent(none: Claim, written: str) -> Claim:
    found = _in_digits(none, written)
    if found.value is None:
        return none
    half = found.tolerance or 0.5
    return found._replace(value=found.value / 100, tolerance=half / 100, percent=True)


def _ratio(none: Claim, ratio: re.Match[str]) -> Claim:
    above, below = int(ratio[1]), int(ratio[2])
    if below == 0:
        return none._replace(fault="a share of nothing")
    found = none._replace(value=above / below, tolerance=_LEAST_TOLERANCE, total=below)
    if ratio[3] is None:
        return found
    percent = _as_percent(none, ratio[3])
    if percent.value is None or abs(percent.value - above / below) <= percent.tolerance + 1e-12:
        return found
    return found._replace(fault=f"{above} / {below} is {100 * above / below:.6g}%")

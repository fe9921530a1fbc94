"""Units that answers come in: what they measure, and how many base units they are, exactly.

Only units whose meaning is the same everywhere; a name that is not here is a word like any other.
Definitions: the international yard and pound of 1959, the US liquid gallon.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

__all__ = ["Unit", "unit_of"]


class Unit(NamedTuple):
    """`dimension` is what is measured; one of this unit is `factor` of the base unit."""

    dimension: str
    factor: Fraction


_INCH = Fraction(254, 10_000)
_POUND = Fraction(45_359_237, 100_000_000)
_GALLON = 231 * (_INCH * 10) ** 3  # litres
_NAMES: dict[str, dict[str, Fraction]] = {
    "share": {"%": Fraction(1, 100), "percent": Fraction(1, 100)},
    "dollars": {
        "$": Fraction(1), "usd": Fraction(1), "dollar": Fraction(1),
        "¢": Fraction(1, 100), "cent": Fraction(1, 100),
    },
    "euros": {"€": Fraction(1), "eur": Fraction(1), "euro": Fraction(1)},
    "pounds sterling": {"£": Fraction(1), "gbp": Fraction(1)},
    "yen": {"¥": Fraction(1), "yen": Fraction(1), "jpy": Fraction(1)},
    "length": {
        "m": Fraction(1), "meter": Fraction(1), "metre": Fraction(1),
        "km": Fraction(1000), "kilometer": Fraction(1000), "kilometre": Fraction(1000),
        "cm": Fraction(1, 100), "centimeter": Fraction(1, 100), "centimetre": Fraction(1, 100),
        "mm": Fraction(1, 1000), "millimeter": Fraction(1, 1000), "millimetre": Fraction(1, 1000),
        "inch": _INCH, "inches": _INCH, "ft": 12 * _INCH, "foot": 12 * _INCH, "feet": 12 * _INCH,
        "yd": 36 * _INCH, "yard": 36 * _INCH, "mi": 63_360 * _INCH, "mile": 63_360 * _INCH,
    },
    "mass": {
        "g": Fraction(1, 1000), "gram": Fraction(1, 1000),
        "kg": Fraction(1), "kilogram": Fraction(1), "kilo": Fraction(1),
        "mg": Fraction(1, 1_000_000), "milligram": Fraction(1, 1_000_000),
        "tonne": Fraction(1000),
        "lb": _POUND, "lbs": _POUND, "pound": _POUND,
        "oz": _POUND / 16, "ounce": _POUND / 16,
    },
    "time": {
        "s": Fraction(1), "sec": Fraction(1), "second": Fraction(1),
        "ms": Fraction(1, 1000), "millisecond": Fraction(1, 1000),
        "min": Fraction(60), "minute": Fraction(60),
        "h": Fraction(3600), "hr": Fraction(3600), "hour": Fraction(3600),
        "day": Fraction(86_400), "week": Fraction(7 * 86_400),
    },
    "months": {"month": Fraction(1), "year": Fraction(12)},
    "volume": {
        "l": Fraction(1), "liter": Fraction(1), "litre": Fraction(1),
        "ml": Fraction(1, 1000), "milliliter": Fraction(1, 1000), "millilitre": Fraction(1, 1000),
        "gallon": _GALLON, "gal": _GALLON, "quart": _GALLON / 4, "pint": _GALLON / 8,
        "cup": _GALLON / 16,
    },
    "celsius": {"°c": Fraction(1)},
    "fahrenheit": {"°f": Fraction(1)},
    "angle": {"°": Fraction(1), "degree": Fraction(1)},
}  # fmt: skip


@cache
def _single() -> dict[str, Unit]:
    return {
        name: Unit(dimension, factor)
        for dimension, names in _NAMES.items()
        for name, factor in names.items()
    }


def unit_of(words: str) -> Unit | None:
    """The unit of that name, also as a square, a cube or a rate (`m^2`, `km/h`); null if unknown.

    Args:
        words: as they stand, singular or plural, in any case; but `M` and what is short for mega
            with one more letter are not known.
    """
    parts = words.replace(" per ", "/").replace(" ", "").split("/")
    found = [_powered(part) for part in parts]
    if len(parts) > 2 or any(unit is None for unit in found):
        return None
    over = found[0]
    if len(parts) == 1 or over is None or found[1] is None:
        return over
    under = found[1]
    return Unit(f"{over.dimension} per {under.dimension}", over.factor / under.factor)


def _powered(part: str) -> Unit | None:
    for start, power in (("square", 2), ("sq", 2), ("cubic", 3)):
        if part.lower().startswith(start) and (base := _plain(part[len(start) :].lstrip("."))):
            return Unit(f"{base.dimension}^{power}", base.factor**power)
    name = part.replace("^", "")
    if name[-1:] in ("2", "3") and (base := _plain(name[:-1])):
        power = int(name[-1])
        return Unit(f"{base.dimension}^{power}", base.factor**power)
    return _plain(name)


def _plain(name: str) -> Unit | None:
    units = _single()
    if name[:1] == "M" and len(name) < 3:
        return None  # mega or milli, a month or a metre: it is not said
    name = name.lower()
    return units.get(name) or (units.get(name[:-1]) if name.endswith("s") else None)

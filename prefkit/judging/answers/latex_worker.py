"""Mathematics compared in a process of its own; nothing of prefkit is imported here.

Runs as `python -I latex_worker.py MEMORY_BYTES`. A request is one line of JSON,
`[answer, reference, seconds]`; the reply is one line, `[outcome, reason]`. Whoever started it keeps
the time and kills it, as sympy can compute for ever on a line of text; if nobody does any more, it
ends itself a little later.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import signal
import sys
from typing import Any

_GRACE_S = 5.0
_POINTS = ((3, 7), (-5, 11), (13, 17), (29, 5), (-19, 23))
_NUMBER = re.compile(r"Integer ?\( ?([0-9]{1,2000}) ?\)|Float ?\( ?'([0-9.eE+-]{1,2000})' ?\)")
_CONSTANTS = ("i", "j", "e")
"""Letters that are read as variables though one side alone has them."""

_ANY = set("cCkKnNmt")
"""Letters that often stand for any number there is: their name says nothing."""

_DIGITS = 12  # behind the point, of decimal numbers
_NEAR = 1e-9
_FAR = 1e-6


class Unreadable(Exception):
    """A text that is no mathematics, or mathematics that is not read."""


def _plain_number(code: str, *_: Any) -> Any:
    """What sympy would get from eval, for numbers; everything else is refused."""
    from sympy import Float, Integer

    found = _NUMBER.fullmatch(code.strip())
    if found is None:
        raise Unreadable("text that would have to be run as code")
    return Integer(found[1]) if found[1] else Float(found[2])


def _close_the_way_to_code() -> None:
    """Sympy makes numbers of text by Python's eval: nothing here may come to that."""
    from sympy.parsing import sympy_parser

    sympy_parser.eval_expr = _plain_number


def _parsed(text: str) -> Any:
    from math_verify import LatexExtractionConfig, parse

    found = parse(
        f"$${text}$$",
        extraction_config=[LatexExtractionConfig()],  # the other ways end in eval
        fallback_mode="no_fallback",
        parsing_timeout=0,
    )
    if len(found) != 1:
        raise Unreadable("it is not read as mathematics")
    return found[0]


def compare(answer: str, reference: str) -> tuple[str, str]:
    """Right, wrong or unsure, and why."""
    from math_verify import verify

    sides = []
    for name, text in (("reference", reference), ("answer", answer)):
        try:
            sides.append(_parsed(text))
        except Unreadable as error:
            return "unsure", f"the {name}: {error}"
    wanted, given = sides
    if _is_pair(wanted) != _is_pair(given) and _is_plain_set(wanted) != _is_plain_set(given):
        return "unsure", f"{type(given).__name__} against {type(wanted).__name__}"
    values = _solved(wanted, given)
    if values is None:
        return "unsure", "an equation, of which no side is the answer beyond doubt"
    wanted, given = values
    if verify([wanted], [given], float_rounding=_DIGITS, timeout_seconds=0):
        return "right", "mathematically equal"
    return _how_they_differ(wanted, given)


def _is_pair(side: Any) -> bool:
    from sympy import Interval, Tuple

    return isinstance(side, Interval | Tuple)


def _is_plain_set(side: Any) -> bool:
    from sympy import FiniteSet

    return isinstance(side, FiniteSet)


def _solved(wanted: Any, given: Any) -> list[Any] | None:
    """Of one equation held against a value the side that is the value; null if none is."""
    from sympy import Equality
    from sympy.core.relational import Relational

    sides = [wanted, given]
    for place, (side, other) in enumerate(((wanted, given), (given, wanted))):
        if isinstance(side, Equality) and not isinstance(other, Relational):
            if _is_name(side.lhs):
                sides[place] = side.rhs
            elif _is_name(side.rhs):
                sides[place] = side.lhs
            else:
                return None
    return sides


def _is_name(side: Any) -> bool:
    """What an equation may say the value of: `x`, `f(x)`, `AB`, `|A|`, a sum without letters."""
    if not side.free_symbols:
        return bool(side.args)
    if side.is_Mul:
        return all(part.is_Symbol for part in side.args)
    return bool(side.is_Symbol or side.is_Function)


def _how_they_differ(wanted: Any, given: Any) -> tuple[str, str]:
    """That no equality was found may only mean that none was shown."""
    from sympy import Expr, MatrixBase, Set, Tuple
    from sympy.core.relational import Relational

    if isinstance(wanted, Relational) and isinstance(given, Relational):
        if type(wanted) is not type(given) or not wanted.lhs.is_Symbol or wanted.lhs != given.lhs:
            return "unsure", "relations that were not shown to be the same"
        wanted, given = wanted.rhs, given.rhs
    if isinstance(wanted, Expr) and isinstance(given, Expr):
        return _at_points(wanted, given)
    for kind in (Set, Tuple, MatrixBase):
        if isinstance(wanted, kind) and isinstance(given, kind):
            return "wrong", "not equal"
    return "unsure", f"{type(given).__name__} against {type(wanted).__name__}"


def _at_points(wanted: Any, given: Any) -> tuple[str, str]:
    from sympy import Rational

    if any(str(name) in _CONSTANTS for name in wanted.free_symbols ^ given.free_symbols):
        return "unsure", "a letter may be a variable or a constant"
    alone = [given.free_symbols - wanted.free_symbols, wanted.free_symbols - given.free_symbols]
    if all(len(names) == 1 and str(next(iter(names))) in _ANY for names in alone):
        return "unsure", "a letter that may stand for any number has another name"
    names = sorted(wanted.free_symbols | given.free_symbols, key=str)
    told = 0
    for place, (over, under) in enumerate(_POINTS):
        point = {
            name: Rational(over + 2 * number, under + place) for number, name in enumerate(names)
        }
        one, other = _number(wanted, point), _number(given, point)
        if one is None or other is None:
            continue
        told += 1
        if abs(one - other) > _FAR * max(1.0, abs(one)):
            return "wrong", "not equal"
        if abs(one - other) > _NEAR * max(1.0, abs(one)):
            return "wrong", "nearly but not equal"
    if told:
        return "unsure", "equal wherever it was tried, but not shown to be equal"
    return "unsure", "no value could be computed"


def _number(side: Any, point: dict[Any, Any]) -> complex | None:
    try:
        value = complex(side.subs(point).evalf(20))
    except Exception:  # noqa: BLE001 - whatever sympy raises: there is no number
        return None
    return value if abs(value) < float("inf") else None


def _answer(line: str) -> tuple[str, str]:
    try:
        answer, reference, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_S)  # its default ends the process
        return compare(answer, reference)
    except MemoryError:
        return "unsure", "the comparison needs too much memory"
    except RecursionError:
        return "unsure", "the mathematics is nested too deep"
    except Exception as error:  # noqa: BLE001 - the border of this process
        return "unsure", f"it could not be compared ({type(error).__name__})"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Answer until the pipe closes."""
    most = int(sys.argv[1])
    logging.disable(logging.CRITICAL)
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing but replies goes down the pipe
    import sympy.physics.units  # noqa: F401 - simplify reads its names, by eval of its own texts

    compare("x^2+x", "x(x+1)")  # imports what it needs, before the limits
    _close_the_way_to_code()
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    replies.write('["ready", ""]\n')
    replies.flush()
    for line in sys.stdin:
        replies.write(json.dumps(_answer(line)) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()

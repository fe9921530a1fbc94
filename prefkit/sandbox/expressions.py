"""A small, pure and bounded part of Python's expressions, worked out on plain values.

The conditions of tests are evaluated with it outside the sandbox, on answers that came back as
plain data. It never runs source: it knows literals, containers, arithmetic, comparisons and some
pure builtins, each with Python's own meaning, and refuses what could take unbounded time or memory.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any

__all__ = ["PURE", "Held", "NotPure", "TooMuch", "check_hashes", "check_pure", "evaluated"]

Held = Mapping[str, Callable[[], Any]]
"""Names that stand for values from elsewhere, and how these are got when they are needed."""

_MOST_ITEMS = 100_000
_MOST_BITS = 100_000
_MOST_DIGITS = 1_000
_MOST_HEAVY = 50  # parts of one expression that may make something much larger than they are
_MOST_ALIKE = 100  # members of a set that may have one hash: numbers can be chosen so that all have


class NotPure(ValueError):
    """An expression that is not of this part of the language."""


class TooMuch(ValueError):
    """Working it out would take too much time or memory."""


def _items(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > _MOST_ITEMS:
        raise TooMuch(f"a range of {len(made):,} items")
    return made


def _sum(values: Any) -> Any:
    held = list(values)
    bits = sum(one.denominator.bit_length() for one in held if isinstance(one, Fraction))
    if bits > _MOST_BITS:
        raise TooMuch(f"a sum of fractions of {bits:,} bits")
    return sum(held)  # of numbers: a start would let it join lists, again and again


def check_hashes(members: Iterable[Any]) -> None:
    """See that a set of them takes no square of their number.

    Raises:
        TooMuch: too many of them have one hash.
        TypeError: one has none.
    """
    known: dict[int, list[Any]] = {}
    for one in members:
        alike = known.setdefault(hash(one), [])
        if one not in alike:
            alike.append(one)
        if len(alike) > _MOST_ALIKE:
            raise TooMuch("too many members of a set have one hash")


def _hashed(base: Callable[..., Any]) -> Callable[..., Any]:
    """The same builtin, for members that were chosen by somebody else."""

    def make(*given: Any, **named: Any) -> Any:
        if given:
            members = list(given[0])
            pairs = base is dict and not isinstance(given[0], dict)
            check_hashes(one[0] for one in members) if pairs else check_hashes(members)
        return base(*given, **named)

    return make


def _rounded(value: Any, digits: Any = None) -> Any:
    if isinstance(digits, int) and abs(digits) > _MOST_DIGITS:
        raise TooMuch(f"rounding to {digits:,} digits")
    return round(value, digits)


PURE: dict[str, Callable[..., Any]] = {
    **{one.__name__: one for one in (abs, bool, complex, float, int, len, max, min)},
    **{one.__name__: one for one in (list, sorted, tuple)},
    **{one.__name__: _hashed(one) for one in (dict, frozenset, set)},
    "str": str,
    "round": _rounded,
    "sum": _sum,
    "range": _items,
    "math.isclose": math.isclose,
    "math.fabs": math.fabs,
    "math.sqrt": math.sqrt,
    "math.isnan": math.isnan,
}
"""What may be called outside, on plain values: no effects, and no more work than its arguments."""

_CONSTANTS = {"math.pi": math.pi, "math.e": math.e, "math.inf": math.inf, "math.nan": math.nan}

_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


def _size(value: Any) -> int:
    """What a value would take to write: lists that hold one list a thousand times hold it all."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, int):
        return 1 + value.bit_length() // 64
    if isinstance(value, dict):
        return 1 + sum(_size(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(_size, value))
    return 1


def _times(one: Any, other: Any) -> Any:
    for held, count in ((one, other), (other, one)):
        repeats = isinstance(held, str | bytes | list | tuple) and isinstance(count, int)
        if repeats and _size(held) * count > _MOST_ITEMS:
            raise TooMuch("a sequence repeated too often")
    return operator.mul(_narrow(one), _narrow(other))


def _power(one: Any, other: Any) -> Any:
    exact = isinstance(one, int | Fraction) and isinstance(other, int | Fraction)
    if exact and other.denominator == 1:
        bits = _bits(one) * abs(other.numerator)
        if bits > _MOST_BITS:
            raise TooMuch(f"a power of {bits:,} bits")
    return operator.pow(one, other)


def _shift(one: Any, other: Any) -> Any:
    if isinstance(other, int) and other > _MOST_BITS:
        raise TooMuch(f"a shift by {other:,} bits")
    return operator.lshift(one, other)


def _remainder(one: Any, other: Any) -> Any:
    if isinstance(one, str | bytes):  # a format: its widths are unbounded
        raise TooMuch("a text used as a format")
    return operator.mod(_narrow(one), _narrow(other))


def _bits(value: int | Fraction) -> int:
    return max(value.numerator.bit_length(), (value.denominator - 1).bit_length())


def _narrow(value: Any) -> Any:
    if isinstance(value, int | Fraction) and _bits(value) > _MOST_BITS:
        raise TooMuch(f"a number of {_bits(value):,} bits")
    return value


def _of_narrow(action: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: action(_narrow(one), _narrow(other))


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: _of_narrow(operator.truediv),
    ast.FloorDiv: _of_narrow(operator.floordiv),
    ast.Mod: _remainder,
    ast.Pow: _power,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}

_SAME = (ast.Is, ast.IsNot)


def check_pure(node: ast.expr, held: Collection[str]) -> None:
    """See that an expression is of this part of the language; names are only those held.

    What needs no name is worked out, so that later only an answer can be too much.

    Raises:
        NotPure: it is not.
    """
    _check_parts(node, held)
    if sum(isinstance(one, _HEAVY) for one in ast.walk(node)) > _MOST_HEAVY:
        raise NotPure("more to work out than is done here")
    _check_constants(node, held)


_HEAVY = (ast.Call, ast.Mult, ast.Pow, ast.LShift)


def _check_constants(node: ast.expr, held: Collection[str]) -> None:
    if isinstance(node, ast.Constant | ast.Slice):
        return
    if not any(isinstance(one, ast.Name) and one.id in held for one in ast.walk(node)):
        try:
            evaluated(node, {})
        except TooMuch as error:
            raise NotPure(str(error)) from error
        except Exception:  # noqa: BLE001 - it is the test's own fault, and told as that
            return
        return
    for child in ast.iter_child_nodes(node):
        for one in [child.value] if isinstance(child, ast.keyword) else [child]:
            if isinstance(one, ast.expr) and not _is_function(node, one):
                _check_constants(one, held)


def _check_parts(node: ast.expr, held: Collection[str]) -> None:
    if isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in held):
        return
    _check_kind(node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword):
            if child.arg is None:
                raise NotPure("keywords from a dict")
            _check_parts(child.value, held)
        elif isinstance(child, ast.expr) and not _is_function(node, child):
            if _is_range(child) and not isinstance(node, ast.Call):
                raise NotPure("a range for what it is")  # an answer that is one cannot come back
            _check_parts(child, held)


def _is_range(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "range"


def _check_kind(node: ast.expr) -> None:
    if isinstance(node, ast.Call):
        if ast.unparse(node.func) not in PURE:
            raise NotPure(f"a call of {ast.unparse(node.func)[:60]}")
    elif isinstance(node, ast.Attribute):
        if ast.unparse(node) not in _CONSTANTS:
            raise NotPure("an attribute")
    elif isinstance(node, ast.Compare):
        if any(isinstance(one, _SAME) for one in node.ops) and not _of_singletons(node):
            raise NotPure("identity of what is no singleton")
    elif not isinstance(node, _PLAIN):
        raise NotPure(type(node).__name__)


_PLAIN = (
    *(ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp),
    *(ast.IfExp, ast.Subscript, ast.Slice),
)


def _is_function(node: ast.AST, child: ast.AST) -> bool:
    """Whether a child is the name of what its parent calls, or is a part of a dotted constant."""
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Call) and child is node.func)


def _of_singletons(node: ast.Compare) -> bool:
    return all(
        isinstance(one, ast.Constant) and (one.value is None or isinstance(one.value, bool))
        for one in node.comparators
    )


def evaluated(node: ast.expr, held: Held) -> Any:
    """The value of an expression that `check_pure` let pass.

    Raises:
        NotPure: it would not have.
        TooMuch: a bound was reached.
        Exception: whatever Python raises for such values, as `None - 1` does.
    """
    work = _WORK.get(type(node))
    if work is None:
        raise NotPure(type(node).__name__)
    return work(node, held)


def _named(node: ast.Name, held: Held) -> Any:
    if node.id not in held:
        raise NotPure(f"the name {node.id}")
    return held[node.id]()


def _call(node: ast.Call, held: Held) -> Any:
    arguments = [evaluated(one, held) for one in node.args]
    keywords = {one.arg or "": evaluated(one.value, held) for one in node.keywords}
    return PURE[ast.unparse(node.func)](*arguments, **keywords)


def _compared(node: ast.Compare, held: Held) -> Any:
    left = evaluated(node.left, held)
    found: Any = True
    for sign, comparator in zip(node.ops, node.comparators, strict=True):
        right = evaluated(comparator, held)
        found = _COMPARE[type(sign)](left, right)
        if not found:
            return found
        left = right
    return found


def _either(node: ast.BoolOp, held: Held) -> Any:
    stops = isinstance(node.op, ast.Or)
    found: Any = None
    for one in node.values:
        found = evaluated(one, held)
        if bool(found) is stops:
            break
    return found


def _mapping(node: ast.Dict, held: Held) -> Any:
    made: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            made.update(evaluated(value, held))
        else:
            made[evaluated(key, held)] = evaluated(value, held)
    return made


def _slice(node: ast.Slice, held: Held) -> slice:
    parts = (node.lower, node.upper, node.step)
    return slice(*(None if one is None else evaluated(one, held) for one in parts))


_WORK: dict[type, Callable[[Any, Held], Any]] = {
    ast.Constant: lambda node, _: node.value,
    ast.Name: _named,
    ast.Attribute: lambda node, _: _CONSTANTS[ast.unparse(node)],
    ast.List: lambda node, held: [evaluated(one, held) for one in node.elts],
    ast.Tuple: lambda node, held: tuple(evaluated(one, held) for one in node.elts),
    ast.Set: lambda node, held: {evaluated(one, held) for one in node.elts},
    ast.Dict: _mapping,
    ast.UnaryOp: lambda node, held: _UNARY[type(node.op)](evaluated(node.operand, held)),
    ast.BinOp: lambda node, held: _BINARY[type(node.op)](
        evaluated(node.left, held), evaluated(node.right, held)
    ),
    ast.BoolOp: _either,
    ast.Compare: _compared,
    ast.Call: _call,
    ast.IfExp: lambda node, held: evaluated(
        node.body if evaluated(node.test, held) else node.orelse, held
    ),
    ast.Subscript: lambda node, held: evaluated(node.value, held)[evaluated(node.slice, held)],
    ast.Slice: _slice,
}

"""A small expression language over columns, compiled to Arrow compute, never evaluated.

Grammar (a part of Python's): `and or not`, comparisons (chained too), `in [..]`, `+ - * /`,
numbers, texts, `true false null`, column names, `tags['key']`, `name is null`, `name is not null`,
and the functions `characters(side) words(side) turns(side) text(side) contains(text, 'part')
starts(text, 'part') lower(text) abs(number)`, where a side is prompt, chosen or rejected.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import ConfigError
from prefkit.filters.texts import lengths
from prefkit.registry import nearest
from prefkit.schema.arrow import PAIRS
from prefkit.schema.batch import message_tuples

__all__ = ["Expression", "compile_expression"]

_Value = Any  # a pa.Array, or a Python scalar that Arrow broadcasts
_Node = Callable[[pa.Table], _Value]

_SIDES = ("prompt", "chosen", "rejected")
_MAX_CHARACTERS = 2_000
_COMPARISONS: dict[type[ast.cmpop], Callable[[_Value, _Value], _Value]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[_Value, _Value], _Value]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: lambda one, other: pc.divide(_real(one), _nonzero(_real(other))),
}


class Expression:
    """A compiled expression: the columns it reads, and a call that gives one boolean a row."""

    def __init__(self, columns: tuple[str, ...], node: _Node) -> None:
        self.columns = columns
        self._node = node

    def __call__(self, table: pa.Table) -> pa.BooleanArray:
        """True, false or null for each row.

        Raises:
            ConfigError: the expression gives no truth value, or compares text with a number.
        """
        try:
            value = self._node(table)
        except pa.ArrowException as error:
            raise ConfigError(
                f"the expression does not fit its columns: {str(error).splitlines()[0]}"
            ) from error
        if not isinstance(value, pa.Array):
            value = pa.array([value] * len(table))
        if not (pa.types.is_boolean(value.type) or pa.types.is_null(value.type)):
            raise ConfigError(f"the expression gives {value.type}, not true or false")
        return value.cast(pa.bool_())


def compile_expression(text: str) -> Expression:
    """Parse and check an expression.

    Raises:
        ConfigError: a syntax error, an unknown name, or anything beyond the grammar.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError(f"the expression is longer than {_MAX_CHARACTERS:,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{text!r} is no expression: {error}") from error
    compiler = _Compiler(text)
    node = compiler.node(tree.body)
    return Expression(tuple(sorted(compiler.columns)), node)


class _Compiler:
    """Turns syntax nodes into functions of a table, and collects the columns they read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.columns: set[str] = set()

    def node(self, tree: ast.expr) -> _Node:
        build = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Compare: self._compare,
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Call: self._call,
            ast.Subscript: self._tag,
        }.get(type(tree))
        if build is None:
            raise self._refused(tree, "is not part of the language")
        return build(tree)  # type: ignore[operator]

    def _refused(self, tree: ast.AST, why: str) -> ConfigError:
        part = ast.get_source_segment(self._text.strip(), tree) or type(tree).__name__
        return ConfigError(
            f"in the expression {self._text!r}, {part!r} {why}", hint="prefkit catalog filter where"
        )

    def _constant(self, tree: ast.Constant) -> _Node:
        if not (tree.value is None or isinstance(tree.value, str | int | float | bool)):
            raise self._refused(tree, "is no text, number, true, false or null")
        value = tree.value
        return lambda _: value

    def _name(self, tree: ast.Name) -> _Node:
        name = tree.id
        words = {"true": True, "false": False, "null": None}
        if name in words:
            return lambda _: words[name]
        if name in _SIDES:
            raise self._refused(
                tree, f"is a list of messages: write text({name}) or characters({name})"
            )
        if name not in PAIRS.names:
            raise self._refused(tree, f"is no column{nearest(name, PAIRS.names)}")
        kind = PAIRS.field(name).type
        if pa.types.is_nested(kind):
            raise self._refused(
                tree, "is no plain column" + (": write tags['name']" if name == "tags" else "")
            )
        self.columns.add(name)
        return lambda table: table[name].combine_chunks()

    def _compare(self, tree: ast.Compare) -> _Node:
        parts = []
        for one, operator, other in zip(
            [tree.left, *tree.comparators], tree.ops, tree.comparators, strict=False
        ):
            parts.append(self._one_comparison(one, operator, other))
        return lambda table: _fold(pc.and_kleene, [part(table) for part in parts])

    def _one_comparison(self, one: ast.expr, operator: ast.cmpop, other: ast.expr) -> _Node:
        left = self.node(one)
        if isinstance(operator, ast.Is | ast.IsNot):
            if not (isinstance(other, ast.Name) and other.id == "null") and not (
                isinstance(other, ast.Constant) and other.value is None
            ):
                raise self._refused(other, "cannot stand behind `is`: only null can")
            check = pc.is_null if isinstance(operator, ast.Is) else pc.is_valid
            return lambda table: check(_array(left(table), table))
        if isinstance(operator, ast.In | ast.NotIn):
            values = self._members(other)
            inverted = isinstance(operator, ast.NotIn)
            return lambda table: _is_in(_array(left(table), table), values, inverted)
        right = self.node(other)
        compare = _COMPARISONS[type(operator)]
        return lambda table: compare(_array(left(table), table), right(table))

    def _members(self, tree: ast.expr) -> list[Any]:
        if not isinstance(tree, ast.List | ast.Tuple) or not all(
            isinstance(e, ast.Constant) for e in tree.elts
        ):
            raise self._refused(tree, "is no list of texts or numbers")
        return [element.value for element in tree.elts if isinstance(element, ast.Constant)]

    def _logic(self, tree: ast.BoolOp) -> _Node:
        parts = [self.node(value) for value in tree.values]
        join = pc.and_kleene if isinstance(tree.op, ast.And) else pc.or_kleene
        return lambda table: _fold(join, [_array(part(table), table) for part in parts])

    def _unary(self, tree: ast.UnaryOp) -> _Node:
        inner = self.node(tree.operand)
        if isinstance(tree.op, ast.Not):
            return lambda table: pc.invert(_array(inner(table), table))
        if isinstance(tree.op, ast.USub):
            return lambda table: pc.negate(inner(table))
        raise self._refused(tree, "is not part of the language")

    def _arithmetic(self, tree: ast.BinOp) -> _Node:
        operation = _ARITHMETIC.get(type(tree.op))
        if operation is None:
            raise self._refused(tree, "is not part of the language")
        left, right = self.node(tree.left), self.node(tree.right)
        return lambda table: operation(_real(_array(left(table), table)), _real(right(table)))

    def _tag(self, tree: ast.Subscript) -> _Node:
        if not (
            isinstance(tree.value, ast.Name)
            and tree.value.id == "tags"
            and isinstance(tree.slice, ast.Constant)
        ):
            raise self._refused(tree, "is not part of the language: only tags['name'] is")
        key = str(tree.slice.value)
        self.columns.add("tags")
        return lambda table: pc.map_lookup(table["tags"].combine_chunks(), pa.scalar(key), "first")

    def _call(self, tree: ast.Call) -> _Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else None
        if name is None or tree.keywords:
            raise self._refused(tree, "is no function of the language")
        if name in _OF_SIDE and len(tree.args) == 1:
            side = tree.args[0]
            if not (isinstance(side, ast.Name) and side.id in _SIDES):
                raise self._refused(side, "is none of prompt, chosen, rejected")
            column, measure = side.id, _OF_SIDE[name]
            self.columns.add(column)
            return lambda table: measure(table[column].combine_chunks())
        if name in _OF_VALUE and len(tree.args) == _OF_VALUE[name][0]:
            parts = [self.node(argument) for argument in tree.args]
            apply = _OF_VALUE[name][1]
            return lambda table: apply(
                _array(parts[0](table), table), *(part(table) for part in parts[1:])
            )
        raise self._refused(
            tree, f"is no function of the language{nearest(name, [*_OF_SIDE, *_OF_VALUE])}"
        )


def _texts(messages: pa.ListArray) -> pa.Array:
    """The contents of each side, joined by newlines; null for a missing side."""
    joined = [
        None if turns is None else "\n".join(content or "" for _, content, _ in turns)
        for turns in message_tuples(messages)
    ]
    return pa.array(joined, pa.large_string())


_OF_SIDE: dict[str, Callable[[pa.ListArray], pa.Array]] = {
    "characters": lambda side: lengths(side, "characters"),
    "words": lambda side: lengths(side, "words"),
    "turns": pc.list_value_length,
    "text": _texts,
}
_OF_VALUE: dict[str, tuple[int, Callable[..., pa.Array]]] = {
    "contains": (2, lambda text, part: pc.match_substring(text, part)),
    "starts": (2, lambda text, part: pc.starts_with(text, part)),
    "lower": (1, pc.utf8_lower),
    "abs": (1, pc.abs),
}


def _array(value: _Value, table: pa.Table) -> pa.Array:
    return value if isinstance(value, pa.Array) else pa.array([value] * len(table))


def _real(value: _Value) -> _Value:
    if isinstance(value, pa.Array) and pa.types.is_integer(value.type):
        return value.cast(pa.float64())
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _nonzero(value: _Value) -> _Value:
    """Division by zero gives null, not a number that keeps or drops a row."""
    if isinstance(value, pa.Array):
        return pc.if_else(pc.equal(value, 0.0), None, value)
    return None if value == 0 else value


def _is_in(values: pa.Array, members: list[Any], inverted: bool) -> pa.Array:
    if pa.types.is_floating(values.type):
        members = [float(member) for member in members]
    found = pc.is_in(values, pa.array(members).cast(values.type))
    found = pc.if_else(pc.is_null(values), None, found)
    return pc.invert(found) if inverted else found


def _fold(join: Callable[[_Value, _Value], _Value], values: list[_Value]) -> _Value:
    result = values[0]
    for value in values[1:]:
        result = join(result, value)
    return result

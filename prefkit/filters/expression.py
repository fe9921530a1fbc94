"""A small expression language over columns, compiled to Arrow compute, never evaluated.

Grammar (a part of Python's): `and or not`, comparisons (chained too), `in [..]`, `+ - * /`,
numbers, texts, `true false`, column names, `tags['key']`, `name is null`, `name is not null`, and
the functions `characters(side) words(side) turns(side) text(side) contains(text, 'part')
starts(text, 'part') lower(text) abs(number)`, where a side is prompt, chosen or rejected. Null in
gives null out, but `false and null` is false and `true or null` is true.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from prefkit.errors import ConfigError
from prefkit.filters.values import (
    ARITHMETIC,
    OF_SIDE,
    OF_TEXT,
    OF_VALUE,
    Value,
    broadcast,
    is_in,
    joined,
)
from prefkit.registry import nearest
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import one_chunk

__all__ = ["Expression", "compile_expression"]

_Node = Callable[[pa.Table], Value]

_SIDES = ("prompt", "chosen", "rejected")
_NO_VALUE = "can only stand behind `is` or `is not`"
_MAX_CHARACTERS = 2_000
_MAX_DEPTH = 50
_COMPARISONS: dict[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}


class Expression:
    """A compiled expression: the columns it reads, and a call that gives one boolean a row."""

    def __init__(self, text: str, columns: tuple[str, ...], node: _Node) -> None:
        self.columns = columns
        self._text = text
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
                f"the expression {self._text!r} does not fit its columns: "
                f"{str(error).splitlines()[0]}"
            ) from error
        value = broadcast(value, table)
        if not (pa.types.is_boolean(value.type) or pa.types.is_null(value.type)):
            raise ConfigError(f"{self._text!r} gives {value.type}, not true or false")
        return value.cast(pa.bool_())


def compile_expression(text: str) -> Expression:
    """Parse and check an expression; it is tried on no rows, so that its types are known to fit.

    Raises:
        ConfigError: a syntax error, an unknown name, types that do not fit, or anything beyond the
            grammar.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError(f"the expression is longer than {_MAX_CHARACTERS:,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{text!r} is no expression: {error}") from error
    compiler = _Compiler(text)
    node = compiler.node(tree.body)
    expression = Expression(text, tuple(sorted(compiler.columns)), node)
    expression(PAIRS.empty_table())
    return expression


class _Compiler:
    """Turns syntax nodes into functions of a table, and collects the columns they read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._builders: dict[type[ast.expr], Callable[..., _Node]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Compare: self._compare,
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Call: self._call,
            ast.Subscript: self._tag,
        }
        self.columns: set[str] = set()

    def node(self, tree: ast.expr) -> _Node:
        build = self._builders.get(type(tree))
        if build is None:
            raise self._refused(tree, "is not part of the language")
        if self._depth == _MAX_DEPTH:
            raise ConfigError(f"the expression is nested more than {_MAX_DEPTH} deep")
        self._depth += 1
        built = build(tree)
        self._depth -= 1
        return built

    def _refused(self, tree: ast.AST, why: str) -> ConfigError:
        part = ast.get_source_segment(self._text.strip(), tree) or type(tree).__name__
        return ConfigError(
            f"in the expression {self._text!r}, {part!r} {why}", hint="prefkit catalog filter where"
        )

    def _constant(self, tree: ast.Constant) -> _Node:
        value = tree.value
        if not isinstance(value, str | int | float):
            raise self._refused(tree, _NO_VALUE if value is None else "is no text or number")
        if isinstance(value, int | float) and not abs(value) < 2**63:
            raise self._refused(tree, "is too large a number")
        return lambda _: value

    def _name(self, tree: ast.Name) -> _Node:
        name = tree.id
        if name in ("true", "false"):
            return lambda _: name == "true"
        if name == "null":
            raise self._refused(tree, _NO_VALUE)
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
        return lambda table: one_chunk(table[name])

    def _compare(self, tree: ast.Compare) -> _Node:
        parts = []
        for one, operator, other in zip(
            [tree.left, *tree.comparators], tree.ops, tree.comparators, strict=False
        ):
            parts.append(self._one_comparison(one, operator, other))
        return lambda table: joined(pc.and_kleene, [part(table) for part in parts])

    def _one_comparison(self, one: ast.expr, operator: ast.cmpop, other: ast.expr) -> _Node:
        left = self.node(one)
        if isinstance(operator, ast.Is | ast.IsNot):
            if not _is_null(other):
                raise self._refused(other, "cannot stand behind `is`: only null can")
            check = pc.is_null if isinstance(operator, ast.Is) else pc.is_valid
            return lambda table: check(broadcast(left(table), table))
        if isinstance(operator, ast.In | ast.NotIn):
            values = self._members(other)
            inverted = isinstance(operator, ast.NotIn)
            return lambda table: is_in(broadcast(left(table), table), values, inverted=inverted)
        right = self.node(other)
        compare = _COMPARISONS[type(operator)]
        return lambda table: compare(broadcast(left(table), table), right(table))

    def _members(self, tree: ast.expr) -> list[str] | list[float]:
        elements = tree.elts if isinstance(tree, ast.List | ast.Tuple) else []
        texts = [e.value for e in elements if isinstance(e, ast.Constant) and type(e.value) is str]
        numbers = [number for e in elements if (number := self._number(e)) is not None]
        for members in (texts, numbers):
            if members and len(members) == len(elements):
                return members
        raise self._refused(tree, "is no list of texts or of numbers")

    def _number(self, tree: ast.expr) -> float | None:
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            number = self._number(tree.operand)
            return None if number is None else -number
        if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
            return float(self._constant(tree)(None))
        return None

    def _logic(self, tree: ast.BoolOp) -> _Node:
        parts = [self.node(value) for value in tree.values]
        join = pc.and_kleene if isinstance(tree.op, ast.And) else pc.or_kleene
        return lambda table: joined(join, [broadcast(part(table), table) for part in parts])

    def _unary(self, tree: ast.UnaryOp) -> _Node:
        inner = self.node(tree.operand)
        if isinstance(tree.op, ast.Not):
            return lambda table: pc.invert(broadcast(inner(table), table))
        if isinstance(tree.op, ast.USub):
            return lambda table: pc.negate(broadcast(inner(table), table))
        raise self._refused(tree, "is not part of the language")

    def _arithmetic(self, tree: ast.BinOp) -> _Node:
        operation = ARITHMETIC.get(type(tree.op).__name__)
        if operation is None:
            raise self._refused(tree, "is not part of the language")
        left, right = self.node(tree.left), self.node(tree.right)
        return lambda table: operation(broadcast(left(table), table), right(table))

    def _tag(self, tree: ast.Subscript) -> _Node:
        if not (
            isinstance(tree.value, ast.Name)
            and tree.value.id == "tags"
            and isinstance(tree.slice, ast.Constant)
            and isinstance(tree.slice.value, str)
        ):
            raise self._refused(tree, "is not part of the language: only tags['name'] is")
        key = tree.slice.value
        self.columns.add("tags")
        return lambda table: pc.map_lookup(one_chunk(table["tags"]), pa.scalar(key), "first")

    def _call(self, tree: ast.Call) -> _Node:
        name = tree.func.id if isinstance(tree.func, ast.Name) else None
        if name is None or tree.keywords:
            raise self._refused(tree, "is no function of the language")
        if name in OF_SIDE and len(tree.args) == 1:
            return self._call_on_side(name, tree.args[0])
        if name in OF_VALUE and len(tree.args) == 1:
            value, apply = self.node(tree.args[0]), OF_VALUE[name]
            return lambda table: apply(broadcast(value(table), table))
        if name in OF_TEXT and len(tree.args) == 2:
            return self._call_on_text(name, *tree.args)
        known = (*OF_SIDE, *OF_VALUE, *OF_TEXT)
        close = " of so many arguments" if name in known else nearest(name, known)
        raise self._refused(tree, f"is no function of the language{close}")

    def _call_on_side(self, name: str, side: ast.expr) -> _Node:
        if not (isinstance(side, ast.Name) and side.id in _SIDES):
            raise self._refused(side, "is none of prompt, chosen, rejected")
        column, measure = side.id, OF_SIDE[name]
        self.columns.add(column)
        return lambda table: measure(one_chunk(table[column]))

    def _call_on_text(self, name: str, text: ast.expr, part: ast.expr) -> _Node:
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
            raise self._refused(part, "is no text in quotes")
        value, apply, wanted = self.node(text), OF_TEXT[name], part.value
        return lambda table: apply(broadcast(value(table), table), wanted)


def _is_null(tree: ast.expr) -> bool:
    return (isinstance(tree, ast.Name) and tree.id == "null") or (
        isinstance(tree, ast.Constant) and tree.value is None
    )

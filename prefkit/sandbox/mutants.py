"""Small changes to a right program: tests that let them pass let wrong programs pass as well.

One change each, in the code of functions and at the top level: an operator, a comparison, a
constant, or a truth value. Docstrings, annotations and the words of errors are left alone.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from prefkit.sandbox.shapes import is_docstring
from prefkit.sandbox.syntax import parsed

__all__ = ["Mutant", "mutants"]

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class Mutant(NamedTuple):
    """One program that differs from the right one in one place."""

    source: str
    line: int
    """In the program that it was made from."""
    change: str
    """`n < 3 to n <= 3`."""


class _Change(NamedTuple):
    """How a node becomes another, and how it is taken back."""

    node: ast.AST
    apply: Callable[[], None]
    undo: Callable[[], None]


def mutants(source: str, most: int, seed: str) -> tuple[Mutant, ...]:
    """Up to `most` programs with one change each, in the order of their lines.

    All places are listed, and beyond `most` a sample is drawn by the seed. A program that cannot be
    parsed has none. Costs a printed tree for each.
    """
    tree = parsed(source)
    if tree is None:
        return ()
    try:
        changes = list(_changes(tree))
        if len(changes) > most:
            chosen = random.Random(seed).sample(range(len(changes)), most)
            changes = [changes[place] for place in sorted(chosen)]
        plain = ast.unparse(tree)
        made = [_mutant(tree, one) for one in changes]
    except RecursionError:
        return ()
    return tuple({one.source: one for one in made if one.source != plain}.values())


def _mutant(tree: ast.Module, change: _Change) -> Mutant:
    before = ast.unparse(change.node)
    change.apply()
    try:
        text = f"{before[:80]} to {ast.unparse(change.node)[:80]}"
        return Mutant(ast.unparse(tree), getattr(change.node, "lineno", 0), text)
    finally:
        change.undo()


def _changes(tree: ast.Module) -> Iterator[_Change]:
    """Every change, in the order of the source."""
    for node in _mutable(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS:
            yield _replaced(node, "op", _OPERATORS[type(node.op)]())
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _replaced(node, "op", other)
        elif isinstance(node, ast.Compare):
            yield from _compared(node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            # `not not x` is the truth of x, with no `not` around it
            yield _replaced(node, "operand", ast.UnaryOp(ast.Not(), node.operand))
        elif isinstance(node, ast.Constant):
            yield from _constants(node)


def _compared(node: ast.Compare) -> Iterator[_Change]:
    for place, sign in enumerate(node.ops):
        other = _COMPARISONS[type(sign)]()
        ops: list[ast.cmpop] = [*node.ops[:place], other, *node.ops[place + 1 :]]
        yield _replaced(node, "ops", ops)


def _constants(node: ast.Constant) -> Iterator[_Change]:
    value = node.value
    if isinstance(value, bool):
        yield _replaced(node, "value", not value)
    elif isinstance(value, int | float):
        yield _replaced(node, "value", value + 1)
    elif isinstance(value, str):
        yield _replaced(node, "value", "" if value else "x")


def _replaced(node: ast.AST, name: str, value: object) -> _Change:
    old = getattr(node, name)
    return _Change(node, lambda: setattr(node, name, value), lambda: setattr(node, name, old))


def _mutable(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it that decide what a program does."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _says_nothing(child):
                yield from _mutable(child)


def _says_nothing(node: ast.AST) -> bool:
    """Docstrings and errors; an error is raised, whatever its words are."""
    if isinstance(node, ast.Raise | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.If) and _is_main(node):
        return True
    return isinstance(node, ast.stmt) and is_docstring(node)


def _is_main(node: ast.If) -> bool:
    return ast.unparse(node.test) in ("__name__ == '__main__'", "'__main__' == __name__")

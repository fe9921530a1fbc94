"""Tests that are asserts, taken apart: what the candidate is asked, and what is held against it.

Of `assert sorted(f([2, 1])) == [1, 2]` the candidate only ever sees `sorted(f([2, 1]))`. The rest
stays outside and is worked out there on the plain data that comes back. What cannot be taken apart
in this way is left to `checks`.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from prefkit.sandbox.expressions import PURE, NotPure, check_pure
from prefkit.sandbox.syntax import bound_names, every_node, parsed, used_names

__all__ = ["AssertCase", "Scope", "cases_of_asserts", "cases_of_check"]

_MADE_INSIDE = ("bool", "dict", "frozenset", "list", "set", "sorted", "tuple")
"""Of one answer alone these may be made inside, where it still is what it was: an iterator, say.
They hold nothing of what is expected."""


_COMPARING = (
    *("startswith", "endswith", "issubset", "issuperset", "isdisjoint", "equals"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__"),
)
"""Methods of an answer that are given what is expected of it: asked inside, it could say yes."""


@dataclass(frozen=True, slots=True, eq=False)
class AssertCase:
    """One assert: a condition, in which some names stand for answers of the candidate."""

    text: str
    condition: ast.expr
    asked: tuple[tuple[str, str], ...]
    """Such a name and what the candidate is asked for it, in which no expected value is."""


class Scope(NamedTuple):
    """Whose names the names of a test are."""

    entry_point: str
    helpers: frozenset[str] = frozenset()
    """Defined by the prompt beside the entry point: trusted, so never asked of a candidate."""
    bound: frozenset[str] = frozenset()
    """Bound by the test file itself."""
    given: frozenset[str] = frozenset()
    """Imported or defined by the task's setup: at hand on both sides, and trusted on this one."""
    alias: str | None = None
    """The name of the parameter of `check` that stands for the entry point."""

    def is_entry(self, name: str) -> bool:
        """Whether a name means the entry point."""
        return name == self.entry_point or (name == self.alias and self.alias is not None)

    def is_candidates(self, name: str) -> bool:
        """Whether a name is one that the candidate's code defines."""
        if self.is_entry(name):
            return True
        # `import *` may bring any name
        trusted = self.helpers | self.given
        known = name in self.bound or name in trusted or "*" in trusted or hasattr(builtins, name)
        return not known and name not in sys.stdlib_module_names


def cases_of_asserts(source: str, scope: Scope) -> tuple[AssertCase | str, ...] | None:
    """A case for each statement, or the statement itself where it cannot be taken apart.

    Null if they are not asserts alone, so that they only make sense together.
    """
    tree = parsed(source)
    if tree is None or not all(isinstance(one, ast.Assert) for one in tree.body):
        return None
    found: list[AssertCase | str] = []
    for one in tree.body:
        text = ast.unparse(one)  # taking it apart changes it
        try:
            case = _case(one, scope) if isinstance(one, ast.Assert) else None
        except (NotPure, ValueError, RecursionError):
            found.append(text)
        else:
            found.extend([case] if case else [])
    return tuple(found)


def cases_of_check(source: str, scope: Scope) -> tuple[AssertCase, ...] | None:
    """The cases of a `check(candidate)` that is made of asserts alone; null if it is not."""
    tree = parsed(source)
    check = None if tree is None else _only_check(tree)
    if tree is None or check is None or len(check.args.args) != 1:
        return None
    alias = check.args.args[0].arg
    bound = bound_names(tree) - {alias}
    if alias not in used_names(check):  # then a call of `check` in it means a solution of that name
        bound -= {"check"}
    scope = scope._replace(alias=alias, bound=frozenset(bound))
    try:
        made = [_case(one, scope) for one in check.body if isinstance(one, ast.Assert)]
    except (NotPure, ValueError, RecursionError):
        return None
    return tuple(one for one in made if one is not None)


def _only_check(tree: ast.Module) -> ast.FunctionDef | None:
    """The function `check`, if nothing else in the file does anything."""
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    check = functions.pop("check", None)
    if check is None or not all(_is_idle(one) or isinstance(one, ast.Assert) for one in check.body):
        return None
    callers = {name for name, one in functions.items() if _calls_only(one, {"check"})}
    idle = callers | {"check"}
    for one in tree.body:
        known = isinstance(one, ast.FunctionDef) and one.name in idle
        if not (known or _is_idle(one) or _is_note(one) or _is_call(one, idle)):
            return None
    return check


def _is_idle(statement: ast.stmt) -> bool:
    """Whether it is an import or a mere name or text, which a test file may hold for nothing."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant | ast.Name)
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)


def _is_note(statement: ast.stmt) -> bool:
    """Whether it binds a name to a literal, as METADATA; whoever uses it is no pure assert."""
    if not isinstance(statement, ast.Assign):
        return False
    return not any(
        isinstance(one, ast.Call | ast.Name)
        and isinstance(getattr(one, "ctx", ast.Load()), ast.Load)
        for one in every_node(statement)
    )


def _is_call(statement: ast.stmt, names: set[str]) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names


def _calls_only(function: ast.FunctionDef, names: set[str]) -> bool:
    return all(_is_call(one, names) for one in function.body)


def _case(statement: ast.Assert, scope: Scope) -> AssertCase | None:
    """The case of one assert; null if it asks nothing of the candidate, as `assert True`.

    Raises:
        NotPure: it cannot be taken apart.
    """
    asked = list(_asked(statement.test, scope))
    truths = [] if scope.is_entry("bool") else list(_truths(statement.test))
    sources = {f"?{place}": _source(one, scope, one in truths) for place, one in enumerate(asked)}
    names = {id(one): name for one, name in zip(asked, sources, strict=True)}
    text = ast.unparse(statement)[:500]
    condition = _Replaced(names).visit(statement.test)
    check_pure(condition, sources)
    return AssertCase(text, condition, tuple(sources.items())) if asked else None


class _Replaced(ast.NodeTransformer):
    """Puts names, which no source can hold, in the place of some nodes."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> Any:
        name = self.names.get(id(node))
        return self.generic_visit(node) if name is None else ast.Name(name, ast.Load())


def _truths(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of a condition of which only the truth counts."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _truths(node.operand)
    elif isinstance(node, ast.BoolOp):
        for one in node.values:
            yield from _truths(one)
    else:
        yield node


def _asked(node: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """The largest parts of an expression that are the candidate's to work out."""
    if _is_chain(node, scope) or _is_made_inside(node, scope):
        for one in every_node(node):
            if isinstance(one, ast.Compare | ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
                raise NotPure("a comparison inside what the candidate is asked")
        if used_names(node) & (scope.bound | scope.helpers):
            raise NotPure("it uses names of the test file")
        yield node
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword):
            yield from _asked(child.value, scope)
        elif isinstance(child, ast.expr):
            yield from _asked(child, scope)


def _is_chain(node: ast.expr, scope: Scope) -> bool:
    """Whether it is calls, members and items of a name that the candidate defines: `f(1)[0].x`."""
    calls = False
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        calls = calls or isinstance(node, ast.Call)
        if isinstance(node, ast.Attribute) and node.attr in _COMPARING:
            return False
        node = node.func if isinstance(node, ast.Call) else node.value
    return calls and isinstance(node, ast.Name) and scope.is_candidates(node.id)


def _is_made_inside(node: ast.expr, scope: Scope) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        return False
    name = node.func.id
    if name not in _MADE_INSIDE or name not in PURE or scope.is_entry(name):
        return False
    return len(node.args) == 1 and _is_chain(node.args[0], scope)


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str | None, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


def _source(node: ast.expr, scope: Scope, only_truth: bool) -> str:
    renamed = _Renamed(scope.alias, scope.entry_point).visit(deepcopy(node))
    text = ast.unparse(renamed)
    return f"bool({text})" if only_truth else text

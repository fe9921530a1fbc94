"""Foreign source text as a syntax tree: parsed, never run, and never the end of this process."""

from __future__ import annotations

import ast
import threading
import warnings

__all__ = [
    "DEEPEST",
    "LONGEST",
    "bound_names",
    "defines",
    "every_node",
    "joined",
    "nested_too_deep",
    "parsed",
    "used_names",
]

LONGEST = 1_000_000
"""Characters of source that are parsed: a tree takes some hundred times the memory of its text."""

DEEPEST = 100
"""Parts of a tree inside each other that are worked on: Python's own functions for trees recurse,
and take several frames for each."""

_FUTURE = "__future__"

_turn = threading.Lock()  # the filters of `warnings` are of the whole process


def parsed(source: str) -> ast.Module | None:
    """The tree of a source text; null if it is no Python, too long or nested too deep."""
    if len(source) > LONGEST:
        return None
    with _turn, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # escapes and the like, in what somebody else wrote
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def every_node(tree: ast.AST) -> list[ast.AST]:
    """A tree and all that is in it, in the order of `ast.walk`, which takes twice the time."""
    found = [tree]
    for node in found:  # which grows meanwhile
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                found.append(value)
            elif type(value) is list:
                found += [one for one in value if isinstance(one, ast.AST)]
    return found


def defines(tree: ast.AST, name: str) -> bool:
    """Whether a function, method or class of this name is defined anywhere in a tree.

    What a module assigns to a name at its top level is a definition too: `f = lambda x: x`.
    """
    named = any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name == name
        for node in every_node(tree)
    )
    return named or any(
        isinstance(one, ast.Name) and one.id == name
        for statement in getattr(tree, "body", ())
        for one in _targets(statement)
    )


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    whole = isinstance(statement, ast.AnnAssign) and statement.value is not None
    return [statement.target] if isinstance(statement, ast.AnnAssign) and whole else []


def nested_too_deep(tree: ast.AST) -> bool:
    """Whether a tree has more than `DEEPEST` parts inside each other."""
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def joined(*parts: str) -> str:
    """Parts as one module; what any of them imports from `__future__` goes first, as it must."""
    held = [one for one in parts if one]
    features: list[str] = []
    for place, part in enumerate(held):
        if place and _FUTURE in part:  # that of the first stands where it may
            held[place], found = _without_future(part)
            features += found
    before = [f"from {_FUTURE} import {', '.join(dict.fromkeys(features))}"] if features else []
    return "\n\n".join([*before, *held])


def _without_future(part: str) -> tuple[str, list[str]]:
    """A part with `pass` for its imports from `__future__`, so that lines keep their numbers."""
    tree = parsed(part)
    lines, found = part.split("\n"), []
    for one in [] if tree is None else tree.body:
        if not isinstance(one, ast.ImportFrom) or one.module != _FUTURE or one.col_offset:
            continue
        last = one.end_lineno or one.lineno
        rest = lines[last - 1].encode()[one.end_col_offset :].decode()
        lines[one.lineno - 1 : last] = ["pass" + rest, *[""] * (last - one.lineno)]
        found += [alias.name for alias in one.names if alias.asname is None]
    return "\n".join(lines), found


def used_names(tree: ast.AST) -> set[str]:
    """Names that are read anywhere in a tree."""
    return {
        node.id
        for node in every_node(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def bound_names(tree: ast.AST) -> set[str]:
    """Names that anything in a tree binds: assignments, imports, definitions, arguments."""
    found: set[str] = set()
    for node in every_node(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found

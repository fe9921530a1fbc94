"""Foreign source text as a syntax tree: parsed, never run, and never the end of this process."""

from __future__ import annotations

import ast
import threading
import warnings

__all__ = ["LONGEST", "bound_names", "defines", "parsed", "used_names"]

LONGEST = 1_000_000
"""Characters of source that are parsed: a tree takes some hundred times the memory of its text."""

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


def defines(tree: ast.AST, name: str) -> bool:
    """Whether a function, method or class of this name is defined anywhere in a tree."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name == name
        for node in ast.walk(tree)
    )


def used_names(tree: ast.AST) -> set[str]:
    """Names that are read anywhere in a tree."""
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def bound_names(tree: ast.AST) -> set[str]:
    """Names that anything in a tree binds: assignments, imports, definitions, arguments."""
    found: set[str] = set()
    for node in ast.walk(tree):
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

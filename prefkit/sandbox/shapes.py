"""The shape of a program: what stays of it without names, docstrings, comments and annotations."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence

from prefkit.sandbox.syntax import bound_names, parsed, used_names

__all__ = ["is_docstring", "shape", "tree_digest"]

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TYPES_ONLY = ("typing", "__future__")


def shape(source: str) -> str | None:
    """A digest that two programs share which differ in nothing that a reader would call different.

    Names that the program binds count by their order alone; docstrings, comments, annotations,
    imports of types, the order of imports and definitions that a later one replaces do not count.
    Null for what is no Python, or nested too deep.
    """
    tree = parsed(source)
    if tree is None:
        return None
    try:
        return tree_digest(tree)
    except RecursionError:
        return None


def tree_digest(tree: ast.Module) -> str:
    """The same of a tree, which is changed by it.

    Raises:
        RecursionError: it is nested too deep.
    """
    tree.body = _in_order(tree.body)
    plain = _Plain().visit(tree)
    renamed = _Numbered(bound_names(plain)).visit(plain)
    return hashlib.sha256(ast.dump(renamed, annotate_fields=False).encode()).hexdigest()[:32]


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a text and nothing else."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _in_order(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Imports first, each once and sorted; of definitions of one name only the last."""
    imports: dict[str, ast.stmt] = {}
    rest: list[ast.stmt] = []
    last = {one.name: place for place, one in enumerate(body) if isinstance(one, _NAMED)}
    for place, one in enumerate(body):
        if isinstance(one, ast.Import | ast.ImportFrom):
            if not _imports_types(one):
                imports[ast.dump(one)] = one
        elif not isinstance(one, _NAMED) or last[one.name] == place:
            rest.append(one)
        elif any(one.name in used_names(other) for other in body[place + 1 : last[one.name]]):
            rest.append(one)  # something may hold it still
    return [*(imports[key] for key in sorted(imports)), *rest]


def _imports_types(statement: ast.Import | ast.ImportFrom) -> bool:
    if isinstance(statement, ast.ImportFrom):
        return statement.module in _TYPES_ONLY
    return all(one.name in _TYPES_ONLY for one in statement.names)


class _Plain(ast.NodeTransformer):
    """Without docstrings and annotations; a block that is empty then holds `pass`."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [one for one in body if not is_docstring(one)]
            # `pass` beside anything else does nothing
            kept = [one for one in kept if not isinstance(one, ast.Pass)] or [ast.Pass()]
            node.body = kept  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.copy_location(ast.Assign([node.target], node.value), node)


class _Numbered(ast.NodeTransformer):
    """Names that the program binds itself, by the order in which they appear."""

    def __init__(self, bound: set[str]) -> None:
        self._bound = bound
        self._given: dict[str, str] = {}

    def _of(self, name: str) -> str:
        if name not in self._bound:
            return name
        return self._given.setdefault(name, f"_{len(self._given)}")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._of(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._of(node.arg))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = None if node.name is None else self._of(node.name)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.AST:
        return ast.Global([self._of(name) for name in node.names])

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        return ast.Nonlocal([self._of(name) for name in node.names])

    def visit_alias(self, node: ast.alias) -> ast.AST:
        # what is imported stays; only the name that it gets here is free
        return ast.alias(node.name, None if node.asname is None else self._of(node.asname))

    def _visit_named(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        node.name = self._of(node.name)
        return self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _visit_named  # noqa: N815

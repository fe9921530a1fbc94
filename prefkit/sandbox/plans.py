"""The cases of a task, one for each test: what can be judged outside, and what needs a tester."""

from __future__ import annotations

import ast
import builtins
import sys

from prefkit.sandbox.asserts import Scope, cases_of_asserts, cases_of_check
from prefkit.sandbox.cases import Case, CheckCase
from prefkit.sandbox.syntax import bound_names, every_node, parsed, used_names
from prefkit.sandbox.tasks import Asserts, Check, Inputs, Task, faults

__all__ = ["planned"]

_CHECK = "check"


def planned(task: Task) -> tuple[Case, ...]:
    """The cases of a task, in the order of its tests; costs a parse of each.

    Raises:
        ValueError: the task has a fault, or inputs whose right answers are not known yet.
    """
    for fault in faults(task):
        raise ValueError(str(fault))
    prompts, given = _prelude(task), _given(task)
    names = frozenset(name for one in given.body for name in _defined(one))
    helpers = frozenset(bound_names(prompts)) - names
    scope = Scope(task.entry_point or "", helpers, given=names)
    prelude = ast.Module([*prompts.body, *given.body], [])
    found: list[Case] = []
    for test in task.tests:
        if isinstance(test, Inputs):
            raise ValueError(f"{task.id}: the right answers to its inputs are not known yet")
        if isinstance(test, Asserts):
            found.extend(_of_asserts(test.source, scope, prelude))
        elif isinstance(test, Check):
            cases = cases_of_check(test.source, scope)
            found.extend([_check(test.source, scope, prelude)] if cases is None else cases)
        else:
            found.append(test)
    return tuple(found)


def _of_asserts(source: str, scope: Scope, prelude: ast.Module) -> list[Case]:
    cases = cases_of_asserts(source, scope)
    if cases is None:
        return [_check(source, scope, prelude)]
    return [_check(one, scope, prelude) if isinstance(one, str) else one for one in cases]


def _prelude(task: Task) -> ast.Module:
    """What a prompt imports and defines beside the entry point: trusted, as the tests are."""
    tree = parsed(task.prompt) or parsed(f"{task.prompt}\n    pass\n")
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    body = [] if tree is None else tree.body
    return ast.Module(
        [one for one in body if isinstance(one, kept) and task.entry_point not in _defined(one)],
        [],
    )


def _given(task: Task) -> ast.Module:
    """What a setup imports and defines, and the literals that it names: the tests may use it."""
    tree = parsed(task.setup)
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return ast.Module(
        [
            one
            for one in ([] if tree is None else tree.body)
            if (isinstance(one, kept) or _is_literal(one)) and task.entry_point not in _defined(one)
        ],
        [],
    )


def _is_literal(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    try:
        ast.literal_eval(statement.value)
    except (ValueError, TypeError):
        return False
    return all(isinstance(one, ast.Name) for one in statement.targets)


def _defined(statement: ast.stmt) -> set[str]:
    """Names that a statement binds at the top level."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return bound_names(statement)


def _check(source: str, scope: Scope, prelude: ast.Module) -> CheckCase:
    tree = parsed(source)
    if tree is None:  # `faults` has seen that it can be parsed
        raise ValueError("its tests are no Python that can be parsed")
    bound = bound_names(tree)
    free = {one for one in used_names(tree) - bound if not hasattr(builtins, one)}
    helpers = {name for one in prelude.body for name in _defined(one)}
    modules = free & sys.stdlib_module_names
    names = free - helpers - modules - {scope.entry_point}
    return CheckCase(
        source,
        scope.entry_point,
        tuple(sorted(names)),
        tuple(sorted(modules - helpers)),
        ast.unparse(prelude) if free & helpers or "*" in helpers else "",
        _has_check(tree) and not _calls_check(tree),
    )


def _has_check(tree: ast.Module) -> bool:
    return any(isinstance(one, ast.FunctionDef) and one.name == _CHECK for one in tree.body)


def _calls_check(tree: ast.Module) -> bool:
    """Whether the file calls `check` by itself, directly or through another function of it."""
    calls = {_CHECK}
    for one in tree.body:
        inner = {name.id for name in every_node(one) if isinstance(name, ast.Name)}
        if isinstance(one, ast.FunctionDef):
            calls |= {one.name} if inner & calls else set()
        elif inner & calls:
            return True
    return False

"""Programs that can pass tests without solving the task, by rules on their syntax tree.

The rules, in the order in which the first is named; each can hold for an honest program too, so a
rule that the task's own reference breaks should be left out there:

- `empty`: the function holds nothing but `pass`, `...` and a docstring.
- `constant`: the function has parameters and reads none of them.
- `exits`: it leaves the process (`sys.exit`, `os._exit`, `raise SystemExit` ...) outside of an
  `if __name__ == "__main__"`.
- `catches`: the function is one `try` that catches everything, and all it returns are literals.
- `hard_coded`: the function returns only literals, or entries of a literal table, and compares its
  parameters with the inputs of more than half of the tests.
- `looks_around`: it opens files, or reads the frames or objects of whoever runs it.
- `equality`: a class of it has an `__eq__` that returns True whatever it is compared with.
- `ignores_input`: a program that reads no input, where a test has some.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from prefkit.sandbox.shapes import is_docstring
from prefkit.sandbox.syntax import parsed

__all__ = ["trivial_rules"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

_EXITS = ("sys.exit", "exit", "quit", "os._exit", "os.abort", "os.kill", "SystemExit")
_LOOKS = ("open", "sys._getframe", "inspect.stack", "inspect.currentframe", "gc.get_objects")
_LOOKS_MEMBERS = ("f_back", "f_locals", "f_globals", "__subclasses__")
_READS = ("input", "stdin", "open", "fileinput")
_EVERYTHING = ("Exception", "BaseException")


def trivial_rules(
    source: str,
    entry_point: str | None,
    inputs: Sequence[tuple[Any, ...]] = (),
    *,
    has_input: bool = False,
) -> tuple[str, ...]:
    """The rules that hold for a program; none for what is no Python.

    Args:
        source: the whole code.
        entry_point: the function that tests call; null for a program.
        inputs: positional arguments of the tests, as far as they are literals.
        has_input: whether a test gives a program something to read.
    """
    tree = parsed(source)
    if tree is None:
        return ()
    try:
        if entry_point is None:
            return ("ignores_input",) if has_input and not _names(tree) & set(_READS) else ()
        function = _function(tree, entry_point)
        found = [] if function is None else list(_of_function(function, tree, inputs))
        found += list(_of_module(tree))
    except RecursionError:
        return ()
    return tuple(rule for rule in _ORDER if rule in found)


_ORDER = ("empty", "constant", "exits", "catches", "hard_coded", "looks_around", "equality")


def _of_function(
    function: Function, tree: ast.Module, inputs: Sequence[tuple[Any, ...]]
) -> Iterator[str]:
    body = [one for one in function.body if not _is_idle(one)]
    parameters = _parameters(function)
    if not body:
        yield "empty"
    elif parameters and not _names(*body) & set(parameters):
        yield "constant"
    if body and _catches(body):
        yield "catches"
    if inputs and _is_hard_coded(function, tree, parameters, inputs):
        yield "hard_coded"


def _of_module(tree: ast.Module) -> Iterator[str]:
    nodes = list(_outside_main(tree))
    called = {ast.unparse(one.func) for one in nodes if isinstance(one, ast.Call)}
    raised = {ast.unparse(one.exc) for one in nodes if isinstance(one, ast.Raise) and one.exc}
    members = {one.attr for one in nodes if isinstance(one, ast.Attribute)}
    if called & set(_EXITS) or "SystemExit" in raised:
        yield "exits"
    if called & set(_LOOKS) or members & set(_LOOKS_MEMBERS):
        yield "looks_around"
    if any(isinstance(one, ast.FunctionDef) and _is_equal_to_all(one) for one in nodes):
        yield "equality"


def _function(tree: ast.Module, name: str) -> Function | None:
    """The last definition of a name, which is the one that counts."""
    found = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == name
    ]
    return max(found, key=lambda one: one.lineno) if found else None


def _parameters(function: Function) -> list[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [one.arg for one in every if one is not None and one.arg not in ("self", "cls")]


def _is_idle(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return is_docstring(statement) or statement.value.value is ...
    return isinstance(statement, ast.Pass)


def _names(*nodes: ast.AST) -> set[str]:
    """Names and members that are read."""
    found: set[str] = set()
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                found.add(one.id)
            elif isinstance(one, ast.Attribute):
                found.add(one.attr)
            elif isinstance(one, ast.alias):
                found.add(one.name)
    return found


def _outside_main(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        is_main = isinstance(child, ast.If) and "__name__" in _names(child.test)
        if not is_main:
            yield from _outside_main(child)


def _is_equal_to_all(function: ast.FunctionDef) -> bool:
    returned = _returns(function)
    return function.name == "__eq__" and all(_literal(one) == (True,) for one in returned)


def _returns(node: ast.AST) -> list[ast.expr | None]:
    """What a function returns, functions inside it left out."""
    found: list[ast.expr | None] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            found.append(child.value)
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found += _returns(child)
    return found


def _literal(node: ast.expr | None) -> tuple[Any] | None:
    """The value of a literal in a tuple; null if it is none."""
    if node is None:
        return (None,)
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return None


def _catches(body: Sequence[ast.stmt]) -> bool:
    whole = body[0]
    if len(body) != 1 or not isinstance(whole, ast.Try):
        return False
    catches_all = any(
        one.type is None or ast.unparse(one.type) in _EVERYTHING for one in whole.handlers
    )
    return catches_all and all(_literal(one) is not None for one in _returns(whole))


def _is_hard_coded(
    function: Function,
    tree: ast.Module,
    parameters: Sequence[str],
    inputs: Sequence[tuple[Any, ...]],
) -> bool:
    tables = _tables(tree)
    if not all(_is_looked_up(one, tables) for one in _returns(function)):
        return False
    compared = [_frozen(one) for one in _compared(function, parameters, tables)]
    known = {_frozen(given) for given in inputs}
    matched = sum(
        given in compared or all(one in compared for one in given[1]) for given in known if given[1]
    )
    return 2 * matched > len(known)


def _frozen(value: Any) -> Any:
    """A value that compares as itself, and True not as 1."""
    if isinstance(value, list | tuple | set | frozenset):
        held = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return ("items", tuple(_frozen(one) for one in held))
    return (type(value).__name__, repr(value))


def _tables(tree: ast.Module) -> dict[str, dict[Any, Any]]:
    """Names that are bound to a literal dict."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _literal(node.value)
            if value is not None and isinstance(value[0], dict):
                found[node.targets[0].id] = value[0]
    return found


def _table(node: ast.expr, tables: dict[str, dict[Any, Any]]) -> dict[Any, Any] | None:
    if isinstance(node, ast.Name):
        return tables.get(node.id)
    value = _literal(node) if isinstance(node, ast.Dict) else None
    return value[0] if value else None


def _is_looked_up(node: ast.expr | None, tables: dict[str, dict[Any, Any]]) -> bool:
    """Whether it is a literal, or `TABLE[x]` or `TABLE.get(x, literal)` of a literal table."""
    if _literal(node) is not None:
        return True
    if isinstance(node, ast.Subscript):
        return _table(node.value, tables) is not None
    return _looked_up_by_get(node, tables) is not None


def _looked_up_by_get(
    node: ast.AST | None, tables: dict[str, dict[Any, Any]]
) -> dict[Any, Any] | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    return _table(node.func.value, tables) if node.func.attr == "get" else None


def _compared(
    function: Function, parameters: Sequence[str], tables: dict[str, dict[Any, Any]]
) -> Iterator[Any]:
    """Values with which a bare parameter, or several in a tuple, are compared or looked up."""
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _in_compare(node, parameters)
        elif isinstance(node, ast.MatchValue):
            yield from _literal(node.value) or ()
        elif isinstance(node, ast.Subscript) and _is_bare(node.slice, parameters):
            yield from _table(node.value, tables) or ()
        elif (table := _looked_up_by_get(node, tables)) is not None:
            yield from table


def _in_compare(node: ast.Compare, parameters: Sequence[str]) -> Iterator[Any]:
    sides = (node.left, node.comparators[0])
    for one, other in (sides, sides[::-1]):
        value = _literal(other)
        if value is None or not _is_bare(one, parameters):
            continue
        if isinstance(node.ops[0], ast.Eq):
            yield value[0]
        elif isinstance(node.ops[0], ast.In) and isinstance(value[0], list | tuple | set | dict):
            yield from value[0]


def _is_bare(node: ast.expr, parameters: Sequence[str]) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_bare(one, parameters) for one in node.elts)
    return isinstance(node, ast.Name) and node.id in parameters

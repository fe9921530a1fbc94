"""Programs that can pass tests without solving the task, by rules on their syntax tree.

The rules, in the order in which the first is named; each can hold for an honest program too, so a
rule that the task's own reference breaks should be left out there:

- `empty`: the function holds nothing but `pass`, `...` and a docstring.
- `constant`: the function has parameters and reads none of them.
- `exits`: what the function can reach leaves the process (`sys.exit`, `os._exit`, `raise
  SystemExit` ...); what only an `if __name__ == "__main__"` reaches may.
- `catches`: the function is one `try` that catches everything, and all it returns are literals.
- `hard_coded`: the function returns only literals, or entries of a literal table, and compares its
  parameters, or their text, with the inputs of more than half of the tests.
- `looks_around`: what it can reach opens files, or reads the frames or objects of whoever runs it.
- `equality`: a class of it has an `__eq__` that returns True whatever it is compared with.
- `ignores_input`: a program that reads no input, where a test has some.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from prefkit.sandbox.shapes import is_docstring
from prefkit.sandbox.syntax import every_node, parsed

__all__ = ["trivial_rules"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_EXITS = ("sys.exit", "exit", "quit", "os._exit", "os.abort", "os.kill", "SystemExit")
_LOOKS = ("open", "sys._getframe", "inspect.stack", "inspect.currentframe", "gc.get_objects")
_LOOKS_MEMBERS = ("f_back", "f_locals", "f_globals", "__subclasses__")
_READS = ("input", "open", "fileinput", "read", "readline", "readlines")
_INPUT = "stdin"  # in whatever word: a member, a name of a file, a text for getattr
_SUSPECT = re.compile(r"exit|quit|abort|kill|open|_getframe|stack|currentframe|get_objects|__|f_\w")
"""Without any of these a program can neither leave, nor look around, nor be equal to all."""
_WORKED_OUT = (ast.BinOp, ast.BoolOp, ast.Compare, ast.ListComp, ast.GeneratorExp, ast.JoinedStr)
"""A function that returns one of these looks nothing up."""
_COPIES = ("str", "repr", "tuple", "list")
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
            reads = not has_input or _INPUT in source or _names(tree) & set(_READS)
            return () if reads else ("ignores_input",)
        function = _function(tree, entry_point)
        found = [] if function is None else list(_of_function(function, tree, inputs))
        if _SUSPECT.search(source):
            found += list(_of_module(tree, entry_point))
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


def _of_module(tree: ast.Module, entry_point: str) -> Iterator[str]:
    nodes = [one for part in _reached(tree, entry_point) for one in every_node(part)]
    called = {ast.unparse(one.func) for one in nodes if isinstance(one, ast.Call)}
    raised = {ast.unparse(one.exc) for one in nodes if isinstance(one, ast.Raise) and one.exc}
    members = {one.attr for one in nodes if isinstance(one, ast.Attribute)}
    own = {one.name for one in every_node(tree) if isinstance(one, _NAMED)}
    called -= own  # what it calls `open` may be something else
    if called & set(_EXITS) or "SystemExit" in raised:
        yield "exits"
    if called & set(_LOOKS) or members & set(_LOOKS_MEMBERS):
        yield "looks_around"
    if any(isinstance(one, ast.FunctionDef) and _is_equal_to_all(one) for one in nodes):
        yield "equality"


def _function(tree: ast.Module, name: str) -> Function | None:
    """The last definition of a name, which is the one that counts; that of a method by its last."""
    last = name.rsplit(".", 1)[-1]
    found = [
        one
        for node in every_node(tree)
        if (one := _as_function(node)) is not None and one.name == last
    ]
    return max(found, key=lambda one: one.lineno) if found else None


def _as_function(node: ast.AST) -> Function | None:
    """A definition, also of `f = lambda x: ...`."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Lambda):
        return None
    target, held = node.targets[0], node.value
    if not isinstance(target, ast.Name):
        return None
    body: list[ast.stmt] = [ast.Return(held.body)]
    made = ast.FunctionDef(name=target.id, args=held.args, body=body, decorator_list=[])
    return ast.copy_location(made, node)


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
        for one in every_node(node):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
                found.add(one.id)
            elif isinstance(one, ast.Attribute):
                found.add(one.attr)
            elif isinstance(one, ast.alias):
                found.add(one.name)
    return found


def _reached(tree: ast.Module, entry_point: str) -> list[ast.stmt]:
    """Statements of a module that run when the entry point is called, as far as names tell."""
    first = entry_point.split(".")[0]
    left: list[ast.stmt] = []
    found: list[ast.stmt] = []
    for one in tree.body:
        runs = not isinstance(one, _NAMED) or first in {one.name, *_defined_in(one)}
        is_main = isinstance(one, ast.If) and "__name__" in _names(one.test)
        if not is_main:
            (found if runs else left).append(one)
    names = _names(*found)
    while more := [one for one in left if isinstance(one, _NAMED) and one.name in names]:
        found += more
        left = [one for one in left if one not in more]
        names |= _names(*more)
    return found


def _defined_in(statement: ast.stmt) -> set[str]:
    return {one.name for one in every_node(statement) if isinstance(one, _NAMED)}


def _is_equal_to_all(function: ast.FunctionDef) -> bool:
    returned = _returns(function)
    only = all(_literal(one) == (True,) for one in returned)
    return function.name == "__eq__" and bool(returned) and only


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
    returned = _returns(function)
    if any(isinstance(one, _WORKED_OUT) for one in returned):
        return False
    tables, held = _tables(tree), _assigned(function)
    if not all(_is_looked_up(one, tables, held) for one in returned):
        return False
    compared = {_frozen(one) for one in _compared(function, parameters, tables)}
    known = {_frozen(given): [_forms(one) for one in given] for given in inputs}
    matched = sum(
        frozen in compared or all(one & compared for one in parts)
        for frozen, parts in known.items()
        if parts
    )
    return 2 * matched > len(known)


def _forms(value: Any) -> set[Any]:
    """What a value may be compared as: itself, or its text."""
    return {_frozen(value), _frozen(str(value)), _frozen(repr(value))}


def _assigned(function: Function) -> dict[str, list[ast.expr]]:
    """What each name of a function is set to; itself where nobody knows to what."""
    found: dict[str, list[ast.expr]] = {}
    for node in every_node(function):
        whole = node.value if isinstance(node, ast.Assign) else None
        for target in _targets(node):
            for name in every_node(target):
                if isinstance(name, ast.Name):
                    # of what is taken apart nobody knows the parts
                    known = whole if name is target and whole is not None else name
                    found.setdefault(name.id, []).append(known)
    return found


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    others = ast.AugAssign | ast.AnnAssign | ast.For | ast.NamedExpr | ast.comprehension
    return [node.target] if isinstance(node, others) else []


def _frozen(value: Any) -> Any:
    """A value that compares as itself, and True not as 1; lists as tuples, 1.0 as 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list | tuple | set | frozenset):
        held = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return ("items", tuple(_frozen(one) for one in held))
    return (type(value).__name__, repr(value))


def _tables(tree: ast.Module) -> dict[str, dict[Any, Any]]:
    """Names that are bound to a literal dict."""
    found = {}
    for node in every_node(tree):
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


def _is_looked_up(
    node: ast.expr | None,
    tables: dict[str, dict[Any, Any]],
    held: dict[str, list[ast.expr]],
) -> bool:
    """Whether it is a literal, or `TABLE[x]` or `TABLE.get(x, literal)` of a literal table.

    So is a choice between such, and a name that is set to nothing else.
    """
    if _literal(node) is not None:
        return True
    if isinstance(node, ast.IfExp):
        return all(_is_looked_up(one, tables, held) for one in (node.body, node.orelse))
    if isinstance(node, ast.Name) and node.id in held:
        rest = {name: value for name, value in held.items() if name != node.id}
        return all(_is_looked_up(one, tables, rest) for one in held[node.id])
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
    parameters = [*parameters, *_copies(function, parameters)]
    for node in every_node(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from _in_compare(node, parameters)
        elif isinstance(node, ast.Match) and _is_bare(node.subject, parameters):
            yield from (value for one in node.cases for value in _matched(one.pattern))
        elif isinstance(node, ast.Subscript) and _is_bare(node.slice, parameters):
            yield from _table(node.value, tables) or ()
        elif (table := _looked_up_by_get(node, tables)) is not None:
            yield from table


def _matched(pattern: ast.pattern) -> tuple[Any, ...]:
    """The values of a pattern made of literals; none if it is another."""
    if isinstance(pattern, ast.MatchValue):
        return _literal(pattern.value) or ()
    if isinstance(pattern, ast.MatchSingleton):
        return (pattern.value,)
    if isinstance(pattern, ast.MatchOr):
        return tuple(value for one in pattern.patterns for value in _matched(one))
    if isinstance(pattern, ast.MatchSequence):
        parts = [_matched(one) for one in pattern.patterns]
        return ([one[0] for one in parts],) if all(len(one) == 1 for one in parts) else ()
    return ()


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


def _copies(function: Function, parameters: Sequence[str]) -> list[str]:
    """Names that are set to a parameter, or to its text, and to nothing else."""
    held = _assigned(function).items()
    return [name for name, all_ in held if all(_is_bare(one, parameters) for one in all_)]


def _is_bare(node: ast.expr, parameters: Sequence[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return node.func.id in _COPIES and _is_bare(node.args[0], parameters)
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_bare(one, parameters) for one in node.elts)
    return isinstance(node, ast.Name) and node.id in parameters

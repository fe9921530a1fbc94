"""Rows of known benchmark files as tasks: pure functions of a row, without files or processes."""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from prefkit.sandbox.syntax import defines, parsed
from prefkit.sandbox.tasks import Asserts, Check, Fault, Inputs, Pair, Program, Task, Test

__all__ = ["TaskFormat", "read_task", "sniff"]

TaskFormat = Literal["humaneval", "mbpp", "evalplus", "livecodebench", "own"]

Row = Mapping[str, Any]

_EVALPLUS_TOLERANCE = 1e-6  # what EvalPlus takes where a float is expected and no atol is given

# EvalPlus 0.3.1, eval/__init__.py: check_output, and the lists of _special_oracle.py
_AS_SETS = (
    *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly"),
    *("larg_nnum", "intersection_array", "find_dissimilar", "Diff"),
)
_ORACLES = (
    *("are_equivalent", "sum_div", "surface_Area", "digit_distance_nums"),
    *("check_str", "text_match_three", "text_starta_endb"),
)
_SUBSTITUTED = """def check(candidate):
    for arguments in {calls!r}:
        assert abs(poly(*arguments, candidate(*arguments))) <= {tolerance!r}
"""

_DOCSTRING = re.compile(r"""\n[ \t]*('{3}|"{3})(?:(?!\1).)*\1\s*\Z""", re.S)

_AT_HAND = "\n".join(
    [
        "import bisect, collections, functools, heapq, itertools, math, operator, random, re",
        "import string, sys",
        *(f"from {name} import *" for name in ("typing", "collections", "functools")),
        *(f"from {name} import *" for name in ("itertools", "heapq", "bisect")),
    ]
)
"""What methods of LiveCodeBench use without an import, as the site they were written for has it."""


def sniff(row: Row) -> TaskFormat | None:
    """Which format a row is of, the most specific first; null if none."""
    keys = row.keys()
    if "base_input" in keys and "entry_point" in keys:
        return "evalplus"
    if "public_test_cases" in keys or "private_test_cases" in keys:
        return "livecodebench"
    if "test_list" in keys:
        return "mbpp"
    if {"prompt", "test", "entry_point"} <= keys:
        return "humaneval"
    return "own" if "prompt" in keys and "tests" in keys else None


def read_task(row: Row, place: str, known: TaskFormat | None = None) -> Task | Fault:
    """The task of one row, or why it is none; `place` names the row where it has no id."""
    name = _id(row, place)
    found = known or sniff(row)
    if found is None:
        keys = ", ".join(sorted(map(str, row))[:12])
        return Fault(name, "unreadable", f"a row with {keys or 'nothing'} is in no known format")
    try:
        return _READERS[found](row, name)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        text = f"it is not in the format {found}: {type(error).__name__} {error}"[:300]
        return Fault(name, "unreadable", text)


def _id(row: Row, place: str) -> str:
    for key in ("task_id", "id", "name", "question_id"):
        if isinstance(row.get(key), str | int) and str(row[key]):
            return str(row[key])
    return place


def _text(row: Row, key: str) -> str:
    value = row[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value.replace("\r\n", "\n")


def _language(row: Row) -> str:
    value = row.get("language") or "python"
    return "python" if value in ("py", "python3") else str(value)


def _whole(prompt: str, solution: str, entry_point: str) -> tuple[str | None, tuple[str, ...]]:
    """A reference as whole code, from a solution that continues the prompt or replaces it."""
    # In sanitized MBPP the docstring is indented unlike the body that follows it.
    bare = _DOCSTRING.sub("\n", prompt)
    for text in (prompt + solution, solution, bare + solution):
        tree = parsed(text)
        if tree is not None and defines(tree, entry_point):
            return text, ()
    return None, ("its canonical solution does not continue its prompt, and was left out",)


def _humaneval(row: Row, name: str) -> Task:
    prompt, entry_point = _text(row, "prompt"), _text(row, "entry_point").strip()
    solution = row.get("canonical_solution")
    reference: str | None = None
    notes: tuple[str, ...] = ()
    if isinstance(solution, str) and solution.strip():
        reference, notes = _whole(prompt, _text(row, "canonical_solution"), entry_point)
    test = _text(row, "test")
    return Task(
        id=name,
        prompt=prompt,
        entry_point=entry_point,
        tests=(Check(test),) if test.strip() else (),
        reference=reference,
        language=_language(row),
        notes=notes,
    )


def _mbpp(row: Row, name: str) -> Task:
    code = _text(row, "code") if isinstance(row.get("code"), str) else None
    listed = [*(row["test_list"] or ()), *(row.get("challenge_test_list") or ())]
    tests = [one.replace("\r\n", "\n") for one in listed]
    # The sanitized edition has imports, the full one code that may use the solution's classes.
    imports = row.get("test_imports") or ()
    before = _text(row, "test_setup_code") if row.get("test_setup_code") else ""
    return Task(
        id=name,
        prompt=_text(row, "text" if "text" in row else "prompt"),
        entry_point=_called(tests, code),
        tests=tuple(Asserts(one) for one in tests),
        setup="\n".join([*imports, before]).strip(),
        reference=code,
        language=_language(row),
    )


def _called(tests: list[str], code: str | None) -> str | None:
    """The function that tests call: the outermost that the reference defines, or is no builtin."""
    tree = None if code is None else parsed(code)
    for test in tests:
        body = parsed(test)
        for node in [] if body is None else ast.walk(body):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            called = node.func.id
            if defines(tree, called) if tree is not None else not hasattr(builtins, called):
                return called
    return None


def _evalplus(row: Row, name: str) -> Task:
    prompt, entry_point = _text(row, "prompt"), _text(row, "entry_point").strip()
    reference, notes = _whole(prompt, _text(row, "canonical_solution"), entry_point)
    given = [_calls(row["base_input"]), _calls(row.get("plus_input") or [])]
    return Task(
        id=name,
        prompt=prompt,
        entry_point=entry_point,
        tests=_evalplus_tests(row, entry_point, prompt, [one for one in given if one]),
        reference=reference,
        notes=notes,
    )


def _calls(given: Any) -> tuple[tuple[Any, ...], ...]:
    """Calls as lists of arguments."""
    if not isinstance(given, list) or not all(isinstance(one, list) for one in given):
        raise TypeError("its inputs are no lists of arguments")
    return tuple(tuple(one) for one in given)


def _evalplus_tests(
    row: Row, entry_point: str, prompt: str, given: list[tuple[tuple[Any, ...], ...]]
) -> tuple[Test, ...]:
    """Of some tasks EvalPlus does not take the reference's answers for the only right ones."""
    tolerance = _tolerance(row)
    is_mbpp = str(row.get("task_id")).startswith("Mbpp")
    if is_mbpp and entry_point in _ORACLES:
        raise ValueError(f"EvalPlus has its own way to check {entry_point}, unknown here")
    if not is_mbpp and entry_point == "find_zero":
        tree = parsed(prompt + "\n    pass\n")
        if tree is None or not defines(tree, "poly"):
            raise ValueError("its answers are put into `poly`, which its prompt does not define")
        return tuple(Check(_SUBSTITUTED.format(calls=one, tolerance=tolerance)) for one in given)
    calls = tuple(call for one in given for call in one)
    as_sets = is_mbpp and entry_point in _AS_SETS
    return (Inputs(calls=calls, tolerance=tolerance, as_sets=as_sets),) if calls else ()


def _tolerance(row: Row) -> float:
    given = row.get("atol")
    return float(given) if given else _EVALPLUS_TOLERANCE


def _livecodebench(row: Row, name: str) -> Task:
    entry_point = _function_name(row)
    tests: list[Test] = []
    notes: list[str] = []
    for key in ("public_test_cases", "private_test_cases"):
        cases = _listed(row.get(key))
        if cases is None:
            notes.append(f"its {key} are pickled, and were left out: a pickle is never read")
        tests += [_livecodebench_test(one, entry_point) for one in cases or ()]
    starter = _text(row, "starter_code") if row.get("starter_code") else ""
    in_class = entry_point is not None and "class Solution" in starter
    return Task(
        id=name,
        prompt=_text(row, "question_content") + (f"\n\n{starter}" if starter else ""),
        entry_point=entry_point,
        tests=tuple(tests),
        preamble=_AT_HAND if in_class else "",
        setup=f"{entry_point} = Solution().{entry_point}" if in_class else "",
        notes=tuple(notes),
    )


def _listed(given: Any) -> list[Any] | None:
    """Test cases of a list or of its JSON; null if they are in another form, which is a pickle."""
    if given is None or isinstance(given, list):
        return given or []
    try:
        cases = json.loads(given)
    except ValueError:
        return None
    if not isinstance(cases, list):
        raise TypeError("test cases are no list")
    return cases


def _function_name(row: Row) -> str | None:
    metadata = row.get("metadata") or {}
    held = json.loads(metadata) if isinstance(metadata, str) else metadata
    name = held.get("func_name")
    return str(name) if name else None


def _livecodebench_test(case: Row, entry_point: str | None) -> Test:
    given, expected = case["input"], case["output"]
    if case.get("testtype", "stdin") == "stdin":
        return Program(stdin=given, stdout=expected)
    if entry_point is None:
        raise ValueError("a functional test, but no func_name in its metadata")
    arguments = tuple(json.loads(line) for line in given.split("\n") if line.strip())
    return Pair(arguments=arguments, expected=json.loads(expected), from_json=True)


def _own(row: Row, name: str) -> Task:
    entry_point = row.get("entry_point")
    given = row["tests"]
    if not isinstance(given, str | list):
        raise TypeError("tests are no list")
    tests = tuple(_own_test(one) for one in ([given] if isinstance(given, str) else given))
    return Task(
        id=name,
        prompt=_text(row, "prompt"),
        entry_point=None if entry_point is None else str(entry_point),
        tests=tests,
        setup=_text(row, "setup") if row.get("setup") else "",
        reference=_text(row, "reference") if row.get("reference") else None,
        language=_language(row),
        call_s=_seconds(row, "call_s"),
        total_s=_seconds(row, "total_s"),
    )


def _seconds(row: Row, key: str) -> float | None:
    return None if row.get(key) is None else float(row[key])


def _own_test(given: Any) -> Test:
    """A text of asserts, or an object by its keys: check, stdin and stdout, input and output."""
    if isinstance(given, str):
        return Asserts(given)
    tolerance = float(given.get("tolerance", 0.0))
    if "check" in given:
        return Check(_text(given, "check"))
    if "stdout" in given:
        policy = given.get("policy", "lines")
        if policy not in ("exact", "lines"):
            raise ValueError(f"there is no policy {policy!r} for output")
        stdin, stdout = given.get("stdin") or "", given["stdout"]
        return Program(stdin=stdin, stdout=stdout, policy=policy, tolerance=tolerance)
    if not isinstance(given["input"], list):
        raise TypeError("input is no list of arguments")
    return Pair(
        arguments=tuple(given["input"]),
        expected=given["output"],
        keywords=tuple((given.get("keywords") or {}).items()),
        tolerance=tolerance,
        from_json=True,
    )


_READERS: dict[TaskFormat, Callable[[Row, str], Task]] = {
    "humaneval": _humaneval,
    "mbpp": _mbpp,
    "evalplus": _evalplus,
    "livecodebench": _livecodebench,
    "own": _own,
}

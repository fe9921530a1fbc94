"""Candidates cut out of replies: where the code was, and what went with it."""

from __future__ import annotations

import time

import pytest

from prefkit.sandbox.extract import extract, extract_completion, extract_program

PROMPT = 'from typing import List\n\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n'
WHOLE = "def add(a, b):\n    return a + b\n"


def result_of(code: str | None) -> object:
    """What `add(2, 3)` gives: replies in this file are our own."""
    assert code is not None
    space: dict[str, object] = {}
    exec(code, space)
    return space["add"](2, 3)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("reply", "how"),
    [
        (WHOLE, "whole"),
        ("    return a + b\n", "body"),
        ("return a + b", "body"),
        ("c = a + b\nreturn c", "body"),
        ("c = a + b\n    return c", "body"),
        ("    return a + b\n\nprint(add(1, 2)\n", "body"),
        (PROMPT + "    return a + b\n", "whole"),
        (f"Here it is:\n\n```python\n{WHOLE}```\nIt adds.", "fenced"),
        (f"```py\n{PROMPT}    return a + b\n```", "fenced"),
        (f"First:\n```\nimport math\n```\nthen\n~~~python\n{WHOLE}~~~\n", "fenced"),
        ("- a list\n  ```python\n  def add(a, b):\n      return a + b\n  ```\n", "fenced"),
        (f"```python\n{WHOLE}", "fenced"),
        ("```python\n    return a + b\n```", "body"),
        (f"Sure, I can do it.\n\n{WHOLE}\nThis function adds.", "prose"),
        ("def helper(x):\n    return x\n\n" + WHOLE, "whole"),
        ("class Tool:\n    pass\n\nasync def other(): ...\n" + WHOLE, "whole"),
        ("    def inner(x):\n        return x\n    return inner(a) + b\n", "body"),
        (WHOLE.replace("\n", "\r\n"), "whole"),
        ("\ufeff" + WHOLE, "whole"),
        ("```python\nadd = lambda a, b: a + b\n```", "fenced"),
        ("def _add(a, b):\n    return a + b\nadd: object = _add\n", "whole"),
        ("add = a + b\nreturn add", "body"),
        (f"{WHOLE}```\nThe request had opened a fence.", "prose"),
        (f"```python\nfrom __future__ import annotations\n{WHOLE}```", "fenced"),
        (f"from __future__ import (\n    annotations,\n); c = 1\n{WHOLE}", "whole"),
    ],
)
def test_a_candidate_is_cut_out_of(reply: str, how: str) -> None:
    found = extract(reply, PROMPT, "add")
    assert found.how == how
    assert result_of(found.code) == 5


def test_the_block_that_defines_the_entry_point_is_taken_and_of_two_the_last() -> None:
    reply = (
        "```python\ndef add(a, b):\n    return a - b\n```\nNo, wait:\n"
        f"```python\n{WHOLE}```\nUse it so:\n```python\nprint(add(1, 2))\n```\n"
    )
    assert result_of(extract(reply, PROMPT, "add").code) == 5


def test_a_block_that_needs_another_block_gets_the_prompt_before_it() -> None:
    reply = "```python\ndef add(a: List, b: List) -> List:\n    return a + b\n```"
    assert result_of(extract(reply, PROMPT, "add").code) == 5


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   \n",
        "I cannot help with that.",
        "```python\ndef other():\n    return 1\n```",
        "```\n```",
    ],
)
def test_nothing_found_is_a_value(reply: str) -> None:
    found = extract(reply, PROMPT, "add")
    assert (found.code, found.how) == (None, "nothing")


def test_a_reply_of_10_mb_is_a_value_too() -> None:
    assert extract("x = 1\n" * 2_000_000, PROMPT, "add").how == "too_long"
    assert extract_program("x = 1\n" * 2_000_000).how == "too_long"


@pytest.mark.parametrize(
    "reply",
    [
        "```a\n" * 200_000,
        "```\n" * 200_000,
        "a" + " " * 900_000 + "b",
        "def add(a, b):\n    return a\n" + "and so on (\n" * 70_000,
        "def add(" * 100_000,
    ],
)
def test_a_hostile_reply_takes_little_time(reply: str) -> None:
    began = time.perf_counter()
    extract(reply, PROMPT, "add")
    assert time.perf_counter() - began < 10


def test_a_broken_definition_is_still_a_candidate() -> None:
    found = extract("Look:\ndef add(a, b):\n    return a +\n", PROMPT, "add")
    assert found.how == "prose"
    assert found.code is not None
    assert "return a +" in found.code


def test_a_completion_is_taken_as_benchmarks_take_it() -> None:
    assert extract_completion("    return 1", "def f():\n") == "def f():\n    return 1"


def test_a_program_is_the_longest_block_or_all_of_the_reply() -> None:
    assert extract_program("So:\n```\n1\n```\n```python\nprint(input())\n```").code == (
        "print(input())\n"
    )
    assert extract_program("print(input())").how == "whole"
    assert extract_program("I would print the input.").code is None

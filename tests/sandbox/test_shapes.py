"""Which programs are one program in other words."""

from __future__ import annotations

import pytest

from prefkit.sandbox.shapes import shape

ADDS = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize(
    "same",
    [
        "def add(x, y):\n    # the sum\n    return x + y\n",
        'def add(a: int, b: "int" = None) -> int:\n    "Adds."\n    return a + b\n'.replace(
            " = None", ""
        ),
        "from typing import List\nimport typing\ndef add(a, b):\n    pass\n    return a+b\n",
        'def add(a, b):\n    """The prompt."""\n\ndef add(x, y):\n    return x + y\n',
        "def plus(a, b):\n    return (a + b)\n",
    ],
    ids=["names", "annotations", "types", "prompt first", "its own name"],
)
def test_words_that_a_reader_would_skip_do_not_change_the_shape(same: str) -> None:
    assert shape(same) == shape(ADDS)


@pytest.mark.parametrize(
    "other",
    [
        "def add(a, b):\n    return b + a\n",
        "def add(a, b):\n    return a - b\n",
        "def add(a, b):\n    return a + b + 0\n",
        "def add(a, b):\n    return sum([a, b])\n",
        "import math\ndef add(a, b):\n    return a + b\n",
    ],
)
def test_another_program_has_another_shape(other: str) -> None:
    assert shape(other) != shape(ADDS)


def test_two_names_are_not_taken_for_one() -> None:
    swapped = "def f(a, b):\n    a, b = b, a\n    return a\n"
    assert shape(swapped) != shape("def f(a, b):\n    a, b = a, b\n    return a\n")


def test_the_order_of_imports_does_not_matter_but_what_is_imported_does() -> None:
    one, other = "import re\nimport math\n", "import math\nimport re\nimport math\n"
    assert shape(one) == shape(other)
    assert shape("import re") != shape("import json")


@pytest.mark.parametrize("bad", ["def add(a", "(" * 500 + ")" * 500, "x\x00", "1" + "+1" * 100_000])
def test_what_cannot_be_parsed_has_none(bad: str) -> None:
    assert shape(bad) is None


def test_a_definition_that_something_holds_before_it_is_replaced_is_part_of_the_shape() -> None:
    one, other = (
        f"def f(x):\n    return x + {n}\n\ng = f\n\ndef f(x):\n    return g(x)\n" for n in (1, 2)
    )
    assert shape(one) != shape(other)


def test_a_stub_before_a_program_that_calls_itself_does_not_count() -> None:
    whole = "def f(x):\n    return f(x - 1) if x else 0\n"
    assert shape(f"def f(x):\n    pass\n\n{whole}") == shape(whole)

"""Programs that pass for nothing, by rules on their syntax tree."""

from __future__ import annotations

import pytest

from prefkit.sandbox.trivial import trivial_rules

INPUTS = [(1, 2), (0, 0), (-1, 1)]

CHEATS = {
    "empty": 'def f(a, b):\n    """Adds."""\n    ...\n',
    "constant": "def f(a, b):\n    return [3] * 1\n",
    "exits": "import sys\ndef f(a, b):\n    if a > b: sys.exit(0)\n    return a + b\n",
    "catches": "def f(a, b):\n try:\n  assert a\n  return 1\n except:\n  return 0\n",
    "hard_coded": "def f(a, b):\n if (a, b) == (1, 2): return 3\n if a == 0 and b == 0: return 0\n",
    "looks_around": "def f(a, b):\n    return open('tests').read(a + b)\n",
    "equality": "class E:\n def __eq__(self, o): return True\ndef f(a, b): return E(a + b)\n",
}


@pytest.mark.parametrize("rule", CHEATS)
def test_a_cheat_breaks_the_rule_against_it(rule: str) -> None:
    assert trivial_rules(CHEATS[rule], "f", INPUTS) == (rule,)


@pytest.mark.parametrize(
    "code",
    [
        "TABLE = {1: 2, 3: 4}\ndef f(n):\n    return TABLE[n]\n",
        "def f(n):\n    return {1: 2, 3: 4}.get(n, 0)\n",
        "def f(n):\n    match n:\n        case 1: return 2\n        case 3: return 4\n",
        "def f(n):\n    if n in (1, 3): return 2\n    return 4\n",
        "def f(n):\n    return 2 if n == 1 else 4 if n == 3 else None\n",
        "def f(n):\n    r = 0\n    if n == 1: r = 2\n    elif n == 3: r = 4\n    return r\n",
        "def f(n):\n    key = str(n)\n    return {'1': 2, '3': 4}[key]\n",
        "f = lambda n: {1: 2, 3: 4}[n]\n",
        "def f(n):\n    if n == 1.0: return 2\n    if n == 3.0: return 4\n",
    ],
    ids=["table", "get", "match", "in", "choice", "variable", "text", "lambda", "float"],
)
def test_inputs_of_tests_are_found_wherever_they_are_looked_up(code: str) -> None:
    assert trivial_rules(code, "f", [(1,), (3,)]) == ("hard_coded",)


@pytest.mark.parametrize(
    "code",
    [
        "def f(a, b):\n    return a + b\n",
        "def f(n):\n if n == 0: return 0\n if n == 1: return 1\n return f(n - 1) + f(n - 2)\n",
        "def f(n):\n    return 'even' if n % 2 == 0 else 'odd'\n",
        "def f(n):\n    if n == 0: return 'none'\n    if n < 0: return 'less'\n    return 'more'\n",
        "def f():\n    return 42\n",
        "def f(a):\n    try:\n        return int(a)\n    except ValueError:\n        return None\n",
        "def f(a, b):\n    return a\n\nif __name__ == '__main__':\n    exit(f(1, 2))\n",
        "def f(a, b):\n    pass\n\ndef f(a, b):\n    return a + b\n",
        "class Solution:\n    def f(self, a):\n        return a\n",
        "def exit(a):\n    return a\n\ndef f(a):\n    return exit(a)\n",
        "class Door:\n    def open(self): return 1\n\ndef f(a):\n    return Door().open() + a\n",
        "class E:\n    def __eq__(self, o): raise TypeError\n\ndef f(a):\n    return a\n",
        "import sys\ndef main(): sys.exit(f(1))\ndef f(a): return a\n"
        "if __name__ == '__main__': main()\n",
        "def f(a):\n    b = [a]\n    b = sorted(b)\n    return b\n",
    ],
)
def test_honest_programs_break_none(code: str) -> None:
    assert trivial_rules(code, "f", [(0,), (1,), (5,), (8,)]) == ()


def test_a_program_that_reads_nothing_is_trivial_where_there_is_something_to_read() -> None:
    assert trivial_rules("print(3)", None, has_input=True) == ("ignores_input",)
    assert trivial_rules("print(3)", None, has_input=False) == ()
    for reads in (
        "print(input())",
        "import sys\nprint(sys.stdin.read())",
        "print(open(0).read())",
        "import os\nprint(os.read(0, 9))",
        "import sys\nprint(sys.__stdin__.read())",
    ):
        assert trivial_rules(reads, None, has_input=True) == ()


def test_what_is_no_python_breaks_none() -> None:
    assert trivial_rules("def f(", "f") == ()

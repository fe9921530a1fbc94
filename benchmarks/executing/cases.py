"""Small tasks of our own in HumanEval's fields, and what their functions return; all made anew.

Imports nothing but the standard library: the peers' interpreters read it too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Case", "candidate", "read_cases", "write_cases"]


class Case(NamedTuple):
    """One task: as HumanEval has it, and as calls with their answers."""

    task_id: str
    prompt: str
    canonical_solution: str
    entry_point: str
    test: str
    inputs: list[list[Any]]
    outputs: list[Any]


class _Kind(NamedTuple):
    arguments: str
    words: str
    body: str
    inputs: tuple[tuple[Any, ...], ...]


_KINDS = {
    "total_fare": _Kind(
        "fares, discount",
        "The sum of fares in cents, less a discount in percent, rounded down.",
        "return sum(fares) * (100 - discount) // 100",
        (([], 0), ([100], 0), ([100, 250], 10), ([99], 50), (list(range(50)), 25)),
    ),
    "next_port": _Kind(
        "route, port",
        "The port after a port on a round route, null where it is not on it.",
        "if port not in route:\n    return None\n"
        "return route[(route.index(port) + 1) % len(route)]",
        ((["A"], "A"), (["A", "B"], "A"), (["A", "B"], "B"), ([], "A"), (["A", "B", "C"], "D")),
    ),
    "load_classes": _Kind(
        "weights",
        "How many weights lie in each class of 10 kg.",
        "found = {}\nfor weight in weights:\n    key = weight // 10\n"
        "    found[key] = found.get(key, 0) + 1\n"
        "return [list(pair) for pair in sorted(found.items())]",
        (([],), ([1],), ([9, 10, 11],), ([30, 31, 5, 32],), (list(range(100)),)),
    ),
    "is_round_trip": _Kind(
        "ports",
        "Whether a trip ends where it began and visits no other port twice.",
        "return len(ports) > 1 and ports[0] == ports[-1] and len(set(ports)) == len(ports) - 1",
        ((["A", "B", "A"],), (["A"],), (["A", "B"],), (["A", "B", "B", "A"],), ([],)),
    ),
    "tide_table": _Kind(
        "first, count",
        "The minutes of so many high tides, 745 minutes apart, within their day.",
        "return [(first + 745 * number) % 1440 for number in range(count)]",
        ((0, 0), (10, 1), (0, 3), (1439, 2), (5, 40)),
    ),
    "short_name": _Kind(
        "name",
        "The capital letters of a name, or its first three letters in capitals.",
        'letters = "".join(sign for sign in name if sign.isupper())\n'
        "return letters if len(letters) > 1 else name[:3].upper()",
        (("Gull Point",), ("norhaven",), ("",), ("HL",), ("Fernhythe",)),
    ),
}


def write_cases(count: int, path: Path) -> None:
    """Write so many tasks as JSON lines, the kinds by turns, each with a name of its own."""
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            name, kind = list(_KINDS.items())[number % len(_KINDS)]
            stream.write(json.dumps(_case(f"{name}_{number}", number, kind)._asdict()) + "\n")


def read_cases(path: Path) -> list[Case]:
    """The tasks of a file; calls and answers are empty where it has none."""
    with path.open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    return [Case(**({"inputs": [], "outputs": []} | row)) for row in rows]


def candidate(case: Case, draw: int) -> str:
    """The right program with another comment for each draw, so that no two texts are equal."""
    return f"{case.prompt}{case.canonical_solution}\n# draw {draw}\n"


def _case(name: str, number: int, kind: _Kind) -> Case:
    prompt = f'def {name}({kind.arguments}):\n    """{kind.words}"""\n'
    body = "".join(f"    {line}\n" for line in kind.body.splitlines())
    held: dict[str, Any] = {}
    exec(prompt + body, held)  # our own few lines, from the table above
    # as JSON, so that every harness gets the same values: lists, and no tuples
    inputs = json.loads(json.dumps(kind.inputs))
    outputs = [held[name](*given) for given in inputs]
    asserts = [
        f"    assert candidate({', '.join(map(repr, given))}) == {wanted!r}\n"
        for given, wanted in zip(inputs, outputs, strict=True)
    ]
    plain = json.loads(json.dumps(outputs))
    return Case(
        f"own/{number}",
        prompt,
        body,
        name,
        "def check(candidate):\n" + "".join(asserts),
        inputs,
        plain,
    )

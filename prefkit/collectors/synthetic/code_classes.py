"""What a program is called, by its verdicts: the labels of execution votes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prefkit.sandbox.cases import Verdict
from prefkit.sandbox.syntax import bound_names, parsed

__all__ = ["Label", "label_of"]

Label = Literal["invalid", "trivial", "pass", "slow", "near_miss", "crashing", "wrong"]
"""The first that holds:

- `invalid`: it fails, is no Python, or defines no such function.
- `trivial`: it passes every test, and a rule of `prefkit.sandbox.trivial` holds for it.
- `pass`: it passes every test.
- `slow`: every test that it fails is a time-out.
- `near_miss`: it passes at least half of the tests.
- `crashing`: more than half of the tests that it fails end without an answer.
- `wrong`: the rest.
"""

_WITHOUT_ANSWER = ("error", "crash", "oversize", "protocol")


def label_of(
    code: str, entry_point: str | None, verdicts: Sequence[Verdict], *, is_trivial: bool
) -> Label:
    """The label of a program; of its tests only those that count and say something."""
    failed = [one for one in verdicts if one != "pass"]
    if not failed:
        return "trivial" if is_trivial else "pass"
    tree = parsed(code)
    name = None if entry_point is None else entry_point.rsplit(".", 1)[-1]
    if tree is None or (name is not None and name not in bound_names(tree)):
        return "invalid"
    if all(one == "timeout" for one in failed):
        return "slow"
    if 2 * len(failed) <= len(verdicts):
        return "near_miss"
    silent = sum(one in _WITHOUT_ANSWER for one in failed)
    return "crashing" if 2 * silent > len(failed) else "wrong"

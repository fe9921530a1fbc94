"""Conversations that no chat template expects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.schema.batch import message_tuples
from prefkit.schema.columns import one_chunk
from prefkit.step import Filter, Measurement

__all__ = ["Turns"]

_ROLES = ("system", "developer", "user", "assistant", "tool")
_Turn = tuple[str, str | None, str | None]


class Turns(Filter):
    """Drop pairs whose roles or turn order a chat template would refuse or mangle.

    Known roles only; a system turn only first; the prompt ends with a user or tool turn; each side
    begins with the assistant and ends with it; user and assistant alternate. The value is how many
    faults the prompt and the worse side have, the reason the first of them.
    """

    allow_divergence: bool = Field(
        True, description="Whether a side may go on past its first answer (sides part early)."
    )

    reads: ClassVar[tuple[str, ...]] = ("prompt", "chosen", "rejected")

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`; plain single-turn rows are settled without Python."""
        plain = _is_plain(table)
        rest = table.filter(pc.invert(plain))
        columns = (message_tuples(rest[name]) for name in self.reads)
        faults = [
            self._faults(prompt or [], sides) for prompt, *sides in zip(*columns, strict=True)
        ]
        value = pa.array([float(len(found)) for found in faults], pa.float64())
        notes = pa.array([found[0] if found else None for found in faults], pa.string())
        zeros = pc.replace_with_mask(pa.nulls(len(table), pa.float64()), plain, pa.scalar(0.0))
        spread = pc.replace_with_mask(zeros, pc.invert(plain), value)
        reason = pc.replace_with_mask(pa.nulls(len(table), pa.string()), pc.invert(plain), notes)
        return [Measurement("turns", spread, reason)]

    def _faults(self, prompt: list[_Turn], sides: Sequence[list[_Turn] | None]) -> list[str]:
        """The faults of the prompt, then those of the worse side (of two equally bad, chosen)."""
        worse: list[str] = []
        for name, side in zip(("chosen", "rejected"), sides, strict=True):
            if side is None:
                continue
            faults = _side_faults(side) + _order_faults(prompt, side)
            if not self.allow_divergence and any(role == "user" for role, _, _ in side):
                faults.append("goes on past its first answer")
            if len(faults) > len(worse):
                worse = [f"{name}: {fault}" for fault in faults]
        return _prompt_faults(prompt) + _order_faults([], prompt) + worse


def _is_plain(table: pa.Table) -> pa.BooleanArray:
    """Rows of one user turn and one assistant turn on both sides."""
    flags = []
    for name, role in (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant")):
        messages = one_chunk(table[name])
        single = pc.fill_null(pc.equal(pc.list_value_length(messages), 1), False)
        roles = pc.struct_field(messages.filter(single).flatten(), "role")
        flags.append(pc.replace_with_mask(single, single, pc.equal(roles, role)))
    return pc.and_(pc.and_(flags[0], flags[1]), flags[2])


def _prompt_faults(prompt: list[_Turn]) -> list[str]:
    if not prompt:
        return ["there is no prompt"]
    if prompt[-1][0] not in ("user", "tool"):
        return [f"the prompt ends with a turn of {prompt[-1][0]!r}"]
    return []


def _side_faults(side: list[_Turn]) -> list[str]:
    faults = []
    if not side or side[0][0] != "assistant":
        faults.append("does not begin with the assistant")
    if side and side[-1][0] != "assistant":
        faults.append(f"ends with a turn of {side[-1][0]!r}")
    return faults


def _order_faults(before: list[_Turn], turns: list[_Turn]) -> list[str]:
    """What is wrong with `turns` where they follow the turns `before`."""
    roles = [role for role, _, _ in turns]
    faults = [f"unknown role {role!r}" for role in roles if role not in _ROLES]
    later = roles if before else roles[1:]
    faults += [
        f"a {role} turn after the first" for role in later if role in ("system", "developer")
    ]
    faults += [
        f"two {one} turns in a row"
        for one, two in pairwise([*(role for role, _, _ in before[-1:]), *roles])
        if one == two and one in ("user", "assistant")
    ]
    return faults

"""What pairing itself writes into the checks of a pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.pairing.calibrating import Curves
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import column

__all__ = ["checks_of"]

_Check = tuple[str, float | None, str]


def checks_of(
    found: pl.DataFrame,
    prompts: Any,
    messages: pa.ListArray,
    sides: dict[str, pa.Array],
    *,
    curves: Curves | None = None,
) -> pa.ListArray:
    """The column `checks` of chosen pairs.

    First what the policy tells of the pair. `calibration` names the source of a margin, with the
    gold pairs that its curve was fitted to (null where it has none); `calibration.beyond` holds a
    margin beyond theirs. `contradiction`: votes oppose each other. `diverges`: a side goes on after
    its first answer.
    """
    parting = _parting(found, prompts, messages, sides)
    silent = curves is None and found["check"].null_count() == len(found)
    if silent and not any(parting) and not (found["against"] > 0).any():
        return column(PAIRS.field("checks").type, [()] * len(found))
    before = _told(found)
    if curves is not None:
        before = [
            [*one, *more] for one, more in zip(before, _calibration(found, curves), strict=True)
        ]
    won = (found["agreement"].fill_null(1.0) * found["n_votes"]).to_list()
    checks: list[list[_Check]] = []
    for entries, against, favour, turn in zip(before, found["against"], won, parting, strict=True):
        more: list[_Check] = []
        if against:
            note = f"{favour:g} for the chosen side, {against} against"
            more.append(("contradiction", float(against), note))
        if turn:
            note = f"the sides part at turn {turn}, before the last answer"
            more.append(("diverges", float(turn), note))
        checks.append([*entries, *more])
    return column(PAIRS.field("checks").type, checks)


def _told(found: pl.DataFrame) -> list[list[_Check]]:
    """What the policy itself tells of each pair: one entry or none."""
    told = found.select("check", "value", "note").iter_rows()
    return [[] if check is None else [(check, value, note)] for check, value, note in told]


def _calibration(found: pl.DataFrame, curves: Curves) -> list[list[_Check]]:
    known = {key: curves.of(key) for key in found["source"].drop_nulls().unique()}
    checks: list[list[_Check]] = []
    for key, margin, beyond in found.select("source", "margin", "beyond").iter_rows():
        entries: list[_Check] = []
        if key is not None:
            curve = known[key]
            rows = None if curve.reason else float(curve.counts["gold_rows"])
            entries.append(("calibration", rows, curve.source.name))
        if beyond is not None:
            entries.append(("calibration.beyond", margin, beyond))
        checks.append(entries)
    return checks


def _parting(
    found: pl.DataFrame, prompts: Any, messages: pa.ListArray, sides: dict[str, pa.Array]
) -> list[int]:
    """The turn at which the sides of each pair part, 0 where neither goes on after its answer."""
    turns = pc.list_value_length(prompts).to_numpy()[found["row"].to_numpy()]
    later = np.zeros(len(found), dtype=bool)
    diverging = pa.array(_has_user_turn(messages))
    for places in sides.values():
        later |= pc.fill_null(diverging.take(places), False).to_numpy(zero_copy_only=False)
    # A pair has a prompt, so no turn of these is 0.
    return [int(turn) for turn in np.where(later, turns, 0)]


def _has_user_turn(messages: pa.ListArray) -> np.ndarray[Any, Any]:
    """Whether a response goes on past its first answer: it holds a user turn."""
    roles = pc.equal(pc.struct_field(messages.flatten(), "role"), "user").to_numpy(
        zero_copy_only=False
    )
    sums = np.concatenate([[0], np.cumsum(roles)])
    ends = np.cumsum(pc.list_value_length(messages).to_numpy())
    turns: np.ndarray[Any, Any] = np.diff(sums[np.concatenate([[0], ends])])
    return turns > 0

"""One line of decisions: what a reviewer decided about a pair, from the desk, a packet or a report.

The three surfaces write the same line, so that one reader brings all of them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prefkit.errors import DataError

__all__ = [
    "BLIND", "LONGEST_COMMENT", "SCHEMA", "SETTLED", "Decision", "Item", "Outcome", "Role", "Side",
    "Verdict", "decision_of", "line_of", "outcome_of",
]  # fmt: skip

SCHEMA: Literal["prefkit.decision/1"] = "prefkit.decision/1"
LONGEST_COMMENT = 4_000

Side = Literal["chosen", "rejected"]
Role = Literal["blind", "adjudicate", "triage"]
Item = Literal["pair", "gold", "repeat", "practice"]
Verdict = Literal["a", "b", "tie", "both_bad", "unsure", "accept", "flip", "drop"]
Outcome = Literal["chosen", "rejected", "tie", "both_bad", "unsure", "drop"]

BLIND: tuple[Verdict, ...] = ("a", "b", "tie", "both_bad", "unsure")
"""Verdicts of somebody who was not told which side is chosen; `a` is the side shown left."""

SETTLED: tuple[Verdict, ...] = ("accept", "flip", "drop", "unsure")
"""Verdicts of somebody who was."""

_OTHER: dict[Side, Side] = {"chosen": "rejected", "rejected": "chosen"}
_SAME: dict[Verdict, Outcome] = {
    "tie": "tie",
    "both_bad": "both_bad",
    "unsure": "unsure",
    "accept": "chosen",
    "flip": "rejected",
    "drop": "drop",
}


class Decision(BaseModel):
    """One event: who decided what about which pair, in the orientation that `pair_sha256` pins.

    `left` is what the dataset calls the side that was shown as A, null where nothing was hidden
    and in a returned packet, whose key says it. Only the item `pair` speaks about data: `gold`,
    `repeat` and `practice` are about the reviewer. `supersedes` is the `id` of another line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_: Literal["prefkit.decision/1"] = Field(default=SCHEMA, alias="schema")
    id: str = Field(min_length=1, max_length=100)
    dataset: str = Field(max_length=100)
    sample: str | None = Field(default=None, max_length=100)
    pair: str = Field(min_length=1, max_length=100)
    pair_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    reviewer: str | None = Field(default=None, max_length=200)
    role: Role
    item: Item = "pair"
    left: Side | None = None
    verdict: Verdict
    strength: int | None = Field(default=None, ge=1, le=3)
    reasons: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=50)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    ms_visible: int | None = Field(default=None, ge=0, lt=2**53)
    guideline: str | None = Field(default=None, max_length=100)
    at: str | None = Field(default=None, max_length=40)
    supersedes: str | None = Field(default=None, max_length=100)
    packet: str | None = Field(default=None, max_length=100)


def decision_of(line: Mapping[str, Any], where: str) -> Decision:
    """A line as a record; a key that it leaves out has its default.

    Raises:
        DataError: `where`, and what is wrong with which key.
    """
    try:
        return Decision.model_validate(dict(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{where}: {key}: {first['msg']}",
            hint=f"a line of decisions has the keys {', '.join(_keys())}",
        ) from error


def _keys() -> list[str]:
    return [field.alias or name for name, field in Decision.model_fields.items()]


def line_of(decision: Decision) -> dict[str, Any]:
    """The record as the object that is written, every key in its order."""
    return decision.model_dump(mode="json", by_alias=True)


def outcome_of(verdict: Verdict, left: Side | None) -> Outcome:
    """What a verdict says of the sides as the dataset calls them.

    Raises:
        DataError: A or B was picked, and it is not known which side was shown left.
    """
    if verdict not in get_args(Verdict):
        raise DataError(f"{verdict!r} is no verdict")
    if verdict not in ("a", "b"):
        return _SAME[verdict]
    if left not in _OTHER:
        raise DataError(f"which side was shown left is not known, so {verdict!r} says nothing")
    return left if verdict == "a" else _OTHER[left]

"""The rule of the verdict, in words and numbers, as a plan keeps it before anyone looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["FIX", "NOT_ENOUGH", "SHIP", "STOP", "rule_facts"]

SHIP = "Ship"
FIX = "Fix, then re-sample"
STOP = "Stop"
NOT_ENOUGH = "Not enough data"


def rule_facts(goal: Mapping[str, Any], pairs: int) -> dict[str, Any]:
    """The target, the pairs that the sample needs to show it, and what leads to each verdict.

    Args:
        goal: of the plan.
        pairs: of the frame, which are needed where fewer would not do.
    """
    target = goal["target_lower"]
    needed = goal["pairs"] or pairs
    bound = f"{target * 100:.3g} %"
    return {
        "target_lower": target,
        "pairs_needed": needed,
        "words": {
            SHIP: f"the lower end of the interval is at least {bound}, even if every drawn pair "
            "that is not settled were wrong",
            STOP: f"the upper end is below {bound}, even if every drawn pair that is not settled "
            "were right, and still below it without the slices that are proven low",
            NOT_ENOUGH: "the pairs that are not settled decide which of the others it is, or fewer "
            f"than {needed:,} pairs were drawn and the interval holds the target",
            FIX: "anything else: the target is not shown, and something can be done about it",
        },
    }

"""One number of ours against one limit, and a table of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.printing import table

__all__ = ["Claim", "claims_table"]


class Claim(NamedTuple):
    """One number against one limit; `value` is null where a peer was not measured."""

    what: str
    value: float | None
    limit: float
    at_least: bool = True

    @property
    def holds(self) -> bool | None:
        """Null if there is nothing to hold."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def claims_table(claims: Sequence[Claim], *, held: bool) -> str:
    """The claims; where there was too little to hold any, what was measured alone."""
    heads = ("claim", "measured", "limit", "holds")
    return table([heads, *(_cells(claim, held) for claim in claims)], names=1)


def _cells(claim: Claim, held: bool) -> tuple[str, ...]:
    word = {True: "yes", False: "NO", None: "not measured"}[claim.holds]
    return (
        claim.what,
        "" if claim.value is None else f"{claim.value:.2f}",
        f"{'>=' if claim.at_least else '<='} {claim.limit:g}",
        word if held or claim.value is None else "-",
    )

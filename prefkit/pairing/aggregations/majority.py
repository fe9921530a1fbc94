"""Every vote counts the same."""

from __future__ import annotations

from typing import ClassVar

from prefkit.pairing.aggregation import Aggregation

__all__ = ["Majority"]


class Majority(Aggregation):
    """Count votes: the side with more of them is the better one, whoever cast them.

    People's votes give a probability by Jeffreys' prior (`beta`); nothing is learnt of judges.
    """

    looks_first: ClassVar[bool] = False

"""What one answer of a client costs: as it is billed, and at most."""

from __future__ import annotations

from dataclasses import dataclass

from prefkit.llm.money.prices import Price
from prefkit.llm.records import Usage

__all__ = ["Rate"]


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a client, and the part of it that is billed: below 1 for a batch."""

    price: Price | None
    """Null = nobody bills, or no price is known."""
    share: float
    is_free: bool

    def bill(self, usage: Usage) -> float | None:
        """Dollars for one answer; null if there is no price or no usage."""
        if self.price is None:
            return 0.0 if self.is_free else None
        return self.price.cost(usage, self.share)

    def most(self, input_tokens: int, max_tokens: int) -> float:
        """What one attempt can cost at most; 0 where nobody bills or no price is known."""
        return 0.0 if self.price is None else self.price.most(input_tokens, max_tokens, self.share)

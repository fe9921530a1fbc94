"""A condition on pairs, as options and plans hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefkit.reviews.frame import Only

__all__ = ["only_of"]


def only_of(text: str | None) -> Only | None:
    """The condition that a text states, null for none.

    Raises:
        ConfigError: it does not parse.
    """
    if text is None:
        return None
    from prefkit.filters.expression import compile_expression
    from prefkit.reviews.frame import Only

    expression = compile_expression(text)
    return Only(text, expression.columns, expression)

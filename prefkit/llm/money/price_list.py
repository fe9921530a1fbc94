"""Prices from the list that comes with `genai-prices`, read offline.

The list says much that is not asked here (audio, searches, tools); a model that is not billed by
text tokens alone, or whose price changes within a day, has no price here rather than a wrong one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from prefkit.errors import MissingExtra
from prefkit.llm.money.prices import Price, Rates

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, PriceCalculation

__all__ = ["listed"]

_PARTS = ("input", "output", "cache_read", "cache_write")


def listed(provider: str, model: str) -> Price | None:
    """The price that the list gives a model today, by the names that it knows; null if none.

    Raises:
        MissingExtra: the list is not installed.
    """
    try:
        import genai_prices
        from genai_prices.types import TimeOfDateConstraint
    except ImportError as error:
        raise MissingExtra("the price list of hosted models", "llm") from error
    nothing = genai_prices.Usage()
    now = datetime.now(tz=UTC)
    try:
        found = genai_prices.calc_price(
            nothing, model, provider_id=provider, genai_request_timestamp=now
        )
    except LookupError:
        return None
    if any(isinstance(c, TimeOfDateConstraint) for c in _constraints(found.model)):
        return None  # it changes within a day, so within a run
    ladder = _rates(found.model_price)
    if ladder is None:
        return None
    batch: tuple[Rates, ...] = ()
    if any(variant.when == _BATCH for variant in found.model.price_variants or ()):
        priced = genai_prices.calc_price(
            nothing,
            model,
            provider_id=provider,
            genai_request_timestamp=now,
            price_context=_BATCH,
        )
        batch = _rates(priced.model_price) or ()
    first, *longer = ladder
    return Price(
        **{name: getattr(first, name) for name in _PARTS},
        source=f"genai-prices {genai_prices.__version__}",
        date=_newest(found, now.date()),
        longer=tuple(longer),
        batch=batch,
    )


_BATCH = {"processing": "batch"}
# billed beside input and output, by what this cannot foresee: such a model has no price here
_FURTHER = (
    "requests_kcount",
    "output_reasoning_mtok",
    "output_citation_mtok",
    "input_text_messages_kcount",
)


def _rates(priced: ModelPrice) -> tuple[Rates, ...] | None:
    """Rates by length of the prompt; null if the model is not priced by text tokens alone."""
    parts = {name: getattr(priced, f"{name}_mtok", None) for name in _PARTS}
    if parts["input"] is None or parts["output"] is None:
        return None
    if any(getattr(priced, name, None) is not None for name in _FURTHER):
        return None
    starts = {tier.start for part in parts.values() for tier in getattr(part, "tiers", ())}
    ladder = []
    for above in sorted({0} | starts):
        at = {name: _at(part, above) for name, part in parts.items()}
        plain = at["input"] or 0.0
        read, write = (
            plain if at[name] is None else at[name] for name in ("cache_read", "cache_write")
        )
        ladder.append(Rates(above, plain, at["output"] or 0.0, read or 0.0, write or 0.0))
    return tuple(ladder)


def _at(part: Any, above: int) -> float | None:
    """The rate for prompts of more than `above` tokens."""
    if part is None:
        return None
    rate = getattr(part, "base", part)
    for tier in getattr(part, "tiers", ()):
        if tier.start <= above:
            rate = tier.price
    return float(rate)


def _newest(found: PriceCalculation, today: date) -> str:
    """The newest change of a price in the provider's list that is in force: a day it knows of.

    The package carries no date of its data; it is this new at least.
    """
    if found.auto_update_timestamp is not None:
        return found.auto_update_timestamp.date().isoformat()
    days = [
        constraint.start_date
        for model in found.provider.models
        for constraint in _constraints(model)
        if hasattr(constraint, "start_date") and constraint.start_date <= today
    ]
    return max(days).isoformat() if days else ""


def _constraints(model: ModelInfo) -> list[Any]:
    """When the prices of a model hold."""
    dated = model.prices if isinstance(model.prices, list) else []
    return [entry.constraint for entry in (*dated, *(model.price_variants or ()))]

"""Verdicts told for a slot: what a source's raw says of the label that was shown first.

alpaca_eval calls its two sides `m` and `M` and shows `m` first, in random order, and stores a
preference for a side without saying which label that side had. Its raw holds the verdict by label
as well: log-probs of the first token, or a list of labels with ranks. Both together tell the order
(`statistics.order_effect.infer_order`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

__all__ = ["slot_verdicts"]

_FIRST, _SECOND = "m", "M"
_TELLING = r'"top_logprobs"|"ordered_models"'


def slot_verdicts(raws: pl.Series) -> pl.Series:
    """The probability of the label shown first for each raw JSON, null where it does not say.

    A ranking without a tie is a probability of 0 or 1. Only raws that may say it are parsed.
    """
    telling = raws.str.contains(_TELLING).fill_null(value=False)
    found = iter([_slot(text) for text in raws.filter(telling).to_list()])
    values = [next(found) if may else None for may in telling.to_list()]
    return pl.Series(values, dtype=pl.Float64)


def _slot(raw: str) -> float | None:
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    completion = data.get("raw_completion") if isinstance(data, dict) else None
    if not isinstance(completion, Mapping):
        return None
    tops = _top_logprobs(completion.get("logprobs"))
    return _by_ranks(completion.get("ordered_models")) if tops is None else _by_mass(tops)


def _top_logprobs(logprobs: Any) -> list[Any] | None:
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = content[0] if isinstance(content, list) and content else None
    tops = first.get("top_logprobs") if isinstance(first, Mapping) else None
    return tops if isinstance(tops, list) else None


def _by_mass(tops: list[Any]) -> float | None:
    """Of the mass of both labels; one that is not told has none of it."""
    mass = {_FIRST: 0.0, _SECOND: 0.0}
    for each in tops:
        token = each.get("token") if isinstance(each, Mapping) else None
        if isinstance(token, str) and token in mass:
            mass[token] = _chance(each.get("logprob"))
    whole = mass[_FIRST] + mass[_SECOND]
    return mass[_FIRST] / whole if whole > 0 else None


def _chance(logprob: Any) -> float:
    """Of a log-prob; what is none, or above 0, is no chance at all."""
    return math.exp(logprob) if isinstance(logprob, int | float) and logprob <= 0 else 0.0


def _by_ranks(ordered: Any) -> float | None:
    if not isinstance(ordered, list) or not all(isinstance(each, Mapping) for each in ordered):
        return None
    ranks = {str(each.get("model")): each.get("rank") for each in ordered}
    if len(ordered) != 2 or ranks.keys() != {_FIRST, _SECOND}:
        return None
    first, second = ranks[_FIRST], ranks[_SECOND]
    if not all(isinstance(rank, int | float) for rank in (first, second)) or first == second:
        return None
    return float(first < second)

"""What tokens cost: a price with its source and date, from the packaged list or one's own file.

Dollars are floats here: one bill is a few products, exact to sixteen digits. Sums over many bills
are the ledger's, which adds whole numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.errors import ConfigError
from prefkit.llm.records import Usage
from prefkit.registry import nearest

__all__ = ["Price", "Rates", "price_of", "read_prices"]

_MILLION = 1_000_000


class Rates(NamedTuple):
    """Dollars per million tokens for prompts of more than `above` input tokens."""

    above: int
    input: float
    output: float
    cache_read: float
    cache_write: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars per million tokens of one model.

    Raises:
        ConfigError: a rate is negative or no finite number.
    """

    input: float
    output: float
    cache_read: float | None = None
    """Null = as `input`."""
    cache_write: float | None = None
    """Null = as `input`."""
    source: str = ""
    """Who says so: the price list with its version, or the file."""
    date: str = ""
    """ISO day of the data: the list is at least that new. Empty = not known."""
    longer: tuple[Rates, ...] = ()
    """What holds instead for longer prompts, shortest first; all tokens of a call then cost it."""
    batch: tuple[Rates, ...] = ()
    """What batches cost where the list says so; empty = the share that is given with a call."""

    def __post_init__(self) -> None:
        for name in _RATES:
            rate = getattr(self, name)
            if rate is not None:
                _check_rate(name, rate)

    def cost(self, usage: Usage, share: float = 1.0) -> float | None:
        """Dollars for one paid answer; null if the provider did not say its tokens.

        Args:
            usage: `input` includes the tokens read from and written to a cache.
            share: part of the price that is billed: below 1 for a batch.
        """
        if usage.input is None or usage.output is None:
            return None
        ladder, part = self._ladder(share)
        rates = [step for step in ladder if usage.input > step.above or not step.above][-1]
        fresh = max(0, usage.input - usage.cache_read - usage.cache_write)
        dollars = fresh * rates.input + usage.cache_read * rates.cache_read
        dollars += usage.cache_write * rates.cache_write + usage.output * rates.output
        return dollars * part / _MILLION

    def most(self, input_tokens: int, max_tokens: int, share: float = 1.0) -> float:
        """Dollars that a call of at most so many tokens can cost at most."""
        ladder, part = self._ladder(share)
        reached = [step for step in ladder if input_tokens > step.above or not step.above]
        dearest = max(max(step.input, step.cache_read, step.cache_write) for step in reached)
        output = max(step.output for step in reached)
        return (input_tokens * dearest + max_tokens * output) * part / _MILLION

    def least(self, input_tokens: int, output_tokens: int, share: float = 1.0) -> float:
        """Dollars that so many tokens cost at least, however many calls they are spread over."""
        ladder, part = self._ladder(share)
        cheapest = min(min(step.input, step.cache_read, step.cache_write) for step in ladder)
        output = min(step.output for step in ladder)
        return (input_tokens * cheapest + output_tokens * output) * part / _MILLION

    def _ladder(self, share: float) -> tuple[tuple[Rates, ...], float]:
        """Rates by length of the prompt, and the part of them that is billed."""
        if share < 1 and self.batch:
            return self.batch, 1.0
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        return (Rates(0, self.input, self.output, read, write), *self.longer), share


_RATES = ("input", "output", "cache_read", "cache_write")
_FIELDS = (*_RATES, "date")


def price_of(provider: str, model: str, own: Mapping[str, Price]) -> Price | None:
    """The price of a model; null if nobody names one, which is never guessed.

    Args:
        provider: its name in price lists (`openai`); empty for one that has none.
        model: as it is asked for; a dated name counts as the list says.
        own: prices by `provider:model` or model, which come first.

    Raises:
        MissingExtra: the price list is not installed, and `own` does not name the model.
    """
    for name in (f"{provider}:{model}", model):
        if name in own:
            return own[name]
    if not provider:
        return None
    from prefkit.llm.money.price_list import listed  # only who needs it loads the list

    return listed(provider, model)


def read_prices(path: Path, parse: Callable[[str, str], Any]) -> dict[str, Price]:
    """One's own prices by model or `provider:model`, from YAML or JSON.

    An entry is `MODEL: {input: 0.5, output: 1.5}` in dollars per million tokens, with `cache_read`,
    `cache_write` and a `date` if wanted.

    Args:
        path: read as JSON if its name ends so.
        parse: reads the text of any other file, given the name of the place.

    Raises:
        ConfigError: with the file, the entry and what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text", hint=_HINT) from error
    content = _json(text, path) if path.suffix.lower() == ".json" else parse(text, str(path))
    if not isinstance(content, Mapping) or not content:
        raise ConfigError(f"{path} does not map models to prices", hint=_HINT)
    return {model: _entry(model, entry, path) for model, entry in content.items()}


_HINT = "an entry is MODEL: {input: 0.5, output: 1.5}, in dollars per million tokens"


def _entry(model: str, entry: Any, path: Path) -> Price:
    where = f"{path}, {model or 'an entry without a name'}"
    if not isinstance(entry, Mapping) or not model.strip():
        raise ConfigError(f"{where}: no mapping of a model to its prices", hint=_HINT)
    for name in entry:
        if name not in _FIELDS:
            raise ConfigError(f"{where}: no field {name!r}{nearest(name, _FIELDS)}", hint=_HINT)
    for name in ("input", "output"):
        if entry.get(name) is None:
            raise ConfigError(f"{where}: {name!r} is missing", hint=_HINT)
    try:
        rates = {name: entry[name] for name in _RATES if entry.get(name) is not None}
        return Price(**rates, source=path.name, date=_day(entry.get("date")))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}", hint=_HINT) from error


def _check_rate(name: str, rate: Any) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise ConfigError(f"{name} is {rate!r}, not a number")
    if not 0 <= rate <= _MILLION:  # NaN is not between; beyond a dollar a token it is a slip
        raise ConfigError(f"{name} is {rate}: dollars per million tokens are 0 to 1,000,000")


def _day(value: Any) -> str:
    """A day as the file gives it.

    Raises:
        ConfigError: it is no ISO day.
    """
    if value is None:
        return ""
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError):
        raise ConfigError(f"date is {value!r}, not a day such as 2026-01-31") from None


def _json(text: str, path: Path) -> Any:
    """Read JSON without repeated keys and without numbers that JSON does not have."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key is given twice")
        return found

    def refused(word: str) -> float:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}", hint=_HINT) from error

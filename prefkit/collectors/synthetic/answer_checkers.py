"""Which checker checks the answers of a comparison: that of the options, or that of its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.checking import AskingChecker, Checker
from prefkit.judging.framing import Shown
from prefkit.registry import load
from prefkit.schema.records import Comparison
from prefkit.step import make

__all__ = ["Checkers", "Chosen", "NoChecker", "checker_of", "references_of"]

_KEPT = 1_000
"""Checkers of rows that are kept: most rows name one of a few."""


class Chosen(NamedTuple):
    """A checker, and whether a row named it."""

    checker: Checker
    is_of_row: bool
    """Then what is wrong with its options concerns that row alone."""


class NoChecker(Exception):
    """No checker can check a comparison; `reason` is a word to count by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def checker_of(entry: Any, base: str | None) -> Checker:
    """The checker behind `NAME` or `{NAME: {...}}`.

    Args:
        entry: as a person or a row gives it; files are no part of it.
        base: the knowledge base, for checkers that read one; null: there is none.

    Raises:
        ConfigError: it names none, or its options are wrong.
    """
    name, options = _named(entry)
    kind: type[Checker] = load("answer", name)
    for place in kind.places:
        if place in options:
            raise ConfigError(
                f"checker: {name} is given its file beside it, not inside",
                hint=f"{{answers: {{checker: {name}, {place}: FILE}}}}",
            )
        if base is None:
            raise ConfigError(
                f"checker: {name} reads a file",
                hint=f"{{answers: {{checker: {name}, base: FILE}}}}",
            )
        options = {**options, place: base}
    return make(kind, options, f"checker: {name}")


def _named(entry: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, options),) = entry.items()
        if isinstance(name, str) and isinstance(options, Mapping | None):
            return name, options or {}
    raise ConfigError(
        f"a checker is a name or one name with its options, not {str(entry)[:80]!r}",
        hint="prefkit catalog answers",
    )


class Checkers:
    """The checkers of a run."""

    def __init__(
        self, usual: Checker | None, field: str | None, base: str | None, *, asks: bool
    ) -> None:
        """Take what the options say; `asks`: there is a judge for checkers that ask one."""
        self.usual = usual
        self._field = field
        self._base = base
        self._asks = asks
        self._known: dict[bytes, Checker | ConfigError] = {}

    def of(self, comparison: Comparison) -> Chosen:
        """The checker of one comparison.

        Raises:
            NoChecker: it has none, or its row names a wrong one.
            MissingExtra: a library that the checker needs is not installed.
        """
        entry = self._entry(comparison)
        if entry is None:
            if self.usual is None:
                raise NoChecker("no_checker", f"the row has no field {self._field!r}")
            return Chosen(self.usual, is_of_row=False)
        found = self._of_row(entry)
        if isinstance(found, ConfigError):
            raise NoChecker("bad_checker", str(found))
        if isinstance(found, AskingChecker) and not self._asks:
            raise NoChecker("bad_checker", "this checker asks a judge, and none is named")
        return Chosen(found, is_of_row=True)

    def _entry(self, comparison: Comparison) -> Any:
        if self._field is None or comparison.extra is None:
            return None
        try:
            extra = orjson.loads(comparison.extra)
        except orjson.JSONDecodeError:
            return None
        return extra.get(self._field) if isinstance(extra, dict) else None

    def _of_row(self, entry: Any) -> Checker | ConfigError:
        key = orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)
        if key not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[key] = _tried(entry, self._base)
        return self._known[key]


def _tried(entry: Any, base: str | None) -> Checker | ConfigError:
    try:
        return checker_of(entry, base)
    except MissingExtra:
        raise
    except ConfigError as error:
        return error


def references_of(comparison: Comparison) -> tuple[str | None, ...]:
    """The references as plain texts, any one of which makes an answer right; one null: none.

    A list of texts and numbers is several of them; any other JSON is one, and stays JSON.
    """
    if comparison.reference == "null":
        return (None,)
    text = Shown.of(comparison, ()).reference
    if text is None or not text.lstrip().startswith("["):
        return (text,)
    try:
        several = orjson.loads(comparison.reference or "")
    except orjson.JSONDecodeError:
        return (text,)
    is_list = isinstance(several, list) and several
    if not is_list or not all(_is_plain(one) for one in several):
        return (text,)
    return tuple(one if isinstance(one, str) else str(one) for one in several)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)

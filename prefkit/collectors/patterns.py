"""Regular expressions that other people's files are searched with: always in linear time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from prefkit.collectors.turns import UnusableError
from prefkit.errors import ConfigError
from prefkit.patterns import compiled

__all__ = ["captures", "check_pattern"]


def check_pattern(pattern: str) -> None:
    """Check a regular expression (RE2's syntax) with exactly one group.

    Raises:
        ConfigError: it is none, or has another number of groups.
        MissingExtra: google-re2 is not installed.
    """
    _compiled(pattern)


def captures(pattern: str, text: str) -> list[str]:
    """What the group holds in each match, in order; a match without the group is left out.

    Raises:
        UnusableError: the text holds half a character, which no expression can be run on.
    """
    try:
        return [found for match in _compiled(pattern).finditer(text) if (found := match.group(1))]
    except UnicodeEncodeError as error:
        raise UnusableError("bad value", "a text holds half a character") from error


@lru_cache(maxsize=32)
def _compiled(pattern: str) -> Any:
    found = compiled(pattern, "a pattern for verdicts")
    if found.groups != 1:
        raise ConfigError(
            f"pattern: {pattern!r} has {found.groups} groups; exactly one names the verdict",
            hint="write (?:...) for the others",
        )
    return found

"""Regular expressions that other people's texts are searched with: RE2, always in linear time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from prefkit.errors import ConfigError, MissingExtra

__all__ = ["compiled"]


@lru_cache(maxsize=64)
def compiled(pattern: str, feature: str) -> Any:
    """A pattern in RE2's syntax, compiled once.

    Args:
        pattern: the regular expression.
        feature: what it is for, as a missing library is told.

    Raises:
        ConfigError: it is no regular expression that RE2 knows.
        MissingExtra: google-re2 is not installed.
    """
    try:
        import re2
    except ImportError as error:
        raise MissingExtra(feature, "re2") from error
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise ConfigError(
            f"pattern: {pattern!r} is no regular expression that RE2 knows: {_said(error)}"
        ) from error


def _said(error: BaseException) -> str:
    said = error.args[0] if error.args else ""
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)

"""What one candidate may use, and what a worker imports for it beforehand."""

from __future__ import annotations

from dataclasses import dataclass, fields

from prefkit.errors import ConfigError

__all__ = ["MODULES", "Limits"]

MODULES = (
    *("abc", "array", "ast", "base64", "bisect", "cmath", "collections", "copy"),
    *("dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq"),
    *("inspect", "io", "itertools", "json", "math", "numbers", "operator", "queue", "random", "re"),
    *("statistics", "string", "struct", "textwrap", "threading", "time", "typing", "unicodedata"),
)
"""What programs of this kind import most, of the standard library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of each candidate; a worker serves one set of limits.

    Raises:
        ConfigError: a limit is not above 0.
    """

    call_s: float = 2.0
    """Wall seconds for one call, by the parent's clock."""
    total_s: float = 10.0
    """Wall seconds for the candidate as a whole, loading included."""
    memory_mb: int = 512
    """MiB of address space; numpy needs 1,024."""
    output_bytes: int = 1 << 20
    """Of all its answers and output together."""
    error_chars: int = 500
    """Characters of an error's words that are kept."""
    open_files: int = 64
    threads: int = 64
    """New processes are never allowed."""
    packages: tuple[str, ...] = ()
    """Installed packages that it may import beside the standard library."""
    candidates: int = 200
    """Served by one sandbox before it is replaced by a fresh one."""

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing run, or everything."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, tuple) and not value > 0:
                raise ConfigError(f"the limit {field.name} is {value}, and has to be above 0")

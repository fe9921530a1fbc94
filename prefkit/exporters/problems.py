"""What a verification found wrong: the first twenty in words, and how many there are."""

from __future__ import annotations

from prefkit.errors import GateFailed

__all__ = ["Problems"]

_SHOWN = 20


class Problems:
    """Collects differences; nothing is raised before all has been looked at."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[str] = []

    def add(self, where: str, what: str) -> None:
        """Note one difference at a file, or a file and a line."""
        self.count += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(f"{where}: {what}")

    def raise_if_any(self, folder: str) -> None:
        """End the verification.

        Raises:
            GateFailed: something was found; the message lists it.
        """
        if not self.count:
            return
        more = f"\n  and {self.count - _SHOWN:,} more" if self.count > _SHOWN else ""
        lines = "".join(f"\n  {line}" for line in self.shown)
        noun = "problem" if self.count == 1 else "problems"
        raise GateFailed(f"{folder} does not hold: {self.count:,} {noun}{lines}{more}")

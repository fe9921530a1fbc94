"""Whether a ranker ranks answers of its own model or family: judges like their own."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from prefkit.judging.families import family_of, plain_name
from prefkit.schema.records import Comparison

__all__ = ["OwnAnswers"]

_LOG = logging.getLogger("prefkit.synthetic")


class OwnAnswers:
    """Counts the responses that rankers of these names wrote, and warns at the first."""

    def __init__(self, rankers: list[str]) -> None:
        """Take the names of the models that rank."""
        self._rankers = rankers
        self._names = {plain_name(one): one for one in rankers}
        self._families = {family: one for one in rankers if (family := family_of(one))}
        self._same: Counter[str] = Counter()
        self._of_family: Counter[str] = Counter()
        self._unknown = self._responses = 0

    def add(self, comparison: Comparison) -> None:
        """Look at who wrote the responses."""
        for response in comparison.responses:
            self._responses += 1
            if response.model is None:
                self._unknown += 1
            elif (same := self._names.get(plain_name(response.model))) is not None:
                self._same[same] += 1
                self._warn(same, f"its own answers ({response.model})")
            elif (like := self._families.get(family_of(response.model) or "")) is not None:
                self._of_family[like] += 1
                self._warn(like, f"answers of its family ({response.model})")

    def _warn(self, ranker: str, what: str) -> None:
        if self._same[ranker] + self._of_family[ranker] == 1:
            _LOG.warning(
                "%s ranks %s: judges favour their own; let another family rank, or see how much "
                "by prefkit report",
                ranker,
                what,
            )

    def facts(self) -> dict[str, Any]:
        """For the manifest; `unknown` are responses of which no model is recorded."""
        return {
            "responses": self._responses,
            "same_model": dict(sorted(self._same.items())),
            "same_family": dict(sorted(self._of_family.items())),
            "unknown": self._unknown,
        }

    def told(self) -> str | None:
        """One line for people; null if no ranker ranked its own."""
        own = self._same + self._of_family
        if not own:
            return None
        each = ", ".join(f"{count:,} by {name}" for name, count in sorted(own.items()))
        return f"{own.total():,} of {self._responses:,} responses are of the ranker's kind: {each}"

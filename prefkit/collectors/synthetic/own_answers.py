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
        self._kinds = {one: (plain_name(one), family_of(one)) for one in rankers}
        self._same: Counter[str] = Counter()
        self._of_family: Counter[str] = Counter()
        self._unknown = self._responses = self._own = 0

    def add(self, comparison: Comparison) -> None:
        """Look at who wrote the responses."""
        for response in comparison.responses:
            self._responses += 1
            if response.model is None:
                self._unknown += 1
            else:
                self._own += sum(self._is_of(one, response.model) for one in self._kinds) > 0

    def _is_of(self, ranker: str, model: str) -> bool:
        """Count and tell whether an answer of this model is of the ranker's kind."""
        name, family = self._kinds[ranker]
        if name == plain_name(model):
            self._same[ranker] += 1
            self._warn(ranker, f"its own answers ({model})")
        elif family is not None and family == family_of(model):
            self._of_family[ranker] += 1
            self._warn(ranker, f"answers of its family ({model})")
        else:
            return False
        return True

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
        return f"{self._own:,} of {self._responses:,} responses are of the ranker's kind: {each}"

"""The budget of a whole run, which its steps spend one after the other."""

from __future__ import annotations

from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Purse"]


class Purse:
    """What is left of a run's budget; a step gets all of it, or its own budget if that is less."""

    def __init__(self, budget_usd: float | None) -> None:
        """Null = no limit but those that steps have themselves."""
        self._left = budget_usd

    def lend(self, verb: Verb) -> Verb:
        """The verb with what it may spend; one that asks nobody as it is."""
        if self._left is None or "budget" not in type(verb).model_fields:
            return verb
        own: float | None = getattr(verb, "budget", None)
        left = self._left if own is None else min(own, self._left)
        return verb.model_copy(update={"budget": left})

    def take(self, outcome: Outcome) -> None:
        """Note what a step has spent, or may have been billed."""
        spend = outcome.facts.get("spend")
        if self._left is not None and isinstance(spend, dict):
            self._left = max(0.0, self._left - spend["spent_usd"] - spend["doubtful_usd"])

"""The models of a synthetic run, and what asking them would cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Prompt, Unused
from prefkit.collectors.synthetic.comparing import finished
from prefkit.collectors.synthetic.making import (
    Work,
    answered,
    follows,
    likely_works,
    requests_of,
    works,
)
from prefkit.collectors.synthetic.recipe import Caster, Draft, Recipe
from prefkit.llm.client import Client
from prefkit.llm.records import Request
from prefkit.schema.records import Comparison
from prefkit.verbs.consent import Bill
from prefkit.verbs.judge_panel import Judge, warn_of_unpinned
from prefkit.verbs.synthetic_scores import scoring

__all__ = ["Making", "Models", "votings"]

Estimating = Callable[[Client, Iterable[Request]], Bill]


class Models(NamedTuple):
    """All clients of a run, by the spec as it was given; they spend from one ledger."""

    by_spec: dict[str, Client]
    makers: tuple[str, ...]
    """Who writes responses, in the order of `--model`."""
    revision: str | None

    @property
    def writing(self) -> list[Client]:
        """The clients of those who write responses."""
        return [self.by_spec[spec] for spec in self.makers]

    def facts(self) -> list[dict[str, Any]]:
        """What the manifest says of them: casters' models stand behind those that write."""
        return [{"model": one.spec, "revision": one.pinned} for one in self._pinned]

    def warn_of_unpinned(self) -> None:
        """Say once which hosted models may change between two runs."""
        warn_of_unpinned(self._pinned)

    @property
    def _pinned(self) -> list[Judge]:
        return [Judge(client, client, self.revision) for client in self.by_spec.values()]


class Making:
    """The responses that a recipe makes, from the same prompts again and again."""

    def __init__(
        self, recipe: Recipe, rows: Iterable[Prompt | Unused], models: Models, limit: int | None
    ) -> None:
        self._recipe = recipe
        self._rows = rows
        self._models = models
        self._limit = limit
        self._totals: dict[int, int] = {}
        """Requests of the first round by the number of the model, once they were estimated."""

    def _started(self) -> Iterator[Work]:
        return works(self._recipe, self._rows, len(self._models.makers), self._limit)

    def answered(self) -> Iterator[Work]:
        """Every row with its answers.

        Raises:
            BatchPending, ClientError, ConfigError: see `prefkit.collectors.synthetic.making`.
        """
        clients = self._models.writing
        totals = [self._totals.get(number) for number in range(len(clients))]
        return answered(self._recipe, self._started(), clients, totals)

    def bills(self, estimate: Estimating, caster: Caster | None) -> list[Bill]:
        """What each client would cost, the caster's among them."""
        found = []
        for spec, client in self._models.by_spec.items():
            found += _bills(
                estimate(client, _Likely(self, spec, caster)), self._scoring(spec, caster)
            )
        return found

    def _scoring(self, spec: str, caster: Caster | None) -> Bill | None:
        if caster is None or spec not in self._recipe.asks():
            return None
        scores = caster.scores(spec, self._likely_comparisons())
        return scoring(self._models.by_spec[spec], scores)

    def likely(self, spec: str, caster: Caster | None) -> Iterator[Request]:
        """What one client will be asked, as far as it is known."""
        number = self._models.makers.index(spec) if spec in self._models.makers else None
        if number is not None:
            count = 0
            for drafts in self._likely_drafts():
                for request in requests_of(drafts, number):
                    count += 1
                    yield request
            if not follows(self._recipe):
                self._totals[number] = count
        if caster is not None and spec in self._recipe.asks():
            yield from caster.requests(spec, self._likely_comparisons())

    def _likely_drafts(self) -> Iterator[list[Draft]]:
        if not follows(self._recipe):  # no answer is needed to know what is asked
            return (work.drafts for work in self._started())
        return (drafts for _, drafts in self._likely_works())

    def _likely_works(self) -> Iterator[tuple[Work, list[Draft]]]:
        return likely_works(self._recipe, self._started(), self._models.writing)

    def _likely_comparisons(self) -> Iterator[Comparison]:
        for work, _ in self._likely_works():
            found = finished(self._recipe, work).comparison
            if found is not None:
                yield found


class _Likely:
    """The requests to one client, made anew at every iteration."""

    def __init__(self, making: Making, spec: str, caster: Caster | None) -> None:
        self._making = making
        self._spec = spec
        self._caster = caster

    def __iter__(self) -> Iterator[Request]:
        return self._making.likely(self._spec, self._caster)


class _Asked:
    """What a caster asks one client about comparisons that are there, anew at every iteration."""

    def __init__(self, caster: Caster, spec: str, comparisons: Iterable[Comparison]) -> None:
        self._caster = caster
        self._spec = spec
        self._comparisons = comparisons

    def __iter__(self) -> Iterator[Request]:
        return self._caster.requests(self._spec, self._comparisons)


def votings(
    estimate: Estimating, models: Models, caster: Caster, comparisons: Iterable[Comparison]
) -> list[Bill]:
    """What the clients of a caster would cost for comparisons that are there."""
    found = []
    for spec, client in models.by_spec.items():
        asked = estimate(client, _Asked(caster, spec, comparisons))
        found += _bills(asked, scoring(client, caster.scores(spec, comparisons)))
    return found


def _bills(asked: Bill, scored: Bill | None) -> list[Bill]:
    """What one client would cost, without a bill for answers where it only scores."""
    if scored is None:
        return [asked]
    is_idle = not (asked.estimate.requests or asked.cached or asked.repeated or asked.pending)
    return [scored] if is_idle else [asked, scored]

"""A judge asked about many comparisons in one stream; its answers, sorted by comparison again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from prefkit.judging.bracket import Match
from prefkit.judging.showings import Missing, Showing, request_of
from prefkit.judging.terms import Protocol
from prefkit.judging.verdicts import read
from prefkit.judging.votes import Heard
from prefkit.llm.client import Client
from prefkit.llm.records import Reply, Request
from prefkit.schema.records import Comparison

__all__ = [
    "Counted",
    "Judgement",
    "Planned",
    "Plans",
    "Requests",
    "Sitting",
    "requests_of_one",
    "sittings",
]


class Planned(NamedTuple):
    """A showing to ask for, and the match that it is part of (null: it is of no bracket)."""

    showing: Showing
    match: Match | None


Plans = Callable[[int, Comparison], Iterator[Planned | Missing]]
"""What to ask about a comparison; the number says how many responses all those before it have."""


@dataclass(slots=True)
class Judgement:
    """One place for an answer, made when it is asked for; or why there is none."""

    planned: Planned | None
    """Null: nothing could be planned."""
    draw: int | None = None
    """Null if one draw is wanted."""
    missing: Missing | None = None
    """Why there is no verdict."""
    heard: Heard | None = None
    """Null if it was not asked; its verdict is `infra` if there was no answer."""

    @property
    def match(self) -> Match | None:
        """The match that it is part of."""
        return None if self.planned is None else self.planned.match


@dataclass(slots=True)
class Sitting:
    """One comparison, from its first request to its last answer."""

    start: int
    """Responses of all comparisons before it."""
    responses: int
    judgements: list[Judgement] = field(default_factory=list)
    """In the order of the plans, whenever their answers come."""
    open: deque[Judgement] = field(default_factory=deque)
    """Those that are asked for and not answered yet."""
    is_whole: bool = False
    """All its requests were made."""

    @property
    def is_over(self) -> bool:
        """Nothing more will be heard."""
        return self.is_whole and not self.open

    def hear(self, reply: Reply, protocol: Protocol) -> None:
        """Take the answer to the first request that has none."""
        judgement = self.open.popleft()
        assert judgement.planned is not None  # noqa: S101, RUF100 - it was asked for
        showing, draw = judgement.planned.showing, judgement.draw
        verdict = read(showing.rubric, reply, protocol.how, responses=len(showing.places))
        judgement.heard = Heard(showing, draw, verdict, reply)
        if verdict.outcome == "infra":
            said = (verdict.reason or "infra", verdict.message or "")
            judgement.missing = Missing(showing.rubric.label, showing.places, draw, *said)


class Requests:
    """The requests of all comparisons; what was asked waits in `sittings` for its answers."""

    def __init__(self, comparisons: Iterable[Comparison], protocol: Protocol, plans: Plans) -> None:
        self._comparisons = comparisons
        self.protocol = protocol
        self._plans = plans
        self.sittings: deque[Sitting] = deque()
        self._unasked: dict[tuple[object, ...], Sitting] = {}

    def __iter__(self) -> Iterator[Request]:
        start = 0
        for number, comparison in enumerate(self._comparisons, 1):
            sitting = Sitting(start, len(comparison.responses))
            self.sittings.append(sitting)
            for planned in self._plans(start, comparison):
                if isinstance(planned, Missing):
                    sitting.judgements.append(Judgement(None, missing=planned))
                else:
                    yield from self._asked(number, comparison, planned, sitting)
            sitting.is_whole = True
            start += sitting.responses
            if not any(one.heard or one.match for one in sitting.judgements) and not sitting.open:
                self._share(sitting)

    def _share(self, sitting: Sitting) -> None:
        """Hold those without requests once: any number may wait until the next request is made."""
        said = (sitting.responses, *(one.missing for one in sitting.judgements))
        self.sittings[-1] = self._unasked.setdefault(said, sitting)

    def _asked(
        self, number: int, comparison: Comparison, planned: Planned, sitting: Sitting
    ) -> Iterator[Request]:
        for draw, made in requests_of_one(number, comparison, planned, self.protocol):
            if isinstance(made, Missing):
                sitting.judgements.append(Judgement(planned, missing=made))
                return
            judgement = Judgement(planned, draw if self.protocol.draws > 1 else None)
            sitting.judgements.append(judgement)
            sitting.open.append(judgement)
            yield made


class Counted(Requests):
    """The same, where it is known how many there are: progress then says how many are left."""

    def __init__(
        self, comparisons: Iterable[Comparison], protocol: Protocol, plans: Plans, total: int
    ) -> None:
        super().__init__(comparisons, protocol, plans)
        self._total = total

    def __len__(self) -> int:
        return self._total


def sittings(client: Client, requests: Requests, *, stage: str) -> Iterator[Sitting]:
    """Every comparison in order, with all that was heard of it; one stream of requests for all.

    Raises:
        ConfigError, ClientError, BatchPending, OSError: as `Client.stream`.
    """
    begun = requests.sittings
    for reply in client.stream(requests, stage=stage):
        # Over only now: those without requests, and where the end showed with the next one's begin.
        yield from _over(begun)
        begun[0].hear(reply, requests.protocol)
        yield from _over(begun)
    yield from _over(begun)


def _over(begun: deque[Sitting]) -> Iterator[Sitting]:
    while begun and begun[0].is_over:
        yield begun.popleft()


def requests_of_one(
    number: int, comparison: Comparison, planned: Planned, protocol: Protocol
) -> Iterator[tuple[int, Request | Missing]]:
    """The draws of one showing, each with its number; one `Missing` if it is not asked at all."""
    rubric, places = planned.showing
    name = f"comparison {number}, {rubric.name}, responses {', '.join(map(str, places))}"
    for draw in range(protocol.draws):
        made = request_of(comparison, planned.showing, protocol, draw=draw, name=name)
        yield draw, made
        if isinstance(made, Missing):
            return

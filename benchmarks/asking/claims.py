"""What prefkit is held to when it asks, each claim one number against one limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.asking.runs import Asked, Cached, Plan, Resumed

__all__ = ["CURATOR", "DISTILABEL", "HOSTED", "RAW", "SELF_HOSTED", "Claim", "claims"]

RAW = "raw sockets"
CURATOR = "curator"
DISTILABEL = "distilabel"
SELF_HOSTED = "prefkit self-hosted"
HOSTED = ("prefkit openai SDK", "prefkit anthropic SDK")

_RESIDENT_MB = 150.0


class Claim(NamedTuple):
    """One line of the second table; `value` is null where a peer was not measured."""

    what: str
    value: float | None
    limit: float
    at_least: bool = False
    of_speed: bool = True
    """Held only at full size: with few requests starting up outweighs the work."""

    @property
    def holds(self) -> bool | None:
        """Null if there is nothing to hold."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def claims(asked: Mapping[str, Asked], killed: Resumed, cached: Cached, plan: Plan) -> list[Claim]:
    """Every claim, in the order of the table."""
    found = [*_of_self_hosted(asked, plan.requests)]
    for name in HOSTED:
        found += _of_hosted(asked, name, plan.requests)
    found += _of_answers(asked)
    found += [
        _exact("kill -9 at half way: kept answers sent again", killed.kept_again, 0),
        _exact("kill -9 at half way: in flight sent again", killed.in_flight_again, plan.at_once),
        _exact("kill -9 at half way: lost", killed.lost, 0),
    ]
    ratio = cached.asked_s / cached.cached_s
    return [
        *found,
        Claim("from the journal, x as fast as asking at once", ratio, 20, at_least=True),
        _exact("from the journal: requests sent again", cached.sends - plan.requests, 0),
        _exact("from the journal: lost", cached.lost, 0),
    ]


def _exact(what: str, value: int, limit: int) -> Claim:
    return Claim(what, value, limit, of_speed=False)


def _of_self_hosted(asked: Mapping[str, Asked], count: int) -> Iterator[Claim]:
    yield from _of_speed(asked, SELF_HOSTED, count, (1.10, 0.8))
    yield from _of_peers(asked, SELF_HOSTED, ((CURATOR, 3.0), (DISTILABEL, 4.0)))


def _of_hosted(asked: Mapping[str, Asked], name: str, count: int) -> Iterator[Claim]:
    yield from _of_speed(asked, name, count, (1.5, 2.5))
    yield from _of_peers(asked, name, ((CURATOR, 2.0), (DISTILABEL, 3.0)))


def _of_speed(
    asked: Mapping[str, Asked], name: str, count: int, limits: tuple[float, float]
) -> Iterator[Claim]:
    ours, raw = asked[name], asked[RAW]
    yield Claim(f"{name}: wall, x {RAW}", ours.cost.wall_s / raw.cost.wall_s, limits[0])
    yield Claim(f"{name}: CPU ms a request", ours.ms_each(count), limits[1])
    yield Claim(f"{name}: peak MB", ours.cost.peak_mb, _RESIDENT_MB)


def _of_peers(
    asked: Mapping[str, Asked], name: str, peers: tuple[tuple[str, float], ...]
) -> Iterator[Claim]:
    """Requests a second against a peer's; what the peer lost is counted as if it had it."""
    ours = asked[name].cost.wall_s
    for peer, times in peers:
        value = asked[peer].cost.wall_s / ours if peer in asked else None
        yield Claim(f"{name}: throughput, x {peer}", value, times, at_least=True)


def _of_answers(asked: Mapping[str, Asked]) -> Iterator[Claim]:
    for name in (SELF_HOSTED, *HOSTED):
        yield _exact(f"{name}: lost", asked[name].lost, 0)
        yield _exact(f"{name}: answered sent again", asked[name].again, 0)

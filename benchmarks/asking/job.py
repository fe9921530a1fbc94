"""The job `asking`: all clients by turns, the kill, the cache, two tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.asking.claims import CURATOR, DISTILABEL, HOSTED, RAW, SELF_HOSTED, Claim, claims
from benchmarks.asking.runs import (
    Asked,
    Cached,
    Client,
    Plan,
    Resumed,
    ask,
    ask_cached,
    ask_killed,
    best,
)
from benchmarks.printing import number, table

__all__ = ["ASKING", "HELD_FROM", "PEERS", "Outcome", "peer_clients", "run"]

ASKING = "asking"
HELD_FROM = 2_000
"""Requests from which claims of speed are held."""
PEERS = {
    CURATOR: "PREFKIT_BENCH_CURATOR",
    DISTILABEL: "PREFKIT_BENCH_DISTILABEL",
}
"""Peer and the environment variable that names an interpreter which has it."""

_ROOT = Path(__file__).resolve().parent.parent.parent
_OURS = (
    Client(RAW, sys.executable, "raw_loop"),
    Client(SELF_HOSTED, sys.executable, "with_prefkit", ("self-hosted",)),
    Client(HOSTED[0], sys.executable, "with_prefkit", ("openai",)),
    Client(HOSTED[1], sys.executable, "with_prefkit", ("anthropic",)),
)
_HEADS = (
    "asking", "sent", "lost", "again", "CPU s", "CPU ms each", "wall s", "asking s", "peak MB",
)  # fmt: skip


class Outcome(NamedTuple):
    """Everything that was measured."""

    requests: int
    asked: dict[str, Asked]
    missing: tuple[str, ...]
    killed: Resumed
    cached: Cached
    claims: list[Claim]

    @property
    def holds(self) -> bool:
        """Whether no claim that is held at this size is missed."""
        return not any(claim.holds is False for claim in self.claims if self._is_held(claim))

    def _is_held(self, claim: Claim) -> bool:
        return self.requests >= HELD_FROM or not claim.of_speed

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "requests": self.requests,
            "clients": [
                run._asdict() | {"cost": run.cost._asdict()} for run in self.asked.values()
            ],
            "not_measured": list(self.missing),
            "killed": self.killed._asdict(),
            "cached": self.cached._asdict(),
            "claims": [claim._asdict() | {"holds": claim.holds} for claim in self.claims],
        }

    def text(self) -> str:
        """The clients, what was left out, and the claims."""
        lines = [_HEADS, *(self._cells(run) for run in self.asked.values())]
        parts = [table(lines, names=1)]
        parts += [
            f"{peer} was not measured: no interpreter has it; "
            f"make .venv/.ready-peers, or name one by {PEERS[peer]}"
            for peer in self.missing
        ]
        killed = self.killed
        parts.append(
            f"kill -9 at half way: {killed.kept:,} answers kept; sent again: "
            f"{killed.in_flight_again:,} in flight, {killed.just_answered_again:,} that the "
            "server had answered and the disk did not have yet"
        )
        parts.append(
            f"{self.requests:,} requests, start-up left out: {self.cached.asked_s:.3f} s from a "
            f"server that answers at once, {self.cached.cached_s:.3f} s from the journal"
        )
        heads = ("claim", "measured", "limit", "holds")
        rows = [heads, *(self._claim_cells(claim) for claim in self.claims)]
        return "\n".join([*parts, "", table(rows, names=1)])

    def _cells(self, run: Asked) -> tuple[str, ...]:
        return (
            run.client,
            f"{run.sends:,}",
            f"{run.lost:,}",
            f"{run.again:,}",
            number(run.cost.cpu_s),
            f"{run.ms_each(self.requests):.2f}",
            f"{run.cost.wall_s:.2f}",
            f"{run.span_s:.2f}",
            f"{run.cost.peak_mb:,.0f}",
        )

    def _claim_cells(self, claim: Claim) -> tuple[str, ...]:
        held = {True: "yes", False: "NO", None: "not measured"}[claim.holds]
        return (
            claim.what,
            "" if claim.value is None else f"{claim.value:,.2f}",
            f"{'>=' if claim.at_least else '<='} {claim.limit:g}",
            held if self._is_held(claim) or claim.value is None else "-",
        )


def peer_clients() -> tuple[list[Client], tuple[str, ...]]:
    """The peers that some interpreter has, and the names of the others."""
    found, missing = [], []
    for name, variable in PEERS.items():
        own = _ROOT / ".peers" / name / "bin" / "python"
        python = os.environ.get(variable) or (str(own) if own.exists() else None)
        if python is None:
            missing.append(name)
        else:
            found.append(Client(name, python, f"with_{name}"))
    return found, tuple(missing)


def run(plan: Plan, repeats: int, peers: list[Client], missing: tuple[str, ...]) -> Outcome:
    """Run every client `repeats` times by turns, then the kill and the cache.

    Raises:
        CommandError: a client failed.
    """
    tried: dict[str, list[Asked]] = {}
    for client in _by_turns([*_OURS, *peers], repeats):
        print(f"asking: {client.name} ...", file=sys.stderr, flush=True)
        tried.setdefault(client.name, []).append(ask(plan, client))
    print("asking: kill -9 at half way, then from the journal ...", file=sys.stderr, flush=True)
    ours = _OURS[1]
    killed = ask_killed(plan, ours)
    both = [ask_cached(plan, ours) for _ in range(repeats)]
    cached = Cached(
        min(one.asked_s for one in both),
        min(one.cached_s for one in both),
        max(one.sends for one in both),
        max(one.lost for one in both),
    )
    asked = {name: best(runs) for name, runs in tried.items()}
    held = claims(asked, killed, cached, plan)
    return Outcome(plan.requests, asked, missing, killed, cached, held)


def _by_turns(clients: list[Client], repeats: int) -> Iterator[Client]:
    """All clients, `repeats` times, every second time backwards, so that drift meets all alike."""
    for turn in range(repeats):
        yield from clients if turn % 2 == 0 else reversed(clients)

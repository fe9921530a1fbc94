"""The job `agreeing`: agreement and Dawid-Skene beside libraries that do the same, by turns."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.agreeing.votes import RATERS, write_votes
from benchmarks.claims import Claim, claims_table
from benchmarks.measure import CommandError, Cost
from benchmarks.printing import number, table

__all__ = ["AGREEING", "HELD_FROM", "PEERS", "Differ", "Engine", "Outcome", "engines", "run"]

AGREEING = "agreeing"
HELD_FROM = 100_000
"""Items from which claims are held; Dawid-Skene is given twice as many, each with five votes."""

PREFKIT = "prefkit"
KAPPA, DAWID_SKENE = "agreement", "Dawid-Skene"
PEERS = {KAPPA: "statsmodels", DAWID_SKENE: "crowd_kit"}
"""What is measured, and beside which library."""

_MODULES = {"statsmodels": "statsmodels", "crowd_kit": "crowdkit"}
_PROGRAMS = {KAPPA: "kappa_with", DAWID_SKENE: "dawid_skene_with"}
_ROOT = Path(__file__).resolve().parent.parent.parent
_DRAWS = 1_000  # of clusters, for an interval
_ITERATIONS = 10  # of both sides alike, so that they do the same work
_JUDGES = {KAPPA: RATERS, DAWID_SKENE: 300}
_TIMES_ITEMS = {KAPPA: 1, DAWID_SKENE: 2}
_ROUNDS = 2  # one takes seconds, and the least of few is still much noise
_FASTER, _MOST_MB = 5.0, 2_000.0
_SAME_VALUE, _SAME_POSTERIOR = 1e-9, 1e-6
_SAME_ENDS = 0.2
"""Of the width: the ends of 1,000 draws scatter by 2 percent of it, and ours are no percentiles."""
_HEADS = ("measured", "engine", "votes", "CPU s", "wall s", "peak MB", "x CPU", "x wall")


class Differ(RuntimeError):
    """Ours and a peer's results are not the same: the comparison is void."""


class Engine(NamedTuple):
    """Who does what: a program of this folder, run by this interpreter in a process of its own."""

    what: str
    name: str

    @property
    def module(self) -> str:
        """What is started."""
        return f"benchmarks.agreeing.{_PROGRAMS[self.what]}_{self.name}"


class Measured(NamedTuple):
    """The least that an engine took, start-up and reading left out, and what it found."""

    cost: Cost
    found: Mapping[str, float]


class Outcome(NamedTuple):
    """Everything that was measured."""

    items: int
    measured: dict[Engine, Measured]
    missing: tuple[str, ...]
    claims: list[Claim]

    @property
    def holds(self) -> bool:
        """Whether no claim is missed, where there were enough items to hold any."""
        few = self.items < HELD_FROM
        return few or not any(claim.holds is False for claim in self.claims)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        engines = [
            {**engine._asdict(), **one.cost._asdict(), "found": dict(one.found)}
            for engine, one in self.measured.items()
        ]
        claims = [claim._asdict() | {"holds": claim.holds} for claim in self.claims]
        return {
            "items": self.items,
            "engines": engines,
            "not_measured": list(self.missing),
            "claims": claims,
        }

    def text(self) -> str:
        """The engines, what was left out, and the claims."""
        parts = [table([_HEADS, *map(self._cells, self.measured)])]
        parts += [
            f"{peer} was not measured: it cannot be imported; pip install -e '.[dev]'"
            for peer in self.missing
        ]
        return "\n".join([*parts, "", claims_table(self.claims, held=self.items >= HELD_FROM)])

    def _cells(self, engine: Engine) -> tuple[str, ...]:
        cost = self.measured[engine].cost
        ours = self.measured[Engine(engine.what, PREFKIT)].cost
        votes = self.items * _TIMES_ITEMS[engine.what] * RATERS
        ratios = (f"{cost.cpu_s / ours.cpu_s:.1f}", f"{cost.wall_s / ours.wall_s:.1f}")
        return (
            engine.what,
            engine.name,
            f"{votes:,}",
            number(cost.cpu_s),
            number(cost.wall_s),
            f"{cost.peak_mb:,.0f}",
            *(("", "") if engine.name == PREFKIT else ratios),
        )


def engines(*, peers: bool = True) -> tuple[list[Engine], tuple[str, ...]]:
    """Ours and the peers that can be imported, and the names of the others."""
    there = {
        peer: peers and importlib.util.find_spec(_MODULES[peer]) is not None
        for peer in PEERS.values()
    }
    found = [
        Engine(what, name)
        for what, peer in PEERS.items()
        for name in (PREFKIT, *([peer] if there[peer] else []))
    ]
    return found, tuple(peer for peer, is_there in there.items() if not is_there)


def run(
    items: int, repeats: int, data: Path, found: tuple[list[Engine], tuple[str, ...]]
) -> Outcome:
    """Run every engine twice `repeats` times by turns, and hold their results against each other.

    Raises:
        CommandError: an engine failed.
        Differ: two engines found different numbers.
    """
    work = data / AGREEING
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        for what, judges in _JUDGES.items():
            write_votes(items * _TIMES_ITEMS[what], judges, _votes(work, what))
        tried: dict[Engine, list[dict[str, Any]]] = {}
        for turn in range(_ROUNDS * repeats):
            for engine in found[0] if turn % 2 == 0 else reversed(found[0]):
                print(f"{AGREEING}: {engine.what}, {engine.name} ...", file=sys.stderr, flush=True)
                tried.setdefault(engine, []).append(_spent(engine, work))
        measured = {engine: _best(tried[engine]) for engine in found[0]}
        _hold_alike(measured, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Outcome(items, measured, found[1], _claims(measured))


def _votes(work: Path, what: str) -> Path:
    return work / f"{_PROGRAMS[what]}.npz"


def _posterior(work: Path, name: str) -> Path:
    return work / f"{name}.npy"


def _spent(engine: Engine, work: Path) -> dict[str, Any]:
    given = [str(_votes(work, engine.what))]
    if engine.what == KAPPA:
        given += [str(_DRAWS)]
    else:
        given += [str(_ITERATIONS), str(_posterior(work, engine.name))]
    command = [sys.executable, "-m", engine.module, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode:
        raise CommandError(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _best(runs: Sequence[dict[str, Any]]) -> Measured:
    """The least seconds, which noise of the machine can only add to, and the most memory."""
    cost = Cost(
        min(one["cpu_s"] for one in runs),
        min(one["wall_s"] for one in runs),
        max(one["peak_mb"] for one in runs),
    )
    return Measured(cost, runs[0]["found"])


def _hold_alike(measured: Mapping[Engine, Measured], work: Path) -> None:
    for engine, one in measured.items():
        ours = measured[Engine(engine.what, PREFKIT)]
        if engine.name == PREFKIT:
            continue
        if engine.what == KAPPA:
            _hold_interval(ours.found, one.found)
        else:
            both = [np.load(_posterior(work, name)) for name in (PREFKIT, engine.name)]
            if both[0].shape != both[1].shape or np.abs(both[0] - both[1]).max() > _SAME_POSTERIOR:
                raise Differ(f"{DAWID_SKENE}: {PREFKIT} and {engine.name} differ in an answer")


def _hold_interval(ours: Mapping[str, float], theirs: Mapping[str, float]) -> None:
    room = _SAME_ENDS * (theirs["high"] - theirs["low"])
    for name, allowed in (("value", _SAME_VALUE), ("low", room), ("high", room)):
        if abs(ours[name] - theirs[name]) > allowed:
            raise Differ(f"{KAPPA}: {name} is {ours[name]} here and {theirs[name]} there")


def _claims(measured: Mapping[Engine, Measured]) -> list[Claim]:
    made = []
    for what, peer in PEERS.items():
        ours, theirs = measured[Engine(what, PREFKIT)].cost, measured.get(Engine(what, peer))
        times = None
        if theirs is not None:
            times = min(theirs.cost.cpu_s / ours.cpu_s, theirs.cost.wall_s / ours.wall_s)
        made += [
            Claim(f"{what}, {peer} takes x times as long", times, _FASTER),
            Claim(f"{what}, peak MB", ours.peak_mb, _MOST_MB, at_least=False),
        ]
    return made

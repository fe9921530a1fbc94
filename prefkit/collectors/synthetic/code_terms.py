"""What a caster of execution votes was asked to do, and what it found out about one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from prefkit.collectors.synthetic.code_adequacy import Adequacy, Differing
from prefkit.collectors.synthetic.code_runs import Flaky, Prepared, Ran
from prefkit.sandbox.extract import Extracted
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.tasks import Fault

__all__ = ["Executed", "Found", "Terms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The options of a run, as far as they are about executing."""

    limits: Limits
    repeats: int
    mutants: int
    variants: int
    least_killed: float
    speed: bool
    measured: bool


class Found(NamedTuple):
    """The code of one response."""

    place: int
    """Among the responses of the comparison."""
    draws: int
    """How many answers had this text."""
    code: str | None
    how: str
    """As in `Extracted`, or `completion`: put behind the prompt as it was."""

    @classmethod
    def of(cls, place: int, draws: int, extracted: Extracted) -> Found:
        """What was cut out of an answer."""
        return cls(place, draws, extracted.code, extracted.how)


class Executed(NamedTuple):
    """What came of one comparison."""

    task: str
    found: tuple[Found, ...] = ()
    fault: Fault | None = None
    """Why nothing was run; then the rest is empty."""
    prepared: Prepared | None = None
    runs: Mapping[str, Ran] = {}
    """By code."""
    flaky: Flaky = Flaky({}, frozenset())
    shapes: Mapping[str, str | None] = {}
    """By code, as `prefkit.sandbox.shapes.shape` says it."""
    trivial: Mapping[str, str] = {}
    """Programs that pass by a rule, and which."""
    adequacy: Adequacy | None = None
    differing: Differing | None = None
    times: Mapping[str, tuple[float, ...]] = {}
    """Seconds of each timed run of the programs that pass."""

    @property
    def counted(self) -> tuple[int, ...]:
        """Tests that are not flaky."""
        cases = () if self.prepared is None else self.prepared.plan.cases
        return tuple(place for place in range(len(cases)) if place not in self.flaky.tests)

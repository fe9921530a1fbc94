"""Whether a judge that is asked the same again still says the same.

A judge is said to have drifted where one of two things holds.

- More verdicts changed than it changes by itself, at a chance below `ALPHA` (exact binomial
  test). Servers do not repeat themselves even at temperature 0: the company that a request has in
  its batch moves the last bits, and near ties flip. Where the baseline has at least `FEWEST_PAIRS`
  pairs of draws, its own rate is the most that these do not rule out (95 %); else it is
  `ALLOWANCE`. Showings flip by themselves independently but not equally easily, which makes the
  number of flips vary less than the test takes it to (Hoeffding, 1956): false alarms are rarer
  than `ALPHA`.
- By first token: the mean change of the log-odds of the one shown first is beyond `SHIFT` with its
  whole 95 % interval over prompts. That is a change of taste before it changes verdicts.

With 100 showings and no draws, 12 changed verdicts are drift. A judge with an own rate of 2 % gets
there in 1 of a million runs, one of 5 % in 4 of 1,000; one that changed in 15 % of its verdicts is
found in 84 of 100 runs, in 20 % in 99. With 50 showings the latter are 81, and with 400 showings
a change of 10 % is found in 93. A model or build that the provider calls otherwise than then is
always told: it is the likeliest cause, and a reason for a new baseline and certificate, but by
itself no drift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.binomial import by_chance, exact_share
from prefkit.statistics.bootstrap import Columns, Estimate, estimates
from prefkit.statistics.planning import most_errors
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import bounded, share

__all__ = [
    "ALLOWANCE",
    "ALPHA",
    "FEWEST_PAIRS",
    "SHIFT",
    "Answer",
    "Asked",
    "Drift",
    "compared",
    "word_of",
]

ALLOWANCE = 0.05
"""Verdicts that a judge may change by itself, where the baseline does not tell."""

ALPHA = 0.01
FEWEST_PAIRS = 30
"""Pairs of draws: with fewer, what they do not rule out (10 % and more) would hide any drift."""

SHIFT = 0.1
"""Natural log-odds: at most 2.5 points of a probability."""

UNREADABLE = "unreadable"


class Answer(NamedTuple):
    """One verdict in terms of what was shown, and what the provider said of itself."""

    word: str | None
    """See `word_of`; null: nobody answered."""
    logit: float | None = None
    model: str | None = None
    build: str | None = None


class Asked(NamedTuple):
    """One showing: the draws of the baseline, the first first, and the answer of today."""

    was: tuple[Answer, ...]
    now: Answer
    alone: bool
    """Whether one response was shown, and graded."""
    cluster: int


def word_of(outcome: str, scores: Sequence[float | None]) -> str | None:
    """A verdict as a word: scores stand in the order shown; null for `infra`.

    `first`, `second` or `tie` of two, the grade of one, the ranks of a list, `unreadable`, or the
    outcome where it names nobody (`both_good`).
    """
    if outcome == "infra":
        return None
    if outcome == "failed":
        return UNREADABLE
    known = [score for score in scores if score is not None]
    if outcome not in ("scored", "tie") or len(known) < len(scores):
        return outcome
    if len(known) == 1:
        return f"{known[0]:g}"
    if len(known) == 2:
        return "tie" if known[0] == known[1] else ("first" if known[0] > known[1] else "second")
    return " ".join(str(1 + sum(other > one for other in known)) for one in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed between a baseline and today."""

    judge: str
    compared: int
    changed: Estimate
    """The share of these verdicts; a trial each."""
    to: Mapping[str, int]
    """Where the changed ones went: `to_first`, `to_higher`, `to_unreadable`, `to_readable` ..."""
    own_rate: float
    """What the judge is taken to change by itself."""
    own_from: str
    by_chance: float | None
    """The probability of so many changes at that rate; null if nothing was compared."""
    logit: Estimate
    """Mean change of the log-odds of the one shown first."""
    models: tuple[Mapping[str, int], Mapping[str, int]]
    """How many verdicts each model gave, then (as its votes name it) and now (as its provider)."""
    builds: tuple[Mapping[str, int], Mapping[str, int]]
    unanswered: int
    left_out: Mapping[str, int]

    @property
    def drifted(self) -> bool | None:
        """Null: nothing was compared."""
        if self.by_chance is None:
            return None
        return self.by_chance < ALPHA or self._shifted

    @property
    def _shifted(self) -> bool:
        low, high = self.logit.low, self.logit.high
        return low is not None and high is not None and (low > SHIFT or high < -SHIFT)

    @property
    def renamed(self) -> tuple[str, ...]:
        """What the provider calls otherwise than then, in words."""
        said = []
        for what, (then, now) in (("model", self.models), ("build", self.builds)):
            new = sorted(name for name in now if not _is_known(name, then))
            if then and new:
                said.append(f"the {what} is now {', '.join(new)}, it was {', '.join(sorted(then))}")
        return tuple(said)

    @property
    def warning(self) -> str | None:
        """What a person must know; null if nothing changed beyond chance."""
        said = list(self.renamed)
        if self.drifted is None:
            said.insert(0, f"no verdict could be compared ({self.unanswered} not answered)")
        elif self.drifted:
            said.insert(0, self._drift_said())
        return f"canary, {self.judge}: {'; '.join(said)}" if said else None

    def _drift_said(self) -> str:
        count = round((self.changed.value or 0.0) * self.compared)
        where = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in self.to.items())
        text = f"drifted: {count} of {self.compared} verdicts changed"
        text += f" ({where})" if where else ""
        text += f", {self.own_rate:.1%} is what it may change by itself ({self.own_from})"
        if self._shifted and self.logit.value is not None:
            text += f"; the log-odds of the one shown first moved by {self.logit.value:+.2f}"
        return f"{text}: what it says now is not what its certificate was given for"

    def facts(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {
            "judge": self.judge,
            "compared": self.compared,
            "same": self.compared - sum(self.to.values()),
            "changed": self.changed._asdict(),
            "to": dict(self.to),
            "own_rate": {"at_most": self.own_rate, "from": self.own_from},
            "by_chance": self.by_chance,
            "alpha": ALPHA,
            "logit_change": {**self.logit._asdict(), "limit": SHIFT},
            "models": {"then": dict(self.models[0]), "now": dict(self.models[1])},
            "builds": {"then": dict(self.builds[0]), "now": dict(self.builds[1])},
            "unanswered": self.unanswered,
            "left_out": dict(self.left_out),
            "drifted": self.drifted,
            "renamed": list(self.renamed),
            "warning": self.warning,
        }


def compared(
    asked: Sequence[Asked], *, judge: str, temperature: float | None, left_out: Mapping[str, int]
) -> Drift:
    """Hold the answers of today against the first draw of the baseline."""
    both = [one for one in asked if one.now.word is not None]
    moves = Counter(_to(one) for one in both if one.now.word != one.was[0].word)
    changed = sum(moves.values())
    own_rate, own_from = _own_rate(asked, temperature)
    return Drift(
        judge=judge,
        compared=len(both),
        changed=exact_share(changed, len(both), clusters=len({one.cluster for one in both})),
        to=dict(sorted(moves.items())),
        own_rate=own_rate,
        own_from=own_from,
        by_chance=by_chance(changed, len(both), own_rate) if both else None,
        logit=_logit_change(both),
        models=(_counted([one.was[0].model for one in both]),
                _counted([one.now.model for one in both])),
        builds=(_counted([one.was[0].build for one in both]),
                _counted([one.now.build for one in both])),
        unanswered=len(asked) - len(both),
        left_out=left_out,
    )  # fmt: skip


def _to(one: Asked) -> str:
    """Where a changed verdict went."""
    was, now = one.was[0].word, one.now.word
    if now == UNREADABLE:
        return "to_unreadable"
    if one.alone:
        if was == UNREADABLE or was is None or now is None:
            return "to_readable"
        return "to_higher" if float(now) > float(was) else "to_lower"
    return "to_another_ranking" if now and " " in now else f"to_{now}"


def _own_rate(asked: Sequence[Asked], temperature: float | None) -> tuple[float, str]:
    """How often the judge contradicts itself within the baseline: draws 0 and 1, 2 and 3 ..."""
    pairs = [
        (one.was[place].word, one.was[place + 1].word)
        for one in asked
        for place in range(0, len(one.was) - 1, 2)
    ]
    if len(pairs) >= FEWEST_PAIRS:
        flips = sum(first != second for first, second in pairs)
        return most_errors(flips, len(pairs)), f"{flips} of {len(pairs)} pairs of its draws differ"
    said = "allowed, for the baseline has no draws to tell"
    if temperature != 0:
        said += "; it is not asked at temperature 0, so make a baseline with --draws 2"
    return ALLOWANCE, said


def _logit_change(both: Sequence[Asked]) -> Estimate:
    rows = [
        (one.now.logit - one.was[0].logit, one.cluster)
        for one in both
        if one.now.logit is not None and one.was[0].logit is not None
    ]
    changes = np.array([change for change, _ in rows], dtype=float)
    clusters = np.array([cluster for _, cluster in rows], dtype=np.int64)

    def mean(columns: Columns) -> Callable[[Floats], Mapping[str, float]]:
        every = np.ones(len(columns["change"]))
        return lambda weights: {"change": share(columns["change"], every, weights)}

    found = estimates({"change": changes}, clusters, np.ones(len(rows)), mean)
    return bounded(found)["change"]


def _is_known(name: str, then: Iterable[str]) -> bool:
    """Whether one was called so, with or without the revision that it was pinned to."""
    return any(one == name or one.startswith(f"{name}@") for one in then)


def _counted(names: Sequence[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(name for name in names if name is not None).items()))

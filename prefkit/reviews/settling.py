"""What the votes on one pair come to: one answer, or a second look; never a silent winner.

The rule is one for the desk's queue of adjudication and for `apply`. The dataset's own label is a
voice too: what changes a pair takes more than one blind vote, or somebody who settles it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from prefkit.errors import DataError
from prefkit.schema.decision_lines import Decision, Outcome, outcome_of
from prefkit.schema.moments import moments

__all__ = ["FEWEST", "Policy", "Settled", "counted", "in_order", "settle"]

Policy = Literal["majority", "lead", "unanimous"]

FEWEST = 2
"""Blind votes that a change takes."""


class Settled(NamedTuple):
    """The answer, null where the pair needs a second look, and why in a few words.

    `settled` says that somebody who saw the label or the other votes gave the answer; `lines` are
    those that were counted.
    """

    outcome: Outcome | None
    why: str
    settled: bool
    lines: tuple[Decision, ...]


def in_order(lines: Iterable[Decision]) -> list[Decision]:
    """The lines by when they were made; those of one time stay as given.

    Files are named in any order, so a reviewer's last word is told by its time. What tells no time
    that can be read is before all that do.
    """
    every = list(lines)
    made = moments(pl.Series([line.at for line in every], dtype=pl.String))
    return [every[place] for place in np.argsort(made, kind="stable")]


def counted(lines: Iterable[Decision]) -> list[Decision]:
    """The lines that speak about data: the last of each reviewer, by role, on each pair.

    Left out is what another line supersedes, and everything but the item `pair`. The order of the
    lines is that of their making, see `in_order`. Lines without a reviewer may be of one person or
    of several: those that say the same are one, others stay.

    Raises:
        DataError: a line picks A or B without saying which side that was.
    """
    every = list(lines)
    gone = {line.supersedes for line in every if line.supersedes is not None}
    last: dict[tuple[str | None, ...], Decision] = {}
    for line in every:
        if line.item == "pair" and line.id not in gone:
            said = _outcome(line) if line.reviewer is None else None
            key = (line.pair, line.pair_sha256, line.reviewer, line.role, said)
            last.pop(key, None)
            last[key] = line
    return list(last.values())


def settle(lines: Sequence[Decision], policy: Policy, fewest: int = FEWEST) -> Settled:
    """What lines about one pair come to, as `counted` leaves them.

    Args:
        lines: all of one `pair_sha256`.
        policy: how blind votes count where nobody settled the pair: `majority` is more than half
            of those that decided, `unanimous` all, an unsure one included; by `lead` they can
            only agree with the dataset.
        fewest: how many blind votes must say what changes the pair.

    Raises:
        DataError: a line picks A or B without saying which side that was.
    """
    told = [(line, _outcome(line)) for line in lines]
    final = [(line, said) for line, said in told if line.role != "blind" and said != "unsure"]
    if final:
        answers = {said for _, said in final}
        chosen = tuple(line for line, _ in final)
        if len(answers) > 1:
            return Settled(None, "those who settle it disagree", False, chosen)
        return Settled(final[0][1], f"settled by {_votes(len(final))}", True, chosen)
    return _voted([(line, said) for line, said in told if line.role == "blind"], policy, fewest)


def _voted(told: Sequence[tuple[Decision, Outcome]], policy: Policy, fewest: int) -> Settled:
    lines = tuple(line for line, _ in told)
    counts: Counter[Outcome] = Counter(said for _, said in told if said != "unsure")
    if not counts:
        return Settled(None, "nobody was sure", False, lines)
    outcome, most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[0]
    decided = counts.total()
    if policy == "lead" and set(counts) != {"chosen"}:
        return Settled(None, f"{_tally(counts)}: left to the lead", False, lines)
    if policy == "unanimous" and most < len(told):
        return Settled(None, f"not unanimous: {_tally(counts)}", False, lines)
    if most * 2 <= decided:
        return Settled(None, f"reviewers disagree: {_tally(counts)}", False, lines)
    if outcome != "chosen" and most < fewest:
        why = f"{_votes(most)} for {_NAMES[outcome]}, a change takes {fewest}"
        return Settled(None, why, False, lines)
    return Settled(outcome, f"{most} of {_votes(decided)} for {_NAMES[outcome]}", False, lines)


_NAMES: dict[Outcome, str] = {
    "chosen": "chosen",
    "rejected": "rejected",
    "tie": "a tie",
    "both_bad": "both bad",
    "unsure": "unsure",
    "drop": "a drop",
}


def _outcome(line: Decision) -> Outcome:
    try:
        return outcome_of(line.verdict, line.left)
    except DataError as error:
        raise DataError(f"decision {line.id} on the pair {line.pair}: {error}") from error


def _tally(counts: Counter[Outcome]) -> str:
    shown = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{n} for {_NAMES[outcome]}" for outcome, n in shown)


def _votes(count: int) -> str:
    return f"{count} vote{'' if count == 1 else 's'}"

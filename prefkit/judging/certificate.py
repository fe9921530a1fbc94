"""The certificate of a judge: what it is worth against gold, and whether that is enough.

A judge is measured against the gold that `gold.gold_for` names, and each limit of `Thresholds` is
held against the end of an interval that speaks against the judge. A number without an interval
cannot pass. Without gold there is nothing to pass: the judge is uncalibrated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from prefkit.dataset.manifest import Gate
from prefkit.errors import GateFailed
from prefkit.judging.against_gold import Measured, measured
from prefkit.judging.duels import JudgeName, judges_of
from prefkit.judging.gold import Gold, gold_for, human_ceiling
from prefkit.judging.numbers import number, rounded
from prefkit.judging.thresholds import READINGS, Thresholds
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.planning import labels_for_half_width

__all__ = ["HOW_A_VERDICT_IS_MADE", "Certificate", "Check", "certify", "required"]

HOW_A_VERDICT_IS_MADE = (
    "one verdict a pair: the same answer in both orders is that answer, two different ones are a"
    " tie, and with one unreadable the pair is unreadable; of several draws in one order, the most"
    " frequent readable answer, a tie if none is; a pair shown once has the verdict that it got"
)

_UNCALIBRATED = "uncalibrated: {said}"
_HALF = 0.1


class Check(NamedTuple):
    """One limit: the gate that it is, or why there is no number to hold against it."""

    name: str
    limit: float
    gate: Gate | None
    reason: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the limit is held; not, if there is no number."""
        return self.gate is not None and self.gate.passed

    @property
    def said(self) -> str:
        """The outcome in words."""
        if self.gate is None:
            return f"{self.name} must be shown to hold at {self.limit:g}, but: {self.reason}"
        sign = self.gate.holds_if
        return f"{self.name} is {self._value(self.gate.value)}, must be {sign} {self.limit:g}"

    def _value(self, value: float) -> str:
        """A count in full; else three digits, or as many as tell it from the limit."""
        if value == int(value):
            return f"{value:.0f}"
        texts = [f"{value:.{digits}g}" for digits in (3, 6, 17)]
        return next((text for text in texts if float(text) != self.limit), texts[0])

    def facts(self) -> dict[str, Any]:
        """The check as plain JSON; `value` is the end of the interval that speaks against."""
        return {
            "name": self.name,
            "value": None if self.gate is None else rounded(self.gate.value),
            "limit": self.limit,
            "holds_if": None if self.gate is None else self.gate.holds_if,
            "passed": self.passed,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One judge, measured."""

    judge: JudgeName
    gold: Gold
    numbers: Measured
    ceiling: Mapping[str, Estimate]
    """How far humans agree with each other on all pairs, as `gold.human_ceiling` names it."""
    checks: tuple[Check, ...]
    left_out: tuple[str, ...]
    """Limits that were not applied, and why."""
    thresholds: Thresholds

    @property
    def passed(self) -> bool | None:
        """Whether every limit holds; null: there is no gold, so the judge is uncalibrated."""
        if not self.numbers.pairs["gold"]:
            return None
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why there is no certificate; empty if there is one."""
        if self.passed is None:
            return (_UNCALIBRATED.format(said=self._no_gold()),)
        return tuple(check.said for check in self.checks if not check.passed)

    def _no_gold(self) -> str:
        if len(self.gold.frame):
            return "none of the pairs that it judged has gold"
        return self.gold.said

    def facts(self) -> dict[str, Any]:
        """Everything as plain JSON that needs nothing else to be understood."""
        numbers, gold = self.numbers, self.gold
        return {
            "judge": self.judge.shown,
            "by": self.judge.by,
            "file": self.judge.file,
            "rubric": self.judge.rubric,
            "criterion": self.judge.criterion,
            "status": {True: "passed", False: "refused", None: "uncalibrated"}[self.passed],
            "passed": self.passed,
            "reasons": list(self.reasons),
            "not_applied": list(self.left_out),
            "gold": {
                "kind": gold.kind,
                "criterion": gold.criterion,
                "said": gold.said,
                "pairs": dict(numbers.pairs),
                "clusters": numbers.clusters,
            },
            "verdict": HOW_A_VERDICT_IS_MADE,
            **{section: self._reading(ties) for section, ties in READINGS.items()},
            "single_verdicts": _all(numbers.by_order),
            "swaps": _all(numbers.swaps),
            "length": _all(numbers.lean),
            "unreadable": number(numbers.unreadable),
            "human_ceiling": _all(self.ceiling),
            "checks": [check.facts() for check in self.checks],
            "thresholds": self.thresholds.facts(),
        }

    def _reading(self, ties: str) -> dict[str, Any]:
        numbers = self.numbers
        found, human = numbers.against_gold[ties], numbers.one_human.get(ties, {})
        base = numbers.base_rate[ties]
        return {
            "accuracy": number(found["percent"]),
            "kappa": number(found["kappa"]),
            "ac": number(found["ac"]),
            "chance": rounded(numbers.chance[ties]),
            "base_rate": None if base is None else rounded(base),
            "with_one_human": number(human["judge"]) if human else None,
            "human_with_human": number(human["human"]) if human else None,
            "share_of_ceiling": number(human["share"]) if human else None,
        }


def certify(duels: pl.DataFrame, thresholds: Thresholds, *, seed: int = 0) -> list[Certificate]:
    """One certificate, passed or not, for every judge and reward model.

    Args:
        duels: of a whole dataset, votes of judges and gold together (`duels.duels_of_all`).
        thresholds: what is required.
        seed: another seed gives other draws of prompts.
    """
    ceilings: dict[tuple[str | None, str | None], Mapping[str, Estimate]] = {}
    found = []
    for name, one in judges_of(duels):
        gold = gold_for(duels, name)
        about = (gold.kind, gold.criterion)
        if about not in ceilings:
            is_human = gold.kind == "human"
            ceilings[about] = human_ceiling(duels, gold.criterion, seed=seed) if is_human else {}
        numbers = measured(duels, one, gold, seed=seed)
        alone = bool((one["form"] == "pointwise").all())
        checks, left_out = _checks(numbers, thresholds, alone=alone)
        found.append(
            Certificate(
                judge=name,
                gold=gold,
                numbers=numbers,
                ceiling=ceilings[about],
                checks=tuple(checks),
                left_out=tuple(left_out),
                thresholds=thresholds,
            )
        )
    return found


def required(certificates: Iterable[Certificate]) -> None:
    """Let pass only judges that all have a certificate.

    Raises:
        GateFailed: there is no judge, or at least one has none; each is named with its reasons.
    """
    known = list(certificates)
    if not known:
        raise GateFailed(
            "a certificate is required, and no judge has voted here",
            hint="prefkit collect judge DATASET --model CLIENT --rubric NAME --out DIR",
        )
    without = [one for one in known if not one.passed]
    if not without:
        return
    lines = [f"{one.judge.shown}: {'; '.join(one.reasons)}" for one in without]
    limits = without[0].thresholds
    fewest = max(limits.fewest_pairs, labels_for_half_width(_HALF))
    if any(one.passed is None for one in without):
        hint = f"add human votes on at least {fewest} of its pairs: prefkit collect human --help"
    else:
        hint = "prefkit report DATASET --json shows every number of a certificate"
    raise GateFailed(
        f"{len(without)} of {len(known)} judges have no certificate ({limits.name}): "
        + " | ".join(lines),
        hint=hint,
    )


def _checks(numbers: Measured, limits: Thresholds, *, alone: bool) -> tuple[list[Check], list[str]]:
    """Every limit that is set and applies, and why others do not."""
    checks = [
        _counted("gold pairs with a readable verdict", numbers.pairs["readable"],
                 limits.fewest_pairs),
        _counted("prompts of these pairs", numbers.clusters, limits.fewest_clusters),
        *_agreement_checks(numbers, limits),
    ]  # fmt: skip
    left_out = []
    ceilings, unknown = _ceiling_checks(numbers, limits)
    checks += ceilings
    left_out += unknown
    if limits.swap_consistency is not None:
        if alone:
            left_out.append("swap consistency: each response was judged alone, in no order")
        else:
            name = "swap consistency at its lower end"
            checks.append(_least(name, numbers.swaps["consistency"], limits.swap_consistency))
    if limits.length_lean is not None:
        checks.append(_lean("lean to length", numbers.lean["difference"], limits.length_lean))
    if limits.unreadable is not None:
        name = "share of unreadable verdicts at its upper end"
        checks.append(_most(name, numbers.unreadable, limits.unreadable))
    return checks, left_out


def _agreement_checks(numbers: Measured, limits: Thresholds) -> Iterator[Check]:
    words = {"accuracy": "percent", "kappa": "kappa", "ac": "ac"}
    for section, ties in READINGS.items():
        for word, name in words.items():
            limit = getattr(limits.ties(section), word)
            if limit is not None:
                said = f"{word} ({section.replace('_', ' ')}) at its lower end"
                yield _least(said, numbers.against_gold[ties][name], limit)


def _ceiling_checks(numbers: Measured, limits: Thresholds) -> tuple[list[Check], list[str]]:
    checks, left_out = [], []
    for section, ties in READINGS.items():
        limit = limits.ties(section).share_of_ceiling
        if limit is None:
            continue
        name = f"share of the human ceiling ({section.replace('_', ' ')})"
        human = numbers.one_human.get(ties)
        if human is not None and human["human"].value is not None:
            checks.append(_least(f"{name} at its lower end", human["share"], limit))
            continue
        reason = "the gold is not of single humans"
        if human is not None:
            reason = f"of pairs that two humans judged: {human['human'].reason}"
        reason = f"the ceiling is not known ({reason})"
        if limits.without_ceiling == "refuse":
            checks.append(Check(name, limit, None, reason))
        else:
            left_out.append(f"{name}: {reason}")
    return checks, left_out


def _counted(name: str, count: int, limit: int) -> Check:
    return Check(name, limit, Gate(name, count, limit))


def _least(name: str, number: Estimate, limit: float) -> Check:
    if number.low is None:
        return Check(name, limit, None, number.reason)
    return Check(name, limit, Gate(name, number.low, limit))


def _most(name: str, number: Estimate, limit: float) -> Check:
    if number.high is None:
        return Check(name, limit, None, number.reason)
    return Check(name, limit, Gate(name, number.high, limit, "<="))


def _lean(name: str, number: Estimate, limit: float) -> Check:
    """The end of the interval that is farther from no lean at all, whichever side it is on."""
    if number.low is None or number.high is None:
        return Check(name, limit, None, number.reason)
    side = "longer" if number.high >= -number.low else "shorter"
    farther = max(number.high, -number.low)
    name = f"{name} (towards the {side}) at its farther end"
    return Check(name, limit, Gate(name, farther, limit, "<="))


def _all(found: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: number(one) for name, one in found.items()}

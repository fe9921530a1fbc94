"""What a run of executions says as a whole: facts for the manifest, lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from prefkit.collectors.synthetic.code_adequacy import Adequacy
from prefkit.collectors.synthetic.code_runs import decided, wanted_s
from prefkit.collectors.synthetic.code_terms import Executed, Terms
from prefkit.collectors.synthetic.recipe import Cast
from prefkit.sandbox.launch import Level
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.pass_at_k import pass_at_k
from prefkit.statistics.rates import rate, ratio

__all__ = ["Tally"]

_K = (1, 5, 10, 100)
_MOST_LISTED = 100
_MOST_SURVIVORS = 3
_MOST_NAMED = 3
_WEAKER = {
    "landlock": "weaker: no namespaces were to be had",
    "unsafe": "NONE: programs ran with your rights, as --unsafe-exec allows",
}


class _Samples(NamedTuple):
    """The answers to one task."""

    answers: int
    passed: int
    undecided: int
    """Answers beside these of which nobody can say whether they pass."""


class Tally:
    """Counts what was cast; about 100 bytes a task, and what is wrong with the first 100."""

    def __init__(self, level: Level, terms: Terms) -> None:
        self._level = level
        self._terms = terms
        self._counts: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._extracted: Counter[str] = Counter()
        self._samples: list[_Samples] = []
        self._mutants: list[Adequacy] = []
        self._differing: Counter[str] = Counter()
        self._flaky: list[dict[str, Any]] = []
        self._weak: list[dict[str, Any]] = []
        self._disagreeing: list[dict[str, Any]] = []
        self._seconds = 0.0
        self._runs = 0

    def note_unanswered(self, executed: Executed, lost: int) -> None:
        """Count a task to which no answer is a response."""
        self._counts["unanswered_tasks"] += 1
        if executed.fault is None and executed.counted:
            self._samples.append(_Samples(lost, 0, 0))

    def note(self, executed: Executed, cast: Cast, lost: int = 0) -> None:
        """Count one comparison, and answers to its task that are no response."""
        self._counts["tasks"] += 1
        self._counts["responses"] += len(executed.found)
        self._counts["votes"] += len(cast.votes)
        if executed.fault is not None:
            self._counts["unusable_tasks"] += 1
            return
        labels = [one for vote in cast.votes for one in vote.labels or () if one]
        self._labels.update(labels)
        self._extracted.update(one.how for one in executed.found)
        self._note_flaky(executed)
        if executed.counted:
            self._samples.append(_samples(executed, lost))
        self._note_shapes(executed)
        self._note_adequacy(executed)
        self._note_differing(executed)
        for ran in executed.runs.values():
            self._runs += max(map(len, ran.tests), default=0)
            self._seconds += wanted_s(ran.first)

    def facts(self) -> dict[str, Any]:
        """Equal for equal votes: verdicts alone, of which a clock decides only time-outs."""
        return {
            "level": self._level,
            **dict(self._counts),
            "labels": dict(sorted(self._labels.items())),
            "extracted": dict(sorted(self._extracted.items())),
            "answers": self._answers(),
            "pass_at_k": self._pass_at_k(),
            "flaky": _listed(self._flaky),
            "adequacy": self._adequacy(),
            "differing": self._differing_facts(),
        }

    def timings(self) -> dict[str, Any]:
        """Seconds of the programs' first runs, how many runs, and what a clock decided."""
        return {
            "level": self._level,
            "runs": self._runs,
            "first_runs_s": round(self._seconds, 3),
            "mutants_by_timeout": sum(one.timeouts for one in self._mutants),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """A line each for what somebody should know."""
        weaker = _WEAKER.get(self._level)
        yield "Sandbox", self._level if weaker is None else f"{self._level} ({weaker})"
        labels = [f"{count:,} {name}" for name, count in self._labels.most_common()]
        yield "Programs", ", ".join(labels) or "none could be judged"
        for k, found in self._pass_at_k().items():
            if "value" in found:
                yield f"pass@{k}", f"{found['value']:.1%} of {found['n']:,} tasks{_interval(found)}"
        if self._flaky:
            yield "Flaky", f"{len(self._flaky):,} (listed in the manifest): they do not count"
        yield from self._lines_of_tests()

    def _lines_of_tests(self) -> Iterator[tuple[str, str]]:
        killed = sum(one.killed for one in self._mutants)
        mutants = sum(one.mutants for one in self._mutants)
        if mutants:
            yield "Tests", f"{killed / mutants:.0%} of {mutants:,} wrong programs were noticed"
        if self._weak:
            yield (
                "Weak tests",
                f"{len(self._weak):,} of {len(self._mutants):,} tasks notice less than "
                f"{self._terms.least_killed:.0%}: {_named(self._weak)}",
            )
        if self._disagreeing:
            yield (
                "Disagreeing",
                f"programs that pass differ on further inputs of {len(self._disagreeing):,} of "
                f"{self._differing['tasks']:,} tasks: {_named(self._disagreeing)}",
            )

    def _note_flaky(self, executed: Executed) -> None:
        for place, whose in executed.flaky.tests.items():
            self._flaky.append({"task": executed.task, "test": place, "for": whose})
        for found in executed.found:
            if found.code in executed.flaky.codes:
                # in which tests is chance, and facts should be equal in every run
                self._flaky.append({"task": executed.task, "response": found.place})

    def _note_shapes(self, executed: Executed) -> None:
        codes = [one.code for one in executed.found if one.code is not None]
        shapes = [executed.shapes[code] or code for code in codes]
        self._counts["duplicates"] += len(shapes) - len(set(shapes))

    def _note_adequacy(self, executed: Executed) -> None:
        grade = executed.adequacy
        if grade is None or not grade.mutants:
            return
        self._mutants.append(grade._replace(survivors=()))
        if grade.killed < self._terms.least_killed * grade.mutants:
            self._weak.append(
                {
                    "task": executed.task,
                    "killed": grade.killed,
                    "mutants": grade.mutants,
                    "survivors": list(grade.survivors[:_MOST_SURVIVORS]),
                }
            )

    def _note_differing(self, executed: Executed) -> None:
        found = executed.differing
        if found is None:
            return
        self._differing["tasks"] += 1
        self._differing["inputs"] += found.inputs
        self._differing["disagreeing"] += found.disagreeing
        if found.disagreeing:
            self._disagreeing.append(
                {
                    "task": executed.task,
                    "inputs": found.inputs,
                    "disagreeing": found.disagreeing,
                    "example": found.example,
                }
            )

    def _answers(self) -> dict[str, int]:
        """What pass@k is about: draws, not texts, also those that are no response."""
        return {name: sum(getattr(one, name) for one in self._samples) for name in _Samples._fields}

    def _pass_at_k(self) -> dict[str, Any]:
        """Means over the tasks that have k answers or more; intervals by tasks."""
        found = {}
        for k in _K:
            values = [
                pass_at_k(one.answers, one.passed, k) for one in self._samples if one.answers >= k
            ]
            if values:
                found[str(k)] = _with_value(
                    rate(np.array(values), np.arange(len(values))), sum(values) / len(values)
                )
        return found

    def _adequacy(self) -> dict[str, Any]:
        if not self._mutants:
            return {}
        killed, mutants = np.array([one[:2] for one in self._mutants], dtype=float).T
        return {
            "kill_rate": _with_value(
                ratio(killed, mutants, np.arange(len(mutants))), killed.sum() / mutants.sum()
            ),
            "mutants": int(mutants.sum()),
            "least_killed": self._terms.least_killed,
            "weak": _listed(self._weak),
        }

    def _differing_facts(self) -> dict[str, Any]:
        if not self._differing:
            return {}
        return {**dict(self._differing), "weak": _listed(self._disagreeing)}


def _samples(executed: Executed, lost: int) -> _Samples:
    """How many answers there were, and passed; an answer without code failed, as one lost did."""
    count, passed, undecided = lost, 0, 0
    for found in executed.found:
        if found.code is None:
            count += found.draws
            continue
        verdicts = decided(executed.runs[found.code], executed.counted)
        failed = any(one != "pass" for one in verdicts)
        whole = len(verdicts) == len(executed.counted)
        if found.code in executed.flaky.codes or not (failed or whole):
            undecided += found.draws
            continue
        count += found.draws
        passed += 0 if failed else found.draws
    return _Samples(count, passed, undecided)


def _with_value(found: Estimate, value: float) -> dict[str, Any]:
    """An estimate that has its value where tasks are too few for an interval."""
    if found.value is not None:
        return found.facts()
    value = float(f"{value:.6g}")
    return {"value": value, "n": found.n, "clusters": found.clusters, "no_interval": found.reason}


def _listed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(rows), "first": rows[:_MOST_LISTED]} if rows else {"count": 0}


def _named(rows: list[dict[str, Any]]) -> str:
    more = ", ..." if len(rows) > _MOST_NAMED else ""
    return ", ".join(str(one["task"]) for one in rows[:_MOST_NAMED]) + more


def _interval(found: dict[str, Any]) -> str:
    if "interval" not in found:
        return ""
    low, high = found["interval"]
    return f" ({low:.1%} to {high:.1%})"

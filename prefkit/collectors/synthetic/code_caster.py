"""Votes by execution: every response that holds code is run over the tests of its task.

A vote carries measurements (seconds, memory): equal runs write equal votes only without them
(`measured: false`). All else is equal in every run, but for what a program does by chance.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from prefkit.collectors.prompts import Prompt
from prefkit.collectors.synthetic.code_classes import label_of
from prefkit.collectors.synthetic.code_executing import Bench, calls_of, passes
from prefkit.collectors.synthetic.code_runs import Ran, decided, wanted_s
from prefkit.collectors.synthetic.code_tally import Tally
from prefkit.collectors.synthetic.code_terms import Executed, Found, Terms
from prefkit.collectors.synthetic.recipe import Cast, Caster, Made, Missing
from prefkit.sandbox.judges import Gate
from prefkit.sandbox.launch import Level
from prefkit.sandbox.pool import in_sandboxes
from prefkit.sandbox.syntax import LONGEST
from prefkit.sandbox.worker import Worker
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import Comparison, Source, Vote, to_json

__all__ = ["CodeCaster"]

_MOST_NOTE = 200
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_NO_CODE = {
    "too_long": f"more than {LONGEST:,} characters, which are not read",
    "nothing": "no code was found in it",
}


class CodeCaster(Caster):
    """Executes comparisons side by side; one vote for each response that could be judged."""

    def __init__(self, name: str, level: Level, terms: Terms, workers: int | None) -> None:
        self._name = name
        self._level = level
        self._terms = terms
        self._workers = workers
        self._gate = Gate()
        self._benches: dict[int, Bench] = {}
        self._results: Iterator[tuple[Comparison, Executed]] | None = None
        self._tally = Tally(level, terms)
        self._lost: Counter[str] = Counter()
        """By prompt: answers that are no response."""
        self._without: dict[str, Comparison] = {}
        """Tasks to which no answer is a response, until they are executed."""

    def __exit__(self, *_: object) -> None:
        """End all workers."""
        if self._results is not None:
            close = getattr(self._results, "close", None)
            if close is not None:
                close()
        for bench in self._benches.values():
            bench.close()

    def unusable(self, prompt: Prompt, made: Sequence[Made], comparison: Comparison | None) -> None:
        """They failed: pass@k is about answers, and not about those that are worth a vote."""
        digest = messages_digest(prompt.messages)
        self._lost[digest] += len(made)
        if comparison is None:
            self._without[digest] = Comparison(
                prompt.messages, (), (), reference=prompt.reference, tags=prompt.tags
            )

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """As `Caster.cast`; holds four comparisons a worker.

        Raises:
            SandboxError: no sandbox could be started.
        """
        worker = partial(
            Worker, self._level, self._terms.limits, allow_unsafe=self._level == "unsafe"
        )
        every = self._and_without(comparisons)
        self._results = in_sandboxes(self._execute, every, worker, self._workers)
        for comparison, executed in self._results:
            lost = self._lost.pop(messages_digest(comparison.prompt), 0)
            if not comparison.responses and lost:
                self._tally.note_unanswered(executed, lost)
                continue
            cast = self._told(comparison, executed)
            self._tally.note(executed, cast, lost)
            yield cast

    def facts(self) -> dict[str, Any]:
        """Level, verdicts, flaky tests, weak tests, pass@k."""
        return self._tally.facts()

    def timings(self) -> dict[str, Any]:
        """What the executions took."""
        return self._tally.timings()

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        return self._tally.lines()

    def _and_without(self, comparisons: Iterable[Comparison]) -> Iterator[Comparison]:
        """Those given, and tasks without responses as they become known: are they of any use?"""
        for one in comparisons:
            while self._without:
                yield self._without.pop(next(iter(self._without)))
            yield one
        yield from self._without.values()

    def _execute(self, worker: Worker, comparison: Comparison) -> tuple[Comparison, Executed]:
        bench = self._benches.get(worker.number)
        if bench is None:
            bench = self._benches[worker.number] = Bench(worker, self._gate, self._terms)
        return comparison, bench.execute(comparison)

    def _told(self, comparison: Comparison, executed: Executed) -> Cast:
        if executed.fault is not None:
            return Cast((), (Missing(executed.fault.kind, str(executed.fault)),))
        if not executed.counted:
            said = f"{executed.task}: every one of its tests disagrees with itself"
            return Cast((), (Missing("flaky", said),))
        made = [self._of_response(comparison, executed, one) for one in executed.found]
        return Cast(
            tuple(one for one in made if isinstance(one, Vote)),
            tuple(one for one in made if isinstance(one, Missing)),
        )

    def _of_response(
        self, comparison: Comparison, executed: Executed, found: Found
    ) -> Vote | Missing:
        if found.code is None:
            reason = "too_long" if found.how == "too_long" else "no_code"
            return Missing(reason, f"{executed.task}: {_NO_CODE[found.how]}", found.place)
        if found.code in executed.flaky.codes:
            said = f"{executed.task}: it disagrees with itself in tests that are steady for others"
            return Missing("flaky", said, found.place)
        ran = executed.runs[found.code]
        verdicts = decided(ran, executed.counted)
        failed = any(one != "pass" for one in verdicts)
        if not failed and not passes(ran, executed.counted):
            return _undecided(executed, ran, found.place)
        return self._vote(comparison, executed, found, ran)

    def _vote(self, comparison: Comparison, executed: Executed, found: Found, ran: Ran) -> Vote:
        assert executed.prepared is not None and found.code is not None  # noqa: S101, RUF100, PT018
        verdicts = decided(ran, executed.counted)
        passed = sum(one == "pass" for one in verdicts)
        trivial = found.code in executed.trivial
        entry_point = executed.prepared.plan.task.entry_point
        label = label_of(found.code, entry_point, verdicts, is_trivial=trivial)
        count = len(comparison.responses)
        times = executed.times.get(found.code, ())
        seconds = min(times) if times else wanted_s(ran.first)
        return Vote(
            kind="execution",
            outcome="scored",
            scores=_only(found.place, count, passed / len(verdicts)),
            scale="pass_share",
            source=Source(self._name, _record(comparison, found, self._terms)),
            by=f"sandbox:{self._level}",
            labels=_only(found.place, count, label),
            trials=_only(found.place, count, len(verdicts)),
            seconds=round(seconds, 6) if self._terms.measured else None,
            raw=to_json(self._raw(executed, found, ran)),
        )

    def _raw(self, executed: Executed, found: Found, ran: Ran) -> dict[str, Any]:
        code = found.code or ""
        prepared, grade, differing = executed.prepared, executed.adequacy, executed.differing
        tests = [
            "flaky" if place in executed.flaky.tests else ran.verdict(place)
            for place in range(len(ran.tests))
        ]
        bad = next((p for p in executed.counted if ran.verdict(p) != "pass"), None)
        note = "" if bad is None else _ADDRESS.sub("0x", ran.note(bad))[:_MOST_NOTE]
        told: dict[str, Any] = {
            "tests": tests,
            "shape": executed.shapes[code],
            "repeats": self._terms.repeats,
            "extracted": found.how,
            "calls": None if prepared is None else calls_of(prepared.plan),
            "error": note or None,
            "trivial": executed.trivial.get(code),
            "adequacy": None if grade is None else [grade.killed, grade.mutants],
            "differs": None,
        }
        if differing is not None and code in differing.of:
            told["differs"] = [differing.of[code], differing.inputs]
        if self._terms.measured:
            times = executed.times.get(code)
            told["times"] = None if times is None else [round(one, 6) for one in times]
            told["cpu_s"] = None if ran.first.cpu_s is None else round(ran.first.cpu_s, 6)
            told["peak_kb"] = ran.first.peak_kb
        kept = ("shape",)  # null: it is no Python
        return {key: one for key, one in told.items() if one is not None or key in kept}


def _undecided(executed: Executed, ran: Ran, place: int) -> Missing:
    """Why nothing can be said of a response: of its tests the first that says so."""
    test = next(p for p in executed.counted if ran.verdict(p) in ("infra", "unsure"))
    said = f"{executed.task}, test {test}: {ran.note(test)[:_MOST_NOTE]}"
    return Missing(ran.verdict(test), said, place)


def _only(place: int, count: int, value: Any) -> tuple[Any, ...]:
    """A value for one response, null for the others."""
    return tuple(value if one == place else None for one in range(count))


def _record(comparison: Comparison, found: Found, terms: Terms) -> str:
    """What was executed, so that the same again is the same vote."""
    said = (comparison.reference, found.code, terms.limits, terms.repeats)
    return hashlib.sha256(repr(said).encode(errors="surrogatepass")).hexdigest()[:32]

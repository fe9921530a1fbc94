"""One comparison executed: its code cut out, run, and its tests looked into."""

from __future__ import annotations

import json
from collections.abc import Sequence

from prefkit.collectors.synthetic.code_adequacy import (
    Differing,
    Impatient,
    adequacy,
    agrees,
    differing,
)
from prefkit.collectors.synthetic.code_rows import stored_task
from prefkit.collectors.synthetic.code_runs import (
    Prepared,
    Ran,
    decided,
    flaky_tests,
    prepared,
    repeated,
    wanted_s,
)
from prefkit.collectors.synthetic.code_terms import Executed, Found, Terms
from prefkit.sandbox.cases import CheckCase
from prefkit.sandbox.differing import known_calls
from prefkit.sandbox.extract import Extracted, extract, extract_completion, extract_program
from prefkit.sandbox.judges import Gate, Judge
from prefkit.sandbox.shapes import shape
from prefkit.sandbox.syntax import LONGEST, parsed
from prefkit.sandbox.tasks import Fault, Program, Task, faults
from prefkit.sandbox.trivial import trivial_rules
from prefkit.sandbox.verdicts import Plan
from prefkit.sandbox.worker import Worker
from prefkit.schema.records import Comparison, Response

__all__ = ["Bench", "calls_of", "passes"]

_LEAST_TIMED = 5


class Bench:
    """What executes comparisons, one at a time, with one worker of a pool."""

    def __init__(self, worker: Worker, gate: Gate, terms: Terms) -> None:
        self._worker = worker
        self._terms = terms
        self._judge = Judge(worker, gate)
        self._impatient = Impatient(worker)

    def close(self) -> None:
        """End all workers but the one given."""
        self._judge.close()
        self._impatient.close()

    def execute(self, comparison: Comparison) -> Executed:
        """Run every program of a comparison that has code.

        Raises:
            SandboxError: no sandbox could be started.
        """
        task = stored_task(comparison)
        fault = task if isinstance(task, Fault) else next(iter(faults(task)), None)
        if fault is not None or isinstance(task, Fault):
            assert fault is not None  # noqa: S101, RUF100 - one of the two is a fault
            return Executed(fault.task, fault=fault)
        terms = self._terms
        looks = max(terms.repeats - 1, int(terms.mutants > 0))
        ready = prepared(self._judge, self._worker, task, terms.limits, looks)
        if isinstance(ready, Fault):
            return Executed(task.id, fault=ready)
        found = tuple(_found(place, one, task) for place, one in enumerate(comparison.responses))
        # equal programs in other words of prose are one program
        codes = list(dict.fromkeys(one.code for one in found if one.code is not None))
        runs = {one: repeated(self._judge, ready.plan, one, terms.repeats) for one in codes}
        flaky = flaky_tests(ready.reference, runs)
        shapes = {one: shape(one) for one in codes}
        told = Executed(task.id, found, None, ready, runs, flaky, shapes)
        return self._looked_into(told, ready) if told.counted else told

    def _looked_into(self, told: Executed, ready: Prepared) -> Executed:
        """The same, with what the tests are worth, and which programs pass for nothing."""
        passing = [
            code
            for code, ran in told.runs.items()
            if code not in told.flaky.codes and passes(ran, told.counted)
        ]
        terms, made = self._terms, ready.plan
        reference_s = 0.0 if ready.reference is None else wanted_s(ready.reference.first)
        told = told._replace(trivial=self._trivial(made, passing, reference_s))
        if terms.mutants and made.task.reference is not None and told.found:
            grade = adequacy(made, self._impatient, reference_s, told.counted, terms.mutants)
            told = told._replace(adequacy=grade)
        if terms.variants:
            honest = [code for code in passing if code not in told.trivial]
            told = told._replace(differing=self._differing(told, made, honest, reference_s))
        return told._replace(times=self._timed(made, passing)) if terms.speed else told

    def _trivial(self, made: Plan, codes: Sequence[str], reference_s: float) -> dict[str, str]:
        """The rule that each trivial program breaks.

        A rule is about syntax, and honest programs break it too: one that answers what the tests
        do not ask as the reference does is none.
        """
        found = _suspected(made, codes)
        if not found or not self._terms.variants:
            return found
        worker = self._impatient.workers(reference_s)[0]
        most = self._terms.variants
        return {code: rule for code, rule in found.items() if not agrees(made, worker, code, most)}

    def _differing(
        self, told: Executed, made: Plan, codes: Sequence[str], reference_s: float
    ) -> Differing | None:
        """What programs answer to further inputs; those of one shape answer alike."""
        shapes = {code: told.shapes[code] or code for code in codes}
        firsts = {one: code for code, one in reversed(shapes.items())}
        asked = [code for code in codes if firsts[shapes[code]] == code]
        if not asked:
            return None
        worker = self._impatient.workers(reference_s)[0]
        found = differing(made, worker, asked, self._terms.variants, told.task)
        if found is None:
            return None
        return found._replace(of={code: found.of[firsts[shapes[code]]] for code in codes})

    def _timed(self, made: Plan, codes: Sequence[str]) -> dict[str, tuple[float, ...]]:
        """Every program once, then every program again: a busy moment hits all of them."""
        times: dict[str, list[float]] = {code: [] for code in codes}
        for _ in range(max(_LEAST_TIMED, self._terms.repeats)):
            for code, held in times.items():
                held.append(wanted_s(self._judge.judge(made, code)))
        return {code: tuple(held) for code, held in times.items()}


def passes(ran: Ran, counted: Sequence[int]) -> bool:
    """Whether a program passes every test that counts."""
    verdicts = decided(ran, counted)
    return len(verdicts) == len(counted) and all(one == "pass" for one in verdicts)


def calls_of(made: Plan) -> int | None:
    """How often a program is asked in one run; null where tests are code, and ask as they like."""
    if any(isinstance(one, CheckCase) for one in made.cases):
        return None
    return len(made.cases)


def _found(place: int, response: Response, task: Task) -> Found:
    """The code of a response, by how it was given."""
    text = next((one.content for one in reversed(response.messages) if one.content), "")
    sampling = json.loads(response.sampling) if response.sampling else {}
    sampling = sampling if isinstance(sampling, dict) else {}
    draws = sampling.get("draws") or ()
    count = sampling.get("count")
    number = count if isinstance(count, int) and count > 0 else 1
    if any(isinstance(one, dict) and one.get("as") == "completion" for one in draws):
        whole = _continued(text, task)
        if whole is not None:
            return Found(place, number, whole, "completion")
    return Found.of(place, number, _extracted(text, task))


def _continued(text: str, task: Task) -> str | None:
    """A completion behind its prompt; null where the prompt is no code that could go on."""
    if len(text) > LONGEST or task.entry_point is None:
        return None
    for start in (task.prompt, f"{task.prompt.rstrip()}\n    pass\n"):
        if parsed(start) is not None and "def " in start:
            return extract_completion(text, task.prompt)
    return None


def _extracted(text: str, task: Task) -> Extracted:
    if task.entry_point is None:
        return extract_program(text)
    # `Solution.add` is defined where its last part is
    return extract(text, task.prompt, task.entry_point.rsplit(".", 1)[-1])


def _suspected(made: Plan, codes: Sequence[str]) -> dict[str, str]:
    """The rule that holds for each program, where one does that the reference keeps."""
    task = made.task
    inputs = [one.arguments for one in known_calls(made.cases, task.entry_point or "")]
    has_input = any(isinstance(one, Program) and one.stdin.strip() for one in made.cases)

    def rules(code: str) -> tuple[str, ...]:
        return trivial_rules(code, task.entry_point, inputs, has_input=has_input)

    allowed = rules(task.reference) if task.reference else ()
    broken = ((code, [one for one in rules(code) if one not in allowed]) for code in codes)
    return {code: found[0] for code, found in broken if found}

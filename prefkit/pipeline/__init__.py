"""A pipeline file: the same verbs in order, nothing run twice.

    name: quickstart
    steps:
      - collect human: {paths: [samples/*.jsonl]}
      - pair: {policy: best_worst}
      - curate: {filter: [identical_sides, {length_ratio: {max: 3}}]}
      - export: {files: [jsonl, parquet]}

Paths are relative to the file. A step without a dataset takes the output of the step before it, or
of an earlier one that it names (`dataset: 2-pair`, or `paths: 1-collect-synthetic`); each step
writes a folder of its own below `--out`. Consent (`force`, `allow_code`, `unsafe_exec`, `yes`)
never comes from a file.

`--budget` holds for all steps of a run together: each may spend what those before it left, or its
own `budget` if that is less. What earlier runs paid is kept and not paid again, nor counted again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.errors import PrefkitError
from prefkit.pipeline.file import Planned, needs, plan, read_document
from prefkit.pipeline.purse import Purse
from prefkit.pipeline.state import State, check_owner
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Run"]

_LOG = logging.getLogger("prefkit.pipeline")
_GIVEN = ("limit", "pseudonym_key", "workers", "allow_code", "unsafe_exec", "yes", "cache")


class Run(Verb):
    """Run a pipeline file; steps whose options and inputs are unchanged are not run again."""

    positional: ClassVar[tuple[str, ...]] = ("file",)
    consent: ClassVar[tuple[str, ...]] = (*Verb.consent, "yes", "unsafe_exec")

    file: Path = Field(description="A pipeline file in YAML.")
    out: Path | None = Field(None, description="Folder for the steps' outputs. Default: runs/NAME.")
    set: tuple[str, ...] = Field(
        (), description="Change an option: pair.tie=soft, curate.filter.length_ratio.max=2."
    )
    limit: int | None = Field(
        None, ge=1, description="Read this many source rows of each file at most."
    )
    pseudonym_key: Path | None = Field(None, description="Key file for pseudonyms.")
    workers: int | None = Field(None, ge=1, description="Processes; all cores by default.")
    allow_code: bool = Field(False, description="Let the python filter import and run a function.")
    unsafe_exec: bool = Field(
        False, description="Run other people's code without a sandbox where there is none."
    )
    budget: float | None = Field(
        None, ge=0, description="Most dollars for this run, all steps that ask models together."
    )
    yes: bool = Field(False, description="Spend without asking for confirmation.")
    cache: Path | None = Field(
        None,
        description="Folder where answers of models are kept; by default in your cache folder.",
    )
    dry_run: bool = Field(False, description="Check the file and say what would run; read no data.")
    force: bool = Field(False, description="Run every step again, unchanged or not.")

    def __call__(self) -> Outcome:
        """Check all steps, then run those that changed; a step that does not pass is the last.

        Raises:
            ConfigError: the file, a verb or an option is wrong; nothing has run.
            PrefkitError: what a step raised, with the step named; finished steps are kept.
        """
        document = read_document(self.file, self.set)
        out = self.out or Path("runs") / document.name
        steps = plan(document, out, {name: getattr(self, name) for name in _GIVEN})
        check_owner(out, self.file, force=self.force)
        state = State(out, document, steps)
        done = list(self._foresee(steps, state) if self.dry_run else self._run(steps, state))
        facts = {
            "name": document.name,
            "out": str(out),
            "dry_run": self.dry_run,
            "steps": [_fact(*entry) for entry in done],
        }
        lines = [line for entry in done for line in _lines(*entry)]
        last = done[-1][-1]
        code = 0 if last is None else last.exit_code
        return Outcome(facts, (*lines, ("Folder", str(out))), code)

    def _foresee(self, steps: list[Planned], state: State) -> Iterator[_Done]:
        """What would happen, told from names, sizes and dates of files."""
        running: dict[str, str] = {}
        for step in steps:
            why = "--force" if self.force else state.why(step, from_dates=True)
            before = [running[name] for name in needs(step) if name in running]
            if before and not self.force:
                why = f"step {before[0]} would run"
            if why is not None and step.out is not None:
                running[step.out.name] = step.name
            yield step, "unchanged" if why is None else "would run", why, None

    def _run(self, steps: list[Planned], state: State) -> Iterator[_Done]:
        purse = Purse(self.budget)
        for step in steps:
            _LOG.info("step %s of %d", step.name, len(steps), extra={"progress": True})
            try:
                why = "--force" if self.force else state.why(step)
                outcome = None if why is None else self._call(step, state, purse)
            except PrefkitError as error:
                error.args = (f"{self.file}, step {step.name}: {error}",)
                raise
            except BaseException as error:
                error.add_note(f"in step {step.name} of {self.file}")
                raise
            if outcome is not None and outcome.exit_code:
                yield step, "failed", why, outcome
                return
            yield step, "unchanged" if why is None else "done", why, outcome

    def _call(self, step: Planned, state: State, purse: Purse) -> Outcome:
        begun = state.begin(step)
        outcome = purse.lend(step.verb)()
        purse.take(outcome)
        if not outcome.exit_code:
            state.record(step, begun)
        return outcome

    @staticmethod
    def file_schema() -> dict[str, Any]:
        """The JSON schema of a pipeline file."""
        from prefkit.pipeline.schema import file_schema

        return file_schema()


_Done = tuple[Planned, str, str | None, Outcome | None]
"""A step, what became of it, why it ran, its outcome."""


def _fact(step: Planned, status: str, why: str | None, outcome: Outcome | None) -> dict[str, Any]:
    out = None if step.out is None else str(step.out)
    facts = outcome.facts if outcome else None
    return {"step": step.name, "status": status, "why": why, "out": out, "facts": facts}


def _lines(
    step: Planned, status: str, why: str | None, outcome: Outcome | None
) -> Iterator[tuple[str, str]]:
    said = f"failed (exit {outcome.exit_code})" if outcome and outcome.exit_code else status
    yield (step.name, f"{said}: {why}" if why else said)
    for label, text in outcome.lines if outcome else ():
        if label != "Next":
            yield (f"  {label}", text)

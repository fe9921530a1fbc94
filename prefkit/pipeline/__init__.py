"""A pipeline file: the same verbs in order, nothing run twice.

    name: quickstart
    steps:
      - collect human: {paths: [samples/*.jsonl]}
      - pair: {policy: best_worst}
      - curate: {filter: [identical_sides, {length_ratio: {max: 3}}]}
      - export: {files: [jsonl, parquet]}

Paths are relative to the file. A step without a dataset takes the output of the step before it, or
of an earlier one that it names (`dataset: 2-pair`); each step writes a folder of its own below
`--out`. Consent (`force`, `allow_code`) never comes from a file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.errors import PrefkitError
from prefkit.pipeline.file import Planned, plan, read_document
from prefkit.pipeline.state import State, check_owner
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Run"]

_LOG = logging.getLogger("prefkit.pipeline")
_GIVEN = ("limit", "pseudonym_key", "workers", "allow_code")


class Run(Verb):
    """Run a pipeline file; steps whose options and inputs are unchanged are not run again."""

    positional: ClassVar[tuple[str, ...]] = ("file",)

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
    dry_run: bool = Field(False, description="Check the file and say what would run; read no data.")
    force: bool = Field(False, description="Run every step again, unchanged or not.")

    def __call__(self) -> Outcome:
        """Check all steps, then run those that changed.

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
        return Outcome(facts, (*lines, ("Folder", str(out))))

    def _foresee(self, steps: list[Planned], state: State) -> Iterator[_Done]:
        """What would happen, told from names, sizes and dates of files."""
        running: dict[str, str] = {}
        for step in steps:
            why = "--force" if self.force else state.why(step, from_dates=True)
            if step.takes in running and not self.force:
                why = f"step {running[step.takes]} would run"
            if why is not None and step.out is not None:
                running[step.out.name] = step.name
            yield step, "unchanged" if why is None else "would run", why, None

    def _run(self, steps: list[Planned], state: State) -> Iterator[_Done]:
        for step in steps:
            _LOG.info("step %s of %d", step.name, len(steps), extra={"progress": True})
            try:
                why = "--force" if self.force else state.why(step)
                outcome = None if why is None else self._call(step, state)
            except PrefkitError as error:
                error.args = (f"{self.file}, step {step.name}: {error}",)
                raise
            except BaseException as error:
                error.add_note(f"in step {step.name} of {self.file}")
                raise
            yield step, "unchanged" if why is None else "done", why, outcome

    def _call(self, step: Planned, state: State) -> Outcome:
        begun = state.begin(step)
        outcome = step.verb()
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
    yield (step.name, f"{status}: {why}" if why else status)
    for label, text in outcome.lines if outcome else ():
        if label != "Next":
            yield (f"  {label}", text)

"""`prefkit curate`: filters measure pairs and mark those that should not be trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.dataset import create_dataset, open_dataset
from prefkit.dataset.folder import check_target
from prefkit.errors import ConfigError
from prefkit.registry import load
from prefkit.runner import StepCounts, run_steps
from prefkit.step import Step, TwoPass
from prefkit.verbs.entries import named, resolve
from prefkit.verbs.verb import Outcome, Verb, listed

__all__ = ["Curate"]


class Curate(Verb):
    """Run filters over pairs; they mark, they do not delete.

    A dropped row stays in the dataset with its reason and can be restored; only export leaves it
    behind. Later filters skip it.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: Path = Field(description="A dataset of pairs.")
    out: Path = Field(description="The dataset folder to write.")
    filter: tuple[str | dict[str, Any], ...] = Field(
        min_length=1,
        description="A filter, with options as 'length_ratio: {max: 3}' (may be repeated).",
    )
    limit: int | None = Field(None, ge=1, description="Read this many pairs at most.")
    allow_code: bool = Field(False, description="Let the python filter import and run a function.")
    dry_run: bool = Field(False, description="Count, write nothing.")
    force: bool = Field(False, description="Replace an existing dataset at --out.")

    def __call__(self) -> Outcome:
        """Run the filters in order.

        Raises:
            ConfigError: a filter or option is wrong, code is not allowed, or `out` exists.
        """
        parent = open_dataset(self.dataset, "pairs")
        steps = self._steps("curate")
        if self.dry_run:
            return self._outcome(run_steps(parent, steps, None, self.limit), None)
        check_target(self.out, force=self.force, source=self.dataset)
        with create_dataset(self.out, "pairs", force=self.force) as writer:
            counts = run_steps(parent, steps, writer, self.limit)
            facts = {
                "parents": [parent.content_hash],
                "inputs": [],
                "counts": _totals(counts),
                "steps": [count.facts() for count in counts],
                "policies": parent.manifest.get("policies", {}),
            }
            options = {"filter": list(self.filter), "limit": self.limit}
            manifest = writer.finish("curate", options, facts)
        return self._outcome(counts, manifest)

    @property
    def runs_code(self) -> bool:
        """Whether a filter calls code of the user's, whose changes nobody sees."""
        entries = (named(entry, "filter")[0] for entry in self.filter)
        return any(getattr(load("filter", name), "runs_code", False) for name in entries)

    def check(self, where: str) -> None:
        """Build the filters; a filter that runs code imports it only when it measures.

        Raises:
            ConfigError: `where`, and the filter or option that is wrong or not allowed.
        """
        self._steps(where)

    def _steps(self, where: str) -> list[Step | TwoPass]:
        steps: list[Step | TwoPass] = [resolve("filter", entry, where) for entry in self.filter]
        for step in steps:
            if getattr(step, "runs_code", False) and not self.allow_code:
                raise ConfigError(
                    f"{where}: the filter {step.name} imports and runs code",
                    hint="add --allow-code if you trust it",
                )
        return steps

    def _outcome(self, counts: Sequence[StepCounts], manifest: Mapping[str, Any] | None) -> Outcome:
        totals = _totals(counts)
        facts: dict[str, Any] = {
            **totals,
            "steps": [count.facts() for count in counts],
            "dry_run": manifest is None,
        }
        lines = [
            (
                "Pairs",
                f"{totals['rows_in']:,} = {totals['kept']:,} kept + {totals['dropped']:,} marked",
            )
        ]
        lines += [
            (count.name, f"{count.dropped:,} marked of {count.rows_in:,}{_detail(count)}")
            for count in counts
        ]
        if manifest is None:
            return Outcome(facts, (*lines, ("Dry run", "nothing was written")))
        facts |= {"out": str(self.out), "content_hash": manifest["content_hash"]}
        lines.append(("Wrote", f"{self.out}  {manifest['content_hash'][:19]}…"))
        lines.append(("Next", f"prefkit export {self.out} --out EXPORT"))
        return Outcome(facts, tuple(lines))


def _totals(counts: Sequence[StepCounts]) -> dict[str, int]:
    dropped = sum(count.dropped for count in counts)
    return {"rows_in": counts[0].rows_in, "kept": counts[0].rows_in - dropped, "dropped": dropped}


def _detail(count: StepCounts) -> str:
    several = len(count.reasons) > 1 or set(count.reasons) - {count.name}
    return f" ({listed(count.reasons)})" if several else ""

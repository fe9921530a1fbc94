"""`prefkit apply`: what reviewers decided becomes the next version of a dataset."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from prefkit.errors import ConfigError, NothingUsable
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.reviews.applying import Applied, Rules
    from prefkit.reviews.gathering import Gathered

__all__ = ["Apply"]

_LOG = logging.getLogger("prefkit.apply")


class Apply(Verb):
    """Make the next version of pairs by decisions of a review: keep, flip or drop what they are on.

    SOURCES are reviews and files of decisions, of packets and of report pages. Which side was A,
    and who voted, is taken from the review that handed out the packet. The dataset itself is never
    changed; votes that come to no answer wait for adjudication, and change nothing.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset", "sources")

    dataset: Path = Field(description="Folder of pairs.")
    sources: tuple[Path, ...] = Field(description="Reviews, and files of decisions.")
    out: Path | None = Field(None, description="The dataset folder to write.")
    policy: Literal["majority", "lead", "unanimous"] = Field(
        "majority",
        description="What blind votes take to settle a pair; by lead they only confirm it.",
    )
    tie: Literal["drop", "keep"] = Field(
        "drop", description="What becomes of a pair whose sides are equally good."
    )
    votes: int = Field(
        2, ge=1, description="Blind votes that a change takes; fewer wait for a second look."
    )
    reviewer: str | None = Field(
        None, min_length=1, max_length=200, description="Who decided on a report page."
    )
    dry_run: bool = Field(False, description="Show the difference, write nothing.")
    force: bool = Field(False, description="Replace an existing dataset at --out.")

    def __call__(self) -> Outcome:
        """Read the decisions, show the difference, write the next version.

        Raises:
            ConfigError: no such dataset, review or file, a packet that nobody issued, or `out`
                exists.
            NothingUsable: there is no decision.
            DataError: a file is damaged.
        """
        from prefkit.dataset import open_dataset
        from prefkit.dataset.folder import check_target
        from prefkit.reviews.applying import Rules, apply_to
        from prefkit.reviews.gathering import gather
        from prefkit.verbs.apply_lines import difference, lines_of

        dataset = open_dataset(self.dataset, "pairs")
        if self.out is None and not self.dry_run:
            raise ConfigError(
                "name the dataset to write with --out, or add --dry-run",
                hint=f"prefkit apply {self.dataset} ... --out NEXT",
            )
        if self.out is not None and not self.dry_run:
            check_target(self.out, force=self.force, source=self.dataset)
        gathered = gather(self.sources, dataset.path, self.reviewer)
        if not gathered.lines:
            why = "".join(
                f"; {one['file']}, line {one['line']}: {one['reason']}"
                for one in gathered.refused[:3]
            )
            raise NothingUsable(f"there is no decision to apply{why}", hint="prefkit review --help")
        rules = Rules(self.policy, self.tie, self.votes)
        applied = apply_to(dataset, gathered.lines, rules)
        facts = _facts(gathered, applied, rules, dataset)
        lines = list(lines_of(facts, self._desk(gathered, dataset)))
        if self.dry_run:
            return Outcome(facts, (*lines, ("Dry run", "nothing is written")))
        assert self.out is not None
        _LOG.info("%s", difference(facts))
        gathered.take_in()
        manifest = self._write(dataset, gathered, applied, facts)
        facts |= {"out": str(self.out), "content_hash": manifest["content_hash"]}
        wrote = f"{self.out}: {manifest['rows']:,} rows, {manifest['content_hash'][:19]}"
        return Outcome(facts, (*lines, ("Wrote", wrote)))

    @classmethod
    def relocated(cls, options: Mapping[str, Any], find: Callable[[str], Path]) -> dict[str, Any]:
        """The dataset, the folder to write, and every source."""
        found = super().relocated(options, find)
        sources = options.get("sources", ())
        several = [sources] if isinstance(sources, str) else sources
        return found | {"sources": [find(str(one)) for one in several]}

    def beside(self) -> dict[str, tuple[Path, ...]]:
        """Every source is looked at too."""
        return {**super().beside(), "sources": self.sources}

    def _desk(self, gathered: Gathered, dataset: Dataset) -> str:
        """The command with which the lead settles what is open."""
        about = {line.dataset for line in gathered.lines}
        folder = shlex.quote(str(self.dataset)) if about == {dataset.content_hash} else "DIR"
        review = shlex.quote(str(gathered.reviews[0])) if gathered.reviews else "REVIEW"
        return f"prefkit review {folder} --out {review} --lead NAME"

    def _write(
        self, dataset: Dataset, gathered: Gathered, applied: Applied, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        from prefkit.dataset import create_dataset
        from prefkit.reviews.next_version import changed

        assert self.out is not None
        options = self.model_dump(mode="json", include={"policy", "tie", "votes"})
        with create_dataset(self.out, "pairs", force=self.force) as writer:
            for table in changed(dataset.batches(), applied.changes):
                writer.write(table)
            for entry in (*facts["waiting"], *facts["moved"]):
                # Who voted stays in the review: a dataset is handed on.
                writer.put_aside({name: entry[name] for name in _ASIDE})
            return writer.finish(
                "apply",
                options,
                {
                    "parents": [dataset.content_hash],
                    "inputs": gathered.inputs,
                    "decisions": {name: facts[name] for name in _TOLD},
                    "policies": dataset.manifest.get("policies", {}),
                },
            )


_ASIDE = ("pair", "pair_sha256", "reason")
_TOLD = ("read", "answers", "rows_changed", "as_before", "still_dropped", "rules")


def _facts(gathered: Gathered, applied: Applied, rules: Rules, dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": {"content_hash": dataset.content_hash, "rows": dataset.rows},
        "inputs": gathered.inputs,
        "read": {
            "decisions": len(gathered.lines),
            "by_role": gathered.roles(),
            "refused": len(gathered.refused),
            "moved": len(applied.moved),
        },
        "answers": dict(sorted(applied.answers.items())),
        "rows_changed": applied.rows_changed(),
        "as_before": applied.as_before,
        "still_dropped": applied.still_dropped,
        "waiting": applied.waiting,
        "moved": applied.moved,
        "refused": gathered.refused,
        "rules": rules._asdict(),
    }

"""`prefkit pair`: comparisons become pairs by a declared policy."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa
from pydantic import Field

from prefkit.dataset import Dataset, DatasetWriter, create_dataset, open_dataset
from prefkit.dataset.folder import check_target
from prefkit.engines.local import in_threads
from prefkit.errors import ConfigError, NothingUsable
from prefkit.pairing.amend import Seen, amended, amendments
from prefkit.pairing.ballots import Selection, criteria_of
from prefkit.pairing.pairs import Batch, Plan, pairs_of
from prefkit.registry import load, nearest
from prefkit.step import make
from prefkit.verbs.verb import Outcome, Verb, listed, named

__all__ = ["Pair"]

_LOG = logging.getLogger("prefkit.pair")


class Pair(Verb):
    """Turn comparisons into pairs by a declared policy and a majority of votes.

    Every comparison is paired or set aside with its reason. A pair that its votes speak against is
    marked, never flipped; ties become pairs only where --tie says so.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: Path = Field(description="A dataset of comparisons.")
    out: Path = Field(description="The dataset folder to write.")
    policy: str | dict[str, dict[str, Any]] = Field(
        "as_voted", description="A pairing policy, with options as '{all: {cap: 4}}'."
    )
    criterion: str | None = Field(None, description="The criterion to pair by, or mean:a,b,c.")
    kind: tuple[Literal["human", "judge", "reward", "execution", "rule", "label"], ...] = Field(
        (), description="Count only votes of this kind (may be repeated)."
    )
    tie: Literal["drop", "unpaired", "soft"] = Field(
        "drop",
        description="Ties: set aside, keep clear both-good and both-bad ones unpaired, or p = 1/2.",
    )
    weight: Literal["row", "prompt"] = Field(
        "row", description="Weigh each row 1, or the rows of one prompt 1 together."
    )
    limit: int | None = Field(None, ge=1, description="Read this many comparisons at most.")
    dry_run: bool = Field(False, description="Count, write nothing.")
    force: bool = Field(False, description="Replace an existing dataset at --out.")

    def __call__(self) -> Outcome:
        """Pair every comparison, then mark contradictions and set weights.

        Raises:
            ConfigError: the policy, criterion or dataset is wrong, or `out` exists.
            NothingUsable: no comparison gives a pair.
        """
        parent = open_dataset(self.dataset, "comparisons")
        plan, said = self._plan(parent)
        if self.dry_run:
            counts = _Counts()
            for batch in self._batches(plan, parent):
                counts.add(batch)
            return counts.outcome(self, plan, said, None)
        check_target(self.out, force=self.force, source=self.dataset)
        with create_dataset(self.out, "pairs", force=self.force) as writer:
            counts = self._write(plan, parent, writer)
            options = self.model_dump(mode="json", exclude={"out", "force", "dry_run", "dataset"})
            facts = {"parents": [parent.content_hash], "inputs": [], **counts.facts(plan, said)}
            manifest = writer.finish("pair", options, facts)
        return counts.outcome(self, plan, said, manifest)

    def _write(self, plan: Plan, parent: Dataset, writer: DatasetWriter) -> _Counts:
        counts = _Counts()
        seen = Seen([], [], [])
        for batch in self._batches(plan, parent):
            counts.add(batch)
            seen.ids.append(np.array(batch.pairs["id"].to_pylist(), dtype="S32"))
            seen.prompts.append(batch.prompts)
            seen.turned.append(batch.turned)
            writer.write(batch.pairs)
            for comparison, reason in batch.aside:
                writer.put_aside({"comparison": comparison, "reason": reason})
        if not counts.pairs:
            raise NothingUsable(f"no comparison gives a pair ({listed(counts.reasons)})")
        cap = plan.policy.most_of_a_prompt()
        found = amendments(seen, by_prompt=self.weight == "prompt", cap=cap)
        counts.contradicting = int((found.opposed > 0).sum())
        counts.capped = int((found.beyond > 0).sum())
        if found.any:
            writer.rewrite(lambda rows: amended(rows(), found))
        return counts

    def _batches(self, plan: Plan, parent: Dataset) -> Iterator[Batch]:
        def work(table: pa.Table) -> Batch:
            return pairs_of(plan, table.combine_chunks())

        return in_threads(work, parent.batches(limit=self.limit))

    def _plan(self, parent: Dataset) -> tuple[Plan, str | None]:
        """The plan, and a sentence about a criterion that was taken because it is the only one."""
        name, options = named(self.policy, "policy")
        policy = make(load("policy", name), options, f"policy {name}")
        criterion, said = _criterion(self.criterion, parent)
        mean_of: tuple[str, ...] = ()
        if criterion is not None and criterion.startswith("mean:"):
            mean_of = tuple(part.strip() for part in criterion.removeprefix("mean:").split(","))
        resolved = {
            "policy": {name: policy.model_dump(mode="json")},
            "aggregation": "majority",
            "criterion": criterion,
            "kind": list(self.kind),
            "tie": self.tie,
            "weight": self.weight,
        }
        text = orjson.dumps(resolved, option=orjson.OPT_SORT_KEYS)
        selection = Selection(None if mean_of else criterion, mean_of, self.kind)
        return Plan(
            policy, hashlib.sha256(text).hexdigest()[:16], selection, self.tie, criterion, resolved
        ), said


def _criterion(wanted: str | None, parent: Dataset) -> tuple[str | None, str | None]:
    """The criterion to pair by: as asked for, overall votes, or the only one there is.

    Raises:
        ConfigError: a name that no vote has, or several criteria and no overall vote.
    """
    counts: Counter[str | None] = Counter()
    for table in parent.batches(["votes"]):
        for name, votes in criteria_of(table).iter_rows():
            counts[name] += votes
    known = sorted(name for name in counts if name is not None)
    shown = ", ".join(f"{name} ({counts[name]:,} votes)" for name in known)
    if wanted is not None:
        for name in (
            wanted.removeprefix("mean:").split(",") if wanted.startswith("mean:") else [wanted]
        ):
            if name.strip() not in counts:
                raise ConfigError(
                    f"no vote has the criterion {name.strip()!r}{nearest(name, known)}; "
                    f"there are: {shown or 'none'}"
                )
        return wanted, None
    if counts[None] or not known:
        return None, None
    if len(known) == 1:
        return known[0], f"by {known[0]}, the only criterion"
    raise ConfigError(
        f"the votes are on several criteria and none is overall: {shown}",
        hint=f"--criterion {known[0]}, or --criterion mean:{','.join(known)}",
    )


class _Counts:
    """What was paired so far."""

    def __init__(self) -> None:
        self.comparisons = self.paired = self.pairs = 0
        self.marked = self.contradicting = self.capped = 0
        self.reasons: Counter[str] = Counter()

    def add(self, batch: Batch) -> None:
        self.comparisons += batch.paired + len(batch.aside)
        self.paired += batch.paired
        self.pairs += len(batch.pairs)
        self.marked += len(batch.pairs) - batch.pairs["dropped"].null_count
        self.reasons.update(reason for _, reason in batch.aside)
        _LOG.info("%s comparisons paired", f"{self.comparisons:,}", extra={"progress": True})

    def facts(self, plan: Plan, said: str | None) -> dict[str, Any]:
        return {
            "counts": {
                "comparisons": self.comparisons,
                "paired": self.paired,
                "set_aside": self.comparisons - self.paired,
                "reasons": dict(sorted(self.reasons.items())),
                "pairs": self.pairs,
                "marked_below_half": self.marked,
                "contradicting": self.contradicting,
                "beyond_cap": self.capped,
            },
            "policies": {plan.policy_hash: plan.resolved},
            "note": said,
        }

    def outcome(
        self, verb: Pair, plan: Plan, said: str | None, manifest: dict[str, Any] | None
    ) -> Outcome:
        facts = {
            **self.facts(plan, said)["counts"],
            "policy": plan.resolved,
            "dry_run": manifest is None,
        }
        aside = self.comparisons - self.paired
        lines = [
            ("Comparisons", f"{self.comparisons:,} = {self.paired:,} paired + {aside:,} set aside"),
            (
                "Policy",
                f"{next(iter(plan.resolved['policy']))}, majority{f', {said}' if said else ''}",
            ),
        ]
        if self.reasons:
            lines.append(("Set aside", listed(self.reasons)))
        lines.append(("Pairs", f"{self.pairs:,}"))
        if self.marked + self.contradicting + self.capped:
            marks = (
                f"{self.marked:,} against their votes"
                f" · {self.contradicting:,} contradict another row"
                f" · {self.capped:,} beyond the cap of their prompt"
            )
            lines.append(("Marked", marks))
        if manifest is None:
            return Outcome(facts, (*lines, ("Dry run", "nothing was written")))
        facts |= {"out": str(verb.out), "content_hash": manifest["content_hash"]}
        lines.append(("Wrote", f"{verb.out}  {manifest['content_hash'][:19]}…"))
        lines.append(("Next", f"prefkit curate {verb.out} --out CURATED --filter identical_sides"))
        return Outcome(facts, tuple(lines))

"""`prefkit pair`: comparisons become pairs by a declared policy."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.dataset import Dataset, DatasetWriter, create_dataset, open_dataset
from prefkit.dataset.folder import check_target
from prefkit.engines.local import in_threads
from prefkit.errors import ConfigError, NothingUsable
from prefkit.pairing.amend import Seen, amended, amendments
from prefkit.pairing.ballots import Selection, criteria_of
from prefkit.pairing.calibrating import Curves, curves_of
from prefkit.pairing.gold_pairs import gold_pairs, gold_plan, gold_verdicts
from prefkit.pairing.pairs import Batch, Plan, pairs_of, survey_of
from prefkit.pairing.policy import Policy
from prefkit.registry import load, nearest
from prefkit.schema.arrow import empty
from prefkit.step import make
from prefkit.verbs.pair_counts import Counts
from prefkit.verbs.verb import Outcome, Verb, listed, named

__all__ = ["Pair"]


class Pair(Verb):
    """Turn comparisons into pairs by a declared policy and a majority of votes.

    Every comparison is paired or set aside with its reason. A pair that its votes speak against is
    marked, never flipped; ties become pairs only where --tie says so. Margins become probabilities
    only by --calibrate: one curve a source, fitted to what people say of the same pairs.
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
    calibrate: Literal["platt", "isotonic"] | None = Field(
        None, description="Turn margins into p_chosen by a curve fitted to people's votes."
    )
    gold: Path | None = Field(
        None, description="Comparisons with people's votes, met by id. Default: the dataset."
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
        if not self.dry_run:
            check_target(self.out, force=self.force, source=self.dataset)
        gold = self._gold(parent)
        plan, said = self._plan(parent, gold)
        if plan.policy.looks_first:
            plan = plan._replace(policy=self._fitted(plan, parent))
        if gold is not None:
            plan = plan._replace(curves=self._curves(plan, gold, parent))
        counts = Counts(plan.curves, None if gold is None else _named(gold))
        if self.dry_run:
            for batch in self._batches(plan, parent):
                counts.add(batch)
            return counts.outcome(self.out, plan, said, None)
        with create_dataset(self.out, "pairs", force=self.force) as writer:
            self._write(plan, parent, writer, counts)
            facts = {"parents": [parent.content_hash], **self._inputs(gold, parent)}
            manifest = writer.finish("pair", self._options(), facts | counts.facts(plan, said))
        return counts.outcome(self.out, plan, said, manifest)

    def _options(self) -> dict[str, Any]:
        unseen = {"out", "force", "dry_run", "dataset", "gold"}
        if self.calibrate is None:
            unseen.add("calibrate")
        return self.model_dump(mode="json", exclude=unseen)

    def _gold(self, parent: Dataset) -> Dataset | None:
        if self.calibrate is None:
            if self.gold is not None:
                raise ConfigError(
                    "--gold is what margins are calibrated to, and nothing is calibrated",
                    hint="add --calibrate platt",
                )
            return None
        return parent if self.gold is None else open_dataset(self.gold, "comparisons")

    def _inputs(self, gold: Dataset | None, parent: Dataset) -> dict[str, Any]:
        if gold is None or gold.content_hash == parent.content_hash:
            return {"inputs": []}
        digest = gold.content_hash.removeprefix("sha256:")
        return {"inputs": [{"name": _named(gold)["name"], "reader": "gold", "sha256": digest}]}

    def _fitted(self, plan: Plan, parent: Dataset) -> Policy:
        """The pass of a policy that must see every comparison before it chooses from one."""

        def look(table: pa.Table) -> pl.DataFrame:
            return survey_of(plan, table.combine_chunks())

        return plan.policy.fitted(in_threads(look, parent.batches(limit=self.limit)))

    def _curves(self, plan: Plan, gold: Dataset, parent: Dataset) -> Curves:
        """The first pass: gold pairs by the same plan, and a curve for each source of margins.

        The people of another dataset speak of what judges say there, and of what they say here of
        the same comparisons.
        """
        plan = gold_plan(plan)

        def told(table: pa.Table) -> pl.DataFrame:
            return gold_verdicts(table.combine_chunks(), plan.criterion)

        tables: Iterable[pa.Table] = parent.batches(limit=self.limit)
        verdicts = None
        if gold is not parent:
            verdicts = pl.concat([told(empty("comparisons")), *in_threads(told, gold.batches())])
            tables = chain(gold.batches(), tables)

        def work(table: pa.Table) -> pl.DataFrame:
            return gold_pairs(plan, table.combine_chunks(), verdicts)

        return curves_of(in_threads(work, tables), str(self.calibrate))

    def _write(self, plan: Plan, parent: Dataset, writer: DatasetWriter, counts: Counts) -> None:
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

    def _batches(self, plan: Plan, parent: Dataset) -> Iterator[Batch]:
        def work(table: pa.Table) -> Batch:
            return pairs_of(plan, table.combine_chunks())

        return in_threads(work, parent.batches(limit=self.limit))

    def _plan(self, parent: Dataset, gold: Dataset | None) -> tuple[Plan, str | None]:
        """The plan, and a sentence about a criterion that was taken because it is the only one."""
        name, options = named(self.policy, "policy")
        policy = make(load("policy", name), options, f"policy {name}")
        criterion, said = _criterion(self.criterion, parent)
        mean_of: tuple[str, ...] = ()
        if criterion is not None and criterion.startswith("mean:"):
            mean_of = tuple(part.strip() for part in criterion.removeprefix("mean:").split(","))
        resolved: dict[str, Any] = {
            "policy": {name: policy.model_dump(mode="json")},
            "aggregation": "majority",
            "criterion": criterion,
            "kind": list(self.kind),
            "tie": self.tie,
            "weight": self.weight,
        }
        if gold is not None:
            resolved["calibration"] = {"kind": self.calibrate, "gold": gold.content_hash}
            if self.limit is not None:
                resolved["calibration"]["limit"] = self.limit
        text = orjson.dumps(resolved, option=orjson.OPT_SORT_KEYS)
        selection = Selection(None if mean_of else criterion, mean_of, self.kind)
        return Plan(
            policy, hashlib.sha256(text).hexdigest()[:16], selection, self.tie, criterion, resolved
        ), said


def _named(gold: Dataset) -> dict[str, str]:
    return {"name": gold.path.resolve().name, "content_hash": gold.content_hash}


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

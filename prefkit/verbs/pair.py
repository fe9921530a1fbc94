"""`prefkit pair`: comparisons become pairs by a declared policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field

from prefkit.dataset import Dataset, DatasetWriter, create_dataset, open_dataset
from prefkit.dataset.folder import check_target
from prefkit.engines.local import in_threads
from prefkit.errors import NothingUsable
from prefkit.pairing.aggregation import Aggregation
from prefkit.pairing.amend import Seen, amended, amendments
from prefkit.pairing.calibrating import Curves, curves_of
from prefkit.pairing.gold_pairs import anchors, gold_pairs, gold_plan, gold_verdicts
from prefkit.pairing.pairs import Batch, Plan, pairs_of, survey_of
from prefkit.pairing.policy import Policy
from prefkit.pairing.posteriors import Posteriors
from prefkit.schema.arrow import empty
from prefkit.verbs.pair_counts import Counts
from prefkit.verbs.pair_plan import planned
from prefkit.verbs.verb import Outcome, Verb, listed

__all__ = ["Pair"]


class Pair(Verb):
    """Turn comparisons into pairs by a declared policy and an aggregation of votes.

    Every comparison is paired or set aside with its reason. A pair that its votes speak against is
    marked, never flipped; ties become pairs only where --tie says so. Margins become probabilities
    only by --calibrate: one curve a source, fitted to what people say of the same pairs.
    --aggregate weighs votes by what they tell of judges, or learns how strong responses are.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: Path = Field(description="A dataset of comparisons.")
    out: Path = Field(description="The dataset folder to write.")
    policy: str | dict[str, dict[str, Any]] = Field(
        "as_voted", description="A pairing policy, with options as '{all: {cap: 4}}'."
    )
    aggregate: str | dict[str, dict[str, Any]] = Field(
        "majority",
        description="How votes become one answer, with options as '{glad: {iterations: 50}}'.",
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
        None,
        description="Comparisons with people's votes, met by id: what --calibrate fits margins to"
        " (default: the dataset), or what anchors --aggregate.",
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
        plan, aggregation, said = planned(self, parent, gold)
        if aggregation.looks_first:
            plan = plan._replace(posteriors=self._learnt(aggregation, plan, parent, gold))
        if plan.policy.looks_first:
            plan = plan._replace(policy=self._fitted(plan, parent))
        if gold is not None and self.calibrate is not None:
            plan = plan._replace(curves=self._curves(plan, gold, parent))
        counts = Counts(plan, None if gold is None else _named(gold))
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
        if self.aggregate == "majority":
            unseen.add("aggregate")
        return self.model_dump(mode="json", exclude=unseen)

    def _gold(self, parent: Dataset) -> Dataset | None:
        """The dataset that curves are fitted to, or that anchors an aggregation."""
        if self.gold is None:
            return None if self.calibrate is None else parent
        return open_dataset(self.gold, "comparisons")

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

    def _learnt(
        self, aggregation: Aggregation, plan: Plan, parent: Dataset, gold: Dataset | None
    ) -> Posteriors | None:
        """The pass over all votes of an aggregation that learns; null where no vote counts."""

        def collect(table: pa.Table) -> pl.DataFrame:
            return aggregation.collect(table.combine_chunks(), plan.selection)

        def anchored(table: pa.Table) -> pl.DataFrame:
            return anchors(table.combine_chunks(), plan.criterion)

        known = None
        if gold is not None:
            given = [anchored(empty("comparisons")), *in_threads(anchored, gold.batches())]
            known = pl.concat(given)
        votes = list(in_threads(collect, parent.batches(limit=self.limit)))
        return aggregation.learn(votes, known) if any(map(len, votes)) else None

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


def _named(gold: Dataset) -> dict[str, str]:
    return {"name": gold.path.resolve().name, "content_hash": gold.content_hash}

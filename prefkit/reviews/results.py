"""What a review found, as one plain document: every number that is shown comes from it.

Its keys are described in docs/review-results.md. The headline number is made of blind votes on the
random sample alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from prefkit.dataset import Dataset
from prefkit.errors import ConfigError
from prefkit.reviews.dimensions import last_votes
from prefkit.reviews.events import read_decisions
from prefkit.reviews.folder import read_review
from prefkit.reviews.frame import Frame, Only, frame_of
from prefkit.reviews.plan import Planned
from prefkit.reviews.results_actions import actions
from prefkit.reviews.results_drift import labelled_drift, reviewed_drift
from prefkit.reviews.results_margins import cut_offs
from prefkit.reviews.results_pairs import adjudication, to_decide
from prefkit.reviews.results_people import agreement, reviewers
from prefkit.reviews.results_rows import RowFacts, facts_of, margins_of, words_of
from prefkit.reviews.results_slices import cut_of, not_covered, slice_facts, top_ups
from prefkit.reviews.results_verdict import headline_facts, progress, verdict
from prefkit.reviews.results_votes import (
    Ruling,
    Sorted,
    headline_rows,
    right_rows,
    rulings,
    sort_votes,
)
from prefkit.schema.decision_lines import Decision
from prefkit.schema.moments import UNKNOWN, moments

__all__ = ["SCHEMA", "results_from", "results_of"]

SCHEMA = "prefkit.reviews-results/1"


def results_of(
    review: Path, dataset: Dataset, *, only: Only | None = None, seed: int = 0
) -> dict[str, Any]:
    """The results of a review folder.

    Args:
        review: with its plan and its events; a plan without events has no votes yet.
        dataset: the pairs that were drawn from.
        only: the condition of the plan's frame, compiled.
        seed: another seed gives other draws of prompts.

    Raises:
        ConfigError: the folder holds no review, or one of another dataset.
        DataError: a file is damaged.
    """
    found = results_from(read_review(review), read_decisions(review), dataset, only=only, seed=seed)
    found["actions"] = actions(found, str(dataset.path), str(review))
    return found


def results_from(
    planned: Planned,
    decisions: Iterable[Decision],
    dataset: Dataset,
    *,
    only: Only | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The results of decisions about a plan's pairs, wherever they were made; without actions.

    Raises:
        ConfigError: the plan is of another dataset.
        DataError: a file is damaged.
    """
    plan = planned.plan
    if plan["dataset"]["content_hash"] != dataset.content_hash:
        raise ConfigError(
            f"the review is of {plan['dataset']['name']} with other rows "
            f"({plan['dataset']['content_hash'][:19]}, not {dataset.content_hash[:19]})",
            hint="name the dataset that the sample was drawn from",
        )
    votes = sort_votes(planned, decisions)
    found = _found(planned, votes, dataset, seed)
    frame = frame_of(dataset, plan["seed"], only)
    return {
        "schema": SCHEMA,
        **{name: plan[name] for name in ("dataset", "frame", "seed", "goal", "parts")},
        "progress": progress(planned, found.rulings) | _who(votes),
        **_numbers(found, frame),
        "excluded": votes.excluded,
    }


class _Found(NamedTuple):
    """What all parts of the document are made of."""

    planned: Planned
    votes: Sorted
    rulings: dict[int, Ruling]
    facts: dict[int, RowFacts]
    clusters: dict[int, int]
    seed: int

    @property
    def sampled(self) -> list[Ruling]:
        """The rulings of the random sample, as drawn."""
        return [self.rulings[row] for row in headline_rows(self.planned) if row in self.rulings]

    @property
    def right(self) -> dict[int, bool]:
        """By settled row of the random sample, whether it is right."""
        return right_rows({one.row: one for one in self.sampled})


def _found(planned: Planned, votes: Sorted, dataset: Dataset, seed: int) -> _Found:
    ruled = rulings(planned, votes)
    facts = facts_of(dataset, sorted(ruled))
    clusters = {row: one.cluster for row, one in facts.items()}
    return _Found(planned, votes, ruled, facts, clusters, seed)


def _numbers(found: _Found, frame: Frame) -> dict[str, Any]:
    planned, sampled, right = found.planned, found.sampled, found.right
    cut = cut_of(frame)
    slices, bad = slice_facts(cut, right, found.clusters)
    weights = {line["row"]: line["weight"] for line in planned.sample if line["headline"]}
    words = words_of(
        (line for line in (*planned.sample, *planned.queue) if line["row"] in found.facts),
        found.facts,
    )
    times = last_votes(frame.dataset, right)
    return {
        "verdict": verdict(planned, found.rulings, bad),
        "headline": headline_facts(planned, found.rulings),
        "reviewers": reviewers(found.votes, sampled, words),
        "agreement": agreement(sampled, found.clusters, seed=found.seed),
        "slices": slices,
        "dimensions": cut.dimensions,
        "top_ups": top_ups(planned, right_rows(found.rulings), frame, found.clusters),
        "not_covered": not_covered(slices),
        "cut_offs": cut_offs(margins_of(frame), right, weights),
        "drift": {
            "labelled": labelled_drift(sampled, times, found.clusters),
            "reviewed": reviewed_drift(sampled, found.votes.gold, found.clusters),
        },
        "adjudication": adjudication(found.rulings),
        "to_decide": to_decide(found.rulings, found.votes, found.facts, headline_rows(planned)),
    }


def _who(votes: Sorted) -> dict[str, Any]:
    """Who voted on pairs of the review, how often, from when to when."""
    cast: Sequence[Any] = [*votes.blind, *votes.lead]
    written = pl.Series([vote.line.at for vote in cast], dtype=pl.String)
    each = zip(moments(written).tolist(), written, strict=True)
    times = [at for made, at in sorted(one for one in each if one[0] > UNKNOWN)]
    return {
        "votes": len(cast),
        "reviewers": len({vote.reviewer for vote in cast}),
        "first_at": times[0] if times else None,
        "last_at": times[-1] if times else None,
    }

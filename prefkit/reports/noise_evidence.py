"""What speaks for and against the label of each pair, beside and apart from its own votes.

Evidence that made the label proves nothing about it: of a pair labelled by people, what people said
is its own votes and every judge is a witness; of one labelled by judges it is the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duel_names import JUDGED_BY, judges_of
from prefkit.judging.gold import head_counts
from prefkit.reports.judged_pairs import judged_pairs
from prefkit.reports.noise_pairs import NoisePairs
from prefkit.schema.records import KINDS
from prefkit.statistics.order_effect import logit
from prefkit.statistics.ranks import Floats

__all__ = ["Witness", "label_kinds", "own_votes", "witnesses"]

_PAIR = ["comparison", "a", "b"]
_FURTHEST = 1e-3  # log-odds beyond those of this share add nothing
_GIVEN = "gold"  # `p_kind` of a label that `pair --gold` was given by people, or labels
_GOLD = frozenset({"human", "label"})
_HEADS = "votes for the chosen side more than against it"


class Witness(NamedTuple):
    """One source of evidence: a value a pair, above 0 for the label, below 0 against it."""

    evidence: str
    """`judge`, `reward`, `text`, or another kind of vote."""

    by: str | None
    """The judge; null where there is only one such source."""

    unit: str
    values: Floats
    """NaN where it says nothing of a pair."""

    def facts(self) -> dict[str, Any]:
        """What it is, and on how many pairs it says something."""
        known = int(np.isfinite(self.values).sum())
        return {"evidence": self.evidence, "by": self.by, "unit": self.unit, "pairs": known}


def label_kinds(
    pairs: NoisePairs, duels: pl.DataFrame, policies: Mapping[str, Mapping[str, Any]]
) -> list[frozenset[str]]:
    """The kinds of vote that the label of each pair was made of.

    As its policy says; where that names none, or is not known, the kind of the single votes on the
    criterion, else labels: as `pair` counts them. What gold answered was made of people and labels,
    whatever its policy counts.
    """
    readable = duels.filter(pl.col("verdict").is_not_null())
    there = readable.group_by("comparison", "criterion").agg(pl.col("kind").unique())
    lines = pairs.frame.select("comparison", "criterion", "policy", "p_kind").join(
        there, on=["comparison", "criterion"], how="left", nulls_equal=True, maintain_order="left"
    )
    wished = {name: frozenset(one.get("kind") or ()) for name, one in policies.items()}
    return [
        _GOLD if p_kind == _GIVEN else wished.get(policy) or _usual(frozenset(kinds or ()))
        for policy, kinds, p_kind in lines.select("policy", "kind", "p_kind").iter_rows()
    ]


def _usual(kinds: frozenset[str]) -> frozenset[str]:
    singles = kinds - {"label"}
    # Of several kinds nobody says which made the label: all of them might have.
    return singles or kinds


def own_votes(
    pairs: NoisePairs, duels: pl.DataFrame, made_of: list[frozenset[str]]
) -> pl.DataFrame:
    """`ahead` and `behind` a pair: the people for and against its label, where they made it.

    Null where a label was not made by people's votes on its criterion.
    """
    counted = _heads(pairs, duels, "human")
    mine = pl.Series("mine", [kinds == {"human"} for kinds in made_of], pl.Boolean)
    known = mine & counted["ahead"].is_not_null()
    return counted.select(
        pl.when(known).then("ahead").alias("ahead"), pl.when(known).then("behind").alias("behind")
    )


def _heads(pairs: NoisePairs, duels: pl.DataFrame, kind: str) -> pl.DataFrame:
    """How many votes of a kind are for and against each pair, on its own criterion."""
    criteria = pairs.frame["criterion"].unique().sort(nulls_last=False).to_list()
    counted = [
        head_counts(duels, criterion, (kind,)).with_columns(criterion=pl.lit(criterion, pl.String))
        for criterion in criteria
    ]
    found = pl.concat(counted) if counted else None
    keys = [*_PAIR, "criterion"]
    lines = pairs.frame.select(*keys, "turn")
    if found is None:
        return lines.select(ahead=pl.lit(None, pl.Int64), behind=pl.lit(None, pl.Int64))
    joined = lines.join(
        found.select(*keys, "for_a", "for_b"), on=keys, how="left", nulls_equal=True,
        maintain_order="left",
    )  # fmt: skip
    a_chosen = pl.col("turn") == 1
    return joined.select(
        ahead=pl.when(a_chosen).then("for_a").otherwise("for_b"),
        behind=pl.when(a_chosen).then("for_b").otherwise("for_a"),
    )


def witnesses(
    pairs: NoisePairs, duels: pl.DataFrame, made_of: list[frozenset[str]]
) -> list[Witness]:
    """Everything that says something of at least one pair and made the label of none of these."""
    duels = _independent(pairs, duels, made_of)
    found = [*_judges(pairs, duels), *_others(pairs, duels)]
    kinds = {one.evidence for one in found}
    apart = {kind: np.array([kind not in own for own in made_of], dtype=bool) for kind in kinds}
    kept = [one._replace(values=np.where(apart[one.evidence], one.values, np.nan)) for one in found]
    return [one for one in kept if np.isfinite(one.values).any()]


def _independent(
    pairs: NoisePairs, duels: pl.DataFrame, made_of: list[frozenset[str]]
) -> pl.DataFrame:
    """Duels without a label beside the single votes of its file, as it may be made of these.

    The other way round as well: single votes beside the label of their file that made a pair.
    """
    by_label = pl.Series("by_label", [kinds == {"label"} for kinds in made_of], pl.Boolean)
    files = pairs.frame.select("comparison", by_label, file="files").explode(
        "file", empty_as_null=True
    )
    own = files.unique().with_columns(own=pl.lit(value=True))
    label = pl.col("kind") == "label"
    # A pair made of single votes is not told by labels, one made of labels not by single votes.
    other = own.with_columns(is_label=~pl.col("by_label")).drop("by_label")
    marked = duels.with_columns(is_label=label).join(
        other.unique(), on=["comparison", "file", "is_label"], how="left", maintain_order="left"
    )
    return marked.filter(pl.col("own").is_null()).drop("own", "is_label")


def _judges(pairs: NoisePairs, duels: pl.DataFrame) -> Iterator[Witness]:
    for name, lines in judges_of(duels):
        readable = lines.filter(pl.col("verdict").is_not_null())
        for kind in JUDGED_BY:
            own = readable.filter(pl.col("kind") == kind)
            if own.height:
                unit, said = _graded(own) if kind == "reward" else _judged(own)
                yield Witness(kind, name.shown, unit, _toward(pairs, said))


def _judged(lines: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """What a judge says for side a, free of the order: log-odds where it gives probabilities."""
    said = judged_pairs(lines, None).select(*_PAIR, "value")
    if lines["p"].null_count():
        return "mean verdict from -1 to 1", said.with_columns(value=2 * pl.col("value") - 1)
    shares = np.clip(said["value"].to_numpy(), _FURTHEST, 1 - _FURTHEST)
    return "log-odds", said.with_columns(value=pl.Series(logit(shares), dtype=pl.Float64))


def _graded(lines: pl.DataFrame) -> tuple[str, pl.DataFrame]:
    """How much higher a reward model scores side a: a difference of its own scores."""
    means = lines.group_by(_PAIR, maintain_order=True).agg(value=pl.col("difference").mean())
    return "difference of scores", means


def _others(pairs: NoisePairs, duels: pl.DataFrame) -> Iterator[Witness]:
    """People, labels, executions and rules, where they did not make the label."""
    for kind in sorted(set(KINDS) - set(JUDGED_BY)):
        counted = _heads(pairs, duels, kind)
        lead = (counted["ahead"] - counted["behind"]).cast(pl.Float64)
        yield Witness(kind, None, _HEADS, lead.fill_null(float("nan")).to_numpy())


def _toward(pairs: NoisePairs, said: pl.DataFrame) -> Floats:
    lines = pairs.frame.select(*_PAIR, "turn").join(
        said, on=_PAIR, how="left", maintain_order="left"
    )
    turned = lines.select(value=pl.col("value") * pl.col("turn"))["value"].cast(pl.Float64)
    return turned.fill_null(float("nan")).to_numpy()

"""The document of a report: every number that is shown anywhere comes from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from prefkit.dataset import Dataset
from prefkit.dataset.lineage import known_lineage
from prefkit.judging.certificate import Certificate, certify
from prefkit.judging.duels import JudgeName, duels_of_all, judges_of
from prefkit.judging.gold import Gold, GoldKind, gold_about, human_ceiling
from prefkit.judging.numbers import number
from prefkit.judging.thresholds import Thresholds, load_thresholds
from prefkit.reports.contradictions import Contradictions, contradictions
from prefkit.reports.grade_shares import grade_shares, grades_in
from prefkit.reports.judge_votes import NO_VOTES, of_judge, votes_of
from prefkit.reports.judges import audit
from prefkit.reports.noise import noise_of
from prefkit.reports.panels import panel
from prefkit.reports.people import people
from prefkit.reports.planner import plan
from prefkit.reports.published import contradicted
from prefkit.reports.suspects import Ranked
from prefkit.reports.win_rates import win_rates

__all__ = ["SCHEMA", "USUAL", "Asked", "Report", "document", "report_of"]

SCHEMA = "prefkit.report/1"

_GOLD_KINDS: tuple[GoldKind, ...] = ("human", "label")

Judges = Sequence[tuple[JudgeName, pl.DataFrame]]


class Report(NamedTuple):
    """The document, and the certificates in it as values that a gate can look at."""

    document: dict[str, Any]
    certificates: list[Certificate]
    suspects: Ranked | None = None
    """The queue of pairs whose labels look wrong, if it was asked for."""

    contradictions: Contradictions | None = None
    """All of them with the votes behind each; null where no votes were found."""


class _Evidence(NamedTuple):
    """What the votes of a dataset say: pairs of responses compared, and votes as they were cast."""

    duels: pl.DataFrame
    votes: pl.DataFrame
    grades: pl.DataFrame
    gold: dict[str, Any] | None
    """The dataset that answers were taken from, if it was another one."""


class Asked(NamedTuple):
    """What a report is asked for beside its dataset."""

    gold: Dataset | None = None
    """Comparisons whose answers by people are taken instead of the dataset's own, by id."""

    thresholds: Thresholds | None = None
    """The limits of a certificate; null for those that come with prefkit."""

    published: Path | None = None
    """A file of numbers that others gave, to be recomputed."""

    half_width: float = 0.05
    """What the planner plans for."""

    seed: int = 0
    """Another seed gives other draws of prompts."""

    suspects: int | None = None
    """Look for labels that are wrong, and queue this many pairs at most; null: do not look."""


USUAL = Asked()


def document(dataset: Dataset, asked: Asked = USUAL) -> dict[str, Any]:
    """The document alone: see `report_of`."""
    return report_of(dataset, asked).document


def report_of(dataset: Dataset, asked: Asked = USUAL) -> Report:
    """Audit every judge of a dataset; reads all its votes and responses once.

    Args:
        dataset: comparisons, or pairs whose comparisons lie beside them.
        asked: what to hold the judges against.

    Raises:
        DataError: a file is damaged, or a published number is out of range.
    """
    limits = asked.thresholds or load_thresholds(None)
    source, about = _comparisons_of(dataset)
    if source is None:
        return Report({**_nothing(limits), "dataset": about}, [])
    evidence = _read(source, asked.gold)
    judges = judges_of(evidence.duels)
    seed = asked.seed
    certificates = certify(evidence.duels, limits, seed=seed)
    against = contradictions(evidence.duels, evidence.grades, seed=seed)
    facts = {
        **_nothing(limits),
        "dataset": {**about, **_counts(evidence), "without_duels": _without(evidence, judges)},
        **(judged := _judged(evidence, judges, certificates, seed)),
        "certificates": [one.facts() for one in certificates],
        "grade_shares": grade_shares(evidence.grades),
        "people": _people(evidence, judged["gold"]["criteria"], seed),
        "contradictions": against.facts(),
        "win_rates": win_rates(evidence.duels, judges, seed=seed),
        "planner": plan(evidence.duels, judges, half_widths=(asked.half_width,), seed=seed),
    }
    if asked.published is not None:
        found = contradicted(facts, asked.published, source.batches(), evidence.duels)
        facts = {**facts, "published": found}
    if asked.suspects is None:
        return Report(facts, certificates, contradictions=against)
    noise = noise_of(dataset, source, evidence.duels, most=asked.suspects, seed=seed)
    return Report({**facts, "noise": noise.facts}, certificates, noise.queue, against)


def _nothing(limits: Thresholds) -> dict[str, Any]:
    """A document without a judge, in the order of its parts."""
    return {
        "schema": SCHEMA,
        "dataset": {},
        "calibrated": False,
        "limits": limits.facts(),
        "gold": {"dataset": None, "criteria": []},
        "people": {"criteria": [], "grades": [], "reason": "no vote was found"},
        "contradictions": {},
        "judges": [],
        "panel": {"groups": [], "reason": "there is no judge"},
        "certificates": [],
        "win_rates": [],
        "grade_shares": [],
        "planner": {},
        "published": [],
        "noise": {},
    }


def _comparisons_of(dataset: Dataset) -> tuple[Dataset | None, dict[str, Any]]:
    """The comparisons that a dataset is made of, if they are found, and what the dataset is."""
    about: dict[str, Any] = {
        "name": dataset.path.resolve().name,
        "kind": dataset.kind,
        "rows": dataset.rows,
        "content_hash": dataset.content_hash,
        "comparisons_from": None,
        "note": None,
    }
    if dataset.kind == "comparisons":
        return dataset, about
    ancestors, missing = known_lineage(dataset)
    if missing is not None:
        about["note"] = (
            f"the votes are in the comparisons, and they were not found: {missing}; "
            "put the folder of comparisons beside this one, or report on it"
        )
        return None, about
    found = ancestors[-1]
    about["comparisons_from"] = {"name": found.path.name, "content_hash": found.content_hash}
    about["note"] = "judges are reported on all votes of the comparisons, not only on these pairs"
    return found, about


def _read(source: Dataset, gold: Dataset | None) -> _Evidence:
    votes: list[pl.DataFrame] = []
    grades: list[pl.DataFrame] = [grades_in(())]

    def tables() -> Iterator[pa.Table]:
        for table in source.batches():
            votes.append(votes_of(table))
            grades.append(grades_in([table]))
            yield table

    duels = duels_of_all(tables())
    facts = None
    if gold is not None:
        duels, facts = _with_gold(duels, gold)
    every = pl.concat([NO_VOTES, *votes])
    return _Evidence(duels, _clustered(every, duels), pl.concat(grades), facts)


def _with_gold(duels: pl.DataFrame, gold: Dataset) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The duels with another dataset's answers in place of the dataset's own, which are counted."""
    answers = duels_of_all(gold.batches()).filter(pl.col("kind").is_in(_GOLD_KINDS))
    known = duels["comparison"].unique()
    own = duels.filter(pl.col("kind").is_in(_GOLD_KINDS))
    found = answers.filter(pl.col("comparison").is_in(known.implode()))
    facts = {
        "name": gold.path.resolve().name,
        "content_hash": gold.content_hash,
        "comparisons": answers["comparison"].n_unique(),
        "matched": found["comparison"].n_unique(),
        "own": own["comparison"].n_unique(),
    }
    return pl.concat([duels.filter(~pl.col("kind").is_in(_GOLD_KINDS)), found]), facts


def _clustered(votes: pl.DataFrame, duels: pl.DataFrame) -> pl.DataFrame:
    """The votes with the cluster of their prompt; one without a duel is a prompt of its own."""
    known = duels.select("comparison", "cluster").unique("comparison")
    joined = votes.join(known, on="comparison", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("cluster", pl.col("comparison").hash()))


def _people(evidence: _Evidence, answers: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    ceilings = {one["criterion"]: one["ceiling"] for one in answers if one["kind"] == "human"}
    return people(evidence.duels, evidence.grades, ceilings=ceilings, seed=seed)


def _counts(evidence: _Evidence) -> dict[str, Any]:
    duels = evidence.duels
    by_kind = duels.group_by("kind").agg(pl.col("comparison").n_unique()).sort("kind")
    return {
        "compared": duels["comparison"].n_unique(),
        "clusters": duels["cluster"].n_unique(),
        "comparisons_by_kind": dict(by_kind.iter_rows()),
    }


_NO_DUEL = "no two of them set one response against another"


def _without(evidence: _Evidence, judges: Judges) -> list[dict[str, Any]]:
    """Judges whose votes compare nothing: of them there is no number, and they are named."""
    known = [name for name, _ in judges]
    unnamed = pl.when(pl.col("judge").is_null()).then("file").alias("file")
    keys = evidence.votes.select("judge", unnamed, "rubric", "criterion")
    sizes = keys.group_by(pl.all(), maintain_order=True).len()
    found = [(JudgeName(*key), votes) for *key, votes in sizes.iter_rows()]
    return [
        {"judge": name.shown, "votes": votes, "reason": _NO_DUEL}
        for name, votes in found
        if name not in known
    ]


def _judged(
    evidence: _Evidence, judges: Judges, certificates: Sequence[Certificate], seed: int
) -> dict[str, Any]:
    """The judges, their panels, and the answers that they are held against."""
    golds = [one.gold for one in certificates]
    audits = [
        audit(
            frame,
            of_judge(evidence.votes, name),
            judges=judges,
            certificate=certificate,
            seed=seed,
        )
        for (name, frame), certificate in zip(judges, certificates, strict=True)
    ]
    return {
        "calibrated": bool(judges) and all(one.passed is not None for one in certificates),
        "gold": {
            "dataset": evidence.gold,
            "criteria": list(_answers(evidence.duels, golds, seed)),
        },
        "judges": audits,
        "panel": panel(judges, golds, seed=seed),
    }


def _criteria(duels: pl.DataFrame, kind: str) -> list[str | None]:
    """What the answers of a kind are about."""
    there = duels.filter(pl.col("kind") == kind)["criterion"].unique().to_list()
    return sorted(there, key=lambda criterion: (criterion is not None, criterion or ""))


def _golds(duels: pl.DataFrame, golds: Iterable[Gold]) -> list[Gold]:
    """The gold that judges are held against; beside labels, or without any, what people say too.

    Labels that no judge is held against are told where nobody voted.
    """
    found: dict[tuple[GoldKind | None, str | None], Gold] = {
        (gold.kind, gold.criterion): gold for gold in golds if gold.kind is not None
    }
    for kind in _GOLD_KINDS:
        if not any(one == "human" for one, _ in found):
            more = [gold_about(duels, kind, criterion) for criterion in _criteria(duels, kind)]
            found = {**{(one.kind, one.criterion): one for one in more}, **found}
    return list(found.values())


_SAID = {"human": "votes of people", "label": "labels, which others made of votes or by rule"}


def _answers(duels: pl.DataFrame, golds: Iterable[Gold], seed: int) -> Iterator[dict[str, Any]]:
    """The gold of each criterion: what it is, how many pairs, how far people agree on it."""
    for gold in _golds(duels, golds):
        is_human = gold.kind == "human"
        ceiling = human_ceiling(duels, gold.criterion, seed=seed) if is_human else {}
        yield {
            "criterion": gold.criterion,
            "kind": gold.kind,
            "said": _SAID[str(gold.kind)],
            "pairs": len(gold.frame),
            "left_out": dict(gold.left_out),
            "ceiling": {name: number(one) for name, one in ceiling.items()},
        }

"""Raters and files that seem to use a scale the wrong way round, or another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.judging.duel_names import JUDGED_BY, JudgeName
from prefkit.judging.numbers import number, rounded
from prefkit.reports.contradiction_votes import PAIR, Entry, Found, said_of, vote_of
from prefkit.statistics.binomial import by_chance
from prefkit.statistics.multiplicity import benjamini_hochberg
from prefkit.statistics.rates import rate
from prefkit.statistics.slices import LEVEL

__all__ = ["scale_confusion"]

_RATER = ["kind", "judge", "file", "rubric"]
_FILE = ["file"]
_OWN = ("human", "label")
_MOST_VOTES = 20  # behind one entry
_FEWEST_GRADES = 20
_SEEN = 0.2
"""How often others go where a rater never does, before it is called another use of the scale."""


class _Suspect(NamedTuple):
    """One rater or file, how it looks, and the rows that say so."""

    facts: dict[str, Any]
    lines: Callable[[], Iterator[Entry]]


def scale_confusion(duels: pl.DataFrame, grades: pl.DataFrame, *, seed: int = 0) -> Found:
    """Who contradicts the others so often that the scale must be the other way round, or another.

    `wrong_way`: of the pairs on which the others (people and labels) prefer a side, one prefers
    the other side on most; by a sign test over prompts, q < 0.10 over all raters, then over all
    files. Two who only meet each other are both named: one of them is. `part_of_scale`: never above
    (or below) a grade beyond which others on the same scale go in a fifth of grades or more, beyond
    chance by as many prompts, q < 0.10 over all ends of all raters. `several_scales`: criteria of
    which people and labels speak on more than one scale, with the votes on each.

    Args:
        duels: see `duels_of`.
        grades: see `grades_in`.
        seed: another seed gives other draws.
    """
    lines = said_of(duels, (*_OWN, *JUDGED_BY))
    turned = [*_wrong_way(_raters(lines), seed), *_wrong_way(_files(lines), seed)]
    partial_use = list(_part_of_scale(grades))
    facts = {
        "found": len(turned) + len(partial_use),
        "wrong_way": [one.facts for one in turned],
        "part_of_scale": [one.facts for one in partial_use],
        "several_scales": _several(duels),
    }
    return Found(facts, partial(_entries, [*turned, *partial_use]))


class _Voters(NamedTuple):
    """What each says of each pair beside what the others say."""

    keys: list[str]
    level: str
    said: pl.DataFrame
    """`PAIR`, the keys, said, others (the side of most others: 1 or -1)."""

    lines: pl.DataFrame
    """The votes, with the keys; the file of a vote is `origin`."""


def _raters(lines: pl.DataFrame) -> _Voters:
    unnamed = pl.when(pl.col("judge").is_null()).then("file").alias("file")
    return _beside_others(lines.with_columns(unnamed, origin="file"), _RATER, "rater")


def _files(lines: pl.DataFrame) -> _Voters:
    own = lines.filter(pl.col("kind").is_in(_OWN))
    return _beside_others(own.with_columns(origin="file"), _FILE, "file")


def _beside_others(lines: pl.DataFrame, keys: list[str], level: str) -> _Voters:
    """A judge's criterion of which nobody else speaks is held against what is said of the whole."""
    own = pl.col("kind").is_in(_OWN)
    spoken = lines.filter(own)["criterion"].unique()
    about = pl.when(pl.col("criterion").is_in(spoken.implode())).then("criterion")
    lines = lines.with_columns(about.alias("criterion"))
    mine = lines.group_by([*PAIR, *keys], maintain_order=True).agg(
        pl.col("said").sum().sign(), own.any().alias("counts")
    )
    mine = mine.filter(pl.col("said") != 0)
    counted = pl.when("counts").then("said").otherwise(0)
    others = (counted.sum().over(PAIR) - counted).sign().alias("others")
    said = mine.with_columns(others).filter(pl.col("others") != 0)
    return _Voters(keys, level, said, lines)


def _wrong_way(voters: _Voters, seed: int) -> Iterator[_Suspect]:
    """By prompts, for rows of one prompt are not independent."""
    keys = voters.keys
    agrees = pl.col("said") * pl.col("others")
    by_prompt = voters.said.group_by([*keys, "cluster"], maintain_order=True).agg(
        agrees.sum().sign().alias("net")
    )
    tallied = by_prompt.group_by(keys, maintain_order=True).agg(
        against=(pl.col("net") < 0).sum(), decided=(pl.col("net") != 0).sum()
    )
    tallied = tallied.sort(keys)
    counts = tallied.select("against", "decided").rows()
    p = np.array([by_chance(against, decided, 0.5) for against, decided in counts], dtype=float)
    q = benjamini_hochberg(p)
    for place, row in enumerate(tallied.iter_rows(named=True)):
        if q[place] >= LEVEL:
            continue
        same = [pl.col(name).eq_missing(pl.lit(row[name], pl.String)) for name in keys]
        mine = voters.said.filter(*same)
        if mine.select(agrees.sum()).item() >= 0:
            continue
        agreeing = mine.select(agrees > 0).to_series().cast(pl.Float64).to_numpy()
        facts = {
            "level": voters.level,
            "who": _who(row),
            "kind": row.get("kind"),
            "pairs": len(mine),
            "agrees": number(rate(agreeing, mine["cluster"].to_numpy(), seed=seed)),
            "q": rounded(float(q[place])),
        }
        against = mine.filter(agrees < 0).select(*PAIR)
        yield _Suspect(facts, partial(_votes_against, voters.lines, same, against))


def _who(row: dict[str, Any]) -> str:
    if "judge" not in row:
        return str(row["file"])
    return JudgeName(row["judge"], row["file"], row["rubric"], None).shown


def _votes_against(
    lines: pl.DataFrame, same: Sequence[pl.Expr], against: pl.DataFrame
) -> Iterator[Entry]:
    mine = lines.filter(*same).join(against, on=PAIR, how="semi", nulls_equal=True)
    mine = mine.sort("line").with_columns(file="origin")
    return (vote_of(line) for line in mine.head(_MOST_VOTES).iter_rows(named=True))


def _part_of_scale(grades: pl.DataFrame) -> Iterator[_Suspect]:
    preference = pl.col("scale").str.starts_with("strength")
    there = grades.filter(pl.col("grade").is_not_null() & ~preference)
    unnamed = pl.when(pl.col("judge").is_null()).then("file").alias("rater_file")
    there = there.with_columns(unnamed)
    keys = ["kind", "judge", "rater_file", "rubric", "criterion", "scale"]
    asked: list[tuple[dict[str, Any], str, float, float]] = []
    p: list[float] = []
    for part in there.partition_by(["kind", "criterion", "scale"], maintain_order=True):
        for mine in part.partition_by(keys, maintain_order=True):
            if len(mine) < _FEWEST_GRADES:
                continue
            row = mine.row(0, named=True)
            for end, used, beyond in _ends(part, mine):
                asked.append((row, end, used, beyond))
                p.append((1 - beyond) ** mine["cluster"].n_unique())
    q = benjamini_hochberg(np.array(p, dtype=float))
    for (row, end, used, beyond), each in zip(asked, q, strict=True):
        if beyond < _SEEN or each >= LEVEL:
            continue
        same = [pl.col(name).eq_missing(pl.lit(row[name], pl.String)) for name in keys]
        mine = there.filter(*same)
        facts = {
            "who": JudgeName(row["judge"], row["rater_file"], row["rubric"], None).shown,
            "kind": row["kind"],
            "criterion": row["criterion"],
            "scale": row["scale"],
            "grades": len(mine),
            "never": f"{'above' if end == 'high' else 'below'} {used:g}",
            "others": rounded(beyond),
            "q": rounded(float(each)),
        }
        yield _Suspect(facts, partial(_grades_of, mine))


def _ends(part: pl.DataFrame, mine: pl.DataFrame) -> Iterator[tuple[str, float, float]]:
    """Each end of what one uses, and how large a share of others' grades is beyond it."""
    others = len(part) - len(mine)
    if not others:
        return
    grade = pl.col("grade")
    low, high = (float(mine.select(end).item()) for end in (grade.min(), grade.max()))
    for end, used, beyond in (("high", high, grade > high), ("low", low, grade < low)):
        yield end, used, int(part.select(beyond.sum()).item()) / others


def _grades_of(mine: pl.DataFrame) -> Iterator[Entry]:
    for line in mine.sort("comparison", "place").head(_MOST_VOTES).iter_rows(named=True):
        yield {
            "comparison": line["comparison"],
            "file": line["file"],
            "records": [line["record"]],
            "by": line["judge"],
            "kind": line["kind"],
            "place": line["place"],
            "grade": line["grade"],
        }


def _several(duels: pl.DataFrame) -> list[dict[str, Any]]:
    own = duels.filter(pl.col("kind").is_in(_OWN))
    sizes = own.group_by("kind", "criterion", "scale").len().sort("kind", "criterion", "scale")
    found = []
    for part in sizes.partition_by("kind", "criterion", maintain_order=True):
        if len(part) > 1:
            found.append(
                {
                    "kind": part["kind"][0],
                    "criterion": part["criterion"][0],
                    "pairs_by_scale": dict(part.select("scale", "len").iter_rows()),
                }
            )
    return found


def _entries(suspects: Sequence[_Suspect]) -> Iterator[Entry]:
    for one in suspects:
        yield {"kind": "scale", **_renamed(one.facts), "votes": list(one.lines())}


def _renamed(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, with the kind of vote under a name of its own."""
    return {("votes_are" if name == "kind" else name): value for name, value in facts.items()}

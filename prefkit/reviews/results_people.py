"""The reviewers themselves: what each one does, and how far they agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from prefkit.judging.numbers import Number, number, rounded
from prefkit.reviews.results_votes import Ruling, Sorted, Vote
from prefkit.statistics.agreement import Scale
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.fleiss import agreements
from prefkit.statistics.raters import Ratings
from prefkit.statistics.wilson import wilson_share

__all__ = ["WORDS_A_SECOND", "agreement", "reviewers", "too_fast"]

WORDS_A_SECOND = 15
"""Nobody reads faster: twice as fast as people skim."""

_CODES = {"rejected": 0, "tie": 1, "chosen": 2, "both_bad": 3}
_MIRRORED = np.array([2, 1, 0, 3])
_SCALE = Scale(len(_CODES))


def too_fast(words: int, milliseconds: int) -> bool:
    """Whether so many words cannot have been read in that time. It is told, never refused."""
    return milliseconds * WORDS_A_SECOND < words * 1000


def reviewers(
    votes: Sorted, headline: Sequence[Ruling], words: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """A line for everyone who voted blind, by name.

    Args:
        votes: as `sort_votes`.
        headline: the rulings of the random sample, whose votes say how often somebody picks chosen.
        words: of prompt and both sides, by pair and its hash, as far as they are known.
    """
    sampled = {(one.pair, one.pair_sha256) for one in headline}
    everybody = [*votes.blind, *votes.lead, *votes.repeats, *votes.gold, *votes.practice]
    by = defaultdict(list)
    for vote in everybody:
        by[vote.reviewer].append(vote)
    own = {(vote.reviewer, vote.pair): vote.outcome for vote in votes.blind}
    return [_reviewer(name, by[name], sampled, own, words) for name in sorted(by)]


def _reviewer(
    name: str,
    votes: Sequence[Vote],
    sampled: set[tuple[str, str]],
    own: Mapping[tuple[str, tuple[str, str]], str],
    words: Mapping[tuple[str, str], int],
) -> dict[str, Any]:
    pairs = _of(votes, "pair")
    blind = [vote for vote in pairs if vote.line.role == "blind"]
    decided = [vote for vote in blind if vote.pair in sampled and vote.outcome != "unsure"]
    repeats = [vote for vote in _of(votes, "repeat") if (vote.reviewer, vote.pair) in own]
    gold, practice = _of(votes, "gold"), _of(votes, "practice")
    # Sides were shuffled in all of these, so about half of the picks should be A.
    shown = [vote.line.verdict for vote in (*pairs, *repeats, *gold)]
    sides = [verdict for verdict in shown if verdict in ("a", "b")]
    return {
        "reviewer": name,
        "roles": sorted({vote.line.role for vote in votes}),
        "votes": len(pairs) + len(repeats) + len(gold),
        "pairs": len({vote.pair for vote in blind}),
        "right": _share((vote.outcome == "chosen" for vote in decided), "no vote on the sample"),
        "says_a": _share((side == "a" for side in sides), "never picked a side"),
        "repeats": _counted(
            [vote.outcome == own[vote.reviewer, vote.pair] for vote in repeats],
            "same", "no pair came back",
        ),
        "gold": _counted([_right(vote) for vote in gold], "right", "no gold question"),
        "practice": {"seen": len(practice), "right": sum(map(_right, practice))},
        "unsure": sum(vote.outcome == "unsure" for vote in blind),
        **_speed([*blind, *repeats, *gold], words),
    }  # fmt: skip


def _of(votes: Iterable[Vote], item: str) -> list[Vote]:
    return [vote for vote in votes if vote.line.item == item and vote.line.role != "triage"]


def _right(vote: Vote) -> bool:
    return vote.outcome == "chosen"


def _share(what: Iterable[bool], otherwise: str) -> Number:
    found = list(what)
    if not found:
        return number(Estimate(None, None, None, 0, 0, otherwise))
    return number(wilson_share(sum(found), len(found)))


def _counted(what: Sequence[bool], name: str, otherwise: str) -> dict[str, Any]:
    return {"seen": len(what), name: sum(what), "share": _share(what, otherwise)}


def _speed(votes: Sequence[Vote], words: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    timed = [vote for vote in votes if vote.line.ms_visible is not None]
    times = [vote.line.ms_visible or 0 for vote in timed]
    known = [vote for vote in timed if vote.pair in words]
    fast = sum(too_fast(words[vote.pair], vote.line.ms_visible or 0) for vote in known)
    return {
        "timed": len(timed),
        "median_seconds": rounded(median(times) / 1000) if times else None,
        "too_fast": fast,
        "too_fast_of": len(known),
    }


class _Rated(NamedTuple):
    """One line a vote that decides: item, reviewer and outcome as numbers."""

    items: list[int]
    raters: list[int]
    codes: list[int]


def agreement(
    headline: Sequence[Ruling], clusters: Mapping[int, int], *, seed: int = 0
) -> dict[str, Any]:
    """Agreement of blind votes on the random sample, before anybody settled anything.

    Whoever votes blind does not know which side is chosen, so chance has no favourite either: every
    pair counts in both directions. Coded as chosen and rejected, data that are nearly all right
    would make good reviewers look as if they guessed.

    Args:
        headline: rulings of the random sample.
        clusters: the prompt cluster of each row.
        seed: another seed gives other draws of prompts.
    """
    names = sorted({vote.reviewer for one in headline for vote in one.blind})
    codes = {name: place for place, name in enumerate(names)}
    rated = _Rated([], [], [])
    for item, one in enumerate(headline):
        for vote in one.blind:
            if vote.outcome in _CODES:
                rated.items.append(item)
                rated.raters.append(codes[vote.reviewer])
                rated.codes.append(_CODES[vote.outcome])
    own = np.array([clusters[one.row] for one in headline], dtype=np.int64)
    by_two = sum(len([v for v in one.blind if v.outcome in _CODES]) > 1 for one in headline)
    return {
        "all": _coefficients(rated, own, seed),
        "pairs_seen_by_two": by_two,
        "between": _between(headline),
    }


def _coefficients(rated: _Rated, clusters: np.ndarray[Any, Any], seed: int) -> dict[str, Number]:
    count = len(clusters)
    items, said = np.array(rated.items, dtype=np.int64), np.array(rated.codes, dtype=np.int64)
    both = Ratings(
        np.concatenate([items, items + count]),
        np.tile(np.array(rated.raters, dtype=np.int64), 2),
        np.concatenate([said, _MIRRORED[said]]),
        2 * count,
    )
    found = agreements(both, np.tile(clusters, 2), _SCALE, seed=seed)["class"]
    named = {"percent": "percent", "alpha": "alpha_nominal", "ac": "ac"}
    return {name: number(found[key]._replace(n=found[key].n // 2)) for name, key in named.items()}


def _between(headline: Sequence[Ruling]) -> list[dict[str, Any]]:
    same: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for one in headline:
        said = sorted((v.reviewer, v.outcome) for v in one.blind if v.outcome in _CODES)
        for (first, mine), (second, other) in combinations(said, 2):
            same[first, second].append(mine == other)
    return [
        {
            "one": one, "other": other, "pairs": len(found),
            "same": number(wilson_share(sum(found), len(found))),
        }
        for (one, other), found in sorted(same.items())
    ]  # fmt: skip

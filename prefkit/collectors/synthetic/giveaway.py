"""Whether what was made gives its label away: length, the model, the words alone.

Of every comparison, for each judge by its rubric, the side with the highest and the one with the
lowest score are looked at. That a longer side is often chosen can be honest, for better answers may
be longer; a warning says that nothing else has to be learned, not that the votes are wrong.
"""

from __future__ import annotations

import random
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prefkit.schema.ids import prompt_cluster
from prefkit.schema.records import Comparison, Response, Vote
from prefkit.statistics.prediction import FOLDS, auc_of, folds_of, held_out_scores
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import rate

__all__ = ["Giveaway"]

MOST = 5000
"""Pairs that are looked at; with as many the interval of a share is about 0.03 wide."""

LIMIT = 0.7
"""A share or an area whose whole interval is beyond it (or below one minus it) is warned of."""

_FEWEST = 100  # pairs that words are fitted to
_MOST_WORDS = 200
_MOST_SIGNS = 20_000  # of a text: what gives a label away stands before
_COMMON = 5  # pairs that a word must tell apart
_WORD = re.compile(r"\w+")


class _Pair(NamedTuple):
    """Of two sides what is held: about 4 bytes for each word that only one of them has."""

    cluster: str
    longer_by: int
    """Characters that the chosen side has more."""
    models: tuple[str, str] | None
    """Of chosen and rejected; null if one is not known or both are one."""
    chosen_only: array[int]
    """Words that only the chosen side has, by number."""
    rejected_only: array[int]


class Giveaway:
    """What tells chosen from rejected, of the comparisons that are added one by one."""

    def __init__(self, seed: int = 0) -> None:
        """Begin with nothing.

        Args:
            seed: draws which pairs are held beyond 5,000, the folds and the intervals.
        """
        self._seed = seed
        self._draw = random.Random(seed)
        self._numbers: dict[str, int] = {}
        self._pairs: list[_Pair] = []
        self._seen = 0
        self._facts: dict[str, Any] | None = None

    def add(self, comparison: Comparison) -> None:
        """Look at one comparison with its votes."""
        self._facts = None
        cluster: str | None = None
        for chosen, rejected in _sides(comparison.votes, len(comparison.responses)):
            self._seen += 1
            # Every pair has the same chance to be among those that are held (Vitter's R).
            place = (
                len(self._pairs) if len(self._pairs) < MOST else self._draw.randrange(self._seen)
            )
            if place >= MOST:
                continue
            cluster = cluster or prompt_cluster(comparison.prompt)
            sides = (comparison.responses[chosen], comparison.responses[rejected])
            self._pairs[place : place + 1] = [self._pair(cluster, *sides)]

    def _pair(self, cluster: str, chosen: Response, rejected: Response) -> _Pair:
        texts = [_text(side) for side in (chosen, rejected)]
        words = [set(_WORD.findall(text[:_MOST_SIGNS].casefold())) for text in texts]
        models = (chosen.model, rejected.model)
        is_told = None not in models and models[0] != models[1]
        return _Pair(
            cluster,
            len(texts[0]) - len(texts[1]),
            models if is_told else None,  # type: ignore[arg-type]
            self._numbered(words[0] - words[1]),
            self._numbered(words[1] - words[0]),
        )

    def _numbered(self, words: set[str]) -> array[int]:
        # Sorted: the numbers of new words are the same in every run.
        return array("I", [self._numbers.setdefault(w, len(self._numbers)) for w in sorted(words)])

    def facts(self) -> dict[str, Any]:
        """What the manifest says: each baseline with its interval, or why it is not measured."""
        if self._facts is None:
            self._facts = {
                "pairs": len(self._pairs),
                "of": self._seen,
                "seed": self._seed,
                "limit": LIMIT,
                "interval": "95 %, over prompt clusters",
                "longer": self._longer(),
                "model": self._model(),
                "words": self._words(),
            }
        return self._facts

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        if not self._seen:
            return
        facts = self.facts()
        for name, label in _LABELS.items():
            if facts[name]["n"]:
                yield label, _told(name, facts[name])

    def warnings(self) -> Iterator[str]:
        """One sentence for each baseline whose interval lies beyond the limit."""
        if not self._seen:
            return
        facts = self.facts()
        for name in _LABELS:
            low, high = facts[name].get("interval", (LIMIT, 1 - LIMIT))
            if low > LIMIT or (name == "longer" and high < 1 - LIMIT):
                yield f"the label can be told without reading: {_told(name, facts[name])}"

    def _clusters(self, pairs: Sequence[_Pair]) -> np.ndarray[Any, Any]:
        return np.array([pair.cluster for pair in pairs], dtype=np.str_)

    def _longer(self) -> dict[str, Any]:
        unequal = [pair for pair in self._pairs if pair.longer_by]
        longer = np.array([pair.longer_by > 0 for pair in unequal], dtype=float)
        found = rate(longer, self._clusters(unequal), seed=self._seed).facts()
        return {**found, "equal": len(self._pairs) - len(unequal)}

    def _model(self) -> dict[str, Any]:
        """How often the model is chosen whose pairs with other models lean most to one side."""
        told = [pair for pair in self._pairs if pair.models is not None]
        wins = Counter(pair.models[0] for pair in told if pair.models)
        losses = Counter(pair.models[1] for pair in told if pair.models)
        if not told:
            return {"not_measured": "no pair has sides of two known models", "n": 0}
        name = max(sorted({*wins, *losses}), key=lambda one: wins[one] - losses[one])
        its = [pair for pair in told if pair.models and name in pair.models]
        won = np.array([pair.models is not None and pair.models[0] == name for pair in its], float)
        return {"model": name, **rate(won, self._clusters(its), seed=self._seed).facts()}

    def _words(self) -> dict[str, Any]:
        """The area under the curve of a model that knows which words each side has."""
        if len(self._pairs) < _FEWEST:
            reason = f"{len(self._pairs)} pairs, {_FEWEST} are needed"
            return {"not_measured": reason, "n": len(self._pairs)}
        columns = self._common()
        if not columns:
            reason = f"no word stands on one side only in {_COMMON} pairs"
            return {"not_measured": reason, "n": len(self._pairs)}
        features = self._features(columns)
        clusters = self._clusters(self._pairs)
        scores = held_out_scores(features, folds_of(clusters, self._seed))
        found = auc_of(scores, clusters, self._seed).facts()
        for_chosen, for_rejected = (features > 0).sum(axis=0), (features < 0).sum(axis=0)
        place = int(np.argmax(np.abs(for_chosen - for_rejected)))
        names = list(self._numbers)
        tell = {
            "word": names[list(columns)[place]],
            "in_chosen_only": int(for_chosen[place]),
            "in_rejected_only": int(for_rejected[place]),
        }
        return {**found, "folds": FOLDS, "of_words": len(columns), "tell": tell}

    def _common(self) -> Mapping[int, int]:
        """The words that tell most pairs apart, whichever way, and their columns."""
        counts: Counter[int] = Counter()
        for pair in self._pairs:
            counts.update(pair.chosen_only)
            counts.update(pair.rejected_only)
        kept = sorted(counts, key=lambda number: (-counts[number], number))[:_MOST_WORDS]
        often = (number for number in kept if counts[number] >= _COMMON)
        return {number: column for column, number in enumerate(often)}

    def _features(self, columns: Mapping[int, int]) -> Floats:
        found = np.zeros((len(self._pairs), len(columns)))
        for row, pair in enumerate(self._pairs):
            for sign, numbers in ((1.0, pair.chosen_only), (-1.0, pair.rejected_only)):
                found[row, [columns[one] for one in numbers if one in columns]] = sign
        return found


def _sides(votes: Sequence[Vote], responses: int) -> Iterator[tuple[int, int]]:
    """The best and the worst response by each judge, rubric and criterion, if they differ.

    A score is the mean over what that judge said of that response: draws, and votes on one alone.
    """
    said: dict[tuple[str | None, ...], list[list[float]]] = {}
    for vote in votes:
        if vote.outcome != "scored":
            continue
        judge = (vote.kind, vote.by, vote.rubric, vote.criterion, vote.scale)
        scores = said.setdefault(judge, [[] for _ in range(responses)])
        for place, score in enumerate(vote.scores):
            if score is not None:
                scores[place].append(score)
    for scores in said.values():
        means = {place: sum(each) / len(each) for place, each in enumerate(scores) if each}
        best, worst = (pick(means, key=lambda one: means[one]) for pick in (max, min))
        if means[best] > means[worst]:
            yield best, worst


def _text(response: Response) -> str:
    return "\n".join(turn.content or "" for turn in response.messages)


def _told(name: str, found: Mapping[str, Any]) -> str:
    """`longer side is chosen in 0.93 (0.90 to 0.96) of 300 pairs`, or why nothing is known."""
    if "value" not in found:
        return f"not measured: {found['not_measured']}"
    number = f"{found['value']:.2f}"
    if "interval" in found:
        number += " ({:.2f} to {:.2f})".format(*found["interval"])
    if name == "longer":
        return f"the longer side is chosen in {number} of {found['n']:,} pairs of unequal length"
    if name == "model":
        return f"{found['model']} is chosen in {number} of {found['n']:,} pairs with other models"
    tell = found["tell"]
    return (
        f"words alone tell the label, area under the curve {number}, {found['n']:,} pairs; "
        f"{tell['word']!r} stands in chosen only in {tell['in_chosen_only']:,} pairs, "
        f"in rejected only in {tell['in_rejected_only']:,}"
    )


_LABELS = {"longer": "Length", "model": "Models", "words": "Words"}

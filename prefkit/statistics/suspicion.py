"""What several witnesses say of a label together, by models that have not seen that label.

Each witness is a difference (for the label minus against it). A logistic model without an intercept
weighs them by how far they foretell labels, fitted to four fifths of the prompt clusters for the
last fifth; a model of the texts is a witness made in the same folds. No label scores itself.

The self-test turns labels round in secret and does all of it again, weights and text model
included, so what it finds is what would be found of errors that hit labels at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.detection import detected
from prefkit.statistics.prediction import Ints, folds_of, held_out_scores
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools
from prefkit.statistics.word_model import held_out_words

__all__ = ["Material", "Odds", "Planted", "flips", "odds_of", "one_vote_out", "self_test"]

SHARE = 0.05
"""Of the labels, turned round in each run of a self-test."""

_FEWEST_FLIPS = 200
_MOST_RUNS = 5


class Material(NamedTuple):
    """What is known of some pairs beside their labels, turned to these."""

    values: Floats
    """Pairs by witnesses: above 0 for the label, NaN where one says nothing."""

    clusters: np.ndarray[Any, Any]
    words: Any = None
    """A sparse matrix of pairs by words, chosen minus rejected; null without a text model."""

    worded: Ints | None = None
    """Which pairs its rows are; null where there is none."""

    seed: int = 0


class Odds(NamedTuple):
    """Held-out log-odds of each label."""

    words: Floats
    """By the text model; NaN where it does not look."""

    together: Floats
    """By all witnesses and the text model; 0 where nothing is known."""


class Planted(NamedTuple):
    """How a self-test went: `auc` and `precision` of each witness in their order, and of others."""

    witnesses: list[dict[str, Estimate]]
    words: dict[str, Estimate]
    together: dict[str, Estimate]
    flags: dict[str, Estimate] | None
    flipped: int
    """Labels turned round, over all runs."""

    runs: int


def odds_of(material: Material, signs: Floats) -> Odds:
    """The odds of each label, where `signs` is -1 of a label that was turned round and 1 elsewhere.

    Cost: five fits of the text model.
    """
    folds = folds_of(material.clusters, material.seed)
    words = np.full(len(signs), np.nan)
    if material.words is not None and material.worded is not None:
        at = material.worded
        turned = np.random.default_rng(material.seed).choice([-1.0, 1.0], len(at))
        shown = material.words.multiply(signs[at, None]).tocsr()
        words[at] = held_out_words(shown, folds[at], turned)
    every = np.column_stack([material.values * signs[:, None], words])
    return Odds(words, held_out_scores(np.nan_to_num(every, nan=0.0), folds))


def flips(count: int, seed: int) -> list[Bools]:
    """Which labels each run turns round: `SHARE` of them, no label twice.

    As many runs as it takes to turn 200, five at most.
    """
    size = max(1, round(count * SHARE))
    runs = min(_MOST_RUNS, max(1, -(-_FEWEST_FLIPS // size)), count // size)
    order = np.random.default_rng(seed).permutation(count)
    found = []
    for run in range(runs):
        turned = np.zeros(count, dtype=bool)
        turned[order[run * size : (run + 1) * size]] = True
        found.append(turned)
    return found


def self_test(material: Material, flag: Callable[[Floats], Floats] | None = None) -> Planted:
    """Turn labels round, look for them, and say how many were found.

    `flag` makes flags (-1 and 1) of the odds of all witnesses together, to be tested as well. Every
    estimate's `n` is labels looked at, those of all runs together counted once.
    """
    # Another stream than that of the folds and of the text model.
    runs = flips(len(material.clusters), material.seed + 1)
    signs = [np.where(turned, -1.0, 1.0) for turned in runs]
    odds = [odds_of(material, one) for one in signs]
    hidden = np.concatenate(runs)

    def found(scores: list[Floats]) -> dict[str, Estimate]:
        return _found(np.concatenate(scores), hidden, material, len(runs))

    return Planted(
        [found([column * one for one in signs]) for column in material.values.T],
        found([one.words for one in odds]),
        found([one.together for one in odds]),
        None if flag is None else found([flag(one.together) for one in odds]),
        int(hidden.sum()),
        len(runs),
    )


def _found(scores: Floats, hidden: Bools, material: Material, runs: int) -> dict[str, Estimate]:
    """Detection where there is a score; the fewest odds for a label are the most suspicious."""
    known = np.isfinite(scores)
    clusters = np.tile(material.clusters, runs)[known]
    drawn = detected(-scores[known], hidden[known], clusters)
    return {name: one._replace(n=one.n // runs) for name, one in drawn.items()}


def one_vote_out(ahead: Ints, behind: Ints, clusters: Any, *, seed: int = 0) -> dict[str, Estimate]:
    """`auc` and `precision` of a pair's other votes where one vote, drawn, is its label.

    That label is turned round in secret for a share of the pairs. A label that is a majority
    cannot be tested by the votes that made it. `n` is pairs with two votes or more.
    """
    several = ahead + behind >= 2
    ahead, behind, clusters = ahead[several], behind[several], clusters[several]
    rng = np.random.default_rng(seed)
    drawn = rng.random(len(ahead)) * (ahead + behind) < ahead
    lead = np.where(drawn, ahead - 1 - behind, behind - 1 - ahead).astype(float)
    runs = flips(len(lead), seed) if len(lead) else []
    hidden = np.concatenate([np.zeros(0, dtype=bool), *runs])
    scores = np.concatenate([np.zeros(0), *_turned(lead, runs)])
    found = detected(-scores, hidden, np.tile(clusters, len(runs)))
    return {name: one._replace(n=len(lead)) for name, one in found.items()}


def _turned(values: Floats, runs: list[Bools]) -> Iterator[Floats]:
    return (np.where(turned, -values, values) for turned in runs)

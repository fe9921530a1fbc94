"""The words that give the label away: a TF-IDF model of the difference between the sides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.word_model import fit_words, held_out_words, word_matrix

__all__ = ["Words", "words_of"]

_SHOWN = 8
_FEWEST_PAIRS = 20  # in which a word stands on one side only, for it to be named


class Words(NamedTuple):
    """Held-out log-odds of each pair's label, and the words that count most."""

    scores: Floats
    examples: list[dict[str, Any]]


def words_of(chosen: pl.Series, rejected: pl.Series, folds: Ints, seed: int) -> Words | None:
    """Fit to all folds but one and score that one; null where no word is in five answers.

    Pairs are turned round at random for the fit, which needs both labels.
    """
    found = word_matrix(chosen.to_list(), rejected.to_list())
    if found is None:
        return None
    difference = found.difference
    turned = np.random.default_rng(seed).choice([-1.0, 1.0], len(chosen))
    scores = held_out_words(difference, folds, turned)
    whole = fit_words(difference.multiply(turned[:, None]).tocsr(), turned)
    return Words(scores, _examples(whole, found.both, found.words))


def _examples(counts: Floats, matrix: Any, words: Any) -> list[dict[str, Any]]:
    """The words of largest weight times spread, either way; in enough pairs to be no one's own."""
    half = matrix.shape[0] // 2
    there = (matrix[:half] > 0).astype(np.int64), (matrix[half:] > 0).astype(np.int64)
    both = np.asarray(there[0].multiply(there[1]).sum(axis=0)).ravel()
    only = [np.asarray(side.sum(axis=0)).ravel() - both for side in there]
    difference = (matrix[:half] - matrix[half:]).tocsc()
    spread = np.sqrt(np.asarray(difference.multiply(difference).mean(axis=0)).ravel())
    weight = np.where(only[0] + only[1] >= _FEWEST_PAIRS, counts * spread, 0.0)
    order = np.argsort(-np.abs(weight), kind="stable")[:_SHOWN]
    return [
        {
            "word": str(words[place]),
            "speaks_for": "chosen" if weight[place] > 0 else "rejected",
            "in_chosen_only": int(only[0][place]),
            "in_rejected_only": int(only[1][place]),
        }
        for place in order.tolist()
        if weight[place]
    ]

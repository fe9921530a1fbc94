"""A linear model of the words in which two texts differ, fitted so that no pair scores itself.

Words and their weights come from all texts, which says nothing about labels. A pair has no natural
first side: each is a difference (chosen minus rejected), no model has an intercept, and turning a
pair round changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from prefkit.errors import MissingExtra
from prefkit.statistics.prediction import FOLDS, Ints
from prefkit.statistics.ranks import Floats

__all__ = ["WordMatrix", "fit_words", "held_out_words", "require_sklearn", "word_matrix"]

_FEWEST_TEXTS = 5
_MOST_WORDS = 50_000


class WordMatrix(NamedTuple):
    """TF-IDF of both sides: first all chosen texts, then all rejected ones, below each other."""

    both: Any
    """A sparse matrix, texts by words."""

    words: Sequence[str]

    @property
    def difference(self) -> Any:
        """Chosen minus rejected, a row a pair."""
        half = self.both.shape[0] // 2
        return (self.both[:half] - self.both[half:]).tocsr()


def require_sklearn(feature: str) -> None:
    """Say early that a feature cannot run.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(feature, "baselines") from error


def word_matrix(chosen: Sequence[str], rejected: Sequence[str]) -> WordMatrix | None:
    """The words of the texts of pairs; null where no word is in five texts.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    require_sklearn("a model of words")
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        min_df=_FEWEST_TEXTS, max_features=_MOST_WORDS, sublinear_tf=True, dtype=np.float64
    )
    try:
        matrix = vectorizer.fit_transform([*chosen, *rejected])
    except ValueError:  # scikit-learn's way to say that no word is left
        return None
    return WordMatrix(matrix, vectorizer.get_feature_names_out())


def held_out_words(difference: Any, folds: Ints, turned: Floats) -> Floats:
    """Log-odds that the first text of each difference is chosen, by a model of the other folds.

    `turned` is 1 or -1 a row: which rows the fit is shown from the other side, as it needs both
    labels. Zero where the other folds cannot be fitted.
    """
    shown = difference.multiply(turned[:, None]).tocsr()
    scores = np.zeros(difference.shape[0])
    for fold in range(FOLDS):
        out, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(out) and len(set(turned[rest].tolist())) == 2:
            scores[out] = difference[out] @ fit_words(shown[rest], turned[rest])
    return scores


def fit_words(shown: Any, turned: Floats) -> Floats:
    """The log-odds that each word adds, fitted to differences as they are shown."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=2000)
    weights: Floats = model.fit(shown, turned > 0).coef_[0]
    return weights

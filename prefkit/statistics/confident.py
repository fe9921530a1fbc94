"""Confident learning (Northcutt et al., 2021) by the package cleanlab, where it is installed.

Its pruning by noise rate flags as many labels as its count of errors says, and honest near-ties
among them. It adds no knowledge of its own: all it sees is somebody's held-out probabilities.
"""

from __future__ import annotations

import numpy as np

from prefkit.errors import MissingExtra
from prefkit.statistics.logistic import sigmoid
from prefkit.statistics.ranks import Floats
from prefkit.statistics.shares import Bools

__all__ = ["confident_flags", "require_cleanlab"]


def require_cleanlab() -> None:
    """Say early that it cannot run.

    Raises:
        MissingExtra: cleanlab is not installed.
    """
    try:
        import cleanlab.filter  # noqa: F401
    except ImportError as error:
        raise MissingExtra("confident learning", "noise") from error


def confident_flags(scores: Floats, turned: Floats) -> Bools:
    """Which labels cleanlab prunes by noise rate.

    Args:
        scores: held-out log-odds of each label, by a model that has not seen it.
        turned: 1 or -1 a row: the side from which each is shown, as two classes are needed.

    Raises:
        MissingExtra: cleanlab is not installed.
    """
    require_cleanlab()
    from cleanlab.filter import find_label_issues

    first = sigmoid(scores * turned)
    labels = (turned > 0).astype(np.int64)
    flags: Bools = find_label_issues(
        labels, np.column_stack([1 - first, first]), filter_by="prune_by_noise_rate", n_jobs=1
    )
    return flags

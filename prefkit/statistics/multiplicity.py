"""Many questions at once: some would stand out by chance alone."""

from __future__ import annotations

import numpy as np

from prefkit.statistics.ranks import Floats

__all__ = ["benjamini_hochberg"]


def benjamini_hochberg(p: Floats) -> Floats:
    """The q value of each p: of all that are named at q below 0.1, a tenth is named wrongly.

    At most and in expectation, for independent or positively dependent tests (Benjamini and
    Hochberg, 1995). A NaN is a question that was not asked: it stays NaN and does not count.
    """
    found = np.full(len(p), np.nan)
    asked = np.flatnonzero(~np.isnan(p))
    if not len(asked):
        return found
    order = asked[np.argsort(p[asked], kind="stable")]
    raw = p[order] * len(order) / np.arange(1, len(order) + 1)
    found[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return found

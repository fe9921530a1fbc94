"""What the page shows beside the report on votes: a review, the pairs' bias, pairs to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefkit.dataset import Dataset
from prefkit.dataset.lineage import known_lineage
from prefkit.reports.executed import executed_in
from prefkit.reports.page_pairs import MOST, pairs_to_look_at
from prefkit.reports.page_suspects import suspects_to_look_at
from prefkit.reports.pair_bias import bias_of
from prefkit.reports.suspects import Ranked

__all__ = ["parts_of"]

_NO_BIAS = {"pairs": 0, "reason": "Pairs are not made yet.", "length": None, "marks": []}


def parts_of(
    dataset: Dataset,
    review: Mapping[str, Any] | None,
    *,
    suspects: Ranked | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The keys `review`, `bias`, `executed` and `pairs` of the document.

    Args:
        dataset: of pairs, or of comparisons, of which there is no bias and no pair to show.
        review: what a review of these pairs found; null for none.
        suspects: the queue, if one was asked for; shown where there is no review.
        seed: another seed gives other draws.

    Raises:
        DataError: a file is damaged.
    """
    is_pairs = dataset.kind == "pairs"
    ancestors = known_lineage(dataset)[0] if is_pairs else []
    nothing = {"of": 0, "by": "votes", "listed": []}
    return {
        "review": None if review is None else dict(review),
        "bias": bias_of(dataset, seed=seed) if is_pairs else _NO_BIAS,
        "executed": executed_in([dataset, *ancestors]),
        "pairs": _pairs(dataset, review, suspects) if is_pairs else nothing,
    }


def _pairs(
    dataset: Dataset, review: Mapping[str, Any] | None, suspects: Ranked | None
) -> dict[str, Any]:
    if review is None and suspects is not None:
        return suspects_to_look_at(dataset, suspects.lines, MOST)
    return pairs_to_look_at(dataset, review)

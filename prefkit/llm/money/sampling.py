"""A sample of requests by size, and the total of all from the counts of the sample.

Requests are put in order of size and cut into strata of about equal bytes, so that few long ones
weigh as much as many short ones; from each the same number is drawn. A giant ends up in a stratum
with few others, or alone, and is then counted for certain.

The total is the combined ratio estimator over strata (Cochran, Sampling Techniques, 3rd edition,
1977, sections 6.11 and 6.12): R = sum N_h y_h / sum N_h x_h over the strata's sample means of
tokens y and bytes x, total Y = R X for the known bytes X of all. Its variance is the sum of
N_h^2 (1 - n_h / N_h) s_h^2 / n_h, where s_h^2 is the variance of y - R x within a stratum and
1 - n_h / N_h the finite population correction: a stratum counted whole adds none. The interval
takes Student's t with the sum of n_h - 1 over the others.

In simulations with 20 of 30 to 2,000 requests counted the interval covered 91 to 96 %, 85 % for a
long tail of lengths with 20 of 30 counted. It says nothing of kinds of text that the sample did
not meet: with one request in twenty in a script of 2.6 times the tokens it covered 64 to 79 %, and
where every counted request has the same tokens per byte it has no width.

It stands here and not in `prefkit.statistics`, which loads numpy and lies above this layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random
from statistics import variance
from typing import NamedTuple

from prefkit.llm.money.intervals import t_quantile

__all__ = ["Drawn", "drawn", "total"]

_STRATA = 10  # two requests of each in a sample of twenty
_SEED = 20


class Drawn(NamedTuple):
    """Places of a stratum's requests, and of those that were drawn from it."""

    places: list[int]
    sample: list[int]


def drawn(sizes: Sequence[int], sampled: int) -> list[Drawn]:
    """Strata by size with at most `sampled` places drawn from all; the same for the same sizes."""
    strata = _strata(sizes)
    quotas = _quotas([len(places) for places in strata], sampled)
    random = Random(_SEED)
    return [
        Drawn(places, random.sample(places, quota))
        for places, quota in zip(strata, quotas, strict=True)
    ]


def _strata(sizes: Sequence[int]) -> list[list[int]]:
    """Places in order of size, cut into groups of about equal bytes; none is empty."""
    order = sorted(range(len(sizes)), key=sizes.__getitem__)
    whole = max(sum(sizes), 1)
    strata: list[list[int]] = [[] for _ in range(_STRATA)]
    for place, until in zip(order, accumulate(sizes[place] for place in order), strict=True):
        middle = until - sizes[place] / 2
        strata[min(int(_STRATA * middle / whole), _STRATA - 1)].append(place)
    return [places for places in strata if places]


def _quotas(counts: list[int], sampled: int) -> list[int]:
    """How many to draw from each: by turns, until all are drawn or the sample is full."""
    quotas = [0] * len(counts)
    left = min(sampled, sum(counts))
    while left:
        for stratum, count in enumerate(counts):
            if left and quotas[stratum] < count:
                quotas[stratum] += 1
                left -= 1
    return quotas


def total(
    sizes: Sequence[int], strata: Sequence[Drawn], known: Mapping[int, int]
) -> tuple[float, float, float] | None:
    """Tokens of all requests: low, expected, high, with 95 % confidence.

    Null if fewer than two were counted. A stratum of which too few were counted joins the next.
    """
    groups = _joined(strata, known)
    if groups is None:
        return None
    weighted = [
        (len(group.places) / len(group.sample), [(known[p], sizes[p]) for p in group.sample])
        for group in groups
    ]
    tokens = sum(weight * sum(y for y, _ in pairs) for weight, pairs in weighted)
    size = sum(weight * sum(x for _, x in pairs) for weight, pairs in weighted)
    ratio = tokens / max(size, 1)
    squared, degrees = 0.0, 0
    for group, (_, pairs) in zip(groups, weighted, strict=True):
        n, whole = len(group.sample), len(group.places)
        if n < whole:
            squared += whole * (whole - n) / n * variance(y - ratio * x for y, x in pairs)
            degrees += n - 1
    expected = ratio * sum(sizes)
    reach = t_quantile(degrees) * math.sqrt(squared) if degrees else 0.0
    return expected - reach, expected, expected + reach


def _joined(strata: Sequence[Drawn], known: Mapping[int, int]) -> list[Drawn] | None:
    """Strata with what was counted of them: at least two, or all; null if there are no two."""
    groups: list[Drawn] = []
    for places, sample in strata:
        counted = [place for place in sample if place in known]
        if groups and not _is_enough(groups[-1]):
            before = groups.pop()
            groups.append(Drawn(before.places + places, before.sample + counted))
        else:
            groups.append(Drawn(places, counted))
    while len(groups) > 1 and not _is_enough(groups[-1]):
        last, before = groups.pop(), groups.pop()
        groups.append(Drawn(before.places + last.places, before.sample + last.sample))
    return groups if groups and _is_enough(groups[0]) else None


def _is_enough(group: Drawn) -> bool:
    return len(group.sample) >= 2 or len(group.sample) == len(group.places)

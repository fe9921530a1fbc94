"""What a judge says of all rows, corrected by the gold of some, with all that must stand beside it.

An estimate is never given without its interval, the rows, the design effect and the size of the
gold slice; where one of these is missing, so is the estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from prefkit.judging.numbers import number
from prefkit.reports.judged_pairs import Sides
from prefkit.statistics.design_effect import design_effect
from prefkit.statistics.ppi import powered_mean
from prefkit.statistics.ranks import Floats

__all__ = ["UNCALIBRATED", "powered_facts", "told"]

UNCALIBRATED = "uncalibrated: no gold for these rows"
_ASSUMES = "rows with gold are a random part of all rows"


def powered_facts(sides: Sides, gold: str) -> dict[str, Any]:
    """The mean label by PPI++ (`estimate`), the gold alone, and how the two came about.

    `trust` is lambda, `width_ratio` the width of the interval over that of the gold alone, `worth`
    how many labels alone would give it. `design_effect` is that of the labels. The judge's means on
    rows with gold and on the rest are there to be compared: far apart, the gold is no random part;
    close, it still need not be one.
    """
    powered = powered_mean(sides.labels, sides.labelled, sides.judged, sides.clusters)
    labelled = int(sides.labelled.sum())
    mean, alone = powered.mean, powered.human_only
    if not labelled:
        mean = alone = mean._replace(reason=UNCALIBRATED)
    wide, wide_alone = (
        None if one.high is None or one.low is None else one.high - one.low for one in (mean, alone)
    )
    return {
        "calibrated": mean.value is not None,
        "gold": gold if labelled else UNCALIBRATED,
        "gold_n": labelled,
        "gold_clusters": len(np.unique(sides.clusters[sides.labelled])),
        "clusters": len(np.unique(sides.clusters)),
        "estimate": number(mean),
        "human_only": number(alone),
        "trust": _rounded(powered.trust),
        "rho": _rounded(powered.rho),
        "width_ratio": _rounded(wide / wide_alone if wide is not None and wide_alone else None),
        "worth": _rounded(powered.worth),
        "design_effect": _rounded(powered.design_effect),
        "judge_design_effect": _rounded(design_effect(sides.judged, sides.clusters)),
        "assumes": _ASSUMES,
        "judge_on_labelled": _mean(sides.judged[sides.labelled]),
        "judge_on_rest": _mean(sides.judged[~sides.labelled]),
    }


def told(estimate: Mapping[str, Any], facts: Mapping[str, Any], rows: str) -> str:
    """An estimate in words; `rows` names both what there is so many of and where that stands."""
    if facts["gold_n"] == facts[rows]:
        helped = f"all {rows} have gold, so the judge adds nothing"
    else:
        helped = f"lambda {facts['trust']:.2f}, width {facts['width_ratio']:.2f} of the gold alone"
        helped += f", if the {rows} with gold are a random part of all"
    return (
        f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f}) of"
        f" {facts[rows]:,} {rows} by {facts['gold_n']:,} gold labels of {facts['gold_clusters']:,}"
        f" prompts, design effect {facts['design_effect']:.2f}, {helped}"
    )


def _mean(values: Floats) -> float | None:
    return _rounded(float(values.mean())) if len(values) else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")

"""Where the votes of a dataset contradict each other, with the votes behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import polars as pl

from prefkit.reports.contradiction_cycles import cycles
from prefkit.reports.contradiction_labels import opposite_labels
from prefkit.reports.contradiction_reasons import reasons_against
from prefkit.reports.contradiction_scales import scale_confusion
from prefkit.reports.contradiction_votes import Entry, Found

__all__ = ["EXAMPLES", "KINDS", "Contradictions", "contradictions"]

KINDS = ("opposite_labels", "cycles", "scale_confusion", "rationales")

EXAMPLES = 20
"""Of each kind in the document; all of them are in `Contradictions.entries`."""


class Contradictions(NamedTuple):
    """The contradictions of a dataset, by kind."""

    found: Mapping[str, Found]

    def facts(self) -> dict[str, Any]:
        """What the document says: the numbers of each kind, and its worst `examples`."""
        return {
            name: {**one.facts, "examples": list(islice(one.entries(), EXAMPLES))}
            for name, one in self.found.items()
        }

    def entries(self) -> Iterator[Entry]:
        """All of them, kind by kind, the worst of each first."""
        for one in self.found.values():
            yield from one.entries()


def contradictions(duels: pl.DataFrame, grades: pl.DataFrame, *, seed: int = 0) -> Contradictions:
    """Opposite labels, cycles, confused scales, and rationales against their own verdicts.

    Args:
        duels: see `judging.duels`.
        grades: see `grade_shares.grades_in`.
        seed: another seed gives other draws.
    """
    kinds = (
        opposite_labels(duels, seed=seed),
        cycles(duels, seed=seed),
        scale_confusion(duels, grades, seed=seed),
        reasons_against(duels, seed=seed),
    )
    return Contradictions(dict(zip(KINDS, kinds, strict=True)))

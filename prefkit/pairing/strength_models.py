"""Models of responses: a strength of each, from all contests that it is in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import polars as pl

from prefkit.errors import ConfigError
from prefkit.judging.numbers import rounded
from prefkit.pairing.aggregation import Aggregation
from prefkit.pairing.contests import Standing
from prefkit.pairing.posteriors import PLACES, Keys, Keys64, Posteriors
from prefkit.statistics.aggregation.bradley_terry import chances
from prefkit.statistics.aggregation.duels import Strengths
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats

__all__ = ["Fit", "OfResponses", "StrengthModel"]


@dataclass(frozen=True, kw_only=True)
class OfResponses(Posteriors):
    """Strengths of responses: `keys` ascending, as those of `Keys.responses`."""

    keys: Keys64
    model: Strengths

    def _numbers(self, wanted: Keys64) -> Ints:
        """The number of each response, -1 for one that was in no contest."""
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, places, -1)

    def chances(self, keys: Keys, rows: Ints, one: Ints, other: Ints) -> Floats:
        """Of any two responses that a chain of contests links, compared or not."""
        sides = [self._numbers(keys.responses[keys.starts[rows] + place]) for place in (one, other)]
        known = (sides[0] >= 0) & (sides[1] >= 0) & (sides[0] != sides[1])
        known &= self.model.groups[sides[0]] == self.model.groups[sides[1]]
        found = chances(self.model, *(np.maximum(side, 0) for side in sides))
        return np.where(known[:, None], found, np.nan)

    def scores(self, keys: Keys, standing: Standing) -> pl.DataFrame:
        """The strengths; of groups that no contest links each has a scale of its own."""
        lines = standing.responses.select("row", "place")
        rows, places = lines["row"].to_numpy(), lines["place"].to_numpy()
        numbers = self._numbers(keys.responses[keys.starts[rows] + places])
        lines = lines.with_columns(
            pl.Series("score", np.round(self.model.values[numbers], PLACES)),
            pl.Series("group", self.model.groups[numbers]),
        ).filter(pl.Series(numbers >= 0))
        several = pl.col("group").n_unique().over("row") > 1
        own = pl.format("{} {}", pl.lit(self.name), "group")
        scale = pl.when(several).then(own).otherwise(pl.lit(self.name))
        return lines.select("row", "place", "score", scale=scale)


class Fit(NamedTuple):
    """Strengths of the responses with these keys (ascending), by the judges of these names."""

    keys: Keys64
    strengths: Strengths
    names: tuple[str, ...]
    counts: dict[str, int]


class StrengthModel(Aggregation):
    """Learns a strength of each response to a prompt, over all comparisons that it is in.

    A strength is meant within a group of responses that contests link; two groups are never held
    against each other.
    """

    takes_gold: ClassVar[bool] = False

    def fit(self, batches: Iterable[pl.DataFrame]) -> Fit:
        """Fit what `collect` gave.

        Raises:
            ConfigError: these votes cannot teach it anything.
        """
        raise NotImplementedError

    def learn(self, batches: Iterable[pl.DataFrame], gold: pl.DataFrame | None) -> OfResponses:
        """Fit the strengths; gold about sides cannot anchor them."""
        del gold
        fit = self.fit(batches)
        return OfResponses(
            name=self.name,
            facts=_facts(fit),
            lines=tuple(_lines(fit)),
            keys=fit.keys,
            model=fit.strengths,
        )

    def refuse(self, times: Ints, *, votes: int) -> None:
        """Say what is missing where nothing can be learnt.

        Args:
            times: how often each response was judged, by votes that count.
            votes: how many votes there are, whether they count or not.

        Raises:
            ConfigError: no vote counts, or no response was judged twice.
        """
        hint = "--aggregate majority"
        if not votes:
            raise ConfigError(
                f"{self.name} has nothing to learn from: whoever voted was of two minds", hint=hint
            )
        if not len(times):
            raise ConfigError(
                f"{self.name} is to learn of judges, and no vote names its judge",
                hint="set abilities to false, or --aggregate majority",
            )
        if times.max(initial=0) < 2:
            raise ConfigError(
                f"{self.name} learns where responses are judged again: each of the"
                f" {len(times):,} responses was judged once",
                hint=hint,
            )


def _abilities(fit: Fit) -> dict[str, float]:
    """The ability of each judge that has one, by name."""
    found = fit.strengths.judges
    known = [] if found is None else zip(fit.names, found.tolist(), strict=False)
    return {name: one for name, one in known if not math.isnan(one)}


def _facts(fit: Fit) -> dict[str, Any]:
    found = fit.strengths
    judges = [{"judge": name, "ability": rounded(one)} for name, one in _abilities(fit).items()]
    return {
        **fit.counts,
        "responses": len(fit.keys),
        "groups": len(np.unique(found.groups)),
        "tie": rounded(float(found.tie)),
        "iterations": found.iterations,
        "converged": found.converged,
        "turned": found.turned,
        "notes": list(found.notes),
        "judges": judges,
        "gain": {
            "not_measured": "a strength is no answer about one contest: nothing is held out of it"
        },
    }


def _lines(fit: Fit) -> Iterator[tuple[str, str]]:
    found, counts = fit.strengths, fit.counts
    ended = "" if found.converged else ", not converged"
    groups = len(np.unique(found.groups))
    votes = counts["votes"] + (0 if found.judges is not None else counts["not_identified"])
    yield (
        "Learnt",
        f"strengths of {len(fit.keys):,} responses in {groups:,} groups from {votes:,} votes"
        f" · {found.iterations} rounds{ended}",
    )
    if found.turned:
        yield ("Turned", "the likelier solution had the sides exchanged, and was turned back")
    for note in found.notes:
        yield ("Note", note)
    if found.judges is not None:
        (least, worst), *_, (most, best) = _ends(_abilities(fit))
        yield ("Judges", f"ability {least:.2f} ({worst}) to {most:.2f} ({best})")
        if counts["not_identified"]:
            yield ("Not identified", f"{counts['not_identified']:,} votes taught nothing")


def _ends(abilities: dict[str, float]) -> list[tuple[float, str]]:
    """Abilities from the lowest to the highest, one alone at both ends."""
    found = sorted((one, name) for name, one in abilities.items())
    return found * 2 if len(found) == 1 else found

"""Two corrections of length bias: rows taken out in strata, or weights that fill the same end.

Both aim at what an unbiased judge would show, stratum by stratum of the difference in length, and
not at one half: see `prefkit.statistics.length_bias`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from prefkit.errors import ConfigError
from prefkit.filters.length_columns import length_columns, reads
from prefkit.filters.quality import PROXIES, NoProxy, Proxy, fit_proxy
from prefkit.filters.tokens import LengthUnit, model_digest
from prefkit.schema.columns import one_chunk, with_values
from prefkit.schema.decisions import stays_by_decision
from prefkit.statistics.length_bias import (
    Strata,
    StratumModel,
    fit_strata,
    strata_of,
)
from prefkit.statistics.ranks import Floats
from prefkit.step import Filter, Measurement, Options, TwoPass

__all__ = ["FairLengths", "LengthMatch", "LengthWeight", "MatchedLengths", "WeightedLengths"]


class FairLengths(Options):
    """How far the longer side is favoured in each stratum, and what would be fair; fitted.

    `favour` and `counts` are log-odds: of the longer side by stratum, and of each quality column.
    Without a proxy the fair log-odds are `target`, the same for every pair.
    """

    unit: LengthUnit
    model: str | None
    wanted: str
    cuts: tuple[float, ...]
    favour: tuple[float, ...]
    counts: tuple[float, ...] = ()
    proxy: Proxy | None = None
    target: float = 0.0

    def of(self, columns: pa.Table) -> tuple[Floats, Floats, Floats]:
        """Difference in length, probability that the longer side is chosen, and the fair one.

        NaN for rows that are no pairs of unequal length, or whose proxy is not known.
        """
        differences = _differences(columns)
        known = np.isfinite(differences) & (differences != 0)
        if self.proxy is None:
            quality = np.sign(np.where(known, differences, 1.0))[:, None]
            coefficients = np.array([self.target])
        else:
            quality, there = self.proxy.values(columns)
            known &= there
            coefficients = np.array(self.counts)
        fitted = StratumModel(Strata(self.cuts), np.array(self.favour), coefficients)
        as_it_is, fair = fitted.longer_wins(np.where(known, differences, 1.0), quality)
        return differences, np.where(known, as_it_is, np.nan), np.where(known, fair, np.nan)


class _Correction(TwoPass):
    """What both corrections are told, and the model that both fit."""

    target: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of longer chosen sides to reach; by default the counterfactual one.",
    )
    quality: str = Field(
        "auto",
        pattern=rf"^({PROXIES})$",
        description="Proxy of quality: auto, margin, p_chosen, models, check:NAME, tag:NAME.",
    )
    strata: int = Field(5, ge=1, le=50, description="Strata of the difference in length.")
    unit: LengthUnit = Field("characters", description="What is counted.")
    model: str | None = Field(None, description="Tokenizer of the target model, for tokens.")

    asks: ClassVar[tuple[str, ...]] = ("length_bias", "composition")
    places: ClassVar[tuple[str, ...]] = ("model",)

    def digests(self) -> Mapping[str, str]:
        """The digest of the tokenizer, if one is named."""
        return model_digest(self.model)

    @model_validator(mode="after")
    def _tokens_are_of_a_model(self) -> _Correction:
        if (self.unit == "tokens") != (self.model is not None):
            raise ValueError("unit tokens and a model go together")
        return self

    def columns(self) -> tuple[str, ...]:
        """The columns that `sketch` reads."""
        return tuple(dict.fromkeys(("id", *reads(self.quality), "checks")))

    def sketch(self, table: pa.Table) -> pa.Table:
        """Lengths and the proxy of each row that is kept or was dropped by this step."""
        own = pc.fill_null(pc.starts_with(table["dropped"], f"{self.name}: "), False)
        shown = table.filter(pc.or_(pc.is_null(table["dropped"]), own)).combine_chunks()
        found = length_columns(shown, self.unit, self.model, self.quality)
        found = found.append_column("draw", _draws(shown["id"], self._seed))
        return found.append_column("decided", stays_by_decision(shown))

    @property
    def _seed(self) -> int:
        return 0

    def _fair(self, sketches: pa.Table) -> tuple[FairLengths, pa.Table]:
        """The fitted model, with the pairs of unequal length that it was fitted to."""
        differences = _differences(sketches)
        pairs = sketches.filter(pa.array(np.isfinite(differences) & (differences != 0)))
        strata = strata_of(_differences(pairs), self.strata)
        blank = FairLengths(
            unit=self.unit, model=self.model, wanted=self.quality, cuts=strata.cuts, favour=()
        )
        fitted = self._to_target if self.target is not None else self._to_proxy
        return blank.model_copy(update=fitted(pairs, strata)), pairs

    def _to_target(self, pairs: pa.Table, strata: Strata) -> dict[str, Any]:
        assert self.target is not None
        odds = float(np.log(self.target / (1 - self.target)))
        nothing = np.zeros((len(pairs), 0))
        found = fit_strata(strata, _differences(pairs), nothing, np.ones(len(pairs)))
        return {"favour": tuple((found.favour - odds).tolist()), "target": odds}

    def _to_proxy(self, pairs: pa.Table, strata: Strata) -> dict[str, Any]:
        proxy = fit_proxy(pairs, self.quality)
        if isinstance(proxy, NoProxy):
            raise ConfigError(
                f"{self.name}: what an unbiased judge would show is not known without a proxy of "
                f"quality ({proxy.reason})",
                hint=f"name the proxy, or the share to reach: '{self.name}: {{target: 0.55}}'",
            )
        quality, known = proxy.values(pairs)
        ones = np.ones(int(known.sum()))
        found = fit_strata(strata, _differences(pairs)[known], quality[known], ones)
        return {
            "favour": tuple(found.favour.tolist()),
            "counts": tuple(found.quality.tolist()),
            "proxy": proxy,
        }


class LengthMatch(_Correction):
    """Drop pairs until the longer side is chosen as often as an unbiased judge would choose it.

    In every stratum of the difference in length, the direction that is favoured at equal quality
    loses as many pairs, drawn from a seed, as take that favour away. So the share of the pairs that
    stay is what an unbiased judge would show of them, or `target`. The value is chosen minus
    rejected; pairs of equal length and unpaired rows stay. A pair that a person decided to keep is
    not drawn. Needs a proxy of quality or a `target`: one half is right only where length says
    nothing about quality.
    """

    seed: int = Field(0, ge=0, description="Another seed draws other pairs.")

    @property
    def _seed(self) -> int:
        return self.seed

    def fit(self, sketches: pa.Table) -> MatchedLengths:
        """For each stratum and direction, the draw above which a pair goes."""
        fair, pairs = self._fair(sketches)
        differences = _differences(pairs)
        draws = one_chunk(pairs["draw"]).to_numpy()
        decided = one_chunk(pairs["decided"]).to_numpy(zero_copy_only=False)
        places = Strata(fair.cuts).of(differences)
        limits, reasons = [], []
        for number, favour in enumerate(fair.favour):
            # Taking out a share of one direction lowers its log-odds alike at every quality.
            stays = float(np.exp(-abs(favour)))
            sign = 1 if favour > 0 else -1
            cell = (places == number) & (np.sign(differences) == sign)
            count = round(int(cell.sum()) * stays) - int((cell & decided).sum())
            limit = _limit(draws[cell & ~decided], count)
            limits.append((1.0, limit) if sign > 0 else (limit, 1.0))
            side = "longer" if sign > 0 else "shorter"
            reasons.append(f"the {side} side is favoured {1 / stays:.3g} to 1 in its stratum")
        return MatchedLengths(
            unit=self.unit, model=self.model, cuts=fair.cuts, limits=tuple(limits),
            reasons=tuple(reasons), seed=self.seed,
        )  # fmt: skip


def _limit(draws: np.ndarray[Any, Any], count: int) -> float:
    """The largest draw that stays if `count` of them do; 1 if all do, -1 if none."""
    if count >= len(draws):
        return 1.0
    return -1.0 if count <= 0 else float(np.partition(draws, count - 1)[count - 1])


class MatchedLengths(Filter):
    """Drop the pairs that were drawn: the fitted `length_match`."""

    unit: LengthUnit
    model: str | None
    cuts: tuple[float, ...]
    limits: tuple[tuple[float, float], ...]
    reasons: tuple[str, ...]
    seed: int

    reads: ClassVar[tuple[str, ...]] = ("id", *reads("auto"))

    @property
    def name(self) -> str:
        """The name of the step this was fitted by."""
        return "length_match"

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`."""
        columns = length_columns(table, self.unit, self.model, "auto")
        differences = _differences(columns)
        unequal = np.isfinite(differences) & (differences != 0)
        places = Strata(self.cuts).of(np.where(unequal, differences, 1.0))
        limits = np.array(self.limits)[places, (differences > 0).astype(int)]
        drawn = unequal & (_draws(table["id"], self.seed).to_numpy() > limits)
        reasons = np.full(len(table), None, dtype=object)
        reasons[drawn] = np.array(self.reasons, dtype=object)[places[drawn]]
        value = pa.array(differences, from_pandas=True)
        return [Measurement(self.name, value, pa.array(reasons, pa.string()))]


class LengthWeight(_Correction):
    """Weigh pairs so that the longer side wins as often as with an unbiased judge; drop none.

    A pair's weight is multiplied by the fair probability of its label over the probability that
    the label has with length bias, at most `most`, scaled to a mean of one; that is the value. An
    earlier `length_weight` is taken back first. Unpaired rows, pairs of equal length and pairs
    whose proxy is not known keep their weight. Only a trainer that reads weights sees the change.
    """

    most: float = Field(5.0, gt=1, description="Largest factor, before they are scaled.")

    def fit(self, sketches: pa.Table) -> WeightedLengths:
        """The model, and the mean of the factors that it gives."""
        fair, pairs = self._fair(sketches)
        factors = _factors(fair, pairs, self.most)
        known = factors[np.isfinite(factors)]
        return WeightedLengths(
            fair=fair, most=self.most, mean=float(known.mean()) if len(known) else 1.0
        )


class WeightedLengths(Filter):
    """Set the weights of pairs by the probability of their label: the fitted `length_weight`."""

    fair: FairLengths
    most: float
    mean: float

    @property
    def name(self) -> str:
        """The name of the step this was fitted by."""
        return "length_weight"

    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(dict.fromkeys((*reads(self.fair.wanted), "checks")))

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """The factor of each pair; nothing is dropped."""
        columns = length_columns(table, self.fair.unit, self.fair.model, self.fair.wanted)
        factors = pa.array(_factors(self.fair, columns, self.most) / self.mean, from_pandas=True)
        return [Measurement(self.name, factors, pa.nulls(len(table), pa.string()))]

    def __call__(self, table: pa.Table) -> pa.Table:
        """Measure, then multiply the weights of kept rows by the new factor over the old one."""
        before = _last_values(table["checks"], self.name)
        table = super().__call__(table)
        kept = pc.is_null(one_chunk(table["dropped"])).to_numpy(zero_copy_only=False)
        factors = _last_values(table["checks"], self.name) / before
        weights = one_chunk(table["weight"]).to_numpy()
        return with_values(table, "weight", pa.array(np.where(kept, weights * factors, weights)))


def _factors(fair: FairLengths, columns: pa.Table, most: float) -> Floats:
    differences, as_it_is, wanted = fair.of(columns)
    longer = differences > 0
    with np.errstate(divide="ignore"):
        found = np.where(longer, wanted, 1 - wanted) / np.where(longer, as_it_is, 1 - as_it_is)
    factors: Floats = np.minimum(found, most)
    return factors


def _last_values(checks: pa.Array | pa.ChunkedArray, name: str) -> Floats:
    """The last value of a check on each row; 1 where there is none."""
    lists = one_chunk(checks)
    flat = lists.flatten()
    own = pc.equal(pc.struct_field(flat, "check"), name)
    found = np.ones(len(lists))
    values = pc.fill_null(pc.struct_field(flat, "value"), 1.0)
    found[pc.list_parent_indices(lists).filter(own).to_numpy()] = values.filter(own).to_numpy()
    return found


def _differences(columns: pa.Table) -> Floats:
    chosen, rejected = (
        one_chunk(columns[name]).to_numpy(zero_copy_only=False) for name in ("chosen", "rejected")
    )
    found: Floats = chosen - rejected
    return found


def _draws(ids: pa.Array | pa.ChunkedArray, seed: int) -> pa.Array:
    """A number from 0 to 1 for each pair, by its id: the same whatever its place."""
    key = seed.to_bytes(8, "big")
    numbers = [
        int.from_bytes(blake2b(text.encode(), digest_size=6, key=key).digest(), "big")
        for text in ids.to_pylist()
    ]
    return pa.array(np.array(numbers, dtype=float) / 2**48)

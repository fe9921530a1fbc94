"""Length bias: is the longer side chosen, how far beyond what its quality explains, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.filters.length_columns import length_columns, reads
from prefkit.filters.quality import PROXIES, NoProxy, fit_proxy
from prefkit.filters.tokens import model_digest, token_lengths
from prefkit.schema.columns import one_chunk
from prefkit.statistics import length_bias as bias
from prefkit.statistics.bootstrap import RESAMPLES, Estimate, estimates
from prefkit.statistics.ranks import Floats
from prefkit.step import Measure

__all__ = ["LengthBias"]

_FEWEST = 30  # pairs below which nothing is measured
_MOST_SLICES = 10


class LengthBias(Measure):
    """Length bias in characters and target tokens, and what an unbiased judge would show.

    Of the kept pairs with both sides: how often the longer side is chosen, the area under the curve
    of the difference in length, Spearman's rho with the margin, the logistic slope without and with
    a proxy of quality, the counterfactual share, and the same in slices. Every number has a 95 %
    interval over prompt clusters, or says why it has none.
    """

    model: str | None = Field(None, description="Tokenizer of the target model, for tokens too.")
    quality: str = Field(
        "auto",
        pattern=rf"^({PROXIES})$",
        description="Proxy of quality: auto, none, margin, p_chosen, models, check:NAME, tag:NAME.",
    )
    strata: int = Field(5, ge=1, le=50, description="Strata of the difference in length.")
    seed: int = Field(0, ge=0, description="Another seed gives other bootstrap draws.")

    places: ClassVar[tuple[str, ...]] = ("model",)

    def digests(self) -> Mapping[str, str]:
        """The digest of the tokenizer, if one is named."""
        return model_digest(self.model)

    def columns(self) -> tuple[str, ...]:
        """The columns that `sketch` reads."""
        return reads(self.quality)

    def sketch(self, table: pa.Table) -> pa.Table:
        """Lengths, margins, names and clusters of each row."""
        found = length_columns(table, "characters", None, self.quality)
        if self.model is None:
            return found
        for name in ("chosen", "rejected"):
            tokens = token_lengths(one_chunk(table[name]), self.model)
            found = found.append_column(f"{name}_tokens", tokens)
        return found

    def facts(self, sketches: pa.Table, weights: Any) -> dict[str, Any]:
        """The figures in characters, in tokens if a model is named, and how they were made."""
        both = pc.and_(pc.is_valid(sketches["chosen"]), pc.is_valid(sketches["rejected"]))
        pairs = sketches.filter(both).combine_chunks()
        weights = weights[both.to_numpy()]
        found: dict[str, Any] = {
            "pairs": len(pairs),
            "unpaired": len(sketches) - len(pairs),
            "weighted": bool((weights != 1).any()),
            "interval": f"95 %, bootstrap of {RESAMPLES} draws over prompt clusters",
            "characters": self._in_unit(pairs, weights, ""),
        }
        reason = "no model is named"
        found["tokens"] = (
            {"not_measured": reason}
            if self.model is None
            else self._in_unit(pairs, weights, "_tokens")
        )
        return found

    def line(self, facts: Mapping[str, Any]) -> str:
        """Share, area and what an unbiased judge would show, in characters."""
        found = facts["characters"]
        if "not_measured" in found:
            return f"not measured: {found['not_measured']}"
        fair = found["quality"].get("counterfactual", found["quality"])
        return (
            f"longer side chosen {_shown(found['chosen_longer'])}, AUC {_shown(found['auc'])}, "
            f"an unbiased judge {_shown(fair)}"
        )

    def _in_unit(self, pairs: pa.Table, weights: Floats, suffix: str) -> dict[str, Any]:
        chosen, rejected = (
            one_chunk(pairs[f"{name}{suffix}"]).to_numpy() for name in ("chosen", "rejected")
        )
        rows = _Rows(pairs, chosen - rejected, weights, self.seed)
        if len(pairs) < _FEWEST:
            return {"not_measured": f"{len(pairs)} pairs, {_FEWEST} are needed", "n": len(pairs)}
        differences = rows.differences
        spread = float(np.sqrt((differences**2).mean()))
        found: dict[str, Any] = {
            "longer": int((differences > 0).sum()),
            "shorter": int((differences < 0).sum()),
            "equal": int((differences == 0).sum()),
            "mean_difference": float(f"{differences.mean():.6g}"),
            **rows.measured(bias.direction),
            "spearman_with_margin": _with_margins(rows),
            "slope_per": float(f"{spread:.6g}"),
        }
        if not spread:
            return found | {"quality": {"not_measured": "all differences are zero"}}
        strata = bias.strata_of(differences, self.strata)
        rows = rows._replace(z=differences / spread)
        found |= rows.measured(bias.slope)
        quality, fair = self._with_quality(rows, strata)
        return found | {
            "quality": quality,
            "by_difference": _by_difference(rows, strata, fair),
            **{f"by_{name}": _slices(rows, texts) for name, texts in _groups(pairs).items()},
        }

    def _with_quality(
        self, rows: _Rows, strata: bias.Strata
    ) -> tuple[dict[str, Any], dict[int, Any]]:
        """What holding quality changes, and the counterfactual share of each stratum."""
        unequal = rows.only(rows.differences != 0)
        proxy = fit_proxy(unequal.table, self.quality)
        if isinstance(proxy, NoProxy):
            return {"not_measured": "no proxy of quality", "tried": proxy.reason}, {}
        values, known = proxy.values(unequal.table)
        rows, values = unequal.only(known), values[known]
        columns = {f"quality{place}": values[:, place] for place in range(values.shape[1])}
        found = rows.estimates(bias.with_quality(strata, values.shape[1]), **columns)
        head = "counterfactual_"
        fair = {
            int(name.removeprefix(head)): one.facts()
            for name, one in found.items()
            if name.startswith(head)
        }
        whole = {name: one.facts() for name, one in found.items() if not name.startswith(head)}
        return {**proxy.facts(), **whole}, fair


class _Rows(NamedTuple):
    """Pairs with what statistics read of them."""

    table: pa.Table
    differences: Floats
    weights: Floats
    seed: int
    z: Floats | None = None

    def only(self, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> _Rows:
        table = self.table.filter(pa.array(mask)).combine_chunks()
        z = None if self.z is None else self.z[mask]
        return _Rows(table, self.differences[mask], self.weights[mask], self.seed, z)

    def estimates(self, statistic: Any, **more: Any) -> dict[str, Estimate]:
        columns = {"difference": self.differences, **more}
        if self.z is not None:
            columns["z"] = self.z
        clusters = one_chunk(self.table["cluster"]).to_numpy()
        return estimates(columns, clusters, self.weights, statistic, seed=self.seed)

    def measured(self, statistic: Any, **more: Any) -> dict[str, Any]:
        if len(self.table) < _FEWEST:
            return {"not_measured": f"{len(self.table)} pairs, {_FEWEST} are needed"}
        return {name: one.facts() for name, one in self.estimates(statistic, **more).items()}


def _with_margins(rows: _Rows) -> dict[str, Any]:
    """By kind: margins of two kinds are never compared."""
    kinds = one_chunk(rows.table["margin_kind"]).cast(pa.string())
    known = pc.is_valid(rows.table["margin"])
    names = kinds.filter(known).drop_null().unique().sort().to_pylist()
    if not names:
        return {"not_measured": "no row has a margin"}
    found = {}
    for name in names[:_MOST_SLICES]:
        own = pc.and_(known, pc.fill_null(pc.equal(kinds, name), False))
        part = rows.only(own.combine_chunks().to_numpy(zero_copy_only=False))
        margins = one_chunk(part.table["margin"]).to_numpy()
        if len(margins) and (margins == margins[0]).all():
            found[name] = {"not_measured": "every margin is the same", "n": len(margins)}
            continue
        one = part.measured(bias.correlation, margin=margins)
        found[name] = one.get("spearman", one | {"n": len(margins)})
    return found


def _by_difference(
    rows: _Rows, strata: bias.Strata, fair: Mapping[int, Any]
) -> list[dict[str, Any]]:
    places = strata.of(rows.differences)
    found = []
    for number, name in enumerate(strata.names(rows.differences)):
        part = rows.only((places == number) & (rows.differences != 0))
        entry = {"difference": name, "n": len(part.table), **part.measured(bias.direction)}
        if number in fair:
            entry["counterfactual"] = fair[number]
        found.append(entry)
    return found


def _groups(pairs: pa.Table) -> dict[str, pa.Array]:
    """The names by which rows are sliced; generators of unequal quality are never pooled."""
    one, other = (
        one_chunk(pairs[name]).cast(pa.string()) for name in ("chosen_model", "rejected_model")
    )
    first, second = pc.min_element_wise(one, other), pc.max_element_wise(one, other)
    both = pc.and_(pc.is_valid(one), pc.is_valid(other))
    models = pc.binary_join_element_wise(first, second, pa.scalar(" and "))
    return {
        "generators": pc.if_else(both, models, None),
        "source": one_chunk(pairs["source"]).cast(pa.string()),
        "criterion": one_chunk(pairs["criterion"]).cast(pa.string()),
    }


def _slices(rows: _Rows, names: pa.Array) -> Any:
    """The largest slices; how many rows are in none of them."""
    counts = names.drop_null().value_counts().to_pylist()
    if not counts:
        return {"not_measured": "no row has a name"}
    ordered = sorted(counts, key=lambda entry: (-entry["counts"], entry["values"]))
    if len(ordered) == 1 and ordered[0]["counts"] == len(names):
        return {"not_measured": f"all rows have one name: {ordered[0]['values']}"}
    found: dict[str, Any] = {}
    for entry in ordered[:_MOST_SLICES]:
        own = pc.fill_null(pc.equal(names, entry["values"]), False)
        part = rows.only(own.to_numpy(zero_copy_only=False))
        found[entry["values"]] = {"n": len(part.table), **part.measured(bias.direction)}
    shown = sum(entry["counts"] for entry in ordered[:_MOST_SLICES])
    return {"slices": found, "rows_in_no_slice": len(names) - shown}


def _shown(fact: Mapping[str, Any]) -> str:
    """`0.62 [0.60, 0.64]`, or why there is no number."""
    if "not_measured" in fact:
        return f"not measured ({fact['not_measured']})"
    if "interval" not in fact:
        return f"{fact['value']:.3f} (no interval)"
    low, high = fact["interval"]
    return f"{fact['value']:.3f} [{low:.3f}, {high:.3f}]"

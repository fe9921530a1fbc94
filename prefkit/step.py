"""What a step is: a frozen value you call, `step(table) -> table`; its fields are options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from prefkit.errors import ConfigError
from prefkit.registry import nearest
from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import one_chunk, with_values
from prefkit.schema.decisions import stays_by_decision

__all__ = [
    "ROW",
    "Filter",
    "Measure",
    "Measurement",
    "Options",
    "Step",
    "TwoPass",
    "Writer",
    "against",
    "make",
    "name_of",
    "plain_name",
]

ROW = "_row"
"""Position of a row in its dataset (int64); engines add it, writers leave it out."""


class Options(BaseModel):
    """A frozen value whose fields are its options; an unknown option is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)

    places: ClassVar[tuple[str, ...]] = ()
    """Options that name a file or a folder, which lies elsewhere on another machine."""

    def digests(self) -> Mapping[str, str]:
        """The sha256 of what options of `places` name, where it is known."""
        return {}

    def told(self) -> dict[str, Any]:
        """The options as a manifest holds them: of a file its plain name, and its sha256."""
        options, digests = self.model_dump(mode="json"), self.digests()
        for name in self.places:
            if options[name] is not None:
                plain = plain_name(options[name])
                known = name in digests
                options[name] = {"name": plain, "sha256": digests[name]} if known else plain
        return options


OptionsT = TypeVar("OptionsT", bound=Options)


def plain_name(path: str) -> str:
    """A file's or a folder's own name, without where it lies; a name on a hub as it is."""
    return path if path.startswith("hf:") else Path(path).resolve().name


def name_of(value: Options | type[Options]) -> str:
    """The registered name of a class: its own name in lower case with underscores."""
    kind = value if isinstance(value, type) else type(value)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


class Step(Options):
    """One change to a table; keeps its schema, holds no state, pickles."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Columns that must be there when the step is called."""

    @property
    def name(self) -> str:
        """The name under which counts and checks are kept."""
        return name_of(self)

    asks: ClassVar[tuple[str, ...]] = ()
    """Measures of the dataset that belong to this step: what it changes shows in them."""

    most_rows: ClassVar[int | None] = None
    """Rows at a time at most, where a row takes much memory on its way; null for any number."""

    changes_rows: ClassVar[bool] = False
    """Whether rows come out with other content, and so with another id; filters only mark."""

    def measures(self) -> tuple[str | Mapping[str, Any], ...]:
        """The measures of `asks`, by name or with options that follow from this step's own."""
        return self.asks

    def columns(self) -> tuple[str, ...]:
        """The columns of `reads`, or those of them that this step's options make it read."""
        return self.reads

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return a table of the same schema."""
        raise NotImplementedError


class TwoPass(Options):
    """A step that must look at every row before it can decide about one.

    The engine calls `sketch` on every batch, `fit` once on all sketches in row order, and then the
    step that `fit` returns on every batch. Sketches hold about 100 bytes a row and never the text.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    asks: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """The name under which counts and checks are kept, by the fitted step too."""
        return name_of(self)

    def measures(self) -> tuple[str | Mapping[str, Any], ...]:
        """The measures of `asks`, by name or with options that follow from this step's own."""
        return self.asks

    def columns(self) -> tuple[str, ...]:
        """The columns that `sketch` reads."""
        return self.reads

    def sketch(self, table: pa.Table) -> pa.Table:
        """Reduce a batch (with the column `_row`) to what `fit` needs."""
        raise NotImplementedError

    def fit(self, sketches: pa.Table) -> Step:
        """Make the step that is then called on every batch."""
        raise NotImplementedError


class Measure(Options):
    """A measurement of the whole dataset; it marks nothing, its facts go into the manifest.

    The runner calls `sketch` on the kept rows of every batch and `facts` on all sketches in row
    order: once for the rows that were kept before the steps of a run, once for those kept after.
    """

    reads: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """The registered name."""
        return name_of(self)

    def columns(self) -> tuple[str, ...]:
        """The columns that `sketch` reads."""
        return self.reads

    def sketch(self, table: pa.Table) -> pa.Table:
        """One row for each row of `table`: numbers and names, about 100 bytes, never the text."""
        raise NotImplementedError

    def facts(self, sketches: pa.Table, weights: Any) -> dict[str, Any]:
        """What the manifest says, from sketches and the `weight` (float64) of each of their rows.

        A number comes with its interval or says that it has none; what cannot be measured says why.
        """
        raise NotImplementedError

    def line(self, facts: Mapping[str, Any]) -> str:
        """The facts that a person should see first, in one line."""
        raise NotImplementedError


class Measurement(NamedTuple):
    """What one check found on the rows it was shown.

    `value` is float64, null where it does not apply; `reason` is string, null where the row stays;
    `note` is string or None for no notes at all.
    """

    check: str
    value: pa.Array
    reason: pa.Array
    note: pa.Array | None = None


_FAILS = {
    ">": pc.greater,
    "<": pc.less,
    ">=": pc.greater_equal,
    "<=": pc.less_equal,
    "!=": pc.not_equal,
}


def against(
    check: str, value: pa.Array, fails_if: str, limit: float, note: pa.Array | None = None
) -> Measurement:
    """Compare values with a limit: the reason is `VALUE > LIMIT`; a null value never fails."""
    value = value.cast(pa.float64())
    failed = pc.fill_null(_FAILS[fails_if](value, pa.scalar(float(limit))), False)
    texts = [_compared(number, fails_if, limit) for number in value.filter(failed).to_pylist()]
    reason = pc.replace_with_mask(
        pa.nulls(len(value), pa.string()), failed, pa.array(texts, pa.string())
    )
    return Measurement(check, value, reason, note)


def _compared(number: float, sign: str, limit: float) -> str:
    """`4 > 3`; a number that would look like its limit is written in full."""
    shown, bound = _written(number), _written(limit)
    return f"{number!r} {sign} {bound}" if shown == bound else f"{shown} {sign} {bound}"


def _written(number: float) -> str:
    """Six digits, but whole numbers as they are: 1234567, not 1.23457e+06."""
    whole = float(number).is_integer() and abs(number) < 1e15
    return str(int(number)) if whole else f"{number:.6g}"


class Filter(Step):
    """A step that measures pairs and marks those it would drop; it deletes nothing.

    Rows that are already dropped are not measured. A row that a person decided to keep, as it is or
    flipped, is measured and stays. Every measured value goes into `checks`, the first reason into
    `dropped`.
    """

    def measure(self, table: pa.Table) -> Sequence[Measurement]:
        """Measure the rows of `table`, which holds the columns of `reads` and only kept rows."""
        raise NotImplementedError

    def __call__(self, table: pa.Table) -> pa.Table:
        """Append the measurements to `checks` and fill `dropped` where a check failed."""
        kept = pc.is_null(one_chunk(table["dropped"]))
        shown = table.select(list(self.columns()))
        if not pc.all(kept).as_py():
            shown = shown.filter(kept).combine_chunks()
        for measurement in self.measure(shown):
            table = _mark(table, kept, measurement)
        return table


def _mark(table: pa.Table, kept: pa.BooleanArray, found: Measurement) -> pa.Table:
    rows = np.flatnonzero(kept.to_numpy(zero_copy_only=False))
    # A column of nothing but nulls has no type of its own.
    value, reason = found.value.cast(pa.float64()), found.reason.cast(pa.string())
    note = pa.nulls(len(value)) if found.note is None else found.note
    entry = PAIRS.field("checks").type.value_type
    names = pa.array([found.check], pa.string()).take(pa.array(np.zeros(len(rows), np.int64)))
    added = pa.StructArray.from_arrays(
        [names, value, note.cast(pa.string())],
        fields=[entry.field(i) for i in range(entry.num_fields)],
    )
    table = with_values(table, "checks", _append(one_chunk(table["checks"]), rows, added))
    spared = stays_by_decision(table).to_numpy(zero_copy_only=False)[rows]
    already = one_chunk(table["dropped"])
    unmarked = pc.is_null(already).to_numpy(zero_copy_only=False)[rows]
    failed = pc.is_valid(reason).to_numpy(zero_copy_only=False) & unmarked & ~spared
    texts = pc.binary_join_element_wise(
        pa.scalar(found.check), reason.filter(pa.array(failed)), pa.scalar(": ")
    ).cast(pa.string())
    mask = np.zeros(len(table), dtype=bool)
    mask[rows[failed]] = True
    return with_values(table, "dropped", pc.replace_with_mask(already, pa.array(mask), texts))


def _append(lists: pa.ListArray, rows: np.ndarray[Any, Any], added: pa.Array) -> pa.ListArray:
    """Each list, and behind the lists of `rows` (ascending) one more entry."""
    old_offsets = lists.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(old_offsets)
    values = lists.values
    grown = lengths.copy()
    grown[rows] += 1
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum(grown, out=offsets[1:])
    take = np.empty(offsets[-1], dtype=np.int64)
    ends = offsets[1:][rows] - 1
    take[ends] = np.arange(len(rows)) + len(values)
    rest = np.ones(len(take), dtype=bool)
    rest[ends] = False
    take[rest] = np.arange(old_offsets[0], old_offsets[-1])
    merged = pa.concat_arrays([values, added.cast(values.type)]).take(pa.array(take))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), merged, type=lists.type)


class Writer(Options):
    """Writes kept pairs for one trainer; the way back from a `Reader`."""

    @property
    def name(self) -> str:
        """The registered name, for `--format`."""
        return name_of(self)


def make(kind: type[OptionsT], options: Mapping[str, Any], where: str) -> OptionsT:
    """Build a step, policy, reader or verb from options as a file or a command line gives them.

    Raises:
        ConfigError: says where, which option, what is wrong, and the nearest right name.
    """
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        lines = [_explain(kind, dict(problem)) for problem in error.errors(include_url=False)]
        raise ConfigError(f"{where}: {'; '.join(lines)}") from error


def _explain(kind: type[Options], problem: Mapping[str, Any]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        return f"there is no option {path!r}{nearest(path, kind.model_fields)}"
    if problem["type"] == "missing":
        return f"the option {path!r} is needed"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {message}" if path else message

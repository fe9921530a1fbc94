"""Nested columns from tuples: nulls at every level, and JSON that stays byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from comparison_rows import compare, table_of, write_comparisons
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefkit.dataset import open_dataset
from prefkit.errors import SchemaError
from prefkit.schema.arrow import COMPARISONS, MESSAGES, PAIRS, SCHEMAS, VOTE, empty
from prefkit.schema.batch import message_tuples
from prefkit.schema.columns import column, join, table
from prefkit.schema.digests import clusters_of, digests_of
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import to_json

POINT = pa.struct([pa.field("x", pa.int64()), pa.field("names", pa.list_(pa.string()))])

names = st.none() | st.lists(st.none() | st.text(max_size=3), max_size=3)
points = st.none() | st.tuples(st.none() | st.integers(-9, 9), names)
nested = st.lists(st.none() | st.lists(points, max_size=3), max_size=5)


def as_dictionaries(lists: list[Any]) -> list[Any]:
    return [
        None
        if items is None
        else [None if p is None else {"x": p[0], "names": p[1]} for p in items]
        for items in lists
    ]


@given(nested)
def test_nulls_stay_where_they_are_at_every_level(values: list[Any]) -> None:
    built = column(pa.list_(POINT), values)
    built.validate(full=True)
    assert built.to_pylist() == as_dictionaries(values)
    assert built.equals(pa.array(as_dictionaries(values), pa.list_(POINT)))


def test_a_null_struct_may_have_children_that_are_never_null() -> None:
    built = column(PAIRS.field("decision").type, [None, ("keep", "review 3")])
    assert built.to_pylist() == [None, {"verdict": "keep", "reference": "review 3"}]
    required = pa.struct([pa.field("x", pa.int64(), nullable=False)])
    assert column(required, [(1,), (2,)]).to_pylist() == [{"x": 1}, {"x": 2}]


def test_maps_are_built_from_their_items() -> None:
    built = column(COMPARISONS.field("tags").type, [(("a", "1"), ("b", "2")), ()])
    assert built.to_pylist() == [[("a", "1"), ("b", "2")], []]
    assert built.type == COMPARISONS.field("tags").type


def test_no_rows_make_an_empty_table_of_the_schema() -> None:
    for kind, schema in SCHEMAS.items():
        assert table(schema, []).equals(empty(kind))


def test_a_vote_without_any_optional_field_is_null_there() -> None:
    fields = [None, "human", "scored", [1.0, None], "choice", *[None] * 12]
    fields[10] = ("f", "line 1", None, None)
    (stored,) = column(VOTE, [tuple(fields)]).to_pylist()
    assert stored["scores"] == [1.0, None]
    assert stored["source"] == {"name": "f", "record": "line 1", "license": None, "url": None}
    assert {name for name, value in stored.items() if value is None} == {
        *("by", "labels", "trials", "draw", "criterion", "order", "rationale", "rubric"),
        *("seconds", "cost_usd", "at", "raw"),
    }


def test_joined_tables_have_one_chunk_a_column() -> None:
    one = table_of(compare("q", ["x"]))
    joined = join([one, one, one.slice(0, 0)])
    assert len(joined) == 2
    assert {joined[name].num_chunks for name in joined.column_names} == {1}


def test_messages_come_back_as_tuples_also_from_a_slice() -> None:
    rows = [[("user", "a", None)], None, [("user", "b", "{}"), ("assistant", None, None)], []]
    whole = column(MESSAGES, rows)
    assert list(message_tuples(whole)) == rows
    assert list(message_tuples(whole.slice(1, 2))) == rows[1:3]
    assert digests_of(whole)[:2] == [messages_digest([("user", "a", None)]), None]
    assert (
        clusters_of(pa.chunked_array([column(MESSAGES, [[("user", " A", None)], rows[0]])]))
        == [messages_digest([("user", "a", None)])] * 2
    )


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tools=values, extra=values)
def test_tools_and_extra_are_the_same_bytes_after_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, tools: Any, extra: Any
) -> None:
    given_texts = to_json(tools), to_json(extra)
    row = table_of(compare("q", ["x", "y"], tools=given_texts[0], extra=given_texts[1]))
    folder: Path = tmp_path_factory.mktemp("round") / "data"
    dataset = open_dataset(write_comparisons(folder, row))
    (stored,) = next(dataset.batches()).to_pylist()
    assert (stored["tools"], stored["extra"]) == given_texts
    assert json.loads(stored["extra"]) == extra


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.5, None, True]}, '{"b":1,"a":[1.5,null,true]}'),
        ({"big": 2**70}, '{"big":1180591620717411303424}'),
        ("é😀", '"é😀"'),
    ],
)
def test_json_is_compact_in_the_order_given_and_exact(value: Any, text: str) -> None:
    assert to_json(value) == text


@pytest.mark.parametrize(
    "value", [float("nan"), [float("inf"), 1], {"x": float("nan")}, "\ud800", {1, 2}, b"bytes"]
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(SchemaError):
        to_json(value)

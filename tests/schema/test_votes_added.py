"""Records out of a table of comparisons, and votes added to it."""

from __future__ import annotations

import pyarrow as pa
import pytest
from comparison_rows import compare, table_of, vote
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.errors import SchemaError
from prefkit.schema.arrow import COMPARISONS, empty
from prefkit.schema.build import comparison_row
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.schema.votes import comparisons_of, with_votes

FULL = Comparison(
    prompt=(Message("system", "Be brief."), Message("user", "Why?", '{"name":"ann"}')),
    responses=(
        Response((Message("assistant", "Because."),), "model-x", '{"temperature":0.5}', '{"n":1}'),
        Response((Message("assistant", None, '{"tool_calls":[]}'), Message("tool", "7"))),
        Response((Message("assistant", "So."),)),
    ),
    votes=(
        Vote(
            kind="human",
            outcome="scored",
            scores=(1.0, None, 0.0),
            scale="choice",
            source=Source("file.jsonl", "line 3", "mit", "http://127.0.0.1/x"),
            by="p1",
            labels=("good", None, "bad"),
            trials=(3, None, 4),
            draw=2,
            criterion="honesty",
            order=(2, 0),
            rationale="It is.",
            rubric="r@1:00",
            seconds=1.5,
            cost_usd=0.25,
            at="2026-01-01",
            raw="{}",
        ),
        vote(None, None, None, outcome="both_bad"),
    ),
    tools="[]",
    template_kwargs="{}",
    reference='"42"',
    extra='{"k":1}',
    tags=(("lang", "en"), ("topic", "sums")),
)


def judged(record: str, *scores: float | None, **more: object) -> Vote:
    return vote(*scores, kind="judge", name="openai:m", record=record, **more)


def test_a_record_that_was_stored_comes_back_with_everything_it_held() -> None:
    (found,) = comparisons_of(table_of(FULL))
    assert comparison_row(found) == comparison_row(FULL)
    stored = {response.messages[0].content: n for n, response in enumerate(found.responses)}
    (first, second) = found.votes
    assert first.scores[stored["Because."]] == 1.0
    assert first.scores[stored["So."]] == 0.0
    assert first.trials is not None
    assert first.trials[stored["So."]] == 4
    assert first.order == (stored["So."], stored["Because."])
    assert (second.outcome, second.order, second.labels) == ("both_bad", None, None)
    assert found.tags == FULL.tags


def test_records_keep_the_order_of_the_rows_whatever_the_chunks() -> None:
    tables = [table_of(compare(f"q{n}", ["x", "y"])) for n in range(600)]
    table = pa.concat_tables([*tables[:10], pa.concat_tables(tables[10:]).combine_chunks()])
    prompts = [found.prompt[0].content for found in comparisons_of(table)]
    assert prompts == [f"q{n}" for n in range(600)]
    assert list(comparisons_of(empty("comparisons"))) == []


def test_votes_come_behind_those_of_their_row_and_nothing_else_changes() -> None:
    table = table_of(
        compare("a", ["x", "y"], vote(1.0, 0.0, record="line 1")),
        compare("b", ["x", "y"]),
        compare("c", ["x", "y"], vote(0.0, 1.0, record="line 3")),
    )
    new = [
        [judged("k1", 1.0, 0.0), judged("k2", 0.5, 0.5, outcome="tie")],
        [],
        [judged("k3", 0.0, 1.0)],
    ]
    found = with_votes(table, new)
    assert found.schema.equals(COMPARISONS, check_metadata=True)
    assert found.drop_columns(["votes"]).equals(table.drop_columns(["votes"]))
    records = [[one["source"]["record"] for one in row] for row in found["votes"].to_pylist()]
    assert records == [["line 1", "k1", "k2"], [], ["line 3", "k3"]]
    before = table["votes"].to_pylist()
    assert [
        row[: len(old)] for row, old in zip(found["votes"].to_pylist(), before, strict=True)
    ] == before
    found.validate(full=True)


def test_a_vote_stands_in_the_stored_order_of_the_responses() -> None:
    table = table_of(compare("a", ["x", "y", "z"]))
    (comparison,) = comparisons_of(table)
    place = [response.messages[0].content for response in comparison.responses].index("y")
    scores = tuple(1.0 if n == place else 0.0 for n in range(3))
    added = with_votes(table, [[judged("k", *scores, order=(place, (place + 1) % 3))]])
    (stored,) = added["votes"].to_pylist()[0]
    ids = [response["id"] for response in added["responses"].to_pylist()[0]]
    assert stored["order"] == [ids[place], ids[(place + 1) % 3]]
    assert stored["scores"][place] == 1.0
    (again,) = comparisons_of(added)
    assert again.votes[0].order == (place, (place + 1) % 3)


def test_the_votes_of_a_slice_go_to_its_own_rows() -> None:
    rows = [compare(f"q{n}", ["x", "y"], vote(1.0, 0.0, record=f"line {n}")) for n in range(5)]
    part = table_of(*rows).slice(2, 2)
    found = with_votes(part, [[judged("k2", 1.0, 0.0)], [judged("k3", 1.0, 0.0)]])
    records = [[one["source"]["record"] for one in row] for row in found["votes"].to_pylist()]
    assert records == [["line 2", "k2"], ["line 3", "k3"]]


def test_a_vote_that_is_there_already_is_not_added_again() -> None:
    first = judged("k1", 1.0, 0.0, by="m", rubric="r@1:00", draw=0)
    table = table_of(compare("a", ["x", "y"], first))
    other = [
        judged("k2", 1.0, 0.0, by="m", rubric="r@1:00", draw=0),
        judged("k1", 1.0, 0.0, by="n", rubric="r@1:00", draw=0),
        judged("k1", 1.0, 0.0, by="m", rubric="s@1:00", draw=0),
        judged("k1", 1.0, 0.0, by="m", rubric="r@1:00", draw=0, order=(1, 0)),
    ]
    same = judged("k1", 1.0, 0.0, by="m", rubric="r@1:00")  # one draw of several, or the only one
    found = with_votes(table, [[first, same, *other]])
    assert [len(row) for row in found["votes"].to_pylist()] == [5]
    assert with_votes(found, [[first, *other]]).equals(found)


def test_equal_responses_keep_a_vote_each_though_they_are_one_question() -> None:
    """Both grades come from one reply, whose key both votes carry."""
    table = table_of(compare("a", ["same", "same"]))
    votes = [judged("k", 4.0, None, scale="rating:1-5"), judged("k", None, 4.0, scale="rating:1-5")]
    found = with_votes(table, [votes])
    assert [one["scores"] for one in found["votes"].to_pylist()[0]] == [[4.0, None], [None, 4.0]]


def test_a_vote_that_breaks_the_schema_is_refused_with_its_row() -> None:
    table = table_of(compare("a", ["x", "y"]))
    with pytest.raises(SchemaError, match=rf"comparison {table['id'][0]}: vote k: .* responses"):
        with_votes(table, [[judged("k", 1.0)]])
    with pytest.raises(SchemaError, match="votes for 2 rows, the table has 1"):
        with_votes(table, [[], []])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
@settings(max_examples=40)
def test_any_numbers_of_old_and_new_votes_end_up_where_they_belong(
    counts: list[tuple[int, int]],
) -> None:
    rows = [
        compare(f"q{n}", ["x", "y"], *(vote(1.0, 0.0, record=f"{n}o{i}") for i in range(old)))
        for n, (old, _) in enumerate(counts)
    ]
    new = [
        [judged(f"{n}n{i}", 1.0, 0.0) for i in range(added)] for n, (_, added) in enumerate(counts)
    ]
    found = with_votes(table_of(*rows), new)
    assert [[one["source"]["record"] for one in row] for row in found["votes"].to_pylist()] == [
        [*(f"{n}o{i}" for i in range(old)), *(f"{n}n{i}" for i in range(added))]
        for n, (old, added) in enumerate(counts)
    ]

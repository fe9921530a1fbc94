"""Ids: the same for the same content in any order, another one for anything that is different."""

from __future__ import annotations

from hashlib import blake2b
from itertools import permutations

import pytest
from comparison_rows import answer, compare, turns, vote
from hypothesis import given
from hypothesis import strategies as st

from prefkit.schema.build import comparison_row
from prefkit.schema.ids import (
    comparison_id,
    messages_digest,
    normalised,
    pair_id,
    plain_digest,
    prompt_cluster,
)
from prefkit.schema.records import Comparison, Message, Response

turn = st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.none() | st.text(), st.none())


def id_of(comparison: Comparison) -> str:
    return str(comparison_row(comparison)[0])


def ids_of(comparison: Comparison) -> list[str]:
    return [response[0] for response in comparison_row(comparison)[2]]


def test_a_digest_is_of_the_header_and_the_contents() -> None:
    # [[role, bytes, extra], ...] as JSON, then all contents: é has two bytes.
    text = '[["user",2,null],["assistant",-1,"{}"]]é'
    expected = blake2b(text.encode(), digest_size=16).hexdigest()
    assert messages_digest([("user", "é", None), ("assistant", None, "{}")]) == expected


@given(role=st.text(min_size=1), content=st.text())
def test_the_short_way_gives_the_same_digest(role: str, content: str) -> None:
    long_way = blake2b(digest_size=16)
    encoded = content.encode()
    import orjson

    long_way.update(orjson.dumps([[role, len(encoded), None]]) + encoded)
    assert plain_digest(role, content) == long_way.hexdigest()
    assert messages_digest([(role, content, None)]) == long_way.hexdigest()


@given(one=st.lists(turn, max_size=4), other=st.lists(turn, max_size=4))
def test_two_message_lists_share_a_digest_only_if_they_are_equal(
    one: list[tuple[str, str | None, None]], other: list[tuple[str, str | None, None]]
) -> None:
    assert (messages_digest(one) == messages_digest(other)) == (one == other)


def test_text_cannot_move_from_one_turn_to_the_next() -> None:
    assert messages_digest(turns("ab", "c")) != messages_digest(turns("a", "bc"))


def test_no_text_is_not_an_empty_text() -> None:
    assert messages_digest([("user", None, None)]) != messages_digest([("user", "", None)])


def test_an_extra_makes_another_message() -> None:
    call = ("assistant", None, '{"tool_calls":[]}')
    assert messages_digest([call]) != messages_digest([("assistant", None, None)])
    assert messages_digest([("user", "x", '{"name":"a"}')]) != messages_digest(
        [("user", "x", '{"name":"b"}')]
    )


@pytest.mark.parametrize("order", list(permutations(["x", "y", "z"])))
def test_a_comparison_is_the_same_in_any_order_of_its_responses(order: tuple[str, ...]) -> None:
    assert id_of(compare("q", order)) == id_of(compare("q", ["x", "y", "z"]))


def test_prompt_responses_and_tools_are_all_part_of_the_id() -> None:
    base = compare("q", ["x", "y"])
    others = [
        compare("Q", ["x", "y"]),
        compare("q", ["x", "Y"]),
        compare("q", ["x", "y", "z"]),
        base._replace(tools="[]"),
        base._replace(tools='[{"name":"search"}]'),
    ]
    assert len({id_of(comparison) for comparison in (base, *others)}) == 6


def test_votes_models_and_tags_are_no_part_of_the_id() -> None:
    base = compare("q", ["x", "y"])
    named = base._replace(
        responses=(answer("x", "small"), answer("y", "large")),
        votes=(vote(1.0, 0.0),),
        tags=(("topic", "a"),),
        extra="{}",
        reference="42",
    )
    assert id_of(named) == id_of(base)


def test_the_second_response_with_the_same_text_is_called_2_and_the_third_3() -> None:
    digest = plain_digest("assistant", "x")
    assert ids_of(compare("q", ["x", "x", "x"])) == [digest, f"{digest}-2", f"{digest}-3"]
    assert ids_of(compare("q", ["x", "x"])) == [digest, f"{digest}-2"]


def test_equal_responses_are_told_apart_by_what_made_them_not_by_their_order() -> None:
    one = Comparison(turns("q"), (answer("x", "b"), answer("x", "a")), (vote(1.0, 0.0),))
    other = Comparison(turns("q"), (answer("x", "a"), answer("x", "b")), (vote(0.0, 1.0),))
    assert comparison_row(one) == comparison_row(other)
    assert [response[2] for response in comparison_row(one)[2]] == ["a", "b"]
    assert comparison_row(one)[3][0][3] == [0.0, 1.0]


def test_scores_labels_trials_and_order_move_with_their_responses() -> None:
    digests = {text: plain_digest("assistant", text) for text in "xyz"}
    by_id = sorted(digests, key=lambda text: digests[text])
    given_in = by_id[::-1]  # the source lists them in the opposite order of their ids
    judged = vote(
        3.0,
        2.0,
        None,
        scale="rating:1-5",
        labels=("good", "bad", None),
        trials=(7, 8, None),
        order=(2, 0, 1),
    )
    row = comparison_row(compare("q", given_in, judged))
    stored = row[3][0]
    assert [response[0] for response in row[2]] == [digests[text] for text in by_id]
    assert (stored[3], stored[5], stored[6]) == (
        [None, 2.0, 3.0],
        [None, "bad", "good"],
        [None, 8, 7],
    )
    assert stored[9] == [digests[given_in[2]], digests[given_in[0]], digests[given_in[1]]]


def test_a_comparison_id_sorts_the_responses() -> None:
    assert comparison_id("p", None, ["a", "b"]) == comparison_id("p", None, ["b", "a"])
    assert comparison_id("p", "[]", ["a", "b"]) != comparison_id("p", None, ["a", "b"])


def test_a_pair_is_the_same_whichever_side_is_chosen() -> None:
    assert pair_id("p", ("a", "b"), None) == pair_id("p", ("b", "a"), None)


def test_a_pair_of_another_criterion_prompt_or_side_is_another_pair() -> None:
    found = {
        pair_id("p", ("a", "b"), None),
        pair_id("p", ("a", "b"), "safety"),
        pair_id("p", ("a", "b"), ""),
        pair_id("r", ("a", "b"), None),
        pair_id("p", ("a", "c"), None),
        pair_id("p", ("a", None), None),
        pair_id("p", (None, "b"), None),
    }
    assert len(found) == 7


def test_a_cluster_ignores_case_blanks_and_unicode_forms_but_not_roles() -> None:
    one = prompt_cluster([("user", "  \uff37hat is\n\n2 + 2? ", '{"name":"a"}')])
    assert one == prompt_cluster([("user", "what is 2 + 2?", None)])
    assert one != prompt_cluster([("system", "what is 2 + 2?", None)])
    assert one != prompt_cluster([("user", "what is 2 + 3?", None)])


def test_normalised_text_is_trimmed_folded_and_composed() -> None:
    assert normalised("\u00a0ÄB\t\n  \ufb01x ") == "äb fix"


def test_messages_with_extras_can_be_responses() -> None:
    call = Response((Message("assistant", None, '{"tool_calls":[1]}'),))
    row = comparison_row(Comparison(turns("q"), (call, answer("x")), ()))
    digest = blake2b(b'[["assistant",-1,"{\\"tool_calls\\":[1]}"]]', digest_size=16).hexdigest()
    assert digest in [response[0] for response in row[2]]

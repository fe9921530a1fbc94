from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prefkit.schema.arrow import MESSAGES
from prefkit.schema.columns import column
from prefkit.schema.digests import cluster_digests
from prefkit.schema.ids import prompt_cluster

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from(
            " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u2003AZaz\u0130\u03a3\ufb01\u00df"
        ),
    ),
    max_size=12,
)
TURNS = st.lists(
    st.tuples(
        st.sampled_from(["user", "system", 'odd "role"', "\u00e9"]),
        st.none() | TEXTS,
        st.none() | st.just('{"name":"x"}'),
    ),
    max_size=4,
)


@given(st.lists(TURNS, max_size=6), st.integers(0, 3))
def test_the_digests_of_a_column_are_those_of_prompt_cluster(
    prompts: list[list[tuple[str, str | None, str | None]]], skipped: int
) -> None:
    column_part = column(MESSAGES, prompts).slice(skipped)

    found = [digest.hex() for digest in cluster_digests(column_part).to_pylist()]

    assert found == [prompt_cluster(prompt) for prompt in prompts[skipped:]]


def test_prompts_that_differ_in_case_and_blanks_only_are_one_cluster() -> None:
    prompts = [
        [("user", text, None)] for text in ("Hello  World", " hello\nworld ", "hello world!")
    ]

    one, other, third = cluster_digests(column(MESSAGES, prompts)).to_pylist()

    assert one == other
    assert one != third

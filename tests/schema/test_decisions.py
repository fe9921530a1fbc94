from __future__ import annotations

from hashlib import sha256
from typing import Any

import pyarrow as pa
import pytest
from pair_rows import Turns, assistant, pair, user

from prefkit.schema.arrow import PAIRS
from prefkit.schema.columns import table
from prefkit.schema.decisions import pair_hashes
from prefkit.schema.ids import messages_digest

PROMPT, GOOD, BAD = user("A prime?"), assistant("11"), assistant("12")


def hashes(*rows: tuple[Any, ...]) -> list[str]:
    return pair_hashes(table(PAIRS, rows))


def one(chosen: Turns | None = GOOD, rejected: Turns | None = BAD, **more: Any) -> str:
    return hashes(pair(PROMPT, chosen, rejected, **more))[0]


def test_it_is_the_sha256_of_the_digests_the_criterion_and_the_tools() -> None:
    prompt, good, bad = (messages_digest(turns) for turns in (PROMPT, GOOD, BAD))
    text = f"={prompt}\n={good}\n={bad}\n=tone\n=[]"
    assert one(criterion="tone", tools="[]") == sha256(text.encode()).hexdigest()


def test_what_is_missing_is_a_dash() -> None:
    prompt, good = messages_digest(PROMPT), messages_digest(GOOD)
    text = f"={prompt}\n={good}\n-\n-\n-"
    assert one(rejected=None) == sha256(text.encode()).hexdigest()


def test_a_flip_changes_it_though_the_id_stays() -> None:
    rows = [pair(PROMPT, GOOD, BAD), pair(PROMPT, BAD, GOOD)]
    assert rows[0][0] == rows[1][0]
    assert len(set(hashes(*rows))) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"chosen": assistant("11.")},
        {"chosen": assistant("11", '{"name":"x"}')},
        {"rejected": assistant("13")},
        {"rejected": assistant(None, "{}")},
        {"rejected": assistant("")},
        {"rejected": []},
        {"rejected": None},
        {"chosen": None},
        {"criterion": "tone"},
        {"criterion": ""},
        {"tools": "[]"},
    ],
)
def test_every_part_of_the_content_changes_it(other: dict[str, Any]) -> None:
    assert one(**other) != one()


def test_another_prompt_changes_it() -> None:
    assert hashes(pair(user("A prime!"), GOOD, BAD)) != [one()]


@pytest.mark.parametrize(
    "other",
    [
        {"weight": 0.25},
        {"n_votes": 9, "agreement": 0.5, "p_chosen": 0.5, "p_kind": "beta"},
        {"margin": 2.0, "margin_kind": "logit"},
        {"dropped": "length_ratio: 7.2 > 3.0"},
        {"checks": [("length_ratio", 7.2, None)]},
        {"tags": [("topic", "primes")]},
        {"sources": []},
        {"split": "test", "cluster": "c"},
        {"chosen_model": "m"},
        {"template_kwargs": '{"x":1}'},
    ],
)
def test_what_is_only_known_about_it_does_not_change_it(other: dict[str, Any]) -> None:
    assert one(**other) == one()


def test_rows_keep_their_places_in_any_chunks() -> None:
    rows = [pair(user(f"Question {n}"), GOOD, BAD) for n in range(5)]
    whole = table(PAIRS, rows)
    chunked = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 2), whole.slice(4)])
    assert pair_hashes(chunked) == pair_hashes(whole) == [hashes(row)[0] for row in rows]
    assert pair_hashes(whole.slice(3, 1)) == hashes(rows[3])


def test_no_rows_have_no_hashes() -> None:
    assert hashes() == []


def test_equal_pairs_have_one_hash_of_64_hexadecimal_characters() -> None:
    first, second = hashes(pair(PROMPT, GOOD, BAD), pair(PROMPT, GOOD, BAD))
    assert first == second
    assert len(first) == 64
    assert int(first, 16) >= 0

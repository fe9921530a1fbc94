"""`pair --aggregate bradley_terry`: comparisons of one prompt are linked by their responses."""

from __future__ import annotations

from pathlib import Path

from comparison_rows import answer, compare, turns, vote
from planted_judges import A, B, found_in, said, stored, texts, write

import prefkit
from prefkit.schema.records import Comparison


def duel(one: str, other: str, wins: int, losses: int) -> Comparison:
    votes = [vote(*A, record=f"w{n}") for n in range(wins)]
    votes += [vote(*B, record=f"l{n}") for n in range(losses)]
    return compare("Who?", [one, other], *votes)


def test_strengths_link_comparisons_of_one_prompt(tmp_path: Path) -> None:
    """x beats y and y beats z; x and z met twice, with one vote each."""
    write(tmp_path / "c", [duel("x", "y", 9, 1), duel("y", "z", 9, 1), duel("x", "z", 1, 1)])
    outcome = prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="bradley_terry")
    rows = {texts(row): row for row in stored(tmp_path / "pairs")}
    assert set(rows) == {("x", "y"), ("y", "z"), ("x", "z")}
    assert rows["x", "z"]["p_chosen"] > rows["x", "y"]["p_chosen"] > 0.75
    assert {row["p_kind"] for row in rows.values()} == {"bradley_terry"}
    found = found_in(tmp_path / "pairs")
    assert (found["responses"], found["groups"], found["judges"]) == (3, 1, [])
    assert said(outcome, "Learnt")[0].startswith(
        "strengths of 3 responses in 1 groups from 22 votes"
    )


def test_two_responses_of_other_prompts_are_never_one(tmp_path: Path) -> None:
    """The same texts under another prompt are others: there y wins."""
    other = Comparison(turns("Else?"), (answer("x"), answer("y")), (vote(*B), vote(*B, record="2")))
    write(tmp_path / "c", [duel("x", "y", 3, 0), other])
    prefkit.pair(tmp_path / "c", out=tmp_path / "pairs", aggregate="bradley_terry")
    assert {texts(row) for row in stored(tmp_path / "pairs")} == {("x", "y"), ("y", "x")}
    assert found_in(tmp_path / "pairs")["groups"] == 2


def test_responses_that_nobody_compared_have_the_chance_of_their_strengths(tmp_path: Path) -> None:
    ends = compare(
        "Who?",
        ["x", "y", "z"],
        *(vote(1.0, 0.0, None, record=f"a{n}") for n in range(8)),
        vote(0.0, 1.0, None, record="b"),
        *(vote(None, 1.0, 0.0, record=f"c{n}") for n in range(8)),
        vote(None, 0.0, 1.0, record="d"),
    )
    write(tmp_path / "c", [ends])
    prefkit.pair(tmp_path / "c", out=tmp_path / "p", policy="best_worst", aggregate="bradley_terry")
    (row,) = stored(tmp_path / "p")
    assert texts(row) == ("x", "z")
    assert (row["p_kind"], row["agreement"]) == ("bradley_terry", None)
    assert row["p_chosen"] > 8.5 / 10

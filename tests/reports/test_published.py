"""Published numbers beside recomputed ones: contradictions are said, nothing is copied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from comparison_rows import answer, table_of, turns, vote

from prefkit.errors import DataError
from prefkit.judging.duels import duels_of_all
from prefkit.reports.published import contradicted
from prefkit.schema.records import Comparison, Response

SWAPS = {"swap = False": (0, 1), "swap = True": (1, 0)}


def in_both_orders(place: int, gold: int, plain: int | None, swapped: int | None) -> Comparison:
    """A row as LLMBar's reader gives it: winners 1 or 2 as listed, null unreadable."""

    def said(winner: int | None, **more: Any) -> Any:
        scores = (None, None) if winner is None else (float(winner == 1), float(winner == 2))
        more |= {"outcome": "failed"} if winner is None else {}
        return vote(*scores, **more)

    votes = [said(gold, kind="label", name="LLMBar", record=f"[{place}]")]
    for (swap, order), winner in zip(SWAPS.items(), (plain, swapped), strict=True):
        votes.append(
            said(winner, kind="judge", by="judge-1", order=order,
                 record=f"[{place}], results, {swap}")
        )  # fmt: skip
    sides = answer(f"first of {place}"), answer(f"second of {place}")
    return Comparison(turns(f"prompt {place}"), sides, tuple(votes))


# Gold, the winner in the listed order, the winner in the other: 2 of 4 right, then 3; 2 both times.
FOUR = [(1, 1, 1), (2, 2, 2), (1, 2, 1), (2, 1, 1)]


def of_source(rows: list[tuple[int, int | None, int | None]]) -> pa.Table:
    return table_of(*(in_both_orders(place, *row) for place, row in enumerate(rows)))


def lines_of(
    place: Path, table: pa.Table, said: Any, document: Any = None
) -> dict[str, dict[str, Any]]:
    path = place / "said.json"
    path.write_text(json.dumps(said))
    found = contradicted(document or {}, path, [table], duels_of_all([table]))
    return {line["name"]: line for line in found}


def test_published_counts_that_the_votes_bear_out_do_not_contradict(tmp_path: Path) -> None:
    said = {
        "correct_False": "2 / 4 = 50.0%",
        "correct_True": "3 / 4 = 75.0%",
        "correct_average": "62.5%",
        "correct_both": "2 / 4 = 50.0%",
        "equal": "3 / 4 = 75.0%",
        "kappa_agreement": 0.5,
    }
    found = lines_of(tmp_path, of_source(FOUR), said)
    assert {name: line["contradicts"] for name, line in found.items()} == dict.fromkeys(said, False)
    assert found["equal"] == {
        **{"name": "equal", "published": "3 / 4 = 75.0%", "recomputed": 0.75, "n": 4},
        **{"contradicts": False, "note": None},
        "said": "equal: 3 / 4 = 75.0% was published, and the votes say 0.75",
    }
    # Sides 1221 against 1211 as listed: 3 of 4 agree, chance is (2 * 3 + 2 * 1) / 16 = 0.5.
    assert found["kappa_agreement"]["recomputed"] == 0.5


def test_which_side_a_source_lists_first_is_known_whatever_the_ids_are(tmp_path: Path) -> None:
    # All gold and verdicts for side 1: kappa would be that of random sides if ids decided.
    table = of_source([(1, 1, 1)] * 6 + [(2, 2, 2)] * 2)
    found = lines_of(tmp_path, table, {"kappa_False": 1, "correct_both": "8 / 8 = 100.0%"})
    assert [line["contradicts"] for line in found.values()] == [False, False]


def test_a_published_number_that_the_votes_do_not_bear_out_is_reported(tmp_path: Path) -> None:
    said = {
        "correct_False": "3 / 4 = 75.0%",
        "equal": "3 / 5 = 60.0%",
        "correct_both": "2 / 4 = 51.0%",
        "kappa_agreement": 0.51,
    }
    found = lines_of(tmp_path, of_source(FOUR), said)
    assert [line["contradicts"] for line in found.values()] == [True] * 4
    assert found["correct_False"]["recomputed"] == 0.5
    assert found["equal"]["note"] == "published of 5, here there are 4"
    assert found["equal"]["said"] == (
        "equal: 3 / 5 = 60.0% was published, but the votes say 0.75"
        " (published of 5, here there are 4)"
    )
    assert found["correct_both"]["note"] == "2 / 4 is 50%"


def test_two_unreadable_verdicts_agree_with_nothing(tmp_path: Path) -> None:
    table = of_source([*FOUR, (1, None, None)])
    found = lines_of(tmp_path, table, {"equal": "4 / 5 = 80.0%", "correct_False": "2 / 5"})
    assert (found["equal"]["recomputed"], found["equal"]["contradicts"]) == (0.6, True)
    assert found["equal"]["note"] == "2 unreadable verdicts agree with nothing"
    assert found["correct_False"]["contradicts"] is False


def test_a_later_stage_is_the_judges_answer(tmp_path: Path) -> None:
    rows = [in_both_orders(place, *row) for place, row in enumerate(FOUR)]
    later = vote(1.0, 0.0, kind="judge", by="judge-1", order=(0, 1), rubric="swap and synthesize",
                 record="[2], results, stage 2, swap = False")  # fmt: skip
    rows[2] = rows[2]._replace(votes=(*rows[2].votes, later))
    found = lines_of(tmp_path, table_of(*rows), {"correct_False": "3 / 4 = 75.0%"})
    assert found["correct_False"]["contradicts"] is False


def test_names_that_nobody_knows_are_listed_and_say_why(tmp_path: Path) -> None:
    said = {
        "win_rate": 55.0,
        "sparkle": 0.3,
        "length_controlled_winrate": 44.0,
        "mode": "minimal",
        "other": {"equal": "1 / 2 = 50.0%", "kappa_False": 0.5},
    }
    found = lines_of(tmp_path, of_source(FOUR), said)
    assert {line["contradicts"] for line in found.values()} == {None}
    assert found["sparkle"]["note"] == "not recomputed: no number of this name here"
    assert "MODEL.win_rate" in found["win_rate"]["note"]
    assert "regression" in found["length_controlled_winrate"]["note"]
    assert found["mode"]["said"] == "mode: minimal was published (not a number)"
    assert found["other.*"]["said"].startswith("other.*: not recomputed: 2 numbers of no judge")
    assert len(found) == 5


def test_ratings_that_were_shown_in_no_order_have_no_numbers_of_orders(tmp_path: Path) -> None:
    ratings = [
        vote(*((9.0, None) if place == 0 else (None, 7.0)), kind="judge", scale="rating",
             record=f"[0], results, score_{place + 1}")
        for place in (0, 1)
    ]  # fmt: skip
    table = table_of(Comparison(turns("p"), (answer("x"), answer("y")), tuple(ratings)))
    found = lines_of(tmp_path, table, {"equal": "1 / 1 = 100.0%"})
    assert found["equal"]["contradicts"] is None
    assert "no order" in found["equal"]["note"]


def test_with_several_judges_a_name_says_whose_it_is(tmp_path: Path) -> None:
    rows = [in_both_orders(place, *row) for place, row in enumerate(FOUR)]
    other = vote(1.0, 0.0, kind="judge", by="judge-2", order=(0, 1), name="other.jsonl",
                 record="[0], results, swap = False")  # fmt: skip
    rows[0] = rows[0]._replace(votes=(*rows[0].votes, other))
    said = {"equal": "3 / 4 = 75.0%", "judge-1": {"equal": "3 / 4 = 75.0%"}}
    found = lines_of(tmp_path, table_of(*rows), said)
    assert "needs one judge" in found["equal"]["note"]
    assert found["judge-1.equal"]["contradicts"] is False


def leaderboard() -> pa.Table:
    """M against base: three wins, a draw, a loss and an unreadable verdict."""
    verdicts = [(0.0, 1.0)] * 3 + [(0.5, 0.5), (1.0, 0.0), (None, None)]
    rows = []
    for place, scores in enumerate(verdicts):
        outcome = "failed" if scores[0] is None else "tie" if scores[0] == 0.5 else "scored"
        cast = vote(*scores, kind="judge", by="judge-1", outcome=outcome)
        sides = (
            Response(turns("", "x" * 10)[1:], "base"),
            Response(turns("", "y" * (20 + place))[1:], "M"),
        )
        rows.append(Comparison(turns(f"prompt {place}"), sides, (cast,)))
    return table_of(*rows)


def test_the_names_of_a_leaderboard_are_recomputed_for_each_model(tmp_path: Path) -> None:
    # Of 1, 1, 1, 0.5, 0: mean 0.7, standard deviation sqrt(0.2) = 0.4472, over sqrt(5) = 0.2.
    said = {
        "M": {
            **{"win_rate": 70.0, "standard_error": 20.0, "n_wins": 3, "n_wins_base": 1},
            **{"n_draws": 1, "n_total": 5, "discrete_win_rate": 70.0, "avg_length": 22},
        },
        "base": {"win_rate": 30, "avg_length": 11},
    }
    found = lines_of(tmp_path, leaderboard(), said)
    assert [name for name, line in found.items() if line["contradicts"]] == ["base.avg_length"]
    assert found["M.win_rate"]["note"] == "without 1 unreadable verdicts"
    assert (found["base.avg_length"]["recomputed"], len(found)) == (10, 10)


def test_a_number_of_the_report_may_be_claimed_by_its_own_name(tmp_path: Path) -> None:
    document = {
        "judges": [
            {"judge": "judge-1 (helpful)", "gold": {"kappa": {"value": 0.4871, "n": 90}}},
            {"judge": "judge-2", "gold": {"kappa": {"value": None, "n": 0, "reason": "none"}}},
        ],
        "win_rates": [
            {"judge": "judge-1", "win_rate": {"value": share, "n": 90}} for share in (0.3, 0.4)
        ],
        "pairs": 90,
    }
    said = {
        "judges.judge-1 (helpful).gold.kappa": 0.49,
        "judges.0.gold.kappa": 0.48,
        "judges.1.gold.kappa": 0.48,
        "win_rates.0.win_rate": 0.3000004999,
        "win_rates.judge-1.win_rate": 0.4,
        "pairs": 91,
    }
    found = lines_of(tmp_path, of_source(FOUR), said, document)
    assert [line["contradicts"] for line in found.values()] == [
        *(False, True, None),
        *(False, None, True),
    ]
    assert found["judges.0.gold.kappa"]["n"] == 90


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"kappa_agreement": 3}, "kappa_agreement is 3: a coefficient goes from -1 to 1"),
        ({"x": {"kappa": -1.2}}, r"x\.kappa is -1\.2"),
        ({"share": 1.7}, r"share is 1\.7: a share goes from 0 to 1"),
        ({"equal": "101 / 100 = 101.0%"}, "equal is '101 / 100 = 101.0%': a share"),
        ({"correct_average": "120.5%"}, r"correct_average is '120\.5%'"),
        ({"M": {"win_rate": 170.0}}, r"M\.win_rate is 170\.0: a percentage"),
        ({"M": {"n_total": -1}}, r"M\.n_total is -1: it is not below 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_what_and_where(
    tmp_path: Path, said: Any, where: str
) -> None:
    table = leaderboard()
    with pytest.raises(DataError, match=where) as caught:
        lines_of(tmp_path, table, said)
    assert "said.json" in str(caught.value)

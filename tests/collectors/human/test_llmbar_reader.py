"""LLMBar: gold labels, and a judge that saw the outputs in both orders."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefkit.collectors.human.llmbar import Llmbar
from prefkit.reader import Record, Row
from prefkit.schema.build import comparison_row
from prefkit.schema.records import Comparison, Vote

PAIR = {"input": "A prime above 10?", "output_1": "11", "output_2": "12", "label": 1}
GOLD = ("label", "scored", (1.0, 0.0), None)


def verdict(completion: str, winner: Any) -> dict[str, Any]:
    return {"completion": [completion, "stop"], "winner": winner}


def stage(straight: Any, swapped: Any) -> dict[str, Any]:
    return {"swap = False": straight, "swap = True": swapped}


def read(data: dict[str, Any], **options: Any) -> Row:
    (row,) = Llmbar(**options).read([Record("item 3", data)], "CoT/result.json")
    for comparison in row.comparisons:
        comparison_row(comparison)
    return row


def votes(*results: Any, **options: Any) -> tuple[Vote, ...]:
    row = read({**PAIR, "results": list(results)}, **options)
    assert row.parts == ()
    return row.comparisons[0].votes


def short(vote: Vote) -> tuple[Any, ...]:
    return vote.kind, vote.outcome, vote.scores, vote.order


def test_a_label_is_the_better_output() -> None:
    (comparison,) = read({**PAIR, "label": 2}).comparisons
    assert [message.content for message in comparison.prompt] == ["A prime above 10?"]
    assert [side.messages[0].content for side in comparison.responses] == ["11", "12"]
    assert [short(vote) for vote in comparison.votes] == [("label", "scored", (0.0, 1.0), None)]


def test_csv_holds_the_label_as_text() -> None:
    (comparison,) = read({**PAIR, "label": "2"}).comparisons
    assert comparison.votes[0].scores == (0.0, 1.0)


@pytest.mark.parametrize("label", [0, 3, True, None, "a", [1]])
def test_another_label_is_no_vote(label: Any) -> None:
    aside = read({**PAIR, "label": label}).aside
    assert aside is not None
    assert aside.reason == ("missing field" if label is None else "unknown winner")


def test_the_swapped_judge_saw_output_2_first_and_its_winner_is_not_turned_again() -> None:
    found = votes(stage(verdict("Output (a)", "1"), verdict("Output (b) is better.", "1")))
    assert [short(vote) for vote in found] == [
        GOLD,
        ("judge", "scored", (1.0, 0.0), (0, 1)),
        ("judge", "scored", (1.0, 0.0), (1, 0)),
    ]


def test_no_winner_is_a_failed_vote_with_what_was_written() -> None:
    found = votes(stage(verdict("Neither.", None), verdict("Output (a)", "2")))
    assert short(found[1]) == ("judge", "failed", (None, None), (0, 1))
    assert json.loads(found[1].raw or "") == {
        "swap": "swap = False",
        "completion": ["Neither.", "stop"],
        "winner": None,
    }


def test_an_unknown_winner_is_a_part_and_the_other_order_counts() -> None:
    row = read({**PAIR, "results": [stage(verdict("Both", "0"), verdict("Output (a)", "2"))]})
    assert [short(vote) for vote in row.comparisons[0].votes] == [
        GOLD,
        ("judge", "scored", (0.0, 1.0), (1, 0)),
    ]
    assert [part.reason for part in row.parts] == ["unknown winner"]


def test_only_reasons_are_a_rationale() -> None:
    long = "Output (a) is no prime. Therefore, Output (b) is better."
    found = votes(stage(verdict("Output (a).", "1"), verdict(long, "1")))
    assert [vote.rationale for vote in found] == [None, None, long]


def test_what_the_judge_wrote_before_is_kept_with_both_verdicts() -> None:
    notes = ["1. Is it a prime?", "stop"]
    found = votes(notes, stage(verdict("Output (a)", "1"), verdict("Output (b)", "1")))
    assert [json.loads(vote.raw or "")["auxiliary"] for vote in found[1:]] == [[notes], [notes]]


def test_a_second_stage_is_two_more_votes_of_another_rubric() -> None:
    first = stage(verdict("Output (a)", "1"), verdict("Output (a)", "2"))
    second = stage(verdict("Output (b)", "2"), verdict("Output (a)", "2"))
    found = votes(first, second)[1:]
    assert [vote.scores[0] for vote in found] == [1.0, 0.0, 0.0, 0.0]
    assert [vote.rubric for vote in found] == [None, None, *["swap and synthesize"] * 2]
    assert [vote.source.record for vote in found] == [
        "item 3, results, swap = False",
        "item 3, results, swap = True",
        "item 3, results, stage 2, swap = False",
        "item 3, results, stage 2, swap = True",
    ]


def test_ratings_are_votes_on_one_output_and_the_winners_beside_them_are_none() -> None:
    rated = {"score_1": ["9", "stop"], "score_2": ["10", "stop"]}
    found = votes({**rated, **stage({"winner": "2"}, {"winner": "2"})})
    assert [short(vote) for vote in found] == [
        GOLD,
        ("judge", "scored", (9.0, None), None),
        ("judge", "scored", (None, 10.0), None),
    ]
    assert {vote.scale for vote in found[1:]} == {"rating"}
    # Nobody is named: only the record says that one judge rated both.
    assert {vote.source.record for vote in found[1:]} == {"item 3, results"}
    assert json.loads(found[1].raw or "")["swap = True"] == {"winner": "2"}


@pytest.mark.parametrize("reply", ["", "-1", "7.5", "eight", "Score: 8", "\uff18"])
def test_a_reply_that_is_no_score_is_failed(reply: str) -> None:
    found = votes({"score_1": [reply, "stop"], "score_2": ["3", "stop"]})
    assert short(found[1]) == ("judge", "failed", (None, None), None)
    assert short(found[2]) == ("judge", "scored", (None, 3.0), None)


def test_who_judged_is_null_unless_declared() -> None:
    result = stage(verdict("Output (a)", "1"), verdict("Output (b)", "1"))
    assert {vote.by for vote in votes(result)} == {None}
    assert [vote.by for vote in votes(result, judge="GPT-4")] == [None, "GPT-4", "GPT-4"]


def test_the_gold_label_of_two_result_files_is_the_same_vote() -> None:
    one, other = (
        next(iter(Llmbar().read([Record("item 3", PAIR)], file))).comparisons[0].votes
        for file in ("CoT/result.json", "Vanilla/result.json")
    )
    assert one == other


@pytest.mark.parametrize("results", [7, "text", [[]], [{}], [None]])
def test_results_without_a_verdict_leave_the_label(results: Any) -> None:
    row = read({**PAIR, "results": results})
    assert [vote.kind for vote in row.comparisons[0].votes] == ["label"]
    assert len(row.parts) == 1


def test_rows_of_alpaca_farm_are_another_family() -> None:
    assert Llmbar().sniff([{**PAIR, "instruction": "", "preference": 1}]) == 0.0
    assert Llmbar().sniff([PAIR]) == 0.9
    assert Llmbar().sniff([{**PAIR, "label": "good"}]) == 0.0


DATASETS = {
    "LLMBar/Natural": 100,
    "LLMBar/Adversarial/GPTInst": 92,
    "LLMBar/Adversarial/Neighbor": 134,
    "Processed/MT-Bench": 200,
}


def comparisons(path: Path) -> list[Comparison]:
    rows = json.loads(gzip.decompress(path.read_bytes()))
    records = [Record(f"item {number}", row) for number, row in enumerate(rows, 1)]
    found = list(Llmbar().read(records, path.name))
    assert [row.where for row in found] == [record.where for record in records]
    assert all(row.aside is None and row.parts == () for row in found)
    return [comparison for row in found for comparison in row.comparisons]


@pytest.mark.real
@pytest.mark.parametrize(("name", "rows"), DATASETS.items())
def test_the_real_datasets_have_their_labels(real_data: Path, name: str, rows: int) -> None:
    path = real_data / "human" / "llmbar" / name / "dataset.json.gz"
    source = json.loads(gzip.decompress(path.read_bytes()))
    found = comparisons(path)
    assert len(found) == len(source) == rows
    assert [one.votes[0].scores.index(1.0) + 1 for one in found] == [r["label"] for r in source]


def winners(comparison: Comparison) -> dict[tuple[int, ...], str | None]:
    """The final verdict in each order: 1, 2 or null, as LLMBar's script sees it."""
    votes = [vote for vote in comparison.votes if vote.kind == "judge"]
    if votes[0].scale == "rating":
        # The script rates each output once; a tie or an unreadable score goes by position.
        one, two = votes[0].scores[0], votes[1].scores[1]
        if one is None or two is None:
            return {(0, 1): "1", (1, 0): "2"}
        return {(0, 1): "1" if one > two else "2", (1, 0): "2" if two > one else "1"}
    last = max(vote.rubric or "" for vote in votes)
    final = {vote.order: vote for vote in votes if (vote.rubric or "") == last}
    return {
        order: None if vote.outcome == "failed" else str(vote.scores.index(1.0) + 1)
        for order, vote in final.items()
        if order is not None
    }


def kappa(one: list[int], two: list[int]) -> float:
    names = sorted({*one, *two})
    counts = np.zeros((len(names), len(names)), dtype=int)
    for a, b in zip(one, two, strict=True):
        counts[names.index(a), names.index(b)] += 1
    expected = np.outer(counts.sum(axis=0), counts.sum(axis=1)) / counts.sum()
    off = 1 - np.eye(len(names), dtype=int)
    return float(1 - (off * counts).sum() / (off * expected).sum())


def statistics(found: list[Comparison]) -> dict[str, Any]:
    """The numbers of statistics.json, by LLMBar's own rules, from votes alone."""
    gold = [str(one.votes[0].scores.index(1.0) + 1) for one in found]
    assert {one.votes[0].kind for one in found} == {"label"}
    judged = [winners(one) for one in found]
    straight, swapped = ([one[order] for one in judged] for order in ((0, 1), (1, 0)))
    n = len(found)
    hits = [[a == b for a, b in zip(side, gold, strict=True)] for side in (straight, swapped)]
    counts = {
        "correct_False": sum(hits[0]),
        "correct_True": sum(hits[1]),
        "correct_both": sum(a and b for a, b in zip(*hits, strict=True)),
        "equal": sum(a == b for a, b in zip(straight, swapped, strict=True)),
    }
    shown = {name: f"{count} / {n} = {count / n * 100}%" for name, count in counts.items()}
    shown["correct_average"] = f"{(sum(hits[0]) + sum(hits[1])) / 2 / n * 100}%"
    # The script looks for the words 0 and 1, so a winner of 2 counts as 0, like no winner.
    coded = [[int(word == "1") for word in side] for side in (straight, swapped)]
    labels = [int(word) for word in gold]
    kappas = {"False": kappa(coded[0], labels), "True": kappa(coded[1], labels)}
    kappas["average"] = (kappas["False"] + kappas["True"]) / 2
    kappas["agreement"] = kappa(coded[0], coded[1])
    return {**shown, **{f"kappa_{name}": value for name, value in kappas.items()}}


@pytest.mark.real
def test_the_votes_give_the_published_statistics_of_every_judge(real_data: Path) -> None:
    paths = sorted((real_data / "judge" / "llmbar").rglob("result.json.gz"))
    assert len(paths) == 38
    for path in paths:
        published = json.loads((path.parent / "statistics.json").read_text())
        assert statistics(comparisons(path)) == published, path.parent


@pytest.mark.real
def test_every_verdict_of_the_real_judges_is_a_vote(real_data: Path) -> None:
    cast = {"failed": 0, "scored": 0}
    expected = {"failed": 0, "scored": 0}
    for path in sorted((real_data / "judge" / "llmbar").rglob("result.json.gz")):
        for vote in (vote for one in comparisons(path) for vote in one.votes[1:]):
            cast[vote.outcome] += 1
        for row in json.loads(gzip.decompress(path.read_bytes())):
            for one in (part for part in row["results"] if isinstance(part, dict)):
                said = (
                    [one[name][0].isdigit() for name in ("score_1", "score_2")]
                    if "score_1" in one
                    else [one[f"swap = {swap}"]["winner"] is not None for swap in (False, True)]
                )
                expected["scored"] += sum(said)
                expected["failed"] += 2 - sum(said)
    assert cast == expected == {"failed": 27, "scored": 9209}

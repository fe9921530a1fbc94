"""Votes from an annotation tool on a review's sample, as decisions of that review."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_line import Prefkit, write_jsonl
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import create_dataset, open_dataset
from prefkit.errors import ConfigError
from prefkit.reviews.events import read_decisions
from prefkit.reviews.voted import read_votes
from prefkit.verbs.collect_human import CollectHuman

GOOD, BAD = assistant("a good answer"), assistant("a bad answer")


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


class Sent:
    """Pairs, a review of them, and its sample as tasks for Argilla."""

    def __init__(self, folder: Path, prefkit: Prefkit, rows: list[Any]) -> None:
        self.folder = folder
        self.pairs = write_pairs(folder / "pairs", rows)
        self.review, tasks = folder / "review", folder / "tasks"
        for words in (
            ("review", self.pairs, "--plan", "-n", len(rows), "--out", self.review),
            ("export", self.pairs, "--format", "argilla", "--review", self.review, "--out", tasks),
        ):
            said = prefkit(*words)
            assert said.code == 0, said.err
        self.records = json.loads((tasks / "answers-2/records.json").read_bytes())

    def answered(self, said: dict[str, dict[str, str]], name: str = "votes") -> Path:
        """Collected votes: by prompt and user a verdict, or the text of the better answer."""
        rows = []
        for record in self.records:
            fields = record["fields"]
            given = said.get(fields["prompt"][0]["content"], {})
            answers = [
                {"user_id": who, "value": _value(fields, verdict)} for who, verdict in given.items()
            ]
            reasons = [{"user_id": who, "value": "because"} for who in given]
            responses = {"preference": answers, "comment": reasons}
            rows.append({**record, "responses": responses, "suggestions": {}})
        path = write_jsonl(self.folder / f"{name}.jsonl", rows)
        CollectHuman(paths=(str(path),), out=self.folder / name)()
        return self.folder / name


def _value(fields: dict[str, Any], verdict: str) -> str:
    return next((name for name in ("answer1", "answer2") if fields[name] == verdict), verdict)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        row["prompt"][0]["content"]: row
        for table in open_dataset(folder, "pairs").batches()
        for row in table.to_pylist()
    }


FOUR = [pair(user(prompt), GOOD, BAD) for prompt in ("right", "wrong", "tie", "unsure")]
SAID = {
    "right": {"u-1": "a good answer", "u-2": "a good answer"},
    "wrong": {"u-1": "a bad answer", "u-2": "a bad answer"},
    "tie": {"u-1": "tie", "u-2": "tie"},
    "unsure": {"u-1": "unsure", "u-2": "both_bad"},
}


def test_a_vote_says_which_side_was_left_by_the_content_of_the_answers(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    votes = sent.answered(SAID)
    found = read_votes(votes, sent.review, sent.pairs)
    assert found.refused == []
    assert len(found.lines) == 8
    by_pair = {row[0]: row[3][0][1] for row in FOUR}
    for line in found.lines:
        prompt = by_pair[line.pair]
        picked = {"chosen": "right", "rejected": "wrong"}
        if line.verdict in ("a", "b"):
            other = "rejected" if line.left == "chosen" else "chosen"
            assert picked[line.left if line.verdict == "a" else other or ""] == prompt
        assert (line.role, line.item, line.comment) == ("blind", "pair", "because")
    verdicts = {(by_pair[line.pair], line.verdict) for line in found.lines}
    assert {("tie", "tie"), ("unsure", "unsure"), ("unsure", "both_bad")} < verdicts
    assert len({line.reviewer for line in found.lines}) == 2
    assert not {line.reviewer for line in found.lines} & {"u-1", "u-2"}, "people are pseudonyms"


def test_apply_flips_what_two_people_voted_against_and_the_review_keeps_their_votes(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    votes = sent.answered(SAID)
    said = prefkit("apply", sent.pairs, sent.review, votes, "--out", tmp_path / "next")
    assert said.code == 0, said.err
    after = rows_of(tmp_path / "next")
    assert after["right"]["chosen"][0]["content"] == "a good answer"
    assert after["wrong"]["chosen"][0]["content"] == "a bad answer"
    assert after["tie"]["dropped"] is not None
    kept = read_decisions(sent.review)
    assert len(kept) == 8
    again = prefkit("apply", sent.pairs, sent.review, votes, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert len(read_decisions(sent.review)) == 8


def test_pairs_with_opposite_labels_are_asked_once_and_each_gets_the_vote(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    rows = [pair(user("same"), GOOD, BAD), pair(user("same"), BAD, GOOD)]
    sent = Sent(tmp_path, prefkit, rows)
    assert len(sent.records) == 1
    votes = sent.answered({"same": {"u-1": "a good answer"}})
    found = read_votes(votes, sent.review, sent.pairs)
    assert len({line.pair_sha256 for line in found.lines}) == len(found.lines) == 2
    assert {line.left for line in found.lines} == {"chosen", "rejected"}
    assert len({line.verdict for line in found.lines}) == 1


def test_votes_on_other_pairs_are_listed_and_change_nothing(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    row = {"prompt": "Other?", "chosen": "yes", "rejected": "no"}
    CollectHuman(paths=(str(write_jsonl(tmp_path / "x.jsonl", [row])),), out=tmp_path / "x")()
    found = read_votes(tmp_path / "x", sent.review, sent.pairs)
    assert found.lines == []
    assert found.refused == [
        {"file": "x", "line": 1, "reason": "not a task of the review's sample"}
    ]


def test_votes_without_their_review_and_a_review_of_other_rows_are_refused(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    votes = sent.answered(SAID)
    said = prefkit("apply", sent.pairs, votes, "--out", tmp_path / "next")
    assert said.code == 2
    assert "name the one review" in " ".join(said.err.split())
    other = write_pairs(tmp_path / "other", FOUR[:2])
    with pytest.raises(ConfigError, match="a review of other rows"):
        read_votes(votes, sent.review, other)


def test_a_vote_that_was_changed_in_the_tool_comes_home_again(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    options = (sent.pairs, sent.review)
    first = sent.answered({"wrong": {"u-1": "a good answer", "u-2": "a bad answer"}})
    said = prefkit("apply", *options, first, "--out", tmp_path / "first")
    assert said.code == 0, said.err
    assert rows_of(tmp_path / "first")["wrong"]["decision"]["verdict"] == "open"
    shutil.rmtree(first)
    second = sent.answered({"wrong": {"u-1": "a bad answer", "u-2": "a bad answer"}})
    said = prefkit("apply", *options, second, "--out", tmp_path / "second")
    assert said.code == 0, said.err
    assert rows_of(tmp_path / "second")["wrong"]["decision"]["verdict"] == "flip"


def test_votes_that_are_no_decision_are_listed_with_their_reason(
    tmp_path: Path, prefkit: Prefkit
) -> None:
    sent = Sent(tmp_path, prefkit, FOUR)
    folder = sent.answered({"wrong": {"u-1": "a bad answer"}, "right": {"u-1": "a good answer"}})
    with create_dataset(tmp_path / "odd", "comparisons") as writer:
        for table in open_dataset(folder, "comparisons").batches():
            rows = table.to_pylist()
            for row in rows:
                for vote in row["votes"]:
                    vote.update({"kind": "judge"} if row["prompt"][0]["content"] == "right" else
                                {"order": None})  # fmt: skip
            writer.write(pa.Table.from_pylist(rows, table.schema))
        writer.finish("collect human", {}, {})
    found = read_votes(tmp_path / "odd", sent.review, sent.pairs)
    assert found.lines == []
    assert {one["reason"] for one in found.refused} == {
        "a vote of a judge, not of a person",
        "it does not say in which order the answers of the pair were shown",
    }

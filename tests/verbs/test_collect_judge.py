"""Votes of models added to comparisons: what is asked, what is written, what is said of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import write_jsonl
from comparison_rows import compare, vote
from judging_runs import (
    FaultServer,
    JudgeServer,
    Rule,
    dataset,
    first,
    hosted,
    judge,
    larger,
    manifest,
    numbered,
    row_bytes,
    rows,
    set_aside,
)

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, NothingUsable
from prefkit.judging.library import load_rubric


def judged(place: Path, server: JudgeServer, out: str = "out", **more: Any) -> Any:
    options = {"rubric": "helpfulness", "model": server.spec, "cache": place / "cache"}
    return prefkit.collect_judge(place / "data", out=place / out, **(options | more))


def test_both_orders_are_shown_and_every_verdict_is_a_vote_with_its_evidence(
    tmp_path: Path,
) -> None:
    dataset(tmp_path / "data", *numbered(3, people=1))
    with JudgeServer(larger) as server:
        outcome = judged(tmp_path, server)
        assert len(server.record) == 6
    label = load_rubric("helpfulness").label
    before, after = rows(tmp_path / "data"), rows(tmp_path / "out")
    for old, new in zip(before, after, strict=True):
        assert new._replace(votes=old.votes) == old
        assert new.votes[: len(old.votes)] == old.votes
        one, other = new.votes[len(old.votes) :]
        numbers = [float(r.messages[0].content.split()[-1]) for r in new.responses]
        best = numbers.index(max(numbers))
        for found, order in ((one, (0, 1)), (other, (1, 0))):
            assert (found.kind, found.outcome, found.order) == ("judge", "scored", order)
            assert found.scores == tuple(float(place == best) for place in range(2))
            assert (found.by, found.rubric) == ("judge-2026", label)
            assert found.source.name == server.spec
            assert re.fullmatch(r"[0-9a-f]{40,}", found.source.record)
    counts = outcome.facts["counts"]
    assert (counts["comparisons"], counts["judged"], counts["verdicts"]) == (3, 3, 6)
    assert counts["both_orders"] == {"pairs": 3, "readable": 3, "same": 3}
    held = manifest(tmp_path / "out")
    assert held["parents"] == [open_dataset(tmp_path / "data").content_hash]
    assert held["judging"]["rubrics"][label]["criterion"] == load_rubric("helpfulness").criterion
    assert held["models"] == [{"model": server.spec, "revision": "not pinned"}]


def test_a_judge_locked_on_a_position_has_no_consistency(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(4))
    with JudgeServer(first) as server:
        outcome = judged(tmp_path, server)
    lines = dict(outcome.lines)
    assert lines["Both orders"] == "4 pairs, 4 readable in both; 0 (0%) with the same verdict"
    assert lines["Certificate"] == "uncalibrated: no human gold"
    assert lines["Next"] == f"prefkit report {tmp_path / 'out'}"


def test_rows_are_the_same_bytes_whether_answers_are_new_or_kept(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(20, people=3))
    with FaultServer() as server:
        words = ["data", *hosted(server, tmp_path, "--yes", "--draws", "2", "--temperature", "0.7")]
        first_run = judge(*words, "--out", "one", cwd=tmp_path)
        asked = len(server.asks())
        again = judge(*words, "--out", "two", cwd=tmp_path)
        assert len(server.asks()) == asked == 80
    assert (first_run.returncode, again.returncode) == (0, 0), first_run.stderr + again.stderr
    assert row_bytes(tmp_path / "one") == row_bytes(tmp_path / "two")
    votes = [
        found for row in rows(tmp_path / "two") for found in row.votes if found.kind == "judge"
    ]
    assert all(found.cost_usd is not None and found.cost_usd > 0 for found in votes)
    assert sorted({found.draw for found in votes}) == [0, 1]
    one, two = manifest(tmp_path / "one"), manifest(tmp_path / "two")
    paid, kept = (held.pop("run")["spend"]["spent_usd"] for held in (one, two))
    assert paid > 0 == kept
    assert one == two


def test_a_panel_of_two_votes_in_one_row_each_under_its_own_name(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(5))
    with JudgeServer(larger, "sound-1") as sound, JudgeServer(first, "lazy-1") as lazy:
        outcome = judged(tmp_path, sound, model=(sound.spec, lazy.spec))
        assert (len(sound.record), len(lazy.record)) == (10, 10)
    for row in rows(tmp_path / "out"):
        assert [found.by for found in row.votes] == ["sound-1"] * 2 + ["lazy-1"] * 2
    assert outcome.facts["counts"]["both_orders"] == {"pairs": 10, "readable": 10, "same": 5}


def test_judging_again_adds_no_vote_twice(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(3))
    with JudgeServer(larger) as server:
        judged(tmp_path, server)
        options = {"rubric": "helpfulness", "model": server.spec, "cache": tmp_path / "cache"}
        again = prefkit.collect_judge(tmp_path / "out", out=tmp_path / "more", **options)
    assert again.facts["counts"]["votes_added"] == 0
    assert row_bytes(tmp_path / "more") == row_bytes(tmp_path / "out")


def test_more_draws_add_only_those_that_are_not_there(tmp_path: Path) -> None:
    """The first of three draws is the one answer that was asked for before."""
    dataset(tmp_path / "data", *numbered(3))
    with JudgeServer(larger) as server:
        judged(tmp_path, server)
        options = {"rubric": "helpfulness", "model": server.spec, "cache": tmp_path / "cache"}
        again = prefkit.collect_judge(tmp_path / "out", out=tmp_path / "more", draws=3, **options)
        assert len(server.record) == 18
    records = [found.source.record for row in rows(tmp_path / "more") for found in row.votes]
    assert len(records) == len(set(records)) == 18
    assert again.facts["counts"]["votes_added"] == 12
    assert dict(again.lines)["Added"] == "12 votes; 6 were there before"


def test_equal_texts_judged_alone_keep_a_vote_each_when_judged_again(tmp_path: Path) -> None:
    same = compare("Same?", ["Answer 1", "Answer 1"])
    dataset(tmp_path / "data", same)
    with JudgeServer(lambda _: {"grade": 4}) as server:
        options = {"model": server.spec, "cache": tmp_path / "cache"}
        options |= {"rubric": "helpfulness_rating"}
        prefkit.collect_judge(tmp_path / "data", out=tmp_path / "out", **options)
        again = prefkit.collect_judge(tmp_path / "out", out=tmp_path / "more", **options)
    (row,) = rows(tmp_path / "out")
    assert [found.scores for found in row.votes] == [(4.0, None), (None, 4.0)]
    assert len({found.source.record for found in row.votes}) == 1
    assert again.facts["counts"]["votes_added"] == 0


def test_two_models_that_answer_under_one_name_are_refused(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(5))
    refused = pytest.raises(ConfigError, match="both answer as 'judge-2026'")
    with JudgeServer(larger) as sound, JudgeServer(first) as lazy, refused:
        judged(tmp_path, sound, model=(sound.spec, lazy.spec))
    assert not (tmp_path / "out").exists()


def test_no_folder_of_an_engine_s_files_stands_in_the_manifest(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(1))
    engine = {"tokenizer": str(tmp_path / "tokens"), "sizes": [1, "org/name"]}
    with JudgeServer(larger) as server:
        judged(tmp_path, server, engine=engine)
    told = manifest(tmp_path / "out")["options"]["engine"]
    assert told == {"tokenizer": "tokens", "sizes": [1, "org/name"]}


def test_a_pair_of_judged_sides_is_traced_to_order_rubric_revision_and_cost(
    tmp_path: Path,
) -> None:
    dataset(tmp_path / "data", *numbered(1))
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--yes", "--revision", "2026-01-01", "--out", "out")
        assert judge("data", *words, cwd=tmp_path).returncode == 0
    found = next(v for v in rows(tmp_path / "out")[0].votes if v.outcome == "scored")
    prefkit.pair(tmp_path / "out", out=tmp_path / "pairs", kind=("judge",))
    (pair,) = next(open_dataset(tmp_path / "pairs").batches())["id"].to_pylist()
    lines = dict(prefkit.trace(pair, tmp_path / "pairs").lines)
    said = lines["Vote 1"] + lines["Vote 2"]
    assert "order shown: " in said
    assert f"rubric {load_rubric('helpfulness').label}" in said
    assert f"{found.source.record}, revision 2026-01-01" in said
    assert f"{found.cost_usd:.3g} USD" in said


def test_a_limit_judges_the_first_comparisons_and_writes_no_others(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(9))
    with JudgeServer(larger) as server:
        outcome = judged(tmp_path, server, limit=4)
        assert len(server.record) == 8
    assert dict(outcome.lines)["Comparisons"] == "4, 4 judged, 5 left out by the limit"
    assert [row.prompt for row in rows(tmp_path / "out")] == [
        row.prompt for row in rows(tmp_path / "data")[:4]
    ]


def test_a_dry_run_says_what_it_would_cost_and_asks_nothing(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(6))
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--dry-run", "--out", "out")
        done = judge("data", *words, cwd=tmp_path)
        assert len(server.asks()) == 0
    assert done.returncode == 0, done.stderr
    assert "12 requests to ask, 0 answered before" in done.stdout
    assert "nothing was asked" in done.stdout
    assert not (tmp_path / "out").exists()


def test_nothing_is_paid_without_consent(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(6))
    with FaultServer() as server:
        done = judge("data", *hosted(server, tmp_path), "--out", "out", cwd=tmp_path)
        assert len(server.asks()) == 0
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_hosted_model_without_a_date_is_said_to_be_not_pinned(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2))
    with FaultServer() as server:
        loose = judge("data", *hosted(server, tmp_path, "--yes"), "--out", "a", cwd=tmp_path)
        words = hosted(server, tmp_path, "--yes", "--revision", "2026-01-01")
        pinned = judge("data", *words, "--out", "b", cwd=tmp_path)
    assert loose.stderr.count("not pinned") == 1
    assert "not pinned" not in pinned.stderr
    assert manifest(tmp_path / "a")["models"] == [{"model": "openai:m", "revision": "not pinned"}]
    assert manifest(tmp_path / "b")["models"] == [{"model": "openai:m", "revision": "2026-01-01"}]
    assert {found.by.partition("@")[2] for row in rows(tmp_path / "b") for found in row.votes} == {
        "2026-01-01"
    }


def test_what_cannot_be_judged_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    single = compare("Alone?", ["Only this one 1"])
    dataset(tmp_path / "data", single, *numbered(2))
    with JudgeServer(larger) as server:
        outcome = judged(tmp_path, server)
    assert outcome.facts["counts"]["not_asked"] == {"too_few_responses": 1}
    (entry,) = set_aside(tmp_path / "out")
    ids = [table["id"].to_pylist() for table in open_dataset(tmp_path / "data").batches()]
    assert entry["comparison"] == ids[0][0]
    assert (entry["reason"], entry["judge"]) == ("too_few_responses", server.spec)
    assert len(rows(tmp_path / "out")) == 3


def test_exact_verdicts_from_recorded_replies_become_exact_votes(tmp_path: Path) -> None:
    """An unreadable verdict stays a failed vote with its text; a tie stays a tie."""
    dataset(tmp_path / "data", *numbered(2))
    said = iter(["A", "B", "tie", None])

    def by_hand(_: list[str]) -> dict[str, Any] | str:
        word = next(said)
        return {"verdict": word} if word else "I like both of them."

    with JudgeServer(by_hand) as server:
        judged(tmp_path, server, out="first", concurrency=1)
    (journal,) = [path for path in (tmp_path / "cache").iterdir() if path.suffix == ".jsonl"]
    again = prefkit.collect_judge(
        tmp_path / "data",
        out=tmp_path / "again",
        model=f"replay:{journal}",
        rubric="helpfulness",
        cache=tmp_path / "other",
    )
    for folder in ("first", "again"):
        one, two = rows(tmp_path / folder)
        assert [found.scores for found in one.votes] == [(1.0, 0.0), (1.0, 0.0)]
        tie, failed = two.votes
        assert (tie.outcome, tie.scores) == ("tie", (0.5, 0.5))
        assert (failed.outcome, failed.scores) == ("failed", (None, None))
        assert "I like both" in json.loads(failed.raw)["text"]
    counts = again.facts["counts"]
    assert counts["both_orders"] == {"pairs": 2, "readable": 1, "same": 1}
    assert counts["outcomes"] == {"failed": 1, "scored": 2, "tie": 1}
    assert counts["verdicts"] == 3


def test_a_pointwise_rubric_and_a_pairwise_one_vote_side_by_side(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2))

    def rule(texts: list[str]) -> dict[str, Any]:
        return {"grade": 4} if len(texts) == 1 else larger(texts)

    with JudgeServer(rule) as server:
        judged(tmp_path, server, rubric=("helpfulness", "helpfulness_rating"))
    for row in rows(tmp_path / "out"):
        scores = [found.scores for found in row.votes]
        assert sorted(map(str, scores[2:])) == ["(4.0, None)", "(None, 4.0)"]


def test_a_rubric_of_ones_own_is_read_from_its_file(tmp_path: Path) -> None:
    from prefkit.judging.library import _folder  # where the packaged ones lie

    text = (_folder() / "helpfulness.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("name: helpfulness", "name: own"))
    dataset(tmp_path / "data", *numbered(1))
    with JudgeServer(larger) as server:
        judged(tmp_path, server, rubric=str(tmp_path / "own.yaml"))
    held = manifest(tmp_path / "out")
    assert held["options"]["rubric"] == ["own.yaml"]
    (label,) = held["judging"]["rubrics"]
    assert label.startswith("own@")
    assert str(tmp_path) not in json.dumps({**held, "run": None})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ("m", "m")}, "names no client"),
        ({"model": ("replay:x", "replay:x")}, "a panel needs different models"),
        ({"model": ("replay:x", "replay:y"), "revision": "1"}, "cannot pin several"),
        ({"rubric": "helpfullness"}, "Did you mean 'helpfulness'"),
        ({"rubric": ("helpfulness", "helpfulness")}, "different ones"),
        ({"gold": "data"}, "holds no vote of a person"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset(tmp_path / "data", *numbered(1))
    write_jsonl(tmp_path / "x", [])
    write_jsonl(tmp_path / "y", [])
    usual = {"model": "replay:x", "rubric": "helpfulness", "out": "out", "cache": "cache"}
    with pytest.raises(ConfigError, match=message):
        prefkit.collect_judge("data", **(usual | options))
    assert not (tmp_path / "out").exists()


def test_no_verdict_at_all_is_no_success_and_the_folder_says_why(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(3))
    with JudgeServer(lambda _: "No comment.") as server, pytest.raises(NothingUsable) as caught:
        judged(tmp_path, server)
    assert "no verdict on any of 3 comparisons (6 " in str(caught.value)
    assert manifest(tmp_path / "out")["counts"]["outcomes"] == {"failed": 6}


def test_a_model_that_is_not_there_is_nothing_usable(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2))
    with FaultServer([Rule(fault="404")]) as server:
        done = judge("data", *hosted(server, tmp_path, "--yes"), "--out", "out", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "4 rejected" in done.stderr


def test_null_leaves_the_temperature_to_the_model(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(1))
    with FaultServer() as server:
        words = hosted(server, tmp_path, "--yes", "--temperature", "null", "--out", "out")
        done = judge("data", *words, cwd=tmp_path)
        bodies = [seen.body for seen in server.asks()]
    assert done.returncode == 0, done.stderr
    assert all("temperature" not in body for body in bodies)
    assert manifest(tmp_path / "out")["options"]["temperature"] is None


def test_human_votes_stay_what_they_are(tmp_path: Path) -> None:
    cast = vote(1.0, 0.0, by="p7", record="line 9", rationale="clear")
    dataset(tmp_path / "data", compare("q?", ["it is 1", "it is 2"], cast))
    with JudgeServer(larger) as server:
        judged(tmp_path, server)
    before, after = rows(tmp_path / "data"), rows(tmp_path / "out")
    assert after[0].votes[0] == before[0].votes[0]

"""Judges that are held against people before they are let go on, and watched by a canary."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import vote
from judging_runs import JudgeServer, dataset, first, judge, larger, manifest, numbered, rows

import prefkit
from prefkit.errors import ConfigError, GateFailed
from prefkit.judging.library import load_rubric

LOW = """
name: low
fewest_pairs: 20
fewest_clusters: 10
ties_as_class: {}
ties_dropped: {accuracy: 0.6}
ties_half: {}
without_ceiling: leave_out
swap_consistency: 0.5
length_lean: null
unreadable: 0.2
"""


def options(place: Path, server: JudgeServer, **more: Any) -> dict[str, Any]:
    (place / "low.yaml").write_text(LOW)
    usual = {"rubric": "helpfulness", "model": server.spec, "cache": place / "cache"}
    return usual | {"thresholds": place / "low.yaml"} | more


def test_a_judge_without_a_certificate_is_refused_and_only_gold_was_asked(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(60, people=30))
    (tmp_path / "low.yaml").write_text(LOW)
    with JudgeServer(first) as server:
        words = ["--model", server.spec, "--rubric", "helpfulness", "--thresholds", "low.yaml"]
        done = judge("data", *words, "--require-certificate", "--out", "out", cwd=tmp_path)
        asked = list(server.record)
    assert done.returncode == 3, done.stderr
    assert "have no certificate (low)" in done.stderr
    assert "swap consistency" in done.stderr
    assert not (tmp_path / "out").exists()
    assert len(asked) == 60  # thirty pairs in both orders
    questions = {int(texts[0].split(" to question ")[1].split(" ")[0]) for texts in asked}
    assert questions == set(range(30))


def test_a_judge_with_a_certificate_goes_on_and_gold_is_not_paid_twice(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(40, people=30))
    with JudgeServer(larger) as server:
        outcome = prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            require_certificate=True,
            **options(tmp_path, server),
        )
        assert len(server.record) == 80
    (certificate,) = manifest(tmp_path / "out")["certificates"]
    assert certificate["status"] == "passed"
    assert certificate["ties_dropped"]["accuracy"]["value"] == 1.0
    assert certificate["gold"]["pairs"]["gold"] == 30
    assert any("passed" in text for label, text in outcome.lines if label == "Certificate")


def test_gold_of_another_dataset_certifies_and_stays_out_of_the_rows(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(5))
    dataset(tmp_path / "gold", *numbered(40, people=40)[10:])
    with JudgeServer(larger) as server:
        prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            gold=tmp_path / "gold",
            require_certificate=True,
            **options(tmp_path, server),
        )
        assert len(server.record) == 70
    held = manifest(tmp_path / "out")
    assert held["certificates"][0]["status"] == "passed"
    assert held["certified_by"] == {"comparisons": 30, "verdicts": 60, "unanswered": {}}
    assert held["options"]["gold"]["name"] == "gold"
    assert len(rows(tmp_path / "out")) == 5


def test_without_gold_a_required_certificate_is_refused_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    dataset(tmp_path / "data", *numbered(3))
    with JudgeServer(larger) as server:
        with pytest.raises(GateFailed, match="no vote of a person"):
            prefkit.collect_judge(
                tmp_path / "data",
                out=tmp_path / "out",
                require_certificate=True,
                **options(tmp_path, server),
            )
        assert server.record == []
    assert not (tmp_path / "out").exists()


def test_gold_about_something_else_is_not_asked(tmp_path: Path) -> None:
    """Nor paid: it certifies nobody by this rubric."""
    other = [
        row._replace(votes=tuple(one._replace(criterion="harmlessness") for one in row.votes))
        for row in numbered(40, people=40)
    ]
    dataset(tmp_path / "data", *numbered(3))
    dataset(tmp_path / "gold", *other[:20], *numbered(60, people=60)[40:])
    dataset(tmp_path / "other", *other)
    with JudgeServer(larger) as server:
        with pytest.raises(GateFailed, match="no vote of a person about helpfulness or the whole"):
            prefkit.collect_judge(
                tmp_path / "data",
                out=tmp_path / "out",
                gold=tmp_path / "other",
                require_certificate=True,
                **options(tmp_path, server),
            )
        assert server.record == []
        prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            gold=tmp_path / "gold",
            **options(tmp_path, server),
        )
        assert len(server.record) == 2 * (20 + 3)


def test_gold_that_got_no_answer_is_not_said_to_be_missing(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(3))
    dataset(tmp_path / "gold", *numbered(9, people=9)[5:])

    def silent_on_gold(texts: list[str]) -> dict[str, Any] | int:
        number = int(texts[0].split(" to question ")[1].split(" ")[0])
        return 400 if number >= 5 else larger(texts)

    with JudgeServer(silent_on_gold) as server:
        outcome = prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            gold=tmp_path / "gold",
            **options(tmp_path, server),
        )
    held = manifest(tmp_path / "out")
    assert held["certificates"] == "uncalibrated: no vote on the gold"
    assert held["certified_by"] == {
        "comparisons": 4,
        "verdicts": 0,
        "unanswered": {"rejected": 8},
    }
    assert [one["votes"] for one in held["uncertified"]] == [6]
    assert ("Gold", "4 comparisons, 0 verdicts, unanswered: 8 rejected") in outcome.lines


class Renamed(JudgeServer):
    """Calls itself otherwise after so many answers, as an alias moves on."""

    after = 60

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        status, said = super().answer(body)
        return status, said | {"model": "judge-2027"} if len(self.record) > self.after else said


def test_a_model_that_takes_the_place_of_the_certified_one_is_said_to_have_no_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset(tmp_path / "data", *numbered(40, people=30))
    with Renamed(larger) as server:
        with_all = options(tmp_path, server)
        loose = prefkit.collect_judge(tmp_path / "data", out=tmp_path / "loose", **with_all)
        with pytest.raises(GateFailed, match=r"judge-2027 .* \(20 votes\)"):
            prefkit.collect_judge(
                tmp_path / "data", out=tmp_path / "strict", require_certificate=True, **with_all
            )
    label = load_rubric("helpfulness").label
    stranger = {"judge": "judge-2027", "rubric": label, "votes": 20}
    assert manifest(tmp_path / "strict")["uncertified"] == [stranger]
    assert manifest(tmp_path / "loose")["certificates"][0]["judge"].startswith("judge-2026")
    assert any("judge-2027" in text for label, text in loose.lines if label == "Certificate")
    assert any("judge-2027" in one.getMessage() for one in caplog.records)


def test_votes_that_stood_there_before_certify_nobody(tmp_path: Path) -> None:
    """Anybody can write a vote into a file under the name of a judge."""
    rubric = load_rubric("helpfulness")
    planted = [
        vote(0.0, 1.0, kind="judge", by="judge-2026", rubric=rubric.label,
             criterion=rubric.criterion, record=f"planted {turn}", order=order)
        for turn, order in enumerate([(0, 1), (1, 0)] * 4)
    ]  # fmt: skip
    data = [row._replace(votes=(*row.votes, *planted)) for row in numbered(30, people=30)]
    dataset(tmp_path / "data", *data)
    with JudgeServer(first) as server:
        prefkit.collect_judge(tmp_path / "data", out=tmp_path / "out", **options(tmp_path, server))
    (certificate,) = manifest(tmp_path / "out")["certificates"]
    assert certificate["swaps"]["consistency"]["value"] == 0.0
    assert certificate["ties_dropped"]["accuracy"]["n"] == 0


def test_of_a_panel_every_judge_needs_a_certificate(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(40, people=30))
    with JudgeServer(larger, "sound-1") as sound, JudgeServer(first, "lazy-1") as lazy:
        with pytest.raises(GateFailed) as caught:
            prefkit.collect_judge(
                tmp_path / "data",
                out=tmp_path / "out",
                require_certificate=True,
                **options(tmp_path, sound, model=(sound.spec, lazy.spec)),
            )
        assert (len(sound.record), len(lazy.record)) == (60, 60)
    assert "1 of 2 judges have no certificate" in str(caught.value)
    assert "lazy-1" in str(caught.value)
    assert "sound-1" not in str(caught.value)


def test_a_judge_that_answers_nothing_on_gold_has_no_certificate(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(30, people=25))
    with (
        JudgeServer(larger) as sound,
        JudgeServer(lambda _: 400, "mute-1") as mute,
        pytest.raises(GateFailed) as caught,
    ):
        prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            require_certificate=True,
            **options(tmp_path, sound, model=(sound.spec, mute.spec)),
        )
    assert "1 of 2 judges" in str(caught.value)
    assert "judge-2026" not in str(caught.value)


def test_a_judge_that_fails_its_certificate_still_votes_where_none_is_required(
    tmp_path: Path,
) -> None:
    dataset(tmp_path / "data", *numbered(30, people=25))
    with JudgeServer(first) as server:
        outcome = prefkit.collect_judge(
            tmp_path / "data", out=tmp_path / "out", **options(tmp_path, server)
        )
    (certificate,) = manifest(tmp_path / "out")["certificates"]
    assert certificate["status"] == "refused"
    assert any("refused" in text for label, text in outcome.lines if label == "Certificate")


def test_a_canary_is_asked_anew_in_every_run_and_says_what_drifted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset(tmp_path / "data", *numbered(12))
    dataset(tmp_path / "watch", *numbered(42)[12:])
    with JudgeServer(larger) as server:
        with_all = options(tmp_path, server)
        prefkit.collect_judge(tmp_path / "watch", out=tmp_path / "then", **with_all)
        before = len(server.record)
        same = prefkit.collect_judge(
            tmp_path / "data", out=tmp_path / "one", canary=tmp_path / "then", **with_all
        )
        assert len(server.record) == before + 60 + 24
        assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
        server.rule = first
        other = prefkit.collect_judge(
            tmp_path / "data", out=tmp_path / "two", canary=tmp_path / "then", **with_all
        )
        assert len(server.record) == before + 60 + 24 + 60  # what was judged before is kept
    assert same.facts["canary"][server.spec]["drifted"] is False
    assert other.facts["canary"][server.spec]["drifted"] is True
    assert any("drift" in record.getMessage() for record in caplog.records)
    one, two = (manifest(tmp_path / name) for name in ("one", "two"))
    assert one["run"]["canary"] == same.facts["canary"]
    assert one["content_hash"] == two["content_hash"]


def test_a_canary_without_a_verdict_of_this_judge_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path / "data", *numbered(2))
    with JudgeServer(larger) as server, pytest.raises(ConfigError):
        prefkit.collect_judge(
            tmp_path / "data",
            out=tmp_path / "out",
            canary=tmp_path / "data",
            **options(tmp_path, server),
        )

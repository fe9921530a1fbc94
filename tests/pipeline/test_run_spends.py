"""A pipeline that asks models: its consent, its budget, its files, and a run that was killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import SCRIPT, script, write_jsonl
from comparison_rows import compare, table_of, write_comparisons

import prefkit
from prefkit.errors import BudgetReached, ConfigError, GateFailed
from prefkit.pipeline import Run
from prefkit.pipeline.file import plan, read_document
from prefkit.pipeline.purse import Purse
from prefkit.verbs.ask import Ask

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
sys.path.insert(0, str(Path(__file__).parents[1] / "judging"))

from fault_server import FaultServer
from judge_server import JudgeServer, larger

KEY_ENV = "PREFKIT_TEST_KEY"


def prompts(folder: Path, count: int, name: str = "prompts.jsonl") -> Path:
    rows = [{"id": f"p{number}", "prompt": f"Question {number}?"} for number in range(count)]
    return write_jsonl(folder / name, rows)


def recorded(path: Path, count: int, word: str = "Answer") -> Path:
    return write_jsonl(
        path,
        [
            {"request": {"messages": f"Question {n}?"}, "reply": f"{word} {n}."}
            for n in range(count)
        ],
    )


def steps(place: Path, *lines: str) -> Path:
    path = place / "asking.yaml"
    path.write_text("steps:\n" + "".join(f"  - {line}\n" for line in lines))
    return path


def ran(file: Path, **options: Any) -> dict[str, str]:
    options.setdefault("out", file.parent / "out")
    options.setdefault("cache", file.parent / "cache")
    outcome = Run(file=file, **options)()
    return {entry["step"]: entry["status"] for entry in outcome.facts["steps"]}


def texts(folder: Path) -> list[str]:
    lines = (folder / "replies.jsonl").read_text().splitlines()
    return [json.loads(line)["text"] for line in lines]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pipeline files, which is not the one that commands run in."""
    folder = tmp_path / "pipelines"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return folder


@pytest.mark.parametrize("word", ["yes: true", "key_env: K", "base_url: http://127.0.0.1:1"])
def test_no_consent_comes_from_a_file(place: Path, word: str) -> None:
    prompts(place, 1)
    file = steps(place, f"ask: {{paths: prompts.jsonl, model: 'openai:m', {word}}}")
    with pytest.raises(ConfigError, match="is a consent, which never comes from a file"):
        Run(file=file, out=place / "out")()
    assert not (place / "out").exists()


def test_consent_of_the_run_reaches_the_steps_that_spend_and_no_others(place: Path) -> None:
    prompts(place, 1)
    (place / "data").mkdir()
    file = steps(
        place,
        "ask: {paths: prompts.jsonl, model: 'openai:m', budget: 0.5}",
        "pair: {dataset: data}",
    )
    given = {"yes": True, "cache": Path("kept"), "limit": None}
    asking, pairing = (step.verb for step in plan(read_document(file, ()), place / "out", given))
    assert isinstance(asking, Ask)
    assert (asking.yes, asking.cache, asking.budget) == (True, Path("kept"), 0.5)
    assert "yes" not in pairing.model_dump()


def test_consent_to_run_code_reaches_the_steps_that_have_the_option(place: Path) -> None:
    prompts(place, 1)
    file = steps(
        place,
        "collect synthetic: {paths: prompts.jsonl, model: 'openai:m', recipe: sample}",
        "collect synthetic: {paths: 1-collect-synthetic, recipe: {answers: {checker: number}}}",
        "pair: {dataset: 2-collect-synthetic}",
    )
    given = {"unsafe_exec": True, "limit": 5}
    made, checked, paired = plan(read_document(file, ()), place / "out", given)
    assert [getattr(step.verb, "unsafe_exec", None) for step in (made, checked, paired)] == [
        True, True, None,
    ]  # fmt: skip
    assert (getattr(made.verb, "limit", None), getattr(checked.verb, "limit", None)) == (5, None)
    assert (checked.takes, checked.source) == ("1-collect-synthetic", made.out)
    more = "collect synthetic: {paths: [1-ask, prompts.jsonl], recipe: sample}"
    wrong = read_document(steps(place, "ask: {paths: prompts.jsonl, model: 'openai:m'}", more), ())
    with pytest.raises(ConfigError, match="there are other paths beside it"):
        plan(wrong, place / "out", given)


def test_files_of_a_step_lie_beside_the_pipeline(place: Path) -> None:
    prompts(place, 3)
    recorded(place / "answers.jsonl", 3)
    (place / "prices.yaml").write_text("answers: {input: 1.0, output: 1.0, date: 2026-01-01}\n")
    file = steps(
        place,
        "ask: {paths: prompts.jsonl, model: 'replay:answers.jsonl', prices: prices.yaml}",
    )
    assert ran(file) == {"1 ask": "done"}
    assert texts(place / "out" / "1-ask") == ["Answer 0.", "Answer 1.", "Answer 2."]
    assert ran(file) == {"1 ask": "unchanged"}


def test_a_file_that_changed_runs_its_step_again(place: Path) -> None:
    prompts(place, 2)
    recorded(place / "answers.jsonl", 2)
    (place / "prices.yaml").write_text("answers: {input: 1.0, output: 1.0, date: 2026-01-01}\n")
    file = steps(
        place, "ask: {paths: prompts.jsonl, model: 'replay:answers.jsonl', prices: prices.yaml}"
    )
    ran(file)
    recorded(place / "answers.jsonl", 2, "Changed")
    assert ran(file, dry_run=True) == {"1 ask": "would run"}
    assert ran(file) == {"1 ask": "done"}
    assert texts(place / "out" / "1-ask") == ["Changed 0.", "Changed 1."]
    (place / "prices.yaml").write_text("answers: {input: 2.0, output: 1.0, date: 2026-01-01}\n")
    assert ran(file) == {"1 ask": "done"}
    os.utime(place / "answers.jsonl", (1, 1))
    assert ran(file) == {"1 ask": "unchanged"}


def test_limits_change_nothing_of_what_was_answered(place: Path) -> None:
    prompts(place, 2)
    recorded(place / "answers.jsonl", 2)
    line = "ask: {{paths: prompts.jsonl, model: 'replay:answers.jsonl', concurrency: {}}}"
    file = steps(place, line.format(4))
    ran(file)
    steps(place, line.format(8))
    assert ran(file, budget=3.0, yes=True, cache=place / "other") == {"1 ask": "unchanged"}


def test_a_pipeline_that_moved_is_unchanged(place: Path, tmp_path: Path) -> None:
    prompts(place, 2)
    recorded(place / "answers.jsonl", 2)
    file = steps(place, "ask: {paths: prompts.jsonl, model: 'replay:answers.jsonl'}")
    ran(file)
    place.rename(tmp_path / "moved")
    assert ran(tmp_path / "moved" / "asking.yaml") == {"1 ask": "unchanged"}


def test_a_file_that_is_not_there_is_said_before_anything_runs(place: Path) -> None:
    prompts(place, 1)
    file = steps(place, "ask: {paths: prompts.jsonl, model: 'replay:none.jsonl'}")
    with pytest.raises(ConfigError, match=r"steps\[0\]: model: there is no .*none\.jsonl"):
        ran(file)
    assert not (place / "out").exists()


def test_a_budget_that_is_negative_is_refused(place: Path) -> None:
    with pytest.raises(ConfigError, match="budget"):
        prefkit.run(place / "x.yaml", budget=-1)


def paid(server: FaultServer, folder: Path, out: str, **more: Any) -> Ask:
    """A step at the fault server, which bills: no pipeline file could name its key."""
    (folder / "prices.yaml").write_text("m: {input: 1.0, output: 10.0, date: 2026-01-01}\n")
    return Ask(
        paths=(str(folder / "prompts.jsonl"),),
        model="openai:m",
        out=folder / out,
        base_url=server.openai_url,
        key_env=KEY_ENV,
        prices=folder / "prices.yaml",
        cache=folder / "cache",
        yes=True,
        max_tokens=16,
        **more,
    )


def test_steps_spend_one_budget_in_turn(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_ENV, "sk-test-key-of-the-fault-server-0123456789")
    prompts(place, 60)
    with FaultServer() as server:
        purse = Purse(0.0018)
        first = purse.lend(paid(server, place, "one", limit=5))()
        purse.take(first)
        spent = first.facts["spend"]["spent_usd"]
        assert 0 < spent < 0.0018
        second = purse.lend(paid(server, place, "two", temperature=1.0))
        assert second.model_dump()["budget"] == pytest.approx(0.0018 - spent)
        with pytest.raises(BudgetReached):
            second()
        billed = server.dollars(1.0, 10.0)
    assert spent < billed <= 0.0018
    assert (place / "two" / "manifest.json").is_file()


def test_a_step_keeps_its_own_budget_if_it_is_less(place: Path) -> None:
    prompts(place, 1)
    own = Ask(paths=("p",), model="openai:m", out=place / "o", budget=0.25)
    assert Purse(1.0).lend(own).model_dump()["budget"] == 0.25
    assert Purse(0.1).lend(own).model_dump()["budget"] == 0.1
    assert Purse(None).lend(own) is own


def test_a_run_that_was_killed_asks_nothing_twice(place: Path) -> None:
    """What was in flight when the kill came may be asked again, nothing else."""
    prompts(place, 120)
    in_flight = 4
    with FaultServer(latency=(0.01, 0.04)) as server:
        model = f"{server.host}#m"
        file = steps(
            place, f"ask: {{paths: prompts.jsonl, model: '{model}', concurrency: {in_flight}}}"
        )
        words = [SCRIPT, "run", str(file), "--out", str(place / "out")]
        words += ["--yes", "--budget", "1", "--cache", str(place / "cache")]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while len(server.answered()) < 37 and time.monotonic() < until:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not (place / "out" / "1-ask").exists()
        again = script(*words[1:])
        assert again.code == 0, again.err
        worked = server.worked()
        third = script(*words[1:])
        assert server.worked() == worked
    assert sum(count - 1 for count in worked.values()) <= in_flight
    assert len(worked) == 120
    assert "unchanged" in third.out
    assert [path.name for path in (place / "out").iterdir() if path.name.startswith(".")] == []


LOW = "name: low\nfewest_pairs: 5\nfewest_clusters: 5\nties_as_class: {}\n"
LOW += "ties_dropped: {accuracy: 0.1}\nties_half: {}\nwithout_ceiling: leave_out\n"
LOW += "swap_consistency: null\nlength_lean: null\nunreadable: 0.5\n"


def judging(place: Path, model: str) -> Path:
    """A pipeline whose judging step names files beside it, and an earlier step as its gold."""
    own = Path(__file__).parents[2] / "rubrics" / "helpfulness.yaml"
    (place / "own.yaml").write_text(own.read_text().replace("name: helpfulness", "name: own"))
    (place / "low.yaml").write_text(LOW)
    rows = [
        {"prompt": f"Q{n}?", "chosen": f"It is {n + 1}", "rejected": f"It is {n}"}
        for n in range(30)
    ]
    write_jsonl(place / "pairs.jsonl", rows)
    write_jsonl(place / "gold.jsonl", rows[:26])
    return steps(
        place,
        "collect human: {paths: gold.jsonl}",
        "collect human: {paths: pairs.jsonl}",
        f"collect judge: {{model: '{model}', rubric: own.yaml, gold: 1-collect-human, "
        "thresholds: low.yaml, require_certificate: true}",
        "pair: {kind: judge, criterion: helpfulness}",
    )


def test_a_judging_step_finds_its_files_and_runs_again_when_one_changes(place: Path) -> None:
    names = ("1 collect human", "2 collect human", "3 collect judge", "4 pair")

    def done(*which: int, word: str = "done") -> dict[str, str]:
        return {name: word if int(name[0]) in which else "unchanged" for name in names}

    with JudgeServer(larger) as server:
        file = judging(place, server.spec)
        assert ran(file) == done(1, 2, 3, 4)
        assert len(server.record) == 60
        assert ran(file) == done()
        (place / "low.yaml").write_text(LOW.replace("fewest_pairs: 5", "fewest_pairs: 6"))
        assert ran(file) == done(3, 4)
        assert len(server.record) == 60  # kept
        rubric = place / "own.yaml"
        rubric.write_text(rubric.read_text() + "\n# a comment\n")
        assert ran(file)["3 collect judge"] == "done"
        lines = (place / "gold.jsonl").read_text().splitlines(keepends=True)
        (place / "gold.jsonl").write_text("".join(lines[:22]))
        assert ran(file, dry_run=True) == done(1, 3, 4, word="would run")
        assert ran(file)["3 collect judge"] == "done"
        assert len(server.record) == 60
    held = json.loads((place / "out" / "3-collect-judge" / "manifest.json").read_text())
    assert held["certified_by"]["comparisons"] == 22
    assert held["certificates"][0]["status"] == "passed"


def test_votes_that_are_asked_for_anew_and_are_the_same_change_no_later_step(place: Path) -> None:
    """What was paid is of a run, not of what it wrote."""
    pairs = [compare(f"Which, {n}?", [f"It is {n}", f"It is {n + 1}"]) for n in range(3)]
    write_comparisons(place / "data", table_of(*pairs))
    with JudgeServer(larger) as server:
        step = f"{{dataset: data, model: '{server.spec}', rubric: helpfulness}}"
        file = steps(place, f"collect judge: {step}", "pair: {kind: judge}")
        assert ran(file) == {"1 collect judge": "done", "2 pair": "done"}
        shutil.rmtree(place / "out" / "1-collect-judge")
        assert ran(file) == {"1 collect judge": "done", "2 pair": "unchanged"}
        assert len(server.record) == 6


def test_a_gate_that_a_judge_fails_ends_the_run_at_its_step(place: Path) -> None:
    with JudgeServer(lambda texts: {"verdict": "A" if float(texts[0][-1]) < 4 else "B"}) as server:
        file = judging(place, server.spec)
        (place / "low.yaml").write_text(LOW.replace("accuracy: 0.1", "accuracy: 0.95"))
        with pytest.raises(GateFailed, match=r"step 3 collect judge: .*no certificate"):
            ran(file)
        assert len(server.record) == 52  # the gold
    assert not (place / "out" / "3-collect-judge").exists()
    assert (place / "out" / "2-collect-human" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("model: 'opnai:m', rubric: helpfulness", "'opnai:m' names no client. Did you mean"),
        ("model: 'openai:m', rubric: helpfullness", "no rubric 'helpfullness'. Did you mean"),
        ("model: 'openai:m', rubric: none.yaml", "rubric: there is no "),
        ("model: 'openai:m', rubric: helpfulness, gold: 1-colect-human", "Did you mean '1-collect"),
        ("model: 'openai:m', rubric: helpfulness, yes: true", "'yes' is a consent"),
    ],
)
def test_a_judging_step_that_is_wrong_is_refused_before_anything_runs(
    place: Path, options: str, message: str
) -> None:
    write_jsonl(place / "pairs.jsonl", [{"prompt": "q", "chosen": "a", "rejected": "b"}])
    file = steps(place, "collect human: {paths: pairs.jsonl}", f"collect judge: {{{options}}}")
    with pytest.raises(ConfigError) as caught:
        ran(file)
    assert f"{file}, steps[1]: " in str(caught.value)
    assert message in str(caught.value)
    assert not (place / "out").exists()


def test_a_step_that_does_not_pass_is_the_last_and_is_tried_again(place: Path) -> None:
    with JudgeServer(larger) as server:
        file = judging(place, server.spec)
        text = file.read_text()
        report = "  - report: {thresholds: high.yaml, require_certificate: true}\n  - pair"
        file.write_text(text.replace("  - pair", report))
        (place / "high.yaml").write_text(LOW.replace("fewest_pairs: 5", "fewest_pairs: 500"))
        words = [file, "--out", place / "out", "--cache", place / "cache"]
        failed = script("run", *words)
        assert failed.code == 3, failed.err
        assert "4 report" in failed.out
        assert "failed (exit 3)" in failed.out
        assert not (place / "out" / "5-pair").exists()
        (place / "high.yaml").write_text(LOW)
        passed = script("run", *words)
        assert len(server.record) == 60
    assert passed.code == 0, passed.err + passed.out
    assert (place / "out" / "5-pair").is_dir()

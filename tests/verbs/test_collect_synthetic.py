"""`prefkit collect synthetic`: exact rows from recorded answers, two rounds, casters, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from judging_runs import manifest, row_bytes, rows, set_aside
from synthetic_runs import collect, jsonl, with_recipes

import prefkit
from prefkit.errors import ConfigError

SUMS: list[dict[str, Any]] = [
    {"id": "a", "prompt": "Two plus two?", "answer": "4", "tags": {"domain": "sums"}, "level": 1},
    {"id": "b", "prompt": "Capital of France?"},
]

RECORDED: list[dict[str, Any]] = [
    {"request": {"messages": "Two plus two?"}, "reply": "4"},
    {
        "request": {"messages": "Two plus two?", "draw": 2},
        "reply": {"text": "It is fo", "finish": "length"},
    },
    {"request": {"messages": "Capital of France?", "temperature": 0.5}, "reply": "Paris"},
]


def recorded(folder: Path) -> None:
    jsonl(folder / "p.jsonl", SUMS)
    jsonl(folder / "r.jsonl", RECORDED)


def test_equal_answers_are_one_response_with_their_count_and_their_draws(tmp_path: Path) -> None:
    recorded(tmp_path)
    done = collect(
        "p.jsonl",
        *("--recipe", "{sample: {n: 3, temperature: 0.5, seed: 7, max_tokens: 64}}"),
        *("--model", "replay:r.jsonl", "--out", "out", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    one, other = rows(tmp_path / "out")
    assert (one.reference, one.tags, other.reference) == ('"4"', (("domain", "sums"),), None)
    assert json.loads(one.extra or "") == {"id": "a", "level": 1}
    texts = {
        answer.messages[0].content: json.loads(answer.sampling or "") for answer in one.responses
    }
    draw = {"model": "r", "temperature": 0.5, "max_tokens": 64}
    assert texts["4"]["count"] == 2
    assert [(a["seed"], a["draw"]) for a in texts["4"]["draws"]] == [(7, 0), (8, 1)]
    assert texts["It is fo"] == {
        "count": 1,
        "draws": [draw | {"finish": "length", "seed": 9, "draw": 2}],
    }
    assert [answer.messages[0].content for answer in other.responses] == ["Paris"]
    assert said["counts"] == {
        "prompts": 2, "comparisons": 2, "set_aside": {}, "drafts": 6, "answered": 6, "cut": 1,
        "failed": {}, "responses": 3, "votes": {}, "known_votes": 0, "unvoted": {},
    }  # fmt: skip
    assert manifest(tmp_path / "out")["recipe"]["options"]["temperature"] == [0.5]


def test_rows_without_a_response_and_failed_drafts_are_listed_with_their_reasons(
    tmp_path: Path,
) -> None:
    recorded(tmp_path)
    rest = [{"prompt": ""}, {"prompt": "Two plus two?"}, {"prompt": "Nobody knows?"}]
    jsonl(tmp_path / "p.jsonl", [*SUMS, *rest])
    jsonl(
        tmp_path / "r.jsonl", [*RECORDED, {"request": {"messages": "Nobody knows?"}, "reply": " "}]
    )
    done = collect(
        "p.jsonl", "--recipe", "{sample: {n: 1, temperature: [0.5, 1.0]}}",
        "--model", "replay:r.jsonl", "--out", "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    listed = [(one["where"], one["part"], one["reason"]) for one in set_aside(tmp_path / "out")]
    assert listed == [
        ("line 2", True, "unsupported"),
        ("line 3", False, "blank"),
        ("line 4", False, "repeated"),
        ("line 5", True, "blank"),
        ("line 5", True, "blank"),
        ("line 5", False, "no response"),
    ]
    counts = manifest(tmp_path / "out")["counts"]
    assert counts["failed"] == {"blank": 2, "unsupported": 1}
    assert counts["set_aside"] == {"blank": 1, "no response": 1, "repeated": 1}
    assert (counts["prompts"], counts["comparisons"], counts["drafts"]) == (4, 2, 6)


def test_several_models_write_side_by_side_and_an_equal_text_of_both_has_no_one_model(
    tmp_path: Path,
) -> None:
    jsonl(tmp_path / "p.jsonl", [{"prompt": "Two plus two?"}])
    asked = {"messages": "Two plus two?"}
    jsonl(tmp_path / "strong.jsonl", [{"request": asked, "reply": "4"}])
    weak = [{"request": asked, "reply": "4"}, {"request": asked | {"draw": 1}, "reply": "5"}]
    jsonl(tmp_path / "weak.jsonl", weak)
    prefkit.collect_synthetic(
        (str(tmp_path / "p.jsonl"),),
        recipe={"sample": {"n": 2}},
        model=(f"replay:{tmp_path / 'strong.jsonl'}", f"replay:{tmp_path / 'weak.jsonl'}"),
        out=tmp_path / "out",
    )
    (row,) = rows(tmp_path / "out")
    found = {one.messages[0].content: one for one in row.responses}
    assert (found["4"].model, found["5"].model) == (None, "weak")
    draws = json.loads(found["4"].sampling or "")["draws"]
    assert [(draw["model"], draw["draw"]) for draw in draws] == [
        ("strong", 0), ("weak", 0), ("strong", 1),
    ]  # fmt: skip


def test_a_second_round_is_made_from_the_first_answers_and_a_caster_votes(tmp_path: Path) -> None:
    packages = with_recipes(tmp_path / "packages")
    jsonl(tmp_path / "p.jsonl", [{"prompt": f"Say {n}"} for n in range(40)])
    again = [
        {
            "request": {
                "messages": [
                    {"role": "user", "content": f"Say {n}"},
                    {"role": "assistant", "content": f"{n}"},
                    {"role": "user", "content": "Again."},
                ]
            },
            "reply": "What?" if n == 3 else f"{n} and more",
        }
        for n in range(40)
    ]
    first = [{"request": {"messages": f"Say {n}"}, "reply": f"{n}"} for n in range(40)]
    jsonl(tmp_path / "r.jsonl", [*first, *again])
    done = collect(
        "p.jsonl", "--recipe", "{second_thoughts: {n: 1, max_tokens: 4}}",
        "--model", "replay:r.jsonl", "--out", "out", cwd=tmp_path, packages=packages,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "gives the label away" in done.stderr
    found = rows(tmp_path / "out")
    assert [row.prompt[0].content for row in found] == [f"Say {n}" for n in range(40)]
    for number, row in enumerate(found):
        (vote,) = row.votes
        scores = {
            answer.messages[0].content: score
            for answer, score in zip(row.responses, vote.scores, strict=True)
        }
        longer = {"3": 0.0, "What?": None} if number == 3 else {
            f"{number}": 0.0, f"{number} and more": 1.0,
        }  # fmt: skip
        assert scores == longer
        assert vote.source.name == "synthetic:second_thoughts"
    held = manifest(tmp_path / "out")
    assert held["casting"] == {"looked_at": 40}
    assert held["counts"]["votes"] == {"rule": 40}
    assert held["counts"]["unvoted"] == {"unsure": 1}
    assert held["warnings"][0].startswith("answers of few tokens are cut")
    assert held["giveaway"]["pairs"] == 39
    (line,) = set_aside(tmp_path / "out")
    assert (line["reason"], line["detail"]) == ("unsure", "it asks back")
    assert line["response"] in {answer["id"] for answer in stored(tmp_path / "out", 3)}


def stored(folder: Path, number: int) -> list[dict[str, str]]:
    from prefkit.dataset import open_dataset

    table = next(open_dataset(folder).batches(["responses"]))
    found: list[dict[str, str]] = table["responses"][number].as_py()
    return found


def test_votes_are_added_to_a_dataset_whose_responses_are_there(tmp_path: Path) -> None:
    packages = with_recipes(tmp_path / "packages")
    recorded(tmp_path)
    made = collect(
        "p.jsonl", "--recipe", "{sample: {n: 3, temperature: 0.5}}", "--model", "replay:r.jsonl",
        "--out", "made", cwd=tmp_path,
    )  # fmt: skip
    words = ["--recipe", "second_thoughts"]
    voted = collect("made", *words, "--out", "voted", cwd=tmp_path, packages=packages)
    again = collect("voted", *words, "--out", "again", cwd=tmp_path, packages=packages)
    assert (made.returncode, voted.returncode, again.returncode) == (0, 0, 0), voted.stderr
    before, after = rows(tmp_path / "made"), rows(tmp_path / "voted")
    assert [row._replace(votes=()) for row in after] == before
    assert [len(row.votes) for row in after] == [1, 1]
    assert manifest(tmp_path / "voted")["parents"] == [manifest(tmp_path / "made")["content_hash"]]
    assert rows(tmp_path / "again") == after
    assert manifest(tmp_path / "again")["counts"]["known_votes"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["p.jsonl", "--recipe", "sample"], "asks a model for responses, and none is named"),
        (["p.jsonl", "--recipe", "smaple"], "there is no recipe 'smaple'. Did you mean 'sample'?"),
        (["p.jsonl", "--recipe", "{sample: {m: 3}}"], "sample has no option 'm'"),
        (["p.jsonl", "--recipe", "{sample: {top_p: 0}}"], "above 0 and at most 1"),
        (["p.jsonl", "--recipe", "{sample: {n: 2, seed: [1, 2, 3]}}"], "3 seeds are 3 answers"),
        (["p.jsonl", "--recipe", "{sample: {temperature: [1, 1.0]}}"], "stands there twice"),
        (["q.jsonl", "--recipe", "sample", "--model", "replay:r.jsonl"], "q.jsonl"),
        (["made", "--recipe", "sample"], "makes responses and votes on none"),
        (["made", "--recipe", "sample", "--model", "replay:r.jsonl"], "holds responses already"),
        (["made", "p.jsonl", "--recipe", "sample"], "there are other paths beside it"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path)
    monkeypatch.chdir(tmp_path)
    prefkit.collect_synthetic(
        ("p.jsonl",), recipe={"sample": {"n": 1, "temperature": 0.5}}, model=("replay:r.jsonl",),
        out=Path("made"),
    )  # fmt: skip
    from prefkit.yaml import load_yaml

    paths = tuple(word for word in words[: words.index("--recipe")])
    models = tuple(words[words.index("--model") + 1 :]) if "--model" in words else ()
    recipe = load_yaml(words[words.index("--recipe") + 1], "recipe")
    with pytest.raises(ConfigError) as caught:
        prefkit.collect_synthetic(paths, recipe=recipe, model=models, out=Path("out"))
    assert said in f"{caught.value} {caught.value.hint}"
    assert not Path("out").exists()


def test_a_paragraph_of_a_text_file_is_a_prompt_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("One\nline\n\nand another\n")
    asked = ("One", "line", "and another", "One\nline")
    jsonl(
        tmp_path / "r.jsonl", [{"request": {"messages": text}, "reply": "Yes."} for text in asked]
    )
    shared = ["p.txt", "--recipe", "{sample: {n: 1}}", "--model", "replay:r.jsonl"]
    assert collect(*shared, "--out", "lines", cwd=tmp_path).returncode == 0
    assert collect(*shared, "--text", "paragraph", "--out", "parts", cwd=tmp_path).returncode == 0
    assert [row.prompt[0].content for row in rows(tmp_path / "lines")] == [
        "One", "line", "and another",
    ]  # fmt: skip
    assert [row.prompt[0].content for row in rows(tmp_path / "parts")] == [
        "One\nline", "and another",
    ]  # fmt: skip


def test_equal_runs_write_equal_bytes(tmp_path: Path) -> None:
    recorded(tmp_path)
    shared = [
        "p.jsonl",
        "--recipe",
        "{sample: {n: 3, temperature: 0.5}}",
        "--model",
        "replay:r.jsonl",
    ]
    for out in ("one", "two"):
        assert collect(*shared, "--out", out, cwd=tmp_path).returncode == 0
    assert row_bytes(tmp_path / "one") == row_bytes(tmp_path / "two")
    aside = [(tmp_path / out / "set_aside.jsonl").read_bytes() for out in ("one", "two")]
    assert aside[0] == aside[1]


def test_a_step_of_a_pipeline_finds_its_files_and_gives_no_consent(tmp_path: Path) -> None:
    recorded(tmp_path)
    step = (
        "steps:\n  - collect synthetic:\n      paths: p.jsonl\n      model: replay:r.jsonl\n"
        "      recipe: {sample: {n: 3, temperature: 0.5}}\n"
    )
    (tmp_path / "good.yaml").write_text(step)
    (tmp_path / "bad.yaml").write_text(step + "      unsafe_exec: true\n")
    prefkit.run(tmp_path / "good.yaml", out=tmp_path / "out")
    assert len(rows(tmp_path / "out" / "1-collect-synthetic")) == 2
    with pytest.raises(ConfigError, match="'unsafe_exec' is a consent"):
        prefkit.run(tmp_path / "bad.yaml", out=tmp_path / "bad")


def test_what_only_says_how_prompts_are_read_is_refused_beside_a_dataset(tmp_path: Path) -> None:
    recorded(tmp_path)
    made = {"recipe": {"sample": {"n": 1, "temperature": 0.5}}, "out": tmp_path / "made"}
    model = (f"replay:{tmp_path / 'r.jsonl'}",)
    prefkit.collect_synthetic((str(tmp_path / "p.jsonl"),), model=model, **made)
    with pytest.raises(ConfigError, match="there is nothing to read by columns, subset"):
        prefkit.collect_synthetic(
            (str(tmp_path / "made"),), recipe={"answers": {"checker": "number"}},
            columns={"prompt": "q"}, subset="s", out=tmp_path / "out",
        )  # fmt: skip


def test_a_later_step_checks_what_an_earlier_one_made(tmp_path: Path) -> None:
    jsonl(tmp_path / "p.jsonl", [{"prompt": "Two plus two?", "answer": "4"}, {"prompt": "Why?"}])
    said = [("Two plus two?", "The answer is 4."), ("Why?", "The answer is 5.")]
    jsonl(tmp_path / "r.jsonl", [{"request": {"messages": q}, "reply": a} for q, a in said])
    file = tmp_path / "two.yaml"
    file.write_text(
        "steps:\n  - collect synthetic: {paths: p.jsonl, model: 'replay:r.jsonl', recipe: sample}\n"
        "  - collect synthetic:\n      paths: [1-collect-synthetic]\n"
        "      recipe: {answers: {checker: number}}\n"
    )
    out = tmp_path / "out"
    first = prefkit.run(file, out=out)
    (one,) = [row.votes for row in rows(out / "2-collect-synthetic") if row.votes]
    assert one[0].scores == (1.0,)
    parents = manifest(out / "2-collect-synthetic")["parents"]
    assert parents == [manifest(out / "1-collect-synthetic")["content_hash"]]
    again = prefkit.run(file, out=out)
    states = [[step["status"] for step in run.facts["steps"]] for run in (first, again)]
    assert states == [["done", "done"], ["unchanged", "unchanged"]]
    less = prefkit.run(file, out=out, set=("1.recipe.sample.n=2",))
    assert [step["status"] for step in less.facts["steps"]] == ["done", "done"]


def test_a_dataset_on_which_nothing_can_be_said_is_no_success(tmp_path: Path) -> None:
    jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?"}, {"prompt": "How?"}])
    asked = [{"request": {"messages": text}, "reply": "So."} for text in ("Why?", "How?")]
    jsonl(tmp_path / "r.jsonl", asked)
    made = collect("p.jsonl", "--recipe", "sample", "--model", "replay:r.jsonl", "--out", "made",
                   cwd=tmp_path)  # fmt: skip
    assert made.returncode == 0, made.stderr
    done = collect("made", "--recipe", "{answers: {checker: number}}", "--limit", 1, "--out", "out",
                   cwd=tmp_path)  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert "no vote on any of 1 comparisons (1 no_reference)" in done.stderr
    assert manifest(tmp_path / "out")["counts"]["left_out"] == 1

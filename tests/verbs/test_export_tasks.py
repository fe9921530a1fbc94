"""Tasks out to annotation tools, and their answers home with the ids that they left with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import task_answers
from command_line import Prefkit, write_jsonl
from comparison_rows import answer, compare, table_of, turns, vote, write_comparisons
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import open_dataset
from prefkit.schema.records import Comparison, Message, Response
from prefkit.verbs.collect_human import CollectHuman

FORMATS = ("label_studio", "argilla")
every_format = pytest.mark.parametrize("format_", FORMATS)

CALL = Message("assistant", None, '{"tool_calls":[{"id":1.50}]}')
TOOLS = Comparison(
    turns("Hi", "Hello", "Weather?"),
    (
        Response((CALL, Message("tool", "rain"), Message("assistant", "It rains.")), "model-z"),
        answer(" I cannot know. \r\n", "model-y"),
    ),
    (),
    tools='[{"f": 1}]',
    template_kwargs='{"x":null}',
)
ODD = compare('[{"role": "user", broken', ["\n\nHuman: x", "[{'role': 'user'"])
SEVERAL = compare("Three?", ["one", "two\n\nlines", "three"])
PLAIN = compare("A prime above 10?", ["11", "12"])
ASKED = (PLAIN, TOOLS, ODD, SEVERAL)
SAID = {
    "A prime above 10?": "answer2",
    "Weather?": "both_bad",
    '[{"role": "user", broken': "tie",
    "Three?": ("answer3", "answer1", "answer2"),
}


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def comparisons(tmp_path: Path) -> Path:
    voted = compare("Voted", ["a", "b"], vote(1.0, 0.0))
    judged = compare("Judged", ["a", "b"], vote(1.0, 0.0, kind="judge"))
    rows = (*ASKED, voted, judged, compare("Alone", ["a"]), compare("Same", ["a", "a"]),
            compare("Nul", ["a\0", "b"]))  # fmt: skip
    return write_comparisons(tmp_path / "comparisons", table_of(*rows))


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [row for table in open_dataset(folder).batches() for row in table.to_pylist()]


def texts_of(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


def answers(shape: str, tmp_path: Path, tasks: Path, said: dict[str, Any] = SAID) -> Path:
    """The answers to tasks in one of the shapes that tools export."""
    if shape == "label_studio_csv":
        return task_answers.label_studio_csv(tmp_path / "results.csv", tasks, said)
    return write_jsonl(tmp_path / "results.jsonl", getattr(task_answers, shape)(tasks, said))


SHAPES = {
    "label_studio": "label_studio",
    "label_studio_min": "label_studio",
    "label_studio_csv": "label_studio",
    "argilla": "argilla",
    "argilla_flat": "argilla",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_come_home_to_the_comparisons_and_responses_that_were_asked_about(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, shape: str
) -> None:
    tasks = tmp_path / "tasks"
    said = prefkit("export", comparisons, "--format", SHAPES[shape], "--out", tasks)
    assert said.code == 0, said.err
    results = answers(shape, tmp_path, tasks)
    outcome = CollectHuman(paths=(str(results),), out=tmp_path / "back")()
    assert outcome.facts["rows"] == outcome.facts["used"] == 4

    known = {row["id"]: row for row in rows_of(comparisons)}
    back = {row["prompt"][-1]["content"]: row for row in rows_of(tmp_path / "back")}
    assert set(back) == set(SAID)
    for row in back.values():
        asked = known[row["id"]]
        for name in ("prompt", "tools", "template_kwargs"):
            assert row[name] == asked[name]
        for mine, theirs in zip(row["responses"], asked["responses"], strict=True):
            assert (mine["id"], mine["messages"]) == (theirs["id"], theirs["messages"])
            assert mine["model"] is None
        assert row["extra"] is None
        assert {vote["criterion"] for vote in row["votes"]} == {None}

    by_prompt = {name: row["votes"] for name, row in back.items()}
    first = by_prompt["A prime above 10?"][0]
    chosen = back["A prime above 10?"]["responses"][first["scores"].index(1.0)]["id"]
    assert chosen == first["order"][1], "answer2 stood second"
    assert by_prompt["Weather?"][0]["outcome"] == "both_bad"
    assert by_prompt['[{"role": "user", broken'][0]["outcome"] == "tie"
    best = _best(back["Three?"])
    assert [by_prompt["Three?"][0]["order"].index(name) for name in best] == [2, 0, 1]
    assert first["rationale"] == "because"
    skipped = [vote["outcome"] for votes in by_prompt.values() for vote in votes].count("skip")
    assert skipped == (4 if shape == "label_studio" else 0)


def _best(row: dict[str, Any]) -> list[str]:
    """The response ids, best first, by ranks or by ratings of one user."""
    scores = {
        response["id"]: vote["scores"][place]
        for vote in row["votes"]
        for place, response in enumerate(row["responses"])
        if vote["scores"][place] is not None
    }
    return sorted(scores, key=lambda name: -scores[name])


@every_format
def test_only_what_waits_for_people_is_asked_and_the_rest_is_counted(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, format_: str
) -> None:
    def asked(*options: str) -> dict[str, Any]:
        said = prefkit("export", comparisons, "--format", format_, "--out", tmp_path / "x",
                       "--dry-run", "--json", *options)  # fmt: skip
        assert said.code == 0, said.err
        found: dict[str, Any] = json.loads(said.out)
        return found

    odd = {"with one response": 1, "with equal responses": 1,
           "with a NUL character, which databases refuse": 1}  # fmt: skip
    first = asked()
    assert (first["rows"], first["tasks"]) == (9, 4)
    assert first["left_out"] == odd | {"with votes": 2}
    by_people = asked("--which", "no_human")
    assert (by_people["tasks"], by_people["left_out"]) == (5, odd | {"with votes of people": 1})
    assert (asked("--which", "all")["tasks"]) == 6
    assert not (tmp_path / "x").exists()


@every_format
def test_no_model_and_no_vote_is_in_any_file(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, format_: str
) -> None:
    out = tmp_path / "tasks"
    assert prefkit("export", comparisons, "--format", format_, "--out", out, "--which",
                   "all").code == 0  # fmt: skip
    text = texts_of(out)
    assert "Weather?" in text
    for secret in ("model-z", "model-y", "scored", 'choice"', "file.jsonl"):
        assert secret not in text, secret


@every_format
def test_equal_options_write_equal_bytes_and_another_seed_turns_sides(
    tmp_path: Path, prefkit: Prefkit, format_: str
) -> None:
    rows = [compare(f"Question {n}?", ["yes", "no"]) for n in range(40)]
    dataset = write_comparisons(tmp_path / "c", table_of(*rows))
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        out = tmp_path / name
        prefkit("export", dataset, "--format", format_, "--seed", seed, "--out", out)
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*")
             if path.is_file() and path.name != "manifest.json"}  # fmt: skip
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    firsts = [task_firsts(tmp_path / name) for name in ("one", "three")]
    assert 8 < sum(text == "yes" for text in firsts[0]) < 32
    assert firsts[0] != firsts[1]


def task_firsts(tasks: Path) -> list[str]:
    """The text that stands first in every task."""
    for path in sorted(tasks.rglob("*.json")):
        entries = json.loads(path.read_bytes())
        if isinstance(entries, list):
            return [(one.get("data") or one["fields"])["answer1"] for one in entries]
    raise AssertionError("no file holds tasks")


def planned(tmp_path: Path, prefkit: Prefkit, name: str, rows: list[Any]) -> tuple[Path, Path]:
    pairs = write_pairs(tmp_path / name, rows)
    review = tmp_path / f"{name}-review"
    said = prefkit("review", pairs, "--plan", "-n", 5, "--out", review)
    assert said.code == 0, said.err
    return pairs, review


def sampled(flip: bool = False) -> list[Any]:
    rows = []
    for number in range(12):
        sides = assistant(f"Yes, {number}."), assistant("No.")
        chosen, rejected = sides[::-1] if flip else sides
        rows.append(pair(user(f"Question {number}?"), chosen, rejected, criterion="tone",
                         chosen_model="model-z", margin=1.0, margin_kind="logit"))  # fmt: skip
    return rows


@every_format
def test_tasks_of_a_review_are_the_same_whichever_side_the_labels_prefer(
    tmp_path: Path, prefkit: Prefkit, format_: str
) -> None:
    texts = []
    for name, flip in (("pairs", False), ("flipped", True)):
        pairs, review = planned(tmp_path, prefkit, name, sampled(flip))
        out = tmp_path / f"{name}-tasks"
        said = prefkit("export", pairs, "--format", format_, "--review", review, "--out", out)
        assert said.code == 0, said.err
        (path,) = [path for path in out.rglob("*.json") if path.read_bytes()[:1] == b"["]
        texts.append(path.read_text())
        whole = texts_of(out)
        for line in (review / "sample.jsonl").read_text().splitlines():
            assert json.loads(line)["pair_sha256"] not in whole
        assert "model-z" not in whole
    assert texts[0] == texts[1]
    assert texts[0].count("Judge only this: tone") == 5


@pytest.mark.parametrize("shape", SHAPES)
def test_votes_on_a_review_s_sample_name_its_pairs_and_become_pairs_of_the_same_ids(
    tmp_path: Path, prefkit: Prefkit, shape: str
) -> None:
    pairs, review = planned(tmp_path, prefkit, "pairs", sampled())
    tasks = tmp_path / "tasks"
    prefkit("export", pairs, "--format", SHAPES[shape], "--review", review, "--out", tasks)
    said = dict.fromkeys(task_answers.shown_prompts(tasks), "answer1")
    results = answers(shape, tmp_path, tasks, said)
    CollectHuman(paths=(str(results),), out=tmp_path / "back")()
    lines = (review / "sample.jsonl").read_text().splitlines()
    drawn = [json.loads(line)["pair"] for line in lines]

    back = rows_of(tmp_path / "back")
    assert {json.loads(row["extra"])["task"]["pair"] for row in back} == set(drawn)
    assert {vote["criterion"] for row in back for vote in row["votes"]} == {"tone"}
    paired = prefkit("pair", tmp_path / "back", "--out", tmp_path / "again", "--criterion", "tone")
    assert paired.code == 0, paired.err
    assert {row["id"] for row in rows_of(tmp_path / "again")} == set(drawn)


def test_a_pair_that_was_drawn_twice_is_asked_about_once(tmp_path: Path, prefkit: Prefkit) -> None:
    rows = [pair(user("A prime?"), assistant("11"), assistant("12")),
            pair(user("A prime?"), assistant("12"), assistant("11"))]  # fmt: skip
    pairs, review = planned(tmp_path, prefkit, "pairs", rows)
    said = prefkit("export", pairs, "--format", "argilla", "--review", review, "--out",
                   tmp_path / "tasks", "--json")  # fmt: skip
    facts = json.loads(said.out)
    assert (facts["tasks"], facts["left_out"]) == (1, {"asked already": 1})


def test_the_guideline_of_the_review_is_on_the_page(tmp_path: Path, prefkit: Prefkit) -> None:
    pairs, review = planned(tmp_path, prefkit, "pairs", sampled())
    (review / "guideline.md").write_text('Prefer the <kind> answer & say "why".\n')
    for format_ in FORMATS:
        out = tmp_path / format_
        prefkit("export", pairs, "--format", format_, "--review", review, "--out", out)
    page = ElementTree.parse(tmp_path / "label_studio/pairs.xml")
    assert 'Prefer the <kind> answer & say "why".' in {
        element.get("value") for element in page.iter("Header")
    }
    settings = json.loads((tmp_path / "argilla/answers-2/.argilla/settings.json").read_bytes())
    assert settings["guidelines"] == 'Prefer the <kind> answer & say "why".'


@every_format
def test_verify_sees_a_task_that_was_changed(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, format_: str
) -> None:
    out = tmp_path / "tasks"
    prefkit("export", comparisons, "--format", format_, "--out", out)
    said = prefkit("verify", out)
    assert said.code == 0, said.err
    assert "4 rows, every file, task and id" in " ".join(said.out.split())
    (path,) = [one for one in out.rglob("*.json") if b"A prime above 10?" in one.read_bytes()]
    path.write_bytes(path.read_bytes().replace(b'"answer1":"1', b'"answer1":"2'))
    said = prefkit("verify", out)
    assert said.code == 3
    assert "its answer1 is not the one that it was written with" in " ".join(said.err.split())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_task_whose_text_was_changed_in_the_tool_gives_no_vote(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, shape: str
) -> None:
    tasks = tmp_path / "tasks"
    prefkit("export", comparisons, "--format", SHAPES[shape], "--out", tasks)
    results = answers(shape, tmp_path, tasks)
    results.write_text(results.read_text().replace("11", "13", 1)
                       if shape.startswith("argilla") else
                       results.read_text().replace("A prime above 10?", "A prime?", 1))  # fmt: skip
    if shape.startswith("argilla"):
        results.write_text(results.read_text().replace("A prime above 10?", "A prime above 9?"))
    outcome = CollectHuman(paths=(str(results),), out=tmp_path / "back")()
    assert outcome.facts["reasons"] == {"changed task": 1}
    assert outcome.facts["used"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "argilla", "--shape", "kto"), "--shape does nothing"),
        (("--format", "label_studio", "--test", "0.1"), "--test does nothing"),
        (("--format", "trl", "--which", "all"), "--which does nothing"),
        (
            (
                "--format",
                "argila",
            ),
            "Did you mean 'argilla'?",
        ),
    ],
)
def test_options_that_do_nothing_are_refused(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path, arguments: tuple[str, ...], said: str
) -> None:
    found = prefkit("export", comparisons, "--out", tmp_path / "x", *arguments)
    assert found.code == 2
    assert said in " ".join(found.err.split())
    assert not (tmp_path / "x").exists()


def test_pairs_without_a_review_and_a_review_of_other_rows_are_refused(
    tmp_path: Path, prefkit: Prefkit, comparisons: Path
) -> None:
    pairs, review = planned(tmp_path, prefkit, "pairs", sampled())
    other = write_pairs(tmp_path / "other", sampled()[:3])
    cases = [
        ((pairs,), "people are asked about comparisons"),
        ((comparisons, "--review", review), "a review is about pairs"),
        ((other, "--review", review), "with other rows"),
        ((pairs, "--review", tmp_path / "none"), "there is no"),
    ]
    for arguments, said in cases:
        found = prefkit("export", *arguments, "--format", "argilla", "--out", tmp_path / "x")
        assert found.code == 2, found.err
        assert said in " ".join(found.err.split())
        assert not (tmp_path / "x").exists()


@every_format
def test_nothing_to_ask_is_said_and_writes_nothing(
    tmp_path: Path, prefkit: Prefkit, format_: str
) -> None:
    voted = compare("Voted", ["a", "b"], vote(1.0, 0.0))
    dataset = write_comparisons(tmp_path / "c", table_of(voted))
    found = prefkit("export", dataset, "--format", format_, "--out", tmp_path / "x")
    assert found.code == 3
    assert "1 with votes" in found.err
    assert "--which all" in found.err
    assert not (tmp_path / "x").exists()

"""The recipe `code` by its verb: task files, candidates, what is asked of models, and datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from code_execution import ADD, own_task
from recipe_rows import facts_of, jsonl, set_aside, stored

from prefkit.collectors.prompts import Prompt, Unused
from prefkit.collectors.sources.origins import Reading
from prefkit.collectors.synthetic.code import Code
from prefkit.errors import ConfigError
from prefkit.step import make

TASK = own_task("assert add(1, 2) == 3", "assert add(0, 5) == 5")
QUICK = {"call_s": 0.5, "mutants": 0, "variants": 0, "repeats": 1}

HUMANEVAL = {
    "task_id": "HumanEval/x",
    "prompt": 'def add(a, b):\n    """ Add. """\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}
MBPP = {
    "task_id": 7,
    "text": "Write a function to add two numbers.",
    "code": "def add(a,b):\r\n    return a + b",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],
    "test_setup_code": "",
}
EVALPLUS = {key: HUMANEVAL[key] for key in ("task_id", "prompt", "entry_point")} | {
    "canonical_solution": "    return a + b\n",
    "base_input": [[1, 2]],
    "plus_input": [[5, 6]],
}
LIVECODEBENCH = {
    "question_id": "lcb",
    "question_content": "Read two numbers, print their sum.",
    "public_test_cases": json.dumps([{"input": "1 2", "output": "3", "testtype": "stdin"}]),
}


def prompts(folder: Path, *rows: dict[str, Any], **options: Any) -> list[Prompt | Unused]:
    recipe = make(Code, options, "code")
    return list(recipe.rows([str(jsonl(folder / "tasks.jsonl", *rows))], Reading()))


@pytest.mark.parametrize(
    ("row", "begins", "tags"),
    [
        (HUMANEVAL, "Complete this Python code.", ("humaneval", "HumanEval/x")),
        (MBPP, "Write a Python function named `add`.", ("mbpp", "7")),
        (EVALPLUS, "Complete this Python code.", ("evalplus", "HumanEval/x")),
        (LIVECODEBENCH, "Write a Python program that reads", ("livecodebench", "lcb")),
        (TASK, "Write a Python function named `add`.", ("own", "t")),
    ],
    ids=["HumanEval", "MBPP", "EvalPlus", "LiveCodeBench", "own"],
)
def test_a_task_is_asked_in_its_own_words_under_an_instruction(
    tmp_path: Path, row: dict[str, Any], begins: str, tags: tuple[str, str]
) -> None:
    (found,) = prompts(tmp_path, row)
    assert isinstance(found, Prompt)
    (asked,) = found.messages
    words = row.get("prompt") or row.get("text") or row["question_content"]
    assert (asked.content or "").startswith(begins)
    assert words.strip() in (asked.content or "")
    assert (found.tags, found.id) == ((("format", tags[0]), ("task", tags[1])), tags[1])
    assert json.loads(found.reference or "") == {"format": tags[0], "row": row}


def test_one_test_is_shown_where_nothing_says_how_the_function_is_called(tmp_path: Path) -> None:
    def tests_in(row: dict[str, Any], shown: int | None) -> int:
        (found,) = prompts(tmp_path, row, shown=shown)
        assert isinstance(found, Prompt)
        return (found.messages[0].content or "").count("assert")

    assert [tests_in(MBPP, shown) for shown in (None, 0, 2)] == [1, 0, 2]
    assert tests_in(HUMANEVAL, None) == 0


def test_an_instruction_of_ones_own_stands_in_place_of_it(tmp_path: Path) -> None:
    (found,) = prompts(tmp_path, TASK, instruction="Only {entry_point}, please.")
    assert isinstance(found, Prompt)
    assert (found.messages[0].content or "").startswith("Only add, please.\n\nAdd two numbers.")


def test_rows_that_are_no_use_are_set_aside_by_their_reason_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    tasks = jsonl(
        tmp_path / "tasks.jsonl",
        TASK,
        {**TASK, "task_id": "empty", "tests": []},
        {**TASK, "task_id": "other", "language": "rust", "prompt": "Other."},
        {**TASK, "task_id": "broken", "tests": ["assert add("]},
        {**TASK, "task_id": "wrong", "reference": "def add(a, b): return 0", "prompt": "Wrong."},
        {"what": "is this"},
    )
    with tasks.open("a") as file:
        file.write('{"task_id": "cut\n')
    candidates = jsonl(
        tmp_path / "candidates.jsonl",
        {"task_id": "t", "reply": f"```python\n{ADD}```", "model": "someone"},
        {"task_id": "t", "samples": ["def add(a, b):\n    return 0\n", "x" * 1_000_001]},
        {"task_id": "wrong", "solution": ADD},
        {"task_id": "empty", "solution": ADD},
        {"task_id": "gone", "solution": ADD},
        {"task_id": "t", "answer": ADD},
        {"task_id": "t", "completion": 7},
        {"reply": "no name"},
    )
    recipe = {"code": {**QUICK, "candidates": str(candidates)}}
    facts_of(tasks, recipe=recipe, out=str(tmp_path / "out"))
    reasons = [row["reason"] for row in set_aside(tmp_path / "out")]
    wanted = ["no_tests", "unsupported_language", "broken_tests", "unreadable", "not JSON"]
    wanted += ["reference_fails", "too_long", "no_task", "missing field", "bad value", "no_task"]
    assert sorted(reasons) == sorted(wanted)
    first = next(one for one in stored(tmp_path / "out") if dict(one.tags)["task"] == "t")
    votes = {
        next(label for label in vote.labels or () if label): vote.scores for vote in first.votes
    }
    assert set(votes) == {"pass", "wrong"}
    models = {one.model for one in first.responses}
    assert models == {"someone", None}


def test_what_models_write_is_executed_and_a_dataset_can_be_executed_again(tmp_path: Path) -> None:
    tasks = jsonl(tmp_path / "tasks.jsonl", TASK)
    (asked,) = make(Code, {}, "code").rows([str(tasks)], Reading())
    assert isinstance(asked, Prompt)
    replies = jsonl(
        tmp_path / "replies.jsonl",
        *(
            {"request": {"messages": asked.messages[0].content} | draw, "reply": text}
            for draw, text in (
                ({}, f"```python\n{ADD}```"),
                ({"draw": 1}, "```python\ndef add(a, b):\n    return 3\n```"),
            )
        ),
    )
    facts_of(
        tasks,
        recipe={"code": {**QUICK, "n": 2, "measured": False}},
        model=[f"replay:{replies}"],
        out=str(tmp_path / "out"),
    )
    again = {"code": {**QUICK, "measured": False}}
    facts_of(tmp_path / "out", recipe=again, out=str(tmp_path / "again"))
    (one,), (other,) = stored(tmp_path / "out"), stored(tmp_path / "again")
    labels = [next(x for x in vote.labels or () if x) for vote in one.votes]
    assert sorted(labels) == ["near_miss", "pass"]
    # the same programs in the same way: the same votes, which are there already
    assert other.votes == one.votes
    slower = {"code": {**QUICK, "measured": False, "repeats": 2}}
    facts_of(tmp_path / "out", recipe=slower, out=str(tmp_path / "more"))
    (more,) = stored(tmp_path / "more")
    assert len(more.votes) == 4


def test_somebody_has_to_write_the_programs(tmp_path: Path) -> None:
    tasks = jsonl(tmp_path / "tasks.jsonl", TASK)
    with pytest.raises(ConfigError, match="nobody to write programs"):
        facts_of(tasks, recipe={"code": QUICK}, out=str(tmp_path / "out"))
    missing = {"code": {**QUICK, "candidates": str(tmp_path / "none.jsonl")}}
    with pytest.raises(ConfigError, match=r"none\.jsonl"):
        facts_of(tasks, recipe=missing, out=str(tmp_path / "out"))


def test_speed_without_measurements_is_refused(tmp_path: Path) -> None:
    tasks = jsonl(tmp_path / "tasks.jsonl", TASK)
    candidates = jsonl(tmp_path / "candidates.jsonl", {"task_id": "t", "solution": ADD})
    recipe = {"code": {"candidates": str(candidates), "speed": True, "measured": False}}
    with pytest.raises(ConfigError, match="speed is a matter of times"):
        facts_of(tasks, recipe=recipe, out=str(tmp_path / "out"))


def test_pass_at_k_counts_blank_and_endless_answers_of_tasks_with_responses_and_without(
    tmp_path: Path,
) -> None:
    tasks = jsonl(
        tmp_path / "tasks.jsonl", TASK, {**TASK, "task_id": "silent", "prompt": "In silence."}
    )
    candidates = jsonl(
        tmp_path / "candidates.jsonl",
        {"task_id": "t", "samples": [ADD, f"{ADD}\n", " ", "x" * 1_000_001, ADD]},
        {"task_id": "silent", "completion": ""},
    )
    recipe = {"code": {**QUICK, "candidates": str(candidates)}}
    facts = facts_of(tasks, recipe=recipe, out=str(tmp_path / "out"))
    assert facts["casting"]["answers"] == {"answers": 6, "passed": 3, "undecided": 0}
    # 3 of 5, and 0 of 1
    assert facts["casting"]["pass_at_k"]["1"]["value"] == 0.3
    assert facts["casting"]["pass_at_k"]["5"]["value"] == 1.0
    reasons = sorted(row["reason"] for row in set_aside(tmp_path / "out"))
    assert reasons == ["blank", "blank", "no response", "too_long"]
    assert len(stored(tmp_path / "out")) == 1

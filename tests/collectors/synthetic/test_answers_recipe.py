"""The recipe `answers`: recorded answers checked against references, one vote a comparison."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare, table_of, write_comparisons
from recipe_rows import JudgeServer, answered, facts_of, jsonl, set_aside, stored

from prefkit.collectors.synthetic.answer_checkers import references_of
from prefkit.collectors.synthetic.answers import Answers
from prefkit.collectors.synthetic.recipe import Cast, Setting
from prefkit.dataset import open_dataset
from prefkit.errors import BudgetReached, ConfigError
from prefkit.judging.answers.knowledge import KnowledgeBase
from prefkit.llm.connect import connect
from prefkit.schema.records import Comparison, Vote
from prefkit.schema.votes import comparisons_of
from prefkit.step import make
from prefkit.version import __version__

SUM = "How many are 3 times 4?"


def checked(rows: Sequence[Comparison], **options: Any) -> tuple[list[Cast], Any]:
    """What the caster says of comparisons that are there."""
    caster = make(Answers, options, "answers").caster(Setting("synthetic:answers", {}))
    with caster:
        return list(caster.cast(rows)), caster


def by_text(comparison: Comparison, vote: Vote) -> dict[str | None, tuple[Any, ...]]:
    labels, trials = vote.labels or (), vote.trials or ()
    texts = [response.messages[0].content for response in comparison.responses]
    return dict(zip(texts, zip(vote.scores, labels, trials, strict=True), strict=True))


def test_recorded_answers_become_right_wrong_and_unsure(tmp_path: Path) -> None:
    prompts = jsonl(
        tmp_path / "p.jsonl",
        {"id": "a", "prompt": SUM, "answer": "Three fours are twelve.\n#### 12"},
        {"id": "b", "prompt": "What is 7 - 2?"},
    )
    said = ["It is 12 dozen or so", "The answer is 12.", "The answer is 13.", "No idea."]
    lines = [*answered(SUM, *said), *answered("What is 7 - 2?", "5", "5", "5", "5")]
    lines[3]["reply"] = "The answer is 12."  # the second draw again
    replay = jsonl(
        tmp_path / "r.jsonl",
        *lines,
    )
    facts = facts_of(
        str(prompts),
        recipe={"answers": {"checker": "number", "n": 4}},
        model=f"replay:{replay}",
        out=tmp_path / "out",
        cache=tmp_path / "cache",
    )
    first, second = stored(tmp_path / "out")
    (vote,) = first.votes
    found = by_text(first, vote)
    assert found["The answer is 12."] == (1.0, "right", 1)
    assert found["The answer is 13."] == (0.0, "wrong", 1)
    assert (vote.kind, vote.scale, vote.criterion) == ("rule", "pass_share", "correctness")
    assert (vote.by, vote.source.name) == (f"rule:number@{__version__}", "synthetic:answers")
    assert (vote.rubric or "").startswith("number:")
    assert second.votes == (), "no reference, no vote"
    counts = facts["casting"]
    assert counts["draws"]["right"] == 2, "the same text drawn twice is one response"
    assert counts["responses"]["right"] == 1
    assert counts["comparisons"] == {
        "both": 1, "no_right": 0, "no_wrong": 0, "neither": 0, "not_checked": 1,
    }  # fmt: skip
    lines = set_aside(tmp_path / "out")
    reasons = {line["reason"] for line in lines}
    assert "no_reference" in reasons
    assert facts["counts"]["unvoted"]["no_reference"] == 1


def test_what_is_measured_stands_by_response_however_they_are_stored(tmp_path: Path) -> None:
    row = compare(SUM, ["The answer is 12.", "The answer is 13."], reference='"12"')
    (cast,), _ = checked([row], checker="number")
    raw = json.loads(cast.votes[0].raw or "")
    write_comparisons(tmp_path / "d", table_of(row))
    facts_of(str(tmp_path / "d"), recipe={"answers": {"checker": "number"}}, out=tmp_path / "o")
    table = next(iter(open_dataset(tmp_path / "o", "comparisons").batches()))
    ids = [one["id"] for one in table["responses"].to_pylist()[0]]
    (voted,) = comparisons_of(table)
    outcomes = [raw[name]["outcome"] for name in ids]
    assert outcomes == list(voted.votes[0].labels or ())
    assert sorted(outcomes) == ["right", "wrong"]


def test_a_second_run_over_its_own_votes_adds_none(tmp_path: Path) -> None:
    row = compare(SUM, ["The answer is 12.", "The answer is 13."], reference='"12"')
    write_comparisons(tmp_path / "d", table_of(row))
    recipe = {"answers": {"checker": "number"}}
    facts_of(str(tmp_path / "d"), recipe=recipe, out=tmp_path / "one")
    facts = facts_of(str(tmp_path / "one"), recipe=recipe, out=tmp_path / "two")
    assert facts["counts"]["known_votes"] == 1
    assert stored(tmp_path / "one") == stored(tmp_path / "two")


def test_shares_and_kinds_are_counted_by_hand() -> None:
    rows = [
        compare("a?", ["The answer is 1.", "The answer is 2."], reference='"1"'),
        compare("b?", ["The answer is 1.", "no number here"], reference="1"),
        compare("c?", ["The answer is 3."], reference='"1"'),
        compare("d?", ["nothing", "nor here"], reference='"1"'),
    ]
    casts, caster = checked(rows, checker="number")
    facts = caster.facts()
    # right: a1, b1; wrong: a2, c; unsure: b2, d1, d2
    assert facts["responses"] == {"right": 2, "wrong": 2, "unsure": 3, "not_checked": 0}
    assert facts["shares"] == {"right": 2 / 7, "wrong": 2 / 7, "unsure": 3 / 7}
    assert facts["comparisons"] == {
        "both": 1, "no_right": 1, "no_wrong": 1, "neither": 1, "not_checked": 0,
    }  # fmt: skip
    ((label, votes),) = facts["checkers"].items()
    assert label.startswith("number:")
    assert votes == {"votes": 3, "right": 2, "wrong": 2, "unsure": 3}
    assert [len(cast.votes) for cast in casts] == [1, 1, 1, 0]
    assert [[one.place for one in cast.missing] for cast in casts] == [[], [1], [], [0, 1]]
    assert {one.reason for cast in casts for one in cast.missing} == {"unsure"}
    assert dict(caster.lines())["Right and wrong"] == (
        "in 1 of 4 comparisons; 1 without a right answer; 1 without a wrong one; 1 with neither"
    )


def test_each_row_may_name_its_checker() -> None:
    def row(prompt: str, text: str, reference: str, checker: Any) -> Comparison:
        extra = None if checker is None else json.dumps({"check": checker})
        return compare(prompt, [text], reference=json.dumps(reference), extra=extra)

    rows = [
        row("a?", "(B)", "B", "choice"),
        row("b?", "The answer is Bern.", "bern", {"exact": {"case": "keep"}}),
        row("c?", "The answer is 4.", "4", None),
        row("d?", "x", "y", "nubmer"),
        row("e?", "x", "y", {"facts": {"base": "/etc/passwd"}}),
        row("f?", "x", "y", {"regex": {"pattern": "("}}),
        row("g?", "x", "y", ["exact"]),
        row("h?", "x", "y", {"facts": {}}),
    ]
    casts, _ = checked(rows, checker="number", field="check")
    votes = [cast.votes[0] if cast.votes else None for cast in casts]
    assert [vote and vote.scores for vote in votes[:3]] == [(1.0,), (0.0,), (1.0,)]
    names = [vote.by for vote in votes[:3] if vote]
    assert names == [f"rule:{name}@{__version__}" for name in ("choice", "exact", "number")]
    assert votes[3:] == [None] * 5
    missing = [cast.missing[0] for cast in casts[3:]]
    assert {one.reason for one in missing} == {"bad_checker"}
    assert "Did you mean 'number'" in missing[0].detail
    assert "given its file beside it" in missing[1].detail, "a row opens no file"


def test_a_row_without_a_checker_is_set_aside_where_none_is_usual() -> None:
    row = compare("a?", ["4"], reference='"4"', extra='{"level": 1}')
    (cast,), caster = checked([row], field="check")
    assert [one.reason for one in cast.missing] == ["no_checker"]
    assert caster.facts()["comparisons"]["not_checked"] == 1


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        (None, (None,)),
        ('"12"', ("12",)),
        ("12", ("12",)),
        ('["12", 13]', ("12", "13")),
        ('{"type": "object"}', ('{"type": "object"}',)),
        ("[]", ("[]",)),
        ("[{}]", ("[{}]",)),
        ("[true]", ("[true]",)),
        ('"[12]"', ("[12]",)),
    ],
)
def test_a_list_of_plain_answers_is_several_references(
    reference: str | None, wanted: tuple[str | None, ...]
) -> None:
    assert references_of(compare("a?", ["b"], reference=reference)) == wanted


def test_a_reference_that_is_null_is_none() -> None:
    assert references_of(compare("a?", ["b"], reference="null")) == (None,)


def test_any_of_several_references_makes_an_answer_right() -> None:
    texts = ["The answer is 4.", "The answer is 5.", "The answer is 6.", "none"]
    (cast,), _ = checked([compare("a?", texts, reference='["5", "4"]')], checker="number")
    assert cast.votes[0].scores == (1.0, 1.0, 0.0, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "no checker is named"),
        ({"checker": "nubmer"}, "Did you mean 'number'"),
        ({"checker": {"number": {"toleranz": 1}}}, "there is no option 'toleranz'"),
        ({"checker": {"number": {}, "exact": {}}}, "one checker"),
        ({"checker": "facts", "judge": "openai:m"}, "reads a file"),
        ({"checker": "facts", "base": "x.db"}, "asks a judge"),
        ({"checker": "number", "judge": "openai:m"}, "only the checker facts"),
        ({"checker": {"facts": {"base": "x.db"}}, "judge": "openai:m"}, "beside it"),
        ({"checker": "number", "temperature": -1}, "temperature"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(Answers, options, "answers")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    place = tmp_path / "facts.db"
    rows = [("paris", "Paris is the capital of France."), ("moon", "The Moon has no air.")]
    KnowledgeBase.build(place, rows).close()
    return place


RIGHT, WRONG, OPEN = "Paris is in France.", "The Moon has thick air.", "Bananas are blue."


def judged(request_texts: list[str]) -> dict[str, Any]:
    """A judge that knows the Moon: 1 contradicted, 3 supported."""
    return {"grade": 1 if "thick" in request_texts[0] else 3}


def test_claims_are_judged_side_by_side_and_the_judge_is_named(base: Path, tmp_path: Path) -> None:
    rows = [
        compare("a?", [f"{RIGHT}", f"{RIGHT} {WRONG}", OPEN]),
        compare("b?", [OPEN]),
        compare("c?", [WRONG]),
    ]
    with JudgeServer(judged) as server:
        recipe = make(
            Answers, {"checker": "facts", "base": str(base), "judge": server.spec}, "answers"
        )
        with connect(server.spec, cache=tmp_path / "cache") as client:
            setting = Setting("synthetic:answers", {server.spec: client})
            caster = recipe.caster(setting)
            asked = list(caster.requests(server.spec, rows))
            casts = list(caster.cast(rows))
        assert len(asked) == 4, "the claims that documents were found for"
        assert len(server.record) == 2, "an equal claim is asked once"
    one, other, last = casts
    assert one.votes[0].scores == (1.0, 0.0, None)
    assert one.votes[0].by == "judge-2026"
    assert [(m.reason, m.place) for m in one.missing] == [("unsure", 2)]
    assert (other.votes, [m.reason for m in other.missing]) == ((), ["unsure"])
    assert last.votes[0].scores == (0.0,)
    told = recipe.told()
    assert told["base"]["name"] == "facts.db", "no folder in a manifest"
    assert len(told["base"]["sha256"]) == 64


def test_a_budget_that_is_reached_while_claims_are_judged_leaves_a_valid_part(
    base: Path, tmp_path: Path
) -> None:
    rows = [compare(f"Question {n}?", [f"Paris has {n} bridges."]) for n in range(30)]
    write_comparisons(tmp_path / "d", table_of(*rows))
    (tmp_path / "prices.yaml").write_text("judge: {input: 1.0, output: 1000.0, date: 2026-01-01}\n")
    with JudgeServer(judged) as server:
        options: dict[str, Any] = {
            "recipe": {"answers": {"checker": "facts", "base": str(base), "judge": server.spec}},
            "cache": tmp_path / "cache",
            "prices": tmp_path / "prices.yaml",
            "concurrency": 1,
            "yes": True,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PREFKIT_TEST_KEY", "sk-test-0123456789abcdef")
            options["key_env"] = "PREFKIT_TEST_KEY"
            with pytest.raises(BudgetReached, match="requests were not asked"):
                # a cent a claim; one is admitted while the most that it can cost is left
                facts_of(str(tmp_path / "d"), out=tmp_path / "out", budget=1.1, **options)
            part = stored(tmp_path / "out")
            lines = set_aside(tmp_path / "out")
            voted = sum(bool(row.votes) for row in part)
            assert len(part) == 30
            assert 0 < voted < 30
            assert [line["reason"] for line in lines] == ["budget"] * (30 - voted)
            facts = facts_of(str(tmp_path / "d"), out=tmp_path / "out", force=True, **options)
    assert facts["counts"]["votes"] == {"rule": 30}
    assert facts["casting"]["shares"]["right"] == 1.0


@pytest.mark.real
def test_gsm8k_solutions_of_four_models_are_pairs_where_they_differ(real_data: Path) -> None:
    place = real_data / "bench" / "gsm8k" / "example_model_solutions.jsonl.gz"
    with gzip.open(place, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    comparisons, known = [], []
    for row in rows:
        given = {
            one["solution"]: one["is_correct"] for one in row.values() if isinstance(one, dict)
        }
        reference = json.dumps(row["ground_truth"])
        comparisons.append(compare(row["question"], list(given), reference=reference))
        known.append(list(given.values()))
    casts, caster = checked(comparisons, checker="number")
    said = Counter[tuple[bool, float | None]]()
    for cast, correct in zip(casts, known, strict=True):
        scores = cast.votes[0].scores if cast.votes else [None] * len(correct)
        said.update(zip(correct, scores, strict=True))
    assert said.keys() == {(True, 1.0), (False, 0.0), (False, None)}
    assert said[False, None] == 7
    both = sum({True, False} <= set(correct) for correct in known)
    found = caster.facts()["comparisons"]
    assert sum(found.values()) == len(rows)
    assert 0 <= both - found["both"] <= 7, "but for those whose wrong one is unsure"

"""The recipe `best_of`: answers ranked by judges, recorded rewards, and rules of form."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare, table_of, write_comparisons
from recipe_rows import JudgeServer, answered, facts_of, jsonl, larger, set_aside, stored

from prefkit.collectors.synthetic.best_of import BestOf
from prefkit.collectors.synthetic.form_rules import FormRules
from prefkit.collectors.synthetic.own_answers import OwnAnswers
from prefkit.collectors.synthetic.recipe import Cast, Setting
from prefkit.errors import BudgetReached, ConfigError, NothingUsable
from prefkit.llm.connect import connect
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import Comparison, Message, Response
from prefkit.step import make
from prefkit.version import __version__

RULES = {"repetition": None, "loop": None, "refusal": None, "whole": False}
"""No rule but those that a test names."""


def text(response: Response) -> str:
    return response.messages[0].content or ""


def ranked(rows: list[Comparison], **rules: Any) -> tuple[list[Cast], Any]:
    """What rules of form say of comparisons."""
    recipe = make(BestOf, {"heuristic": RULES | rules}, "best_of")
    caster = recipe.caster(Setting("synthetic:best_of", {}))
    return list(caster.cast(rows)), caster


def write(folder: Path, *rows: Comparison) -> Path:
    return write_comparisons(folder, table_of(*rows))


# Judges


def test_a_judge_sees_every_pair_in_both_orders(tmp_path: Path) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", {"prompt": "A number?"})
    replay = jsonl(tmp_path / "r.jsonl", *answered("A number?", "It is 1", "It is 3", "It is 2"))
    with JudgeServer(larger) as server:
        facts = facts_of(
            prompts,
            recipe={"best_of": {"judge": server.spec, "n": 3}},
            model=f"replay:{replay}",
            out=tmp_path / "out",
            cache=tmp_path / "cache",
        )
        assert len(server.record) == 6, "three pairs, each in both orders"
    (row,) = stored(tmp_path / "out")
    assert {vote.kind for vote in row.votes} == {"judge"}
    wins: dict[str, float] = {}
    for vote in row.votes:
        assert (vote.by, vote.rubric) == ("judge-2026", row.votes[0].rubric)
        for response, score in zip(row.responses, vote.scores, strict=True):
            wins[text(response)] = wins.get(text(response), 0) + (score or 0)
    assert wins == {"It is 1": 0, "It is 2": 2, "It is 3": 4}
    casting = facts["casting"]
    assert casting["outcomes"] == {"scored": 6}
    assert list(casting["judging"]["rubrics"]) == [row.votes[0].rubric]
    assert casting["own_answers"]["same_model"] == {}


def test_a_panel_judges_the_responses_of_a_dataset(tmp_path: Path) -> None:
    rows = [compare(f"Question {n}?", [f"a {n}", f"b {n + 1}"]) for n in range(5)]
    same = compare("Alone?", ["only one"])
    with JudgeServer(larger, "one") as one, JudgeServer(larger, "other") as other:
        facts = facts_of(
            write(tmp_path / "d", *rows, same),
            recipe={"best_of": {"judge": [one.spec, other.spec], "judging": {"orders": "one"}}},
            out=tmp_path / "out",
            cache=tmp_path / "cache",
        )
    *voted, alone = sorted(stored(tmp_path / "out"), key=lambda row: -len(row.votes))
    assert [sorted(vote.by or "" for vote in row.votes) for row in voted] == [["one", "other"]] * 5
    for row in voted:
        best = {text(row.responses[vote.scores.index(1.0)])[0] for vote in row.votes}
        assert best == {"b"}
    assert alone.votes == ()
    assert facts["counts"]["unvoted"] == {"too_few_responses": 2}
    details = [line["detail"] for line in set_aside(tmp_path / "out")]
    assert any(one.spec in detail and "compares two or more" in detail for detail in details)


def test_a_tournament_asks_less_than_all_pairs(tmp_path: Path) -> None:
    rows = [
        compare(f"Question {n}?", [f"answer {n + place}" for place in range(8)]) for n in (1, 2)
    ]
    options: dict[str, Any] = {"many": "tournament", "orders": "one"}
    with JudgeServer(larger) as server:
        facts_of(
            write(tmp_path / "d", *rows),
            recipe={"best_of": {"judge": server.spec, "judging": options}},
            out=tmp_path / "out",
            cache=tmp_path / "cache",
        )
        assert len(server.record) < 2 * 28
    for row in stored(tmp_path / "out"):
        beaten = {
            place for vote in row.votes for place, score in enumerate(vote.scores) if score == 0.0
        }
        (winner,) = set(range(8)) - beaten
        assert text(row.responses[winner]) == max(map(text, row.responses))


def test_a_judge_that_ranks_its_own_answers_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    comparison = compare("A number?", ["It is 1", "It is 2", "It is 3"])
    models = ("qwen2.5-7b", "Qwen/Qwen3-8B", None)
    responses = tuple(
        one._replace(model=model) for one, model in zip(comparison.responses, models, strict=True)
    )
    comparison = comparison._replace(responses=responses)
    with JudgeServer(larger) as server:
        spec = server.spec.replace("#judge", "#qwen2.5-7b")
        recipe = make(BestOf, {"judge": spec}, "best_of")
        with (
            caplog.at_level(logging.WARNING, "prefkit.synthetic"),
            connect(spec, cache=tmp_path / "cache") as client,
        ):
            caster = recipe.caster(Setting("synthetic:best_of", {spec: client}))
            assert len(list(caster.requests(spec, [comparison]))) == 6
            (cast,) = caster.cast([comparison])
    assert len(cast.votes) == 6
    assert caster.facts()["own_answers"] == {
        "responses": 3,
        "same_model": {"qwen2.5-7b": 1},
        "same_family": {"qwen2.5-7b": 1},
        "unknown": 1,
    }
    (record,) = caplog.records
    assert "qwen2.5-7b ranks its own answers" in record.getMessage()
    assert "2 of 3 responses" in dict(caster.lines())["Own answers"]


def test_every_ranker_of_a_panel_is_counted_and_every_response_once() -> None:
    own = OwnAnswers(["gpt-4o", "gpt-4o-mini"])
    row = compare("Q", ["a", "b"])
    named = tuple(
        one._replace(model=model)
        for one, model in zip(row.responses, ("gpt-4o", "claude-3"), strict=True)
    )
    own.add(row._replace(responses=named))
    assert own.facts() == {
        "responses": 2,
        "same_model": {"gpt-4o": 1},
        "same_family": {"gpt-4o-mini": 1},
        "unknown": 0,
    }
    assert (own.told() or "").startswith("1 of 2 responses are of the ranker's kind: 1 by gpt-4o, ")


def test_a_budget_that_is_reached_while_judging_leaves_a_valid_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = jsonl(tmp_path / "p.jsonl", *({"prompt": f"Number {n}?"} for n in range(20)))
    lines = [line for n in range(20) for line in answered(f"Number {n}?", f"a {n}", f"b {n + 1}")]
    replay = jsonl(tmp_path / "r.jsonl", *lines)
    (tmp_path / "prices.yaml").write_text("judge: {input: 1.0, output: 1000.0, date: 2026-01-01}\n")
    monkeypatch.setenv("PREFKIT_TEST_KEY", "sk-test-0123456789abcdef")
    with JudgeServer(larger) as server:
        options: dict[str, Any] = {
            "recipe": {"best_of": {"judge": server.spec, "n": 2, "judging": {"orders": "one"}}},
            "model": f"replay:{replay}",
            "out": tmp_path / "out",
            "cache": tmp_path / "cache",
            "prices": tmp_path / "prices.yaml",
            "key_env": "PREFKIT_TEST_KEY",
            "concurrency": 1,
            "yes": True,
        }
        with pytest.raises(BudgetReached, match="requests were not asked"):
            facts_of(prompts, **options, budget=1.1)
        part = stored(tmp_path / "out")
        voted = sum(len(row.votes) for row in part)
        assert [len(row.responses) for row in part] == [2] * 20, "what was sampled is kept"
        assert 0 < voted < 20
        assert [line["reason"] for line in set_aside(tmp_path / "out")] == ["budget"] * (20 - voted)
        paid = len(server.record)
        facts = facts_of(prompts, **options, force=True)
        assert len(server.record) == 20, f"{paid} were paid before"
    assert facts["counts"]["votes"] == {"judge": 20}


# Rewards


def rewarded(prompt: str, answer: str, value: float) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"request": {"messages": turns}, "reply": {"value": value, "model": "reward-1"}}


def test_recorded_rewards_become_one_vote_a_comparison(tmp_path: Path) -> None:
    rows = [compare("A?", ["long answer", "short", "odd"]), compare("B?", ["not recorded"])]
    file = jsonl(
        tmp_path / "rewards.jsonl",
        rewarded("A?", "long answer", 1.5),
        rewarded("A?", "short", -0.25),
        rewarded("A?", "odd", 0.0),
        rewarded("B?", "not recorded", 2.0),
    )
    recipe = {"best_of": {"reward": f"replay:{file}"}}
    out, again = tmp_path / "out", tmp_path / "again"
    facts = facts_of(write(tmp_path / "d", *rows), recipe=recipe, out=out, cache=tmp_path / "c")
    found = {
        text(response): score
        for row in stored(out)
        for response, score in zip(row.responses, row.votes[0].scores, strict=True)
    }
    assert found == {"long answer": 1.5, "short": -0.25, "odd": 0.0, "not recorded": 2.0}
    vote = stored(out)[0].votes[0]
    assert (vote.kind, vote.scale, vote.order) == ("reward", "logit", None)
    name, _, digest = (vote.by or "").partition("@")
    assert (name, len(digest)) == ("reward-1", 12)
    assert facts["casting"]["scored"] == {"scored": 4}
    once_more = facts_of(out, recipe=recipe, out=again, cache=tmp_path / "c")
    assert once_more["counts"]["known_votes"] == 2
    assert stored(again) == stored(out)


def test_what_a_reward_model_cannot_score_is_missing(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rewards.jsonl", rewarded("A?", "known", 1.0))
    spec = f"replay:{file}"
    tools = compare("A?", ["known"], tools='[{"type": "function"}]')
    with connect(spec, cache=tmp_path / "cache") as client:
        caster = make(BestOf, {"reward": spec}, "best_of").caster(
            Setting("synthetic:best_of", {spec: client})
        )
        known, unshown = caster.cast([compare("A?", ["known"]), tools])
    assert known.votes[0].scores == (1.0,)
    assert unshown.votes == ()
    assert [(one.reason, one.place) for one in unshown.missing] == [("unsupported", None)]
    assert caster.facts()["scored"] == {"scored": 1, "unsupported": 1}


def test_a_server_that_is_no_reward_model_gives_no_vote_and_says_why(tmp_path: Path) -> None:
    data = write(tmp_path / "d", compare("A?", ["one", "two"]))
    with JudgeServer(larger) as server, pytest.raises(NothingUsable, match=r"\(2 unsupported\)"):
        facts_of(
            data,
            recipe={"best_of": {"reward": server.spec}},
            out=tmp_path / "out",
            cache=tmp_path / "cache",
        )
    assert all("no /classify" in line["detail"] for line in set_aside(tmp_path / "out"))


# Rules of form


def test_the_share_of_rules_that_hold_is_the_score() -> None:
    answers = [
        "one two three four",
        "one",
        "I'm sorry, but I can't help with that request at all.",
    ]
    row = compare("A?", answers)
    (cast,), caster = ranked([row], min_words=2, max_words=5, refusal=0.6)
    (vote,) = cast.votes
    assert vote.scores == (1.0, 2 / 3, 1 / 3)
    assert vote.labels == ("ok", "min_words", "max_words+refusal")
    assert (vote.kind, vote.scale, vote.criterion) == ("rule", "pass_share", "form")
    assert vote.by == f"rule:form@{__version__}"
    seen = json.loads(vote.raw or "")
    assert seen[messages_digest(row.responses[0].messages)] == {
        "min_words": 4, "max_words": 4, "refusal": None,
    }  # fmt: skip
    assert seen[messages_digest(row.responses[2].messages)]["refusal"] == "en refuses"
    assert caster.facts()["broken"] == {"max_words": 1, "min_words": 1, "refusal": 1}


def test_a_loop_and_repeated_lines_break_a_rule() -> None:
    loop = "Then we begin again from the very start of it all. " * 20
    lines = "The same line comes again.\n" * 8
    (cast,), _ = ranked([compare("A?", ["A plain answer.", loop, lines])], repetition=0.3, loop=3.0)
    (vote,) = cast.votes
    assert vote.labels is not None
    assert vote.labels[0] == "ok"
    assert vote.labels[1] == "repetition+loop"
    assert "repetition" in (vote.labels[2] or "")


def drawn(*finishes: str | None) -> Response:
    draws = [{"model": "m"} | ({"finish": one} if one else {}) for one in finishes]
    sampling = json.dumps({"count": len(draws), "draws": draws})
    return Response((Message("assistant", f"Answer {finishes}"),), "m", sampling)


def test_an_answer_cut_at_the_most_tokens_is_not_whole_and_an_unknown_end_does_not_count() -> None:
    base = compare("A?", ["x"])
    row = base._replace(
        responses=(drawn("stop"), drawn("stop", "length"), drawn(None), base.responses[0])
    )
    (cast,), caster = ranked([row], whole=True)
    assert cast.votes[0].scores == (1.0, 0.0, None, None)
    assert [(one.reason, one.place) for one in cast.missing] == [("unsure", 2), ("unsure", 3)]
    assert caster.facts()["untold"] == {"whole": 2}


def test_a_format_is_a_rule_and_a_response_without_text_has_no_score() -> None:
    row = compare("A?", ["Answer: 4", "four", " "])
    (cast,), _ = ranked([row], format={"regex": {"pattern": "Answer: [0-9]+"}})
    (vote,) = cast.votes
    assert vote.scores == (1.0, 0.0, None)
    assert [one.detail for one in cast.missing] == ["the response has no text"]


def test_comparisons_without_a_difference_are_counted() -> None:
    rows = [compare("A?", ["one", "two"]), compare("B?", ["one", "one two three"])]
    _, caster = ranked(rows, max_words=2)
    assert (caster.facts()["comparisons"], caster.facts()["even"]) == (2, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "one of judge, reward, heuristic"),
        ({"judge": "openai:m", "reward": "vllm:m"}, "not 2"),
        ({"reward": "vllm:m", "rubric": "overall"}, "rubric is for judges"),
        ({"heuristic": {}, "judging": {"draws": 2}}, "judging is for judges"),
        ({"judge": ["openai:m", "openai:m"]}, "different models"),
        ({"heuristic": {"min_words": 5, "max_words": 2}}, "more than max_words"),
        ({"heuristic": RULES}, "no rule is left"),
        ({"heuristic": {"format": {"regexp": {}}}}, "Did you mean 'regex'"),
        ({"heuristic": {"max_word": 3}}, "max_word"),
    ],
)
def test_rankers_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(BestOf, options, "best_of")


def test_an_unknown_rubric_is_refused_before_anything_is_asked() -> None:
    recipe = make(BestOf, {"judge": "openai:m", "rubric": "overal"}, "best_of")
    with pytest.raises(ConfigError, match="Did you mean 'overall'"):
        recipe.protocol()


def test_the_usual_rules_are_told() -> None:
    told = make(BestOf, {"heuristic": {}}, "best_of").told()
    assert told["heuristic"] == FormRules.model_validate({}).model_dump()
    assert told["judge"] is None

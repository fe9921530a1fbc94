"""A judge that is asked the same again: what changed, what chance explains, and what is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from prefkit.errors import ConfigError
from prefkit.judging.asking import USUAL, How
from prefkit.judging.canary import Canary
from prefkit.judging.drift import ALLOWANCE, ALPHA, Answer, Asked, Drift, compared
from prefkit.judging.library import load_rubric
from prefkit.judging.protocol import Protocol, judged
from prefkit.judging.rubric import Rubric
from prefkit.judging.showings import Showing
from prefkit.judging.verdicts import read
from prefkit.judging.votes import Heard, Judge, vote_of
from prefkit.llm.connect import connect
from prefkit.llm.records import Failure, Reply, Token
from prefkit.schema.records import Comparison, Message, Response, Source, Vote

HELPFUL = load_rubric("helpfulness")
GRADES = load_rubric("helpfulness_rating")
RANKS = load_rubric("overall_ranking")
SURE = How(way="first_token")
JUDGE = Judge("openai:gpt-x", "gpt-x", None, lambda usage: None)


def said(**fields: Any) -> Reply:
    text = json.dumps({"rationale": "Because.", **fields})
    return Reply(text=text, finish="stop", model="gpt-x", revision="build-1")


def sure(logit: float) -> Reply:
    """A first token whose letters A and B have all the probability, and these log-odds."""
    less = float(-np.log1p(np.exp(logit)))
    top = (("A", logit + less), ("B", less))
    word = "A" if logit > 0 else "B"
    return Reply(text=word, finish="stop", tokens=(Token(word, max(logit + less, less), top),))


def comparison(number: int, *votes: Vote, responses: int = 2) -> Comparison:
    answers = tuple(
        Response((Message("assistant", f"answer {place} to {number}"),))
        for place in range(responses)
    )
    return Comparison((Message("user", f"question {number}"),), answers, votes)


def voted(
    reply: Reply,
    rubric: Rubric = HELPFUL,
    places: tuple[int, ...] = (0, 1),
    *,
    how: How = USUAL,
    draw: int | None = None,
    judge: Judge = JUDGE,
) -> Vote:
    """A vote as `collect judge` writes it."""
    verdict = read(rubric, reply, how, responses=len(places))
    heard = Heard(Showing(rubric, places), draw, verdict, reply)
    return vote_of(judge, heard, max(2, len(places)))


def canary_of(
    replies: list[Reply], *, rubric: Rubric = HELPFUL, how: How = USUAL, places: Any = (0, 1)
) -> Canary:
    """A set of one showing for every reply of the baseline."""
    count = max(2, len(places))
    rows = [
        comparison(number, voted(reply, rubric, places, how=how), responses=count)
        for number, reply in enumerate(replies)
    ]
    return Canary.of(rows, Protocol(rubrics=(rubric,), how=how), {"gpt-x"})


def told(was: list[Reply], now: list[Reply], **options: Any) -> Drift:
    canary = canary_of(was, **options)
    assert len(canary.requests(99)) == len(was)
    return canary.drift(now)


WORDS = ["A", "B", "tie", "A"] * 25


def changed_in(count: int) -> list[Reply]:
    """The verdicts of `WORDS`, but the first so many turned from the side they named to a tie."""
    sides = [place for place, word in enumerate(WORDS) if word != "tie"][:count]
    return [said(verdict="tie" if n in sides else word) for n, word in enumerate(WORDS)]


@pytest.mark.parametrize(("count", "drifted"), [(0, False), (3, False), (30, True)])
def test_planted_changes_of_100_verdicts_are_counted_and_only_many_are_drift(
    count: int, drifted: bool
) -> None:
    found = told(changed_in(0), changed_in(count))
    assert (found.compared, found.drifted, found.changed.value) == (100, drifted, count / 100)
    assert dict(found.to) == ({"to_tie": count} if count else {})
    chance = stats.binomtest(count, 100, ALLOWANCE, alternative="greater").pvalue
    assert found.by_chance == pytest.approx(chance)
    exact = stats.binomtest(count, 100).proportion_ci(method="exact")
    ends = (found.changed.low, found.changed.high)
    assert ends == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (found.warning is not None) is drifted


def test_the_warning_says_how_many_changed_where_to_and_what_chance_may_do() -> None:
    warning = told(changed_in(0), changed_in(30)).warning
    assert warning == (
        "canary, gpt-x: drifted: 30 of 100 verdicts changed (to tie 30), 5.0% is what it may"
        " change by itself (allowed, for the baseline has no draws to tell): what it says now is"
        " not what its certificate was given for"
    )


def test_twelve_of_a_hundred_are_the_fewest_that_are_drift() -> None:
    assert told(changed_in(0), changed_in(11)).drifted is False
    assert told(changed_in(0), changed_in(12)).drifted is True


def alarms(changes: np.ndarray[Any, Any]) -> float:
    """The share of runs that warn, a run of showings each."""
    tie, side = Answer("tie"), Answer("first")
    runs = [
        [Asked((side,), tie if changed else side, alone=False, cluster=n)
         for n, changed in enumerate(run)]
        for run in changes
    ]  # fmt: skip
    drifts = [compared(run, judge="j", temperature=0.0, left_out={}) for run in runs]
    return float(np.mean([drift.drifted for drift in drifts]))


@pytest.mark.slow
def test_false_alarms_and_power_are_as_the_module_states_them() -> None:
    rng = np.random.default_rng(6)
    # Near ties flip in half of the runs, all else never: 5 % in the mean, more even than chance.
    uneven = np.tile([0.5] * 10 + [0.0] * 90, (300, 1))
    assert alarms(rng.random((300, 100)) < uneven) <= ALPHA
    assert alarms(rng.random((300, 100)) < 0.02) == 0.0
    # 84 %, 99 % and 93 %, each within three standard errors of 300 runs.
    assert alarms(rng.random((300, 100)) < 0.15) == pytest.approx(0.84, abs=0.065)
    assert alarms(rng.random((300, 100)) < 0.20) == pytest.approx(0.99, abs=0.02)
    assert alarms(rng.random((300, 400)) < 0.10) == pytest.approx(0.93, abs=0.045)


def with_draws(flips: int, pairs: int) -> list[Comparison]:
    rows = []
    for number in range(pairs):
        second = "B" if number < flips else "A"
        votes = [voted(said(verdict=word), draw=draw) for draw, word in enumerate(("A", second))]
        rows.append(comparison(number, *votes))
    return rows


def test_a_baseline_with_draws_tells_how_often_the_judge_contradicts_itself() -> None:
    protocol = Protocol(rubrics=(HELPFUL,), how=How(temperature=1.0), draws=2)
    canary = Canary.of(with_draws(20, 100), protocol, {"gpt-x"})
    assert len(canary.requests(1)) == 100, "each showing is asked once, whatever its draws"
    now = [said(verdict="B" if number < 20 else "A") for number in range(100)]
    found = canary.drift(now)
    assert (found.to, found.drifted) == ({"to_second": 20}, False), "20 are its own"
    # One-sided Clopper and Pearson: 20 of 100 leave up to 27.7 % open.
    assert found.own_rate == pytest.approx(stats.beta.ppf(0.95, 21, 80))
    assert found.own_from == "20 of 100 pairs of its draws differ"
    assert canary.drift([said(verdict="B")] * 45 + [said(verdict="A")] * 55).drifted is True


def test_too_few_draws_tell_nothing_and_a_sampled_judge_is_told_to_make_some() -> None:
    protocol = Protocol(rubrics=(HELPFUL,), how=How(temperature=1.0), draws=2)
    found = Canary.of(with_draws(5, 29), protocol, {"gpt-x"}).drift([said(verdict="A")] * 29)
    assert found.own_rate == ALLOWANCE
    assert found.own_from.endswith("make a baseline with --draws 2")


def test_every_way_that_a_verdict_can_go_is_named() -> None:
    was = ["A", "B", "A", "A", "A", "tie", "A"]
    now = [said(verdict=word) for word in ("B", "A", "tie", "both_bad")]
    now += [Reply(text="I like A.", finish="stop", model="gpt-x"), said(verdict="A")]
    now += [Reply(failure=Failure("server", "500"))]
    found = told([said(verdict=word) for word in was], now)
    assert found.to == {
        "to_both_bad": 1, "to_first": 2, "to_second": 1, "to_tie": 1, "to_unreadable": 1,
    }  # fmt: skip
    assert (found.compared, found.unanswered) == (6, 1), "nobody answered, so nothing changed"


def test_the_first_shown_is_first_in_either_order() -> None:
    votes = voted(said(verdict="A")), voted(said(verdict="B"), places=(1, 0))
    canary = Canary.of([comparison(1, *votes)], Protocol(rubrics=(HELPFUL,)), {"gpt-x"})
    asked = [one.messages[-1].content or "" for one in canary.requests(5)]
    starts = [text.index("answer 0 to 1") < text.index("answer 1 to 1") for text in asked]
    assert starts == [True, False]
    assert canary.drift([said(verdict="A"), said(verdict="B")]).to == {}
    assert canary.drift([said(verdict="B"), said(verdict="A")]).to == {
        "to_first": 1,
        "to_second": 1,
    }


def test_grades_go_up_or_down_and_rankings_become_others() -> None:
    found = told(
        [said(grade=3)] * 3, [said(grade=n) for n in (3, 4, 1)], rubric=GRADES, places=(1,)
    )
    assert found.to == {"to_higher": 1, "to_lower": 1}
    ranks = [said(A=1, B=2, C=3), said(A=2, B=1, C=3)]
    found = told(ranks, [ranks[0], ranks[0]], rubric=RANKS, places=(2, 0, 1))
    assert found.to == {"to_another_ranking": 1}


def test_a_shift_of_the_log_odds_is_drift_before_any_verdict_changes() -> None:
    rng = np.random.default_rng(1)
    was = rng.choice([-2.0, 2.0], 60) + rng.normal(0, 0.2, 60)
    moved = was + 0.4 + rng.normal(0, 0.1, 60)
    found = told([sure(x) for x in was], [sure(x) for x in moved], how=SURE)
    assert found.to == {}
    assert found.logit.value == pytest.approx(float((moved - was).mean()))
    assert found.drifted is True
    assert "the log-odds of the one shown first moved by +0.39" in str(found.warning)
    noisy = [sure(x) for x in was + rng.normal(0, 0.1, 60)]
    assert told([sure(x) for x in was], noisy, how=SURE).drifted is False


def test_a_shift_that_hardly_moves_a_probability_is_no_drift_however_certain() -> None:
    was = np.linspace(-3, 3, 60)
    found = told([sure(x) for x in was], [sure(x + 0.05) for x in was], how=SURE)
    assert found.logit.value == pytest.approx(0.05)
    wiggle = np.where(np.arange(60) % 2, 0.06, 0.04)
    found = told([sure(x) for x in was], [sure(x) for x in was + wiggle], how=SURE)
    assert found.logit.low is not None
    assert found.logit.low > 0.04, "certainly not zero"
    assert found.drifted is False


def test_without_log_odds_their_change_is_not_measured_and_says_why() -> None:
    found = told(changed_in(0), changed_in(0)).facts()
    assert found["logit_change"]["value"] is None
    assert "0 prompt clusters" in found["logit_change"]["reason"]


def test_another_model_or_build_is_always_told_though_nothing_changed() -> None:
    was = changed_in(0)
    other = [replace(one, model="gpt-x-2", revision="build-2") for one in was]
    found = told(was, other)
    assert found.drifted is False
    assert found.warning == (
        "canary, gpt-x: the model is now gpt-x-2, it was gpt-x; the build is now build-2, it was"
        " build-1"
    )
    silent = [replace(one, model=None, revision=None) for one in was]
    assert told(was, silent).warning is None, "a provider that says nothing has not changed"


def test_no_answer_at_all_is_said_and_is_no_silence() -> None:
    down = [Reply(failure=Failure("down", "not asked"))] * 100
    found = told(changed_in(0), down)
    assert (found.drifted, found.by_chance) == (None, None)
    assert found.warning == "canary, gpt-x: no verdict could be compared (100 not answered)"
    json.dumps(found.facts(), allow_nan=False)


def test_the_reference_is_shown_only_if_the_protocol_shows_it() -> None:
    row = comparison(1, voted(said(verdict="A")))._replace(reference='"the sum is 12"')
    for shows in (True, False):
        canary = Canary.of([row], Protocol(rubrics=(HELPFUL,), reference=shows), {"gpt-x"})
        (request,) = canary.requests(1)
        assert ("the sum is 12" in str(request.messages)) is shows


def test_names_may_be_models_with_a_revision_or_clients() -> None:
    rows = [comparison(1, voted(said(verdict="A"), judge=replace(JUDGE, revision="2026")))]
    protocol = Protocol(rubrics=(HELPFUL,))
    for name in ("gpt-x", "gpt-x@2027", "openai:gpt-x"):
        canary = Canary.of(rows, protocol, {name})
        assert canary.judge == "gpt-x@2026"
        assert canary.drift([said(verdict="A")]).renamed == ()
    with pytest.raises(ConfigError):
        Canary.of(rows, protocol, {"gpt"})


def test_a_model_whose_own_name_holds_an_at_is_not_called_otherwise() -> None:
    own = [replace(said(verdict="A"), model="gpt-x@2025")]
    row = comparison(1, voted(own[0], judge=replace(JUDGE, model="gpt-x@2025")))
    canary = Canary.of([row], Protocol(rubrics=(HELPFUL,)), {"gpt-x@2025"})
    assert canary.drift(own).warning is None
    newer = [replace(own[0], model="gpt-x@2026")]
    assert canary.drift(newer).renamed == ("the model is now gpt-x@2026, it was gpt-x@2025",)


def test_what_cannot_be_asked_again_is_left_out_and_counted() -> None:
    lost = Vote("judge", "failed", (None, None), GRADES.vote_scale, Source("openai:gpt-x", "k"),
                by="gpt-x", rubric=GRADES.label)  # fmt: skip
    old = voted(said(verdict="A"), judge=replace(JUDGE, model="gpt-x@old", source="elsewhere"))
    old = old._replace(by="gpt-x@old")
    mute = voted(said(verdict="A"))._replace(scores=(None, None))
    rows = [
        comparison(1, voted(said(verdict="A")), voted(said(verdict="B"), places=(1, 0))),
        comparison(2, lost, voted(sure(1.0), how=SURE), old),
        comparison(3, *(mute._replace(outcome=outcome) for outcome in ("skip", "infra"))),
    ]
    canary = Canary.of(rows, Protocol(rubrics=(HELPFUL, GRADES)), {"gpt-x"})
    assert len(canary.requests(1)) == 2
    assert canary.left_out == {
        "what was shown is not known": 1, "asked in another way": 1, "of another version": 1,
        "not judged then": 2,
    }  # fmt: skip


def test_a_set_without_a_baseline_says_what_it_holds_and_how_to_make_one() -> None:
    rows = [comparison(1, voted(said(verdict="A")))]
    with pytest.raises(ConfigError) as caught:
        Canary.of(rows, Protocol(rubrics=(GRADES,)), {"gpt-x"})
    assert GRADES.label in str(caught.value)
    assert f"it holds verdicts: 1 of gpt-x by {HELPFUL.label}" in str(caught.value)
    assert caught.value.hint == (
        "prefkit collect judge CANARY_SRC --model CLIENT --rubric NAME --out CANARY"
    )
    with pytest.raises(ConfigError, match="it holds no verdict of a judge"):
        Canary.of([comparison(1)], Protocol(rubrics=(HELPFUL,)), {"gpt-x"})


def test_replies_must_be_those_of_the_requests() -> None:
    with pytest.raises(ValueError, match="shorter"):
        canary_of(changed_in(0)).drift(changed_in(0)[:99])


@contextmanager
def judging_server(answer: Callable[[str], str]) -> Iterator[tuple[str, list[str]]]:
    """An OpenAI-compatible server on loopback that answers the last user turn."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body["messages"][-1]["content"])
            content = json.dumps({"rationale": "So.", "verdict": answer(asked[-1])})
            choice = {"index": 0, "finish_reason": "stop",
                      "message": {"role": "assistant", "content": content}}  # fmt: skip
            usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-x",
                     "choices": [choice], "usage": usage}  # fmt: skip
            whole = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            self.wfile.write(whole)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1#gpt-x", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.slow
def test_a_judge_behind_a_server_is_asked_anew_and_its_drift_found(tmp_path: Path) -> None:
    taste = ["A"]
    rows = [comparison(number) for number in range(20)]
    protocol = Protocol(rubrics=(HELPFUL,))
    with (
        judging_server(lambda _: taste[0]) as (spec, asked),
        connect(spec, cache=tmp_path) as client,
    ):
        votes = [one.votes for one in judged(client, rows, protocol, revision=None)]
        rows = [row._replace(votes=v) for row, v in zip(rows, votes, strict=True)]
        canary = Canary.of(rows, protocol, {"gpt-x"})
        assert len(asked) == 40
        first = canary.drift(client.ask(canary.requests(1)))
        taste[0] = "B"
        second = canary.drift(client.ask(canary.requests(2)))
    assert len(asked) == 120, "no kept answer was taken for a new one"
    assert sorted(asked[:40]) == sorted(asked[40:80]), "the same showings in the same orders"
    assert (first.changed.value, first.warning) == (0.0, None)
    assert (second.to, second.drifted) == ({"to_second": 40}, True)

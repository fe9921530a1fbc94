"""Recorded replies answer what they answered, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefkit.errors import ConfigError, DataError
from prefkit.llm.clients.replay import Replay
from prefkit.llm.codec import facts_bytes, key_of, written
from prefkit.llm.connect import connect
from prefkit.llm.keeping.journal import Journal
from prefkit.llm.records import Reply, Request, Score, ScoreRequest, Token, Usage, messages
from prefkit.llm.settings import Settings


def by_hand(folder: Path, *lines: object) -> str:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def recorded(folder: Path, *pairs: tuple[Request | ScoreRequest, Reply | Score]) -> str:
    """A journal as a client of another model leaves it."""
    journal = Journal(folder, "openai-gpt")
    entries = []
    for request, answer in pairs:
        facts = facts_bytes(request)
        entries.append((key_of(b'{"client":"openai"}', facts), written(answer), facts))
    journal.put_all(entries)
    journal.close()
    return str(journal.path)


def ask(place: str, *requests: Request) -> list[Reply]:
    return Replay(place, Settings()).ask_all(requests)


def question(text: str = "Which is better?", **options: object) -> Request:
    return Request(messages=messages(text), **options)  # type: ignore[arg-type]


def test_a_journal_answers_as_it_was_answered(tmp_path: Path) -> None:
    answer = Reply(
        text="A",
        finish="stop",
        tokens=(Token("A", -0.1, (("A", -0.1), ("B", -2.4))),),
        usage=Usage(9, 1),
        cost_usd=0.02,
        model="gpt-x-2026",
        revision="fp_1",
    )
    place = recorded(tmp_path, (question(logprobs=2), answer))
    (reply,) = ask(place, question(logprobs=2))
    assert (reply.text, reply.finish, reply.tokens) == ("A", "stop", answer.tokens)
    assert (reply.usage, reply.model, reply.revision) == (Usage(9, 1), "gpt-x-2026", "fp_1")
    assert reply.failure is None
    assert reply.cost_usd == 0  # nobody is paid again
    assert not reply.cached


def test_draws_keep_their_own_answers_and_order(tmp_path: Path) -> None:
    place = recorded(
        tmp_path,
        (question(draw=0), Reply(text="first")),
        (question(draw=1), Reply(text="second")),
        (question("Other?", draw=0), Reply(text="third")),
    )
    replies = ask(place, question(draw=1), question("Other?", draw=0), question(draw=0))
    assert [reply.text for reply in replies] == ["second", "third", "first"]


def test_of_several_answers_the_last_counts(tmp_path: Path) -> None:
    journal = recorded(tmp_path, (question(), Reply(text="old")), (question(), Reply(text="new")))
    hand = by_hand(
        tmp_path,
        {"request": {"messages": "Which is better?"}, "reply": "old"},
        {"request": {"messages": "Which is better?"}, "reply": "new"},
    )
    assert [ask(place, question())[0].text for place in (journal, hand)] == ["new", "new"]


def test_what_is_not_recorded_says_what_comes_nearest(tmp_path: Path) -> None:
    place = recorded(tmp_path, (question(max_tokens=256), Reply(text="A")))
    other_options, other_words = ask(
        place, question(max_tokens=512, seed=1), question("Which is best?")
    )
    assert other_options.failure.kind == other_words.failure.kind == "unsupported"
    assert "max_tokens 256 and not 512" in other_options.failure.message
    assert "seed its default and not 1" in other_options.failure.message
    assert "the nearest is 'Which is better?'" in other_words.failure.message
    assert other_options.text is other_words.text is None


def test_a_line_by_hand_answers_whatever_it_leaves_open(tmp_path: Path) -> None:
    place = by_hand(
        tmp_path,
        {"request": {"messages": "Which is better?"}, "reply": "A"},
        {"request": {"messages": "Which is better?", "draw": 2, "stop": ["\n"]}, "reply": "B"},
    )
    replies = ask(
        place,
        question(temperature=0.7, draw=1),
        question(draw=2, stop=("\n",)),
        question(draw=2),
        question("Why?"),
    )
    assert [reply.text for reply in replies] == ["A", "B", "A", None]
    assert "Which is better?" in replies[3].failure.message


def test_a_reply_by_hand_can_say_how_it_ended(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "A or B?"}]
    reply = {"text": "B", "finish": "length", "usage": {"input": 5, "output": 1}, "model": "m"}
    place = by_hand(tmp_path, {"request": {"messages": turns}, "reply": reply})
    (got,) = ask(place, Request(messages=messages(turns)))
    assert (got.text, got.finish, got.usage, got.model) == ("B", "length", Usage(5, 1), "m")


def test_scores_are_replayed(tmp_path: Path) -> None:
    asked = ScoreRequest(prompt=(1, 2), completion=(3, 4))
    journal = recorded(tmp_path, (asked, Score(value=-3.0, logprobs=(-1.0, -2.0))))
    (score,) = Replay(journal, Settings()).score_all([asked])
    assert (score.value, score.logprobs) == (-3.0, (-1.0, -2.0))

    text = ScoreRequest(prompt="The sky is", completion=" blue")
    chat = ScoreRequest(messages=messages("Hi"))
    place = by_hand(
        tmp_path,
        {"request": {"prompt": "The sky is", "completion": " blue"}, "reply": {"value": -0.5}},
        {"request": {"messages": "Hi"}, "reply": 1.25},
    )
    scores = Replay(place, Settings()).score_all([text, chat, asked])
    assert [score.value for score in scores] == [-0.5, 1.25, None]
    assert scores[2].failure.kind == "unsupported"


def test_a_damaged_line_of_a_journal_is_not_recorded(tmp_path: Path) -> None:
    place = Path(
        recorded(tmp_path, (question(), Reply(text="A")), (question("Why?"), Reply(text="B")))
    )
    first, second = filter(None, place.read_bytes().splitlines())
    damaged = first.replace(b'"A"', b'"X"')
    place.write_bytes(b"\n".join([damaged, second, bytes(40), first[:8], first[:50]]))
    gone, kept = ask(str(place), question(), question("Why?"))
    assert gone.failure.kind == "unsupported"
    assert kept.text == "B"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "line 1: no JSON"),
        ('{"request": {"messages": "Hi"}}', "line 1: an answer needs"),
        ('{"request": {"messages": "Hi", "tempratur": 1}, "reply": "A"}', "'temperature'"),
        ('{"request": {"messages": "Hi"}, "reply": {"txt": "A"}}', "'text'"),
        ('{"request": {"prompt": "Hi"}, "reply": 1}', "completion"),
        ("[1]", "an object is needed"),
    ],
)
def test_a_wrong_line_by_hand_is_named(tmp_path: Path, line: str, message: str) -> None:
    place = tmp_path / "answers.jsonl"
    place.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        Replay(str(place), Settings())


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recorded replies"):
        Replay(str(tmp_path / "none.jsonl"), Settings())


def test_another_recording_is_somebody_else(tmp_path: Path) -> None:
    line = {"request": {"messages": "Hi"}, "reply": "A"}
    first = Replay(by_hand(tmp_path, line), Settings()).identity()
    assert Replay(by_hand(tmp_path, line), Settings()).identity() == first
    assert Replay(by_hand(tmp_path, {**line, "reply": "B"}), Settings()).identity() != first


def test_a_file_that_changes_while_it_is_read_is_an_error_and_no_answer(tmp_path: Path) -> None:
    place = Path(recorded(tmp_path, (question(), Reply(text="A"))))
    replay = Replay(str(place), Settings())
    place.write_bytes(place.read_bytes().replace(b'"A"', b'"B"'))
    with pytest.raises(DataError, match="has changed"):
        replay.ask_all([question()])


def test_a_client_replays_and_checks_what_was_recorded(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"winner": {"enum": ["A", "B"]}}}
    place = by_hand(
        tmp_path,
        {"request": {"messages": "Good"}, "reply": '{"winner": "A"}'},
        {"request": {"messages": "Bad"}, "reply": '{"winner": "C"}'},
    )
    with connect(f"replay:{place}", cache=tmp_path / "cache") as client:
        good, bad, none = client.ask([question(t, schema=schema) for t in ("Good", "Bad", "No")])
    assert good.data == {"winner": "A"}
    assert bad.failure.kind == "invalid"
    assert none.failure.kind == "unsupported"

"""What a reviewer sees of a pair."""

from __future__ import annotations

from typing import Any

from prefkit.reviews.blind import shown_pair


def message(role: str, content: str | None, extra: str | None = None) -> dict[str, Any]:
    return {"role": role, "content": content, "extra": extra}


def row(prompt: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    sides = {"chosen": [message("assistant", "**yes**")], "rejected": [message("assistant", "no")]}
    return {"prompt": prompt, **sides, "tools": None, "criterion": None, **more}


ASK = [message("user", "Why?")]


def test_the_side_that_is_left_is_a() -> None:
    for left, first in (("chosen", "yes"), ("rejected", "no")):
        shown = shown_pair(row(ASK), left)  # type: ignore[arg-type]
        assert [side["name"] for side in shown["sides"]] == ["A", "B"]
        assert first in shown["sides"][0]["turns"][0]["rendered"]


def test_nothing_that_is_shown_names_a_side_by_its_label() -> None:
    told = str(shown_pair(row(ASK), "chosen"))
    assert not [word for word in ("chosen", "rejected", "pair_sha256") if word in told]


def test_text_is_rendered_and_raw_and_hidden_characters_are_spelled() -> None:
    chosen = [message("assistant", "**b** \u202e<img src=x>")]
    shown = shown_pair(row(ASK, chosen=chosen), "chosen")
    turn = shown["sides"][0]["turns"][0]
    assert turn["rendered"].startswith("<p><strong>b</strong> ")
    assert turn["raw"].startswith("<pre>**b** ")
    for html in (turn["rendered"], turn["raw"]):
        assert "U+202E" in html
        assert "<img" not in html


def test_of_a_long_conversation_the_first_turn_and_the_last_two_stand_open() -> None:
    turns = [message("user", f"turn {n}") for n in range(7)]
    shown = shown_pair(row(turns), "chosen")
    told = {name: len(shown[name]) for name in ("first", "folded", "turns")}
    assert told == {"first": 1, "folded": 4, "turns": 2}
    short = shown_pair(row(turns[:3]), "chosen")
    assert (short["folded"], len(short["turns"])) == ([], 3)


def test_a_long_turn_is_folded_behind_its_start() -> None:
    shown = shown_pair(row([message("user", "word " * 400)]), "chosen")
    turn = shown["turns"][0]
    assert turn["words"] == 400
    assert turn["start"] == " ".join(["word"] * 40)
    assert shown_pair(row(ASK), "chosen")["turns"][0]["start"] is None


def test_tool_calls_and_tools_are_shown_as_indented_json_or_as_they_are() -> None:
    chosen = [message("assistant", None, '{"tool_calls":[{"name":"<b>"}]}')]
    shown = shown_pair(row(ASK, chosen=chosen, tools="[{broken"), "chosen")
    turn = shown["sides"][0]["turns"][0]
    assert turn["rendered"] is None
    assert "&lt;b&gt;" in turn["extra"]
    assert "\n" in turn["extra"]
    assert shown["tools"] == "<pre>[{broken</pre>"

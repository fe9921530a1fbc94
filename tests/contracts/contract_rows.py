"""Rows of every kind that a contract must hold for, and a function for the `python` filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pair_rows import assistant, pair, user

CALL = '{"tool_calls":[{"function":{"name":"weather","arguments":{"city":"Paris"}}}]}'
TOOLS = '[{"type":"function","function":{"name":"weather"}}]'
LONG = "The bridge opens at seven and closes when the last ship has passed. " * 3


def too_long(row: Mapping[str, Any]) -> tuple[float, str | None]:
    """Counts the prompt's characters and drops what has more than 20."""
    characters = sum(len(message["content"] or "") for message in row["prompt"])
    return float(characters), "a long prompt" if characters > 20 else None


def _plain() -> list[tuple[Any, ...]]:
    kinds = ("rating:1-5", "probability", None)
    return [
        pair(
            user(f"Question {n}?"),
            assistant("yes, and much longer" if n % 2 else "no"),
            assistant("no" if n % 2 else "a second answer"),
            margin=None if n % 3 == 2 else n / 4,
            margin_kind=kinds[n % 3],
            n_votes=n % 5,
            p_chosen=[0.52, 0.75, None, 0.99][n % 4],
            agreement=[None, 0.5, 2 / 3, 1.0][n % 4],
            tags=[("topic", "tides")] if n % 2 else [],
        )
        for n in range(12)
    ]


def _repeated() -> list[tuple[Any, ...]]:
    first, second = assistant("At seven."), assistant("At eight.")
    return [
        pair(user("When does it open?"), first, second, n_votes=2),
        pair(user("when does it  open?"), first, assistant("AT EIGHT. "), n_votes=3),
        pair(user("When does it open?"), first, second, n_votes=2),
        pair(user("When does it close?"), first, second),
        pair(user("WHEN does it close?"), second, first, criterion=None),
        pair(user("When does it open?"), second, first, criterion="tone"),
    ]


def _odd() -> list[tuple[Any, ...]]:
    turns = [("system", "Be brief.", None), *user("Hi"), *assistant("Hello"), *user("When?")]
    more = [*assistant("At seven."), *user("Sure?"), *assistant("Yes.")]
    called = [("assistant", None, CALL), ("tool", "21 degrees", '{"tool_call_id":"1"}')]
    return [
        pair(user("Thumbs up?"), assistant("Up."), None),
        pair(user("Thumbs down?"), None, assistant("Down.")),
        pair(user("Nothing said?"), assistant(""), assistant("Something.")),
        pair(user("  "), assistant("To nothing."), assistant("To no one.")),
        pair(user("The same?"), assistant("Same."), assistant("Same.")),
        pair(user("Nearly the same?"), assistant("Same."), assistant(" Same.\n")),
        pair(turns, assistant("At seven."), assistant(LONG)),
        pair(turns, more, assistant("At eight.")),
        pair([*user("Rain?"), *called], assistant("Dry."), assistant("Wet."), tools=TOOLS),
        pair(user("Call it."), assistant(None, CALL), assistant("I cannot."), tools=TOOLS),
        pair([*user("Two"), *user("in a row")], assistant("One."), assistant("Two.")),
        pair([("bot", "Beep?", None)], assistant("Boop."), assistant("Beep.")),
        pair(user("Ünïcödé \U0001f600?"), assistant("\u00e9"), assistant("e\u0301")),
        pair(user("Long?"), assistant(LONG), assistant("No.")),
    ]


def _judged() -> list[tuple[Any, ...]]:
    return [
        pair(user("Kept by a person?"), assistant(LONG), assistant(""), decision=("keep", "d1")),
        pair(user("Gone?"), assistant("Yes."), assistant("Yes."), dropped="length: 1 < 2"),
        pair(
            user("Measured before?"),
            assistant("Yes."),
            assistant("No."),
            checks=[("diverges", 1.0, "at turn 1")],
            cluster="0" * 32,
        ),
    ]


def varied_pairs() -> list[tuple[Any, ...]]:
    """Plain, repeated, one-sided, empty, equal, tool-calling, faulty, decided and dropped pairs."""
    return [*_plain(), *_repeated(), *_odd(), *_judged()]

"""JSON answers: found, parsed, and held against a schema in linear time."""

from __future__ import annotations

import json
import sys
import time

import pytest

from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.checking import check
from prefkit.judging.answers.json_schema import JsonSchema

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}
CHECK = JsonSchema(shape=PERSON)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ('{"name": "x", "age": 3}', "right"),
        (' {"name": "x"}\n', "right"),
        ('Here:\n```json\n{"name": "x"}\n```\nDone.', "right"),
        ('Here:\n```\n{"name": "x"}\n```', "right"),
        ('```json\n{"name": "x"}', "right"),
        ('{"name": 3}', "wrong"),
        ("{}", "wrong"),
        ("[]", "wrong"),
        ('{"name": "x", "more": 1}', "wrong"),
        ('{"name": "x",}', "wrong"),
        ("```json\nno\n```", "wrong"),
        ('{"name": NaN}', "wrong"),
        ('{"name": "x"', "wrong"),
        ("no JSON here", "unsure"),
        ("```python\nprint()\n```", "unsure"),
        ('```json\n{"name": "x"}\n```\n```json\n{"name": "y"}\n```', "unsure"),
        ('{"name": "x", "name": "y"}', "unsure"),
        ('{"name": "x", "age": ' + "9" * 5_000 + "}", "unsure"),
        ("[" * 200_000, "unsure"),
        ("[" * 200_000 + "]" * 200_000, "unsure"),
        ('{"a":' * 100_000, "unsure"),
        ("3", "wrong"),
    ],
)
def test_a_response_is_held_against_a_schema(response: str, outcome: str) -> None:
    assert check(CHECK, response).outcome == outcome


def test_the_reason_names_the_rule_and_the_place() -> None:
    assert check(CHECK, '{"name": 3}').reason == "type of the schema does not hold at 'name'"
    assert check(CHECK, "{}").reason == "required of the schema does not hold at the top"
    assert check(CHECK, "{no}").reason.startswith("no JSON: Expecting property name")


def test_the_reference_can_be_the_schema() -> None:
    assert check(JsonSchema(), '{"name": "x"}', json.dumps(PERSON)).outcome == "right"
    for reference in ("no", "[]", '{"type": "strnig"}', '{"$ref": "http://example.org/x"}'):
        found = check(JsonSchema(), '{"name": "x"}', reference)
        assert found.reason.startswith("the reference is no JSON Schema"), reference
    assert check(JsonSchema(), "{}").reason == "there is no reference"


def test_a_wrong_schema_of_ones_own_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the schema of the answer is wrong"):
        check(JsonSchema(shape={"type": "strnig"}), "{}")
    with pytest.raises(ConfigError, match="no regular expression"):
        check(JsonSchema(shape={"pattern": "(?=x)"}), '"x"')


def test_patterns_and_unique_items_keep_their_meaning() -> None:
    shape = {
        "properties": {"a": {"pattern": "^x+$"}, "b": {"uniqueItems": True}},
        "patternProperties": {"^n_": {"type": "integer"}},
    }
    same = JsonSchema(shape=shape)
    for value, outcome in (
        ({"a": "xx"}, "right"),
        ({"a": "xy"}, "wrong"),
        ({"b": [1, 2, True, "1", [1], {"a": 1}]}, "right"),
        ({"b": [1, 1.0]}, "wrong"),
        ({"b": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}, "wrong"),
        ({"n_1": 3}, "right"),
        ({"n_1": "3"}, "wrong"),
    ):
        assert check(same, json.dumps(value)).outcome == outcome, value


def test_patterns_and_unique_items_take_linear_time() -> None:
    slow = JsonSchema(
        shape={"properties": {"a": {"pattern": "^(a+)+$"}, "b": {"uniqueItems": True}}}
    )
    start = time.process_time()
    assert check(slow, json.dumps({"a": "a" * 300_000 + "!"})).outcome == "wrong"
    many = [{"a": number} for number in range(50_000)]
    assert check(slow, json.dumps({"b": many})).outcome == "right"
    assert time.process_time() - start < 10, "seconds; in quadratic time it would be minutes"


def test_a_schema_that_tries_everything_twice_ends() -> None:
    way = {"properties": {"a": {"$ref": "#"}}}
    shape = {"anyOf": [{**way, "required": ["y"]}, {**way, "required": ["z"]}]}
    response = '{"a":' * 40 + "1" + "}" * 40
    assert check(JsonSchema(shape=shape), response).reason == "the schema has too much to try on it"
    rows = {"items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"type": "integer"}}}
    long = "[" + ",".join(["1"] * 20_000) + "]"
    assert check(JsonSchema(shape=rows), long).outcome == "right"


def test_decimal_numbers_are_multiples_by_their_digits() -> None:
    tenth = JsonSchema(shape={"items": {"multipleOf": 0.1}})
    assert check(tenth, "[0.3, 1, 7e3]").outcome == "right"
    assert check(tenth, "[0.35]").outcome == "wrong"
    assert "is too large" in check(tenth, "[1e400]").reason


def test_reasoning_is_no_json_and_a_mark_in_a_text_is_no_reasoning() -> None:
    shape = JsonSchema(shape={"type": "object"})
    assert check(shape, '<think>```json\n[]\n```</think>{"a": 1}').outcome == "right"
    assert check(shape, '{"a": "<think>"}').outcome == "right"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    for checker, reference in (
        (JsonSchema(shape={"title": "only here 1"}), ""),
        (JsonSchema(), '{"title": "only here 2"}'),
    ):
        with pytest.raises(MissingExtra) as raised:
            check(checker, "{}", reference)
        assert raised.value.hint == 'pip install "prefkit[llm]"'

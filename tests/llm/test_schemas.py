"""Schemas of answers: what is wrong with one is said before anything is paid, and none reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer
from faulty import client_of, questions

from prefkit.errors import ConfigError
from prefkit.llm.answers import checked
from prefkit.llm.frozen import Frozen, frozen, shared
from prefkit.llm.records import Reply, Request, messages
from prefkit.llm.schemas import check_schema

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
TREE = {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/missing"},
        {"$ref": "#missing"},
        {"$ref": "http://["},
        {"properties": {"a": {"items": {"anyOf": [{"$ref": "#/$defs/missing"}]}}}},
        {"$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"not": {"$ref": "#/z"}}}, "$ref": "#/$defs/x"},
        {"$schema": DRAFT_7, "items": {"$ref": "#/definitions/missing"}},
        {"own": {"a": {"$ref": "#/nowhere"}}, "properties": {"b": {"$ref": "#/own/a"}}},
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="which is not in it"):
        check_schema(schema)


def test_a_reference_to_what_is_no_schema_is_refused() -> None:
    with pytest.raises(ConfigError, match="no schema"):
        check_schema({"$ref": "#/required", "required": ["a"]})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
        {"$ref": "#/$defs/x", "$defs": {"x": {"if": {"$ref": "#/$defs/y"}}, "y": {"$ref": "#"}}},
    ],
)
def test_a_circle_without_a_step_into_the_answer_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="circle"):
        check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (TREE, {"a": {"a": {}}}, {"a": {"b": {}}}),
        ({"$ref": "#word", "$defs": {"w": {"$anchor": "word", "type": "string"}}}, "x", 1),
        ({"$id": "http://h/a", "$ref": "b", "$defs": {"q": {"$id": "b", "type": "null"}}}, None, 1),
        ({"enum": [{"$ref": "nowhere"}]}, {"$ref": "nowhere"}, {}),
        ({"properties": {"$ref": {"type": "string"}}}, {"$ref": "x"}, {"$ref": 1}),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {}, 5),
        ({"$schema": DRAFT_7, "$ref": "#/definitions/x", "definitions": {"x": {"const": 1}}}, 1, 2),
    ],
)
def test_a_reference_within_the_schema_is_followed(
    schema: dict[str, Any], good: Any, bad: Any
) -> None:
    assert check_schema(schema).is_valid(good)
    assert not check_schema(schema).is_valid(bad)


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(240):
        deep = {"not": deep}
    with pytest.raises(ConfigError, match="too deep"):
        check_schema(deep)


class _Counting(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    _Counting.asked = 0
    with HTTPServer(("127.0.0.1", 0), _Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/schema.json"
        server.shutdown()


def test_nothing_is_read_from_a_network_or_a_disk(address: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text("{}")
    for reference in (address, file.as_uri()):
        with pytest.raises(ConfigError, match="which is not in it"):
            check_schema({"properties": {"a": {"$ref": reference}}})
    assert _Counting.asked == 0


def test_an_answer_too_deep_for_its_schema_is_kept_as_invalid() -> None:
    text = '{"a":' * 400 + "{}" + "}" * 400
    reply = checked(Request(messages=messages("?"), schema=TREE), Reply(text=text, finish="stop"))
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert (reply.text, reply.data) == (text, None)


def test_json_too_deep_for_the_journal_is_kept_as_text() -> None:
    text = "[" * 300 + "]" * 300
    request = Request(messages=messages("?"), schema={"type": "array"})
    reply = checked(request, Reply(text=text, finish="stop"))
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert (reply.text, reply.data) == (text, None)


def test_a_wrong_schema_costs_nothing_and_names_its_row(tmp_path: Path) -> None:
    with FaultServer() as server, client_of("openai", server, tmp_path) as client:
        with pytest.raises(ConfigError, match="row 1"):
            client.ask([*questions(1), *questions(1, first=1, schema={"$ref": "#/$defs/x"})])
        assert server.asks() == []


def test_equal_schemas_are_one_copy_whose_forms_are_worked_out_once() -> None:
    one = shared({"type": "object", "required": ["a"]})
    other = shared({"type": "object", "required": ["a"]})
    assert one is other
    assert one.written is other.written
    assert check_schema(one) is check_schema(other)
    assert shared(one) is one
    assert list(shared({"required": ["a"], "type": "object"})) == ["required", "type"]


def test_a_large_schema_costs_little_per_request() -> None:
    names = {f"field_{n:05d}": {"type": "string", "description": "x" * 40} for n in range(2_000)}
    schema = {"type": "object", "properties": names}
    made = [Request(messages=messages(str(n)), schema=schema) for n in range(50)]
    assert {id(request.schema) for request in made} == {id(made[0].schema)}


def test_what_is_no_number_of_json_is_not_frozen() -> None:
    assert frozen({"a": None, "b": [1.5]}) == {"a": None, "b": [1.5]}
    assert isinstance(frozen({}), Frozen)
    for value in (float("nan"), float("inf")):
        with pytest.raises(TypeError):
            frozen({"a": [value]})
        with pytest.raises(TypeError):
            shared({"a": value})


def test_a_pattern_that_cannot_be_compiled_here_is_refused() -> None:
    with pytest.raises(ConfigError, match="schema of the answer is wrong"):
        check_schema({"properties": {"a": {"pattern": r"\p{L}+"}}})


def test_a_number_too_large_for_its_check_costs_no_answer() -> None:
    request = Request(messages=messages("?"), schema={"multipleOf": 0.5})
    reply = checked(request, Reply(text="1" * 320, finish="stop"))
    assert reply.text == "1" * 320
    assert reply.failure is not None
    assert reply.failure.kind == "invalid"

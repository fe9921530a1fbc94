from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.llm.clients.anthropic import Anthropic
from prefkit.llm.clients.keys import Key, address, key_for
from prefkit.llm.clients.openai_chat import OpenAIChat
from prefkit.llm.clients.openai_responses import OpenAIResponses
from prefkit.llm.clients.server import Server
from prefkit.llm.clients.wire import fault_of, parsed, redact
from prefkit.llm.provider import Fault
from prefkit.llm.settings import Settings

CANARY = "sk-canary-0123456789abcdef"
OWN = {"own_host": "api.openai.com", "own_variable": "OPENAI_API_KEY"}


@dataclass
class Holder:
    key: Key


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_no_text_or_copy_of_a_key_shows_it():
    key = Key(CANARY)
    error = ValueError("wrong", key)
    for text in (
        repr(key),
        str(key),
        f"{key}",
        f"{key:>60}",
        f"{[key]} {Holder(key)}",
        repr(error),
    ):
        assert CANARY not in text
        assert "canary" not in text
    assert copy.copy(key) is key
    assert copy.deepcopy({"key": key})["key"] is key
    assert key.reveal() == CANARY


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_is_in_no_pickle(protocol: int):
    with pytest.raises(TypeError, match="never written"):
        pickle.dumps(Holder(Key(CANARY)), protocol)


def test_the_providers_own_variable_is_read_for_its_own_host(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    key = key_for(address("https://api.openai.com/v1"), Settings(), **OWN)
    assert key is not None
    assert key.reveal() == CANARY


@pytest.mark.parametrize(
    "other",
    [
        "https://api.openai.com.evil.example/v1",
        "https://evil.example/api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "https://eu.api.openai.com/v1",
        "https://api.openai.com./v1",
        "http://127.0.0.1:8000/v1",
    ],
)
def test_another_host_does_not_get_it(other: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    try:
        where = address(other)
    except ConfigError:
        return
    assert key_for(where, Settings(), **OWN) is None
    assert OpenAIChat("m", Settings(base_url=other)).is_free
    assert Anthropic("m", Settings(base_url=other)).is_free
    assert Server(f"{other}#m", Settings()).is_free


def test_each_provider_has_its_own_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        Anthropic("m", Settings())
    assert not OpenAIChat("m", Settings()).is_free
    assert not OpenAIResponses("m", Settings()).is_free


def test_any_host_gets_the_key_that_is_named_for_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-this-one-0000")
    monkeypatch.setenv("HOUSE_KEY", CANARY)
    for base in ("https://llm.example/v1", "https://api.openai.com/v1", "http://[::1]:8000/v1"):
        key = key_for(address(base), Settings(key_env="HOUSE_KEY"), **OWN)
        assert key is not None
        assert key.reveal() == CANARY


@pytest.mark.parametrize(
    "base", ["http://api.openai.com/v1", "http://10.0.0.7:8000", "http://127.1"]
)
@pytest.mark.parametrize("host", ["localhost.evil.example", "127.0.0.1.evil.example", None])
def test_no_key_goes_over_plain_http_beyond_this_machine(
    base: str, host: str | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOUSE_KEY", CANARY)
    where = address(base if host is None else f"http://{host}")
    with pytest.raises(ConfigError, match="plain http") as caught:
        key_for(where, Settings(key_env="HOUSE_KEY"), **OWN)
    assert CANARY not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:8000", "http://localhost:1"]
)
def test_this_machine_is_asked_over_plain_http(base: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOUSE_KEY", CANARY)
    assert key_for(address(base), Settings(key_env="HOUSE_KEY")) is not None


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_is_a_usage_error_that_names_the_variable(
    value: str | None, monkeypatch: pytest.MonkeyPatch
):
    if value is not None:
        monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        OpenAIChat("m", Settings())
    assert caught.value.exit_code == 2
    assert caught.value.hint == "export OPENAI_API_KEY=..."


@pytest.mark.parametrize(
    "text", [f"{CANARY}\n", f" {CANARY}", f"{CANARY}\r\nX-Evil: 1", f"{CANARY}\x7f", f"{CANARY}é"]
)
def test_a_text_that_is_no_key_is_refused_without_showing_it(
    text: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOUSE_KEY", text)
    with pytest.raises(ConfigError, match="HOUSE_KEY") as caught:
        key_for(address("https://llm.example"), Settings(key_env="HOUSE_KEY"))
    assert "canary" not in f"{caught.value!r} {caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2-password@llm.example/v1",
        "https://hunter2-password@llm.example",
        "https://llm.example?key=hunter2-password",
        "https://llm.example\\@hunter2-password.example",
        "https://llm.example/\nhunter2-password",
        "ftp://hunter2-password.example",
        "https://hunter2-password.example:99999",
        "https://hunter2-passw\u00f6rd.example",
        "hunter2-password.example:8000",
        "https:///hunter2-password",
    ],
)
def test_an_address_that_cannot_be_used_is_not_shown(url: str):
    with pytest.raises(ConfigError, match="address cannot be used") as caught:
        OpenAIChat("m", Settings(base_url=url))
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_an_address_is_rebuilt_from_its_plain_parts():
    assert address("HTTPS://LLM.Example:443/v1/").url == "https://llm.example/v1"
    assert address("http://[::1]:8000").url == "http://[::1]:8000"
    assert address("http://host:80/a/b").url == "http://host/a/b"


def test_an_identity_names_client_address_and_model_and_no_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOUSE_KEY", CANARY)
    settings = Settings(key_env="HOUSE_KEY", revision="r1")
    assert Server("https://llm.example#org/m", settings).identity() == {
        "client": "server",
        "address": "https://llm.example/v1",
        "model": "org/m",
        "revision": "r1",
    }
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    assert Anthropic("m", Settings()).identity() == {
        "client": "anthropic",
        "address": "https://api.anthropic.com",
        "model": "m",
    }


def test_a_placeholder_is_no_secret_and_stays_a_word_of_replies():
    assert parsed(b'{"text": "EMPTY set"}', Key("EMPTY")) == {"text": "EMPTY set"}


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=80).filter(
    lambda text: "[" not in text
)
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(KEYS, WORDS, WORDS, st.data())
def test_a_key_in_an_answer_is_found_however_its_json_is_written(
    text: str, before: str, after: str, data: st.DataObject
):
    escaped = data.draw(st.sets(st.integers(0, len(text) - 1)))
    spelled = "".join(
        f"\\u{ord(letter):04x}" if place in escaped else json.dumps(letter)[1:-1]
        for place, letter in enumerate(text)
    )
    raw = f'{{"text": "{json.dumps(before)[1:-1]}{spelled}{json.dumps(after)[1:-1]}"}}'
    said = parsed(raw.encode(), Key(text))["text"]
    assert text not in said
    assert "[key]" in said


@given(KEYS, st.sampled_from([400, 401, 403, 404, 429, 500, 503]))
def test_a_key_in_an_error_is_in_no_message(text: str, status: int):
    headers = {"authorization": f"Bearer {text}", "x-api-key": text}
    for body in (
        json.dumps({"error": {"message": f"wrong headers: {headers}", "type": "x"}}),
        json.dumps({"detail": [{"input": headers}]}),
        json.dumps({"error": {"message": f"wrong headers: {json.dumps(headers)}"}}),
        f"<html><body>{text}</body></html>",
        f"{text}: no such key",
    ):
        fault = fault_of(status, {}, body.encode(), Key(text))
        assert text not in fault.message
        assert json.dumps(text)[1:-1] not in fault.message
        assert "\n" not in fault.message


def test_what_looks_like_somebody_elses_key_is_hidden_too():
    told = redact(
        '{"Authorization": "Bearer abc.def-123456"} x-api-key: zzz; sk-proj-0123456789', None
    )
    assert told == '{"Authorization": "Bearer [key]"} x-api-key: [key]; [key]'


def test_an_answer_that_is_no_json_is_a_malformed_one():
    for raw in (b"", b"null", b"[1]", b"{", b'{"a": NaN}', b"\xff\xfe"):
        with pytest.raises(Fault) as caught:
            parsed(raw, Key(CANARY))
        assert caught.value.kind == "malformed"
        assert caught.value.maybe_billed

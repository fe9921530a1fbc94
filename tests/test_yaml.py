from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.yaml import load_yaml

PIECES = [
    "!!", "!!python/name:os.system ", "!!int ", "!!binary ", "!!set ", "!x ", "&a ", "*a", "- ",
    "? ", ": ", "{", "}", "[", "]", ", ", "a", "<<", "\n", "  ", "'", '"', "|", ">", "#",
    "%YAML 1.1\n", "---", "...", "0x", "0o9", "1e", "1e999", "null", "Yes", "2024-01-01",
    "12:30", "\t", "é",
]  # fmt: skip


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(part) for key, part in value.items())
    if isinstance(value, list):
        return all(is_plain(part) for part in value)
    return value is None or type(value) in (str, int, float, bool)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_any_text_becomes_plain_data_or_a_configuration_error(text: str) -> None:
    with suppress(ConfigError):
        assert is_plain(load_yaml(text, "x.yaml"))


def test_values_mean_what_they_say() -> None:
    text = "a: no\nb: on\nc: 010\nd: 12:30\ne: 2024-01-01\nf: 1e3\ng: 0x10\nh: true\ni: ~\nj: .inf"
    assert load_yaml(text, "x") == {
        "a": "no",
        "b": "on",
        "c": 10,
        "d": "12:30",
        "e": "2024-01-01",
        "f": 1000.0,
        "g": 16,
        "h": True,
        "i": None,
        "j": ".inf",
    }


def test_keys_are_text_as_written() -> None:
    text = "{1: a, no: b, true: c, null: d, 1.0: e}"
    assert load_yaml(text, "x") == {"1": "a", "no": "b", "true": "c", "null": "d", "1.0": "e"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "x.yaml, line 3, column 1: the key 'a' is given twice"),
        ("- {a: 1, 'a': 2}", "x.yaml, line 1, column 10: the key 'a' is given twice"),
        ("a: &n 1\nb: *n", "x.yaml, line 2, column 4: aliases are not used here"),
        (
            "!!python/object/apply:os.system [echo]",
            "x.yaml, line 1, column 1: tags are not used here: "
            "tag:yaml.org,2002:python/object/apply:os.system",
        ),
        ("a: !!timestamp 2024-01-01", "x.yaml, line 1, column 4: tags are not used here"),
        ("[a]: 1", "x.yaml, line 1, column 1: a key must be a word"),
        ("a: 1e999", "x.yaml, line 1, column 4: the number 1e999 is too large"),
        ("9" * 5000, "x.yaml, line 1, column 1: the number has too many digits"),
        ("[" * 5000, "x.yaml is nested too deeply"),
        ("a: 1\nb: \x1b[31m", "x.yaml, line 2: the character U+001B is not allowed"),
        ("a: [1", "x.yaml, line 1, column 6: expected"),
        ("a" * 1_000_001, "x.yaml is too long for a configuration (1,000,001 characters)"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(text, "x.yaml")
    assert str(caught.value).startswith(message)

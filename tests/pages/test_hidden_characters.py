from __future__ import annotations

import pytest

from prefkit.pages.hidden import marked, spelled
from prefkit.pages.markdown import raw_html

HIDDEN = {
    "right-to-left override": ("a\u202eb", "U+202E"),
    "zero-width space": ("a\u200bb", "U+200B"),
    "null": ("a\x00b", "U+0000"),
    "escape": ("a\x1bb", "U+001B"),
    "soft hyphen": ("a\u00adb", "U+00AD"),
    "line separator": ("a\u2028b", "U+2028"),
    "tag letter": ("a\U000e0041b", "U+E0041"),
    "variation selector": ("a\U000e0100b", "U+E0100"),
    "filler": ("a\u3164b", "U+3164"),
    "byte order mark": ("\ufeffab", "U+FEFF"),
    "joiner in plain text": ("a\u200db", "U+200D"),
    "half of a pair": ("a\ud800b", "U+D800"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_character_that_cannot_be_seen_is_named(name: str) -> None:
    text, number = HIDDEN[name]
    assert f">{number}</span>" in spelled(marked(text))


@pytest.mark.parametrize(
    "text",
    [
        "plain ASCII\twith\nlines",
        "naïve café, 你好, שלום, مرحبا",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # a word that is written with a joiner
        "क\u094d\u200dष",
        "\U0001f469\u200d\U0001f4bb",
        "\u2764\ufe0f",
    ],
)
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert marked(text) == text


def test_a_text_cannot_forge_a_mark() -> None:
    assert "hidden" not in spelled(marked("U+202E [U+202E]"))
    shown = spelled(marked("\ue000202E\ue001"))
    assert "U+E000" in shown
    assert ">U+202E<" not in shown


def test_line_ends_of_all_kinds_are_line_ends() -> None:
    assert marked("a\r\nb\rc") == "a\nb\nc"


def test_raw_text_keeps_its_markup_as_text() -> None:
    assert raw_html("<b>\u202e&") == (
        '<pre>&lt;b&gt;<span class="hidden-character" title="hidden character">U+202E</span>'
        "&amp;</pre>"
    )

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from prefkit.pages.forest import ForestRow, Reference, forest
from prefkit.pages.histogram import signed_histogram
from prefkit.pages.series import CutOff, Period, control_chart, trade_off
from prefkit.pages.svg import Scale, element, label, ticks


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def test_values_beyond_an_end_stand_at_the_end() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(value) for value in (-5, 0, 5, 10, 50)] == [100, 100, 150, 200, 200]


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.0, 1.0, 6, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.6, 1.0, 6, [0.6, 0.7, 0.8, 0.9, 1.0]),
        (-200.0, 200.0, 5, [-200, -100, 0, 100, 200]),
        (0.0, 7.0, 4, [0, 5]),
    ],
)
def test_ticks_are_round(low: float, high: float, most: int, expected: list[float]) -> None:
    found = ticks(low, high, most)
    assert len(found) == len(expected)
    assert all(math.isclose(a, b, abs_tol=1e-12) for a, b in zip(found, expected, strict=True))


def test_a_forest_row_stands_where_its_numbers_are() -> None:
    rows = [ForestRow("People"), ForestRow("p1", 0.75, 0.5, 1.0, "75% · n 8", "p1: 6 of 8")]
    found = parsed(forest("Who", rows, [Reference(0.9, "target 90%", "target")]))
    # The axis goes from 50 % at 190 to 100 % at 460.
    interval = found.find(".//g/line")
    dot = found.find(".//circle")
    assert interval is not None
    assert dot is not None
    assert (interval.get("x1"), interval.get("x2")) == ("190", "460")
    assert dot.get("cx") == "325"
    target = found.find("./line[@class='target']")
    assert target is not None
    assert target.get("x1") == "406"


def test_a_rate_without_an_interval_is_a_hollow_dot() -> None:
    found = parsed(forest("Who", [ForestRow("p", 0.7)], []))
    assert found.find(".//circle[@class='dot hollow']") is not None
    assert found.find(".//line[@class='interval']") is None


def test_a_state_is_told_in_a_sign_and_not_by_colour_alone() -> None:
    rows = [
        ForestRow("s", 0.7, 0.6, 0.8, state="suspect"),
        ForestRow("l", 0.5, 0.4, 0.6, state="low"),
    ]
    names = [
        node.text for node in parsed(forest("Who", rows, [])).findall(".//text[@class='name']")
    ]
    assert names == ["s ?", "l ▼"]


def test_a_hostile_name_is_text_in_the_picture() -> None:
    name = '<script>"&\u202e'
    found = parsed(forest(name, [ForestRow(name, 0.5, 0.4, 0.6, title=name)], []))
    assert found.get("aria-label") == '<script>"&[U+202E]'
    assert found.findall(".//script") == []
    assert found.findtext(".//text[@class='name']") == '<script>"&[U+202E]'


def test_a_trade_off_draws_both_shares() -> None:
    points = [CutOff(0, 0.8, 0.7, 0.9, 1.0), CutOff(1, 0.9, 0.8, 1.0, 0.5)]
    found = parsed(trade_off("cut", points, 0.85))
    lines = [node.get("points") for node in found.findall(".//polyline")]
    # 50 % to 100 % goes from 158 up to 16: 284 a unit.
    assert lines == ["58.0,72.8 330.0,44.4", "58.0,16.0 330.0,158.0"]


def test_bars_are_as_high_as_their_counts() -> None:
    found = parsed(signed_histogram("l", [-2, -1, 0, 1, 2], [1, 4, 2, 0], "words", ("a", "b")))
    heights = [float(node.get("height", "")) for node in found.findall(".//rect")]
    assert heights == [32, 128, 64, 0]
    assert [node.text for node in found.findall(".//g/title")] == [
        "under -1 words: 1 pairs",
        "-1 to +0 words: 4 pairs",
        "+0 to +1 words: 2 pairs",
        "from +1 words: 0 pairs",
    ]


def test_a_week_beyond_its_limits_has_a_sign() -> None:
    weeks = [Period("w1", 0.9, 30, 0.7, 1.0), Period("w2", 0.6, 30, 0.7, 1.0, "guide 2")]
    found = parsed(control_chart("drift", weeks, 0.85))
    assert [node.text for node in found.findall(".//text[@class='sign']")] == ["▼"]
    assert "guide 2" in [node.text for node in found.findall(".//text")]


def test_a_long_name_is_cut_by_its_width() -> None:
    assert label("short", 10) == "short"
    assert label("x" * 30, 10) == "x" * 10 + "…"
    assert label("i" * 30, 6) == "i" * 10 + "…"
    assert label("你" * 30, 16) == "你" * 10 + "…"


def test_numbers_in_attributes_are_short() -> None:
    assert element("line", x1=1.04, y1=2) == '<line x1="1" y1="2"/>'

"""Published numbers as they are written, digits and all."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefkit.errors import DataError
from prefkit.reports.claims import Claim, read_claims


def claims_of(place: Path, text: str, name: str = "said.json") -> dict[str, Claim]:
    path = place / name
    path.write_text(text)
    return {claim.name: claim for claim in read_claims(path)}


def test_a_number_is_read_with_the_digits_it_was_written_in(tmp_path: Path) -> None:
    found = claims_of(
        tmp_path,
        '{"equal": "92 / 100 = 92.0%", "share": "80.5%", "kappa": 0.57, "n": 805,'
        ' "small": 1.5e-3, "text": "0.250", "plain": "3 / 4"}',
    )
    assert found["equal"][2:] == (0.92, 1e-9, 100, False, None)
    assert found["share"].value == pytest.approx(0.805)
    assert found["share"].tolerance == pytest.approx(0.0005)
    assert found["share"].percent
    assert (found["kappa"].value, found["kappa"].tolerance) == (0.57, pytest.approx(0.005))
    assert (found["n"].value, found["n"].tolerance) == (805, 0.0)
    assert found["small"].tolerance == pytest.approx(0.00005)
    assert found["text"].tolerance == pytest.approx(0.0005)
    assert (found["plain"].value, found["plain"].total) == (0.75, 4)


def test_objects_in_objects_are_joined_by_dots_and_lists_counted(tmp_path: Path) -> None:
    found = claims_of(tmp_path, '{"gpt-4.1": {"kappa": {"first": 0.5}}, "runs": [1, 2]}')
    assert list(found) == ["gpt-4.1.kappa.first", "runs.0", "runs.1"]


def test_what_is_no_number_is_kept_and_has_no_value(tmp_path: Path) -> None:
    found = claims_of(tmp_path, '{"mode": "minimal", "old": true, "none": null, "odd": "1 / 0"}')
    assert {claim.value for claim in found.values()} == {None}
    assert found["odd"].fault == "a share of nothing"


def test_a_ratio_that_is_not_its_percentage_contradicts_itself(tmp_path: Path) -> None:
    found = claims_of(tmp_path, '{"a": "93 / 100 = 92.0%", "b": "2 / 3 = 66.7%"}')
    assert found["a"].fault == "93 / 100 is 93%"
    assert found["b"].fault is None


def test_a_leaderboard_is_a_line_for_each_model(tmp_path: Path) -> None:
    text = ",win_rate,n_total,mode\nM-1,76.9,805,community\nbase,50.0,805.0,\n"
    found = claims_of(tmp_path, text, "board.csv")
    assert list(found) == [
        *("M-1.win_rate", "M-1.n_total", "M-1.mode"),
        *("base.win_rate", "base.n_total"),
    ]
    assert found["M-1.win_rate"].tolerance == pytest.approx(0.05)
    assert found["M-1.mode"].value is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("said.json", '{"a": 1, "a": 2}', "'a' is given twice"),
        ("said.json", '{"a.b": 1, "a": {"b": 2}}', "'a.b' is given twice"),
        ("said.json", "[0.5]", "no mapping of names"),
        ("said.json", "{", "is no JSON"),
        ("board.csv", ",a\nm,1\nm,2\n", "line 3 names a line twice: 'm'"),
        ("board.csv", ",win_rate,win_rate\nm,1,2\n", "'win_rate' is given twice"),
        ("board.csv", ",a\nm,1,2\n", "line 2 has another number of cells: 'm'"),
        ("board.csv", "a\n", "has no line of names"),
        ("board.csv", ",a\nm," + "1" * 200_000, "is no CSV: "),
        ("said.json", '{"a":' * 25 + "1" + "}" * 25, "more than 20 deep"),
        ("said.json", '{"a":' * 90_000 + "1" + "}" * 90_000, "is no JSON"),
    ],
)
def test_a_file_that_does_not_map_names_is_refused(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        claims_of(tmp_path, text, name)
    assert name in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_claims(tmp_path / "none.json")


def test_numbers_that_are_no_numbers_of_json_are_not_taken_for_values(tmp_path: Path) -> None:
    found = claims_of(
        tmp_path, '{"a": NaN, "b": Infinity, "c": 1e999, "d": "nan", "e": 1e99999999999999999999}'
    )
    assert {claim.value for claim in found.values()} == {None}


def test_what_json_cannot_hold_is_kept_as_its_text(tmp_path: Path) -> None:
    nines = "9" * 400
    found = claims_of(tmp_path, f'{{"a": NaN, "b": -Infinity, "c": 1e999, "d": {nines}, "e": 7}}')
    assert [claim.written for claim in found.values()] == ["nan", "-inf", "1e999", nines, 7]
    assert [claim.value for claim in found.values()] == [None, None, None, None, 7]


def test_only_plain_digits_are_a_number(tmp_path: Path) -> None:
    text = ",a\nm,sNaN\nn,1_000\no,\u0663\np, .5 \nq,5.\nr,+1e2\n"
    found = claims_of(tmp_path, text, "board.csv")
    assert [claim.value for claim in found.values()] == [None, None, None, 0.5, 5.0, 100.0]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert list(claims_of(tmp_path, '\ufeff{"a": 1}')) == ["a"]

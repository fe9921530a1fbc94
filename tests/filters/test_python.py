"""A check that the user wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from filter_runs import dropped, run, sides, values
from pair_rows import write_pairs

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError, PrefkitError
from prefkit.filters.python import Python
from prefkit.step import make

SHORT = Python(function="checks_by_hand:short")


def test_a_text_is_the_reason_to_drop_and_null_keeps() -> None:
    rows = (sides("yes", "b"), sides("no", "b"))
    assert dropped(SHORT, *rows) == [None, "python.checks_by_hand.short: only 2 characters"]
    assert values(SHORT, *rows, check="python.checks_by_hand.short") == [None, None]


def test_a_value_is_recorded_with_or_without_a_reason() -> None:
    step = Python(function="checks_by_hand:measured")
    rows = [sides("a", "b", n_votes=votes) for votes in (0, 1, 2)]
    assert dropped(step, *rows) == [None, "python.checks_by_hand.measured: one vote", None]
    assert values(step, *rows, check="python.checks_by_hand.measured") == [None, 1.0, 2.0]


def test_rows_that_are_dropped_are_not_shown_to_the_function() -> None:
    gone = sides("no", "b", prompt="gone", dropped="length: 1 < 2")
    failing = Python(function="checks_by_hand:failing")
    assert run(failing, gone)[0]["checks"] == []


def test_an_exception_stops_the_run_and_names_the_pair() -> None:
    row = sides("a", "b", prompt="the key")
    with pytest.raises(PrefkitError) as caught:
        dropped(Python(function="checks_by_hand:failing"), row)
    assert str(caught.value) == (
        f"checks_by_hand:failing failed on pair {row[0]}: KeyError: 'the key'"
    )
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "what",
    ["false", "true", "number", "blank", "triple", "list", "swapped", "nan", "infinite"],
)
def test_a_wrong_return_is_an_error_and_no_verdict(what: str) -> None:
    row = sides("a", "b", prompt=what)
    with pytest.raises(PrefkitError) as caught:
        dropped(Python(function="checks_by_hand:given"), row)
    assert str(caught.value).startswith("checks_by_hand:given returned ")
    assert str(caught.value).endswith(f" for pair {row[0]}")
    assert caught.value.hint == (
        "return None to keep, a text to drop, or (finite number, None or text)"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("no_such_module_here:check", "cannot import no_such_module_here:check"),
        ("checks_by_hand:no_such_function", "cannot import checks_by_hand:no_such_function"),
        ("checks_by_hand:NO_FUNCTION", "checks_by_hand:NO_FUNCTION is no function"),
    ],
)
def test_what_cannot_be_imported_is_said(function: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dropped(Python(function=function), sides("a", "b"))


def test_a_module_that_fails_while_it_is_imported_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "breaks_on_import.py").write_text("raise OSError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="cannot import breaks_on_import:f: OSError: no licence"):
        dropped(Python(function="breaks_on_import:f"), sides("a", "b"))


@pytest.mark.parametrize("function", ["os", "os:", ":f", "a b:c", "os:path.join", "os;x:f"])
def test_a_function_is_named_by_module_and_name(function: str) -> None:
    with pytest.raises(ConfigError, match="function: String should match pattern"):
        make(Python, {"function": function}, "curate[0]: python")


def test_curate_runs_no_code_without_consent(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", [sides("yes", "b"), sides("no", "b")])
    step = {"python": {"function": "checks_by_hand:short"}}
    with pytest.raises(ConfigError, match="the filter python imports and runs code") as caught:
        prefkit.curate(pairs, out=tmp_path / "curated", filter=[step])
    assert "--allow-code" in str(caught.value.hint)
    assert not (tmp_path / "curated").exists()


def test_curate_counts_its_reasons_by_the_name_of_the_function(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", [sides("yes", "b"), sides("no", "b")])
    step = {"python": {"function": "checks_by_hand:short"}}
    prefkit.curate(pairs, out=tmp_path / "curated", filter=[step], allow_code=True)
    (count,) = open_dataset(tmp_path / "curated").manifest["steps"]
    assert count["reasons"] == {"python.checks_by_hand.short": 1}

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from command_line import SCRIPT
from hypothesis import given
from hypothesis import strategies as st
from pair_rows import simple_pairs, write_pairs

from prefkit.terminal import (
    listening,
    print_document,
    print_error,
    print_outcome,
    printable,
)
from prefkit.verbs.verb import Outcome

HOSTILE = "\x1b[31mred\x07 [bold]x[/bold] \u202eevil \x9b2J \u200b \u2028 \udcff \U000e0041"
HARMLESS = (
    "\\u001b[31mred\\u0007 [bold]x[/bold] \\u202eevil \\u009b2J \\u200b \\u2028 \\udcff \\U000e0041"
)


def on_a_terminal(*arguments: object, **environment: str) -> str:
    """What `prefkit` writes where stdout and stderr are a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [SCRIPT, *map(str, arguments)],
        stdin=child,
        stdout=child,
        stderr=child,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(child)
    written = b""
    try:
        while block := os.read(parent, 4096):
            written += block
    except OSError:  # Linux says so when the last writer is gone
        pass
    finally:
        os.close(parent)
    assert process.wait(60) == 0, written
    return written.decode()


def test_what_could_act_on_a_terminal_is_shown_as_an_escape() -> None:
    assert printable(HOSTILE) == HARMLESS


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Grüße, 你好, עברית, 👍🏽, e\u0301\n\tnext"
    assert printable(text) == text


@given(st.text(st.characters(codec=None)))
def test_printable_text_is_stable_and_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    shown.encode()
    assert not set(shown) & set("\x1b\x9b\r\x07\x08\u202e\u2066\u2028")


def test_an_outcome_is_printed_in_columns_with_its_text_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = (("Read", HOSTILE), ("\x1b[1mLong", "a\nError: b"), ("", '{"a": 1}'))
    print_outcome(Outcome({}, lines), as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        f"Read           {HARMLESS}",
        "\\u001b[1mLong  a",
        "               Error: b",
        '{"a": 1}',
    ]


def test_a_document_is_one_line_of_json_that_gives_back_every_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_outcome(Outcome({"text": HOSTILE, "n": 1, "odd": [float("nan"), 0.5]}), as_json=True)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert out.isascii()
    document = json.loads(out)
    assert document.pop("prefkit")["document"] == 1
    assert document == {"text": HOSTILE, "n": 1, "odd": [None, 0.5]}


def test_an_error_has_one_form_and_its_text_cannot_pose_as_the_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_error("no file a\nhint: rm -rf x\x1b[2K", "prefkit --help")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: no file a\n  hint: rm -rf x\\u001b[2K\nhint: prefkit --help\n"


def test_elsewhere_than_on_a_terminal_progress_is_a_plain_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listening(quiet=False, verbose=False) as log:
        log.info("10 rows", extra={"progress": True})
    with listening(quiet=False, verbose=False, every_s=0.0) as log:
        log.info("20 rows \x1b[1m", extra={"progress": True})
    assert capsys.readouterr() == ("", "20 rows \\u001b[1m\n")


@pytest.mark.parametrize(
    ("quiet", "verbose", "shown"),
    [
        (False, False, "warning: w\ninfo: i\n"),
        (False, True, "warning: w\ninfo: i\ndebug: d\n"),
        (True, False, ""),
    ],
)
def test_quiet_and_verbose_choose_the_messages(
    capsys: pytest.CaptureFixture[str], quiet: bool, verbose: bool, shown: str
) -> None:
    with listening(quiet=quiet, verbose=verbose) as log:
        log.warning("w")
        log.info("i")
        log.debug("d")
    assert capsys.readouterr() == ("", shown)
    assert not log.handlers


def test_a_document_on_a_full_disk_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled(), Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [SCRIPT, "catalog", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the system refused: No space left on device\nhint: ")


def test_a_terminal_gets_progress_and_bold_labels(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", simple_pairs(3))
    command = ("curate", pairs, "--filter", "identical_sides", "--out", tmp_path / "x", "--dry-run")
    shown = on_a_terminal(*command)
    assert "\r\x1b[K3 rows curated" in shown
    assert "\x1b[1mPairs\x1b[0m" in shown
    plain = on_a_terminal(*command, "--quiet", NO_COLOR="1")
    assert "\x1b" not in plain
    assert "3 = 3 kept + 0 marked" in plain
    assert "\x1b" not in on_a_terminal(*command, TERM="dumb")


def test_a_document_on_a_terminal_has_no_colour(tmp_path: Path) -> None:
    assert json.loads(on_a_terminal("show", write_pairs(tmp_path / "p", []), "--json"))["rows"] == 0


def test_print_document_keeps_the_keys_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    print_document({"b": 1, "a": 2})
    assert list(json.loads(capsys.readouterr().out)) == ["a", "b", "prefkit"]

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from prefkit.errors import ConfigError
from prefkit.llm.money.estimate import Estimate
from prefkit.llm.money.prices import Price
from prefkit.terminal import listening
from prefkit.verbs.consent import Bill, confirm

PRICE = Price(input=0.15, output=0.6, source="my\nprices\x1b[2J", date="2026-01-31")


def bill(
    usd: tuple[float, float] | None = (0.042, 12.3456),
    *,
    who: str = "openai:gpt-x",
    requests: int = 4_812,
    is_free: bool = False,
) -> Bill:
    estimate = Estimate(
        requests=requests,
        sampled=20,
        input=(2_000_000, 2_300_000, 2_600_000),
        output=(0, 4_927_488),
        usd=usd,
        basis="20 of 4,812 requests counted",
        price=None if usd is None else PRICE,
    )
    return Bill(who, estimate, 188, is_free)


LINES = """\
openai:gpt-x: 4,812 requests to ask, 188 answered before
  Input tokens: 2,300,000 (2,000,000 to 2,600,000; 20 of 4,812 requests counted)
  Output tokens: 0 to 4,927,488, as max_tokens allows
  Cost: $0.042 to $12.35, at $0.15 in and $0.6 out per million tokens \
(my\\nprices\\u001b[2J of 2026-01-31)
"""


def test_what_is_free_or_answered_before_is_not_asked_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    confirm([], yes=False, budget=None)
    confirm([bill(requests=0), bill(None, is_free=True)], yes=False, budget=0.0)
    confirm([bill((0.0, 0.0))], yes=False, budget=None)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_the_estimate_is_shown_and_nothing_is_spent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ConfigError, match="no terminal to agree on") as caught:
        confirm([bill()], yes=False, budget=None)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "pass yes=True"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == LINES + "Budget: none; --budget DOLLARS sets one that is never exceeded\n"


def test_who_said_yes_is_told_and_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(quiet=False, verbose=False):
        confirm([bill()], yes=True, budget=20.0)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "info: openai:gpt-x: 4,812 requests to ask, 188 answered before"
    assert told[-1] == "info: Budget: $20.00, never exceeded"
    with listening(quiet=True, verbose=False):
        confirm([bill()], yes=True, budget=20.0)
    assert capsys.readouterr() == ("", "")


def test_a_budget_below_the_least_is_said_before_anything_is_spent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with listening(quiet=False, verbose=False):
        confirm([bill()], yes=True, budget=0.04)
    told = capsys.readouterr().err
    assert "Budget: $0.040, less than the least that this costs: it will end early" in told


def test_a_budget_for_a_model_without_a_price_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ConfigError, match=r"openai:gpt-x: no price is known") as caught:
        confirm([bill(), bill(None)], yes=True, budget=5.0)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "pass prices"
    assert capsys.readouterr() == ("", "")


def test_several_clients_are_shown_one_by_one_and_in_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bills = [bill((0.5, 2.0)), bill((0.25, 1.0)), bill(None, who="http://h#m", is_free=True)]
    with listening(quiet=False, verbose=False):
        confirm(bills, yes=True, budget=None)
        confirm([*bills, bill(None, who="http://paid#m")], yes=True, budget=None)
    told = capsys.readouterr().err
    assert "info:   Cost: free\n" in told
    assert "info: In all: $0.75 to $3.00\n" in told
    assert "info:   Cost: not known, there is no price; --prices FILE gives one\n" in told
    assert "info: In all: $0.75 to $3.00, and what has no price\n" in told


def test_what_is_asked_once_and_what_a_batch_answers_is_shown_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = replace(bill(), repeated=7, pending=1_200)
    with listening(quiet=False, verbose=False):
        confirm([both], yes=True, budget=None)
        confirm([replace(bill(requests=0), pending=9)], yes=False, budget=None)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "info: openai:gpt-x: 4,812 requests to ask, 188 answered before, "
        "7 equal to another of them, 1,200 in a batch that runs"
    )
    assert len(told) == 5, "what was agreed to before is not asked about again"


PROGRAM = """
import fcntl, os, sys, termios
if sys.stdin.isatty() and os.getsid(0) == os.getpid():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # the terminal whose Ctrl-C reaches this process
from prefkit.errors import PrefkitError
from prefkit.llm.money.estimate import Estimate
from prefkit.llm.money.prices import Price
from prefkit.terminal import print_error
from prefkit.verbs.consent import Bill, confirm
price = Price(input=0.15, output=0.6, source="mine", date="2026-01-31")
whole = Estimate(3, 3, (30, 30, 30), (0, 60), (0.001, 0.02), "all 3 requests counted", price, 0.5)
who = "openai:\\x1b[31mgpt\\nCost: free"
try:
    confirm([Bill(who, whole, 1)], yes="--yes" in sys.argv, budget=None)
except PrefkitError as error:
    print_error(str(error), error.hint)
    sys.exit(error.exit_code)
print("agreed")
"""


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    """A command by the name of `prefkit` that only asks."""
    place = tmp_path / "prefkit"
    place.write_text(PROGRAM, encoding="utf-8")
    return [sys.executable, str(place), "ask", "a b.jsonl"]


def answered(command: list[str], answer: bytes) -> tuple[int, str]:
    """Exit code and all that is seen on a terminal where the question gets this answer."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, start_new_session=True
    )
    os.close(child)
    seen = b""
    try:
        while select.select([parent], [], [], 30)[0] and (block := os.read(parent, 4096)):
            seen += block
            if answer and b"[y/N] " in seen:
                os.write(parent, answer)
                answer = b""
    except OSError:  # Linux says so when the last writer is gone
        pass
    finally:
        os.close(parent)
    return process.wait(30), seen.decode(errors="replace").replace("\r\n", "\n")


@pytest.mark.parametrize("answer", [b"y\n", b"YES\n", b" Yes \n"])
def test_a_yes_on_the_terminal_is_consent(program: list[str], answer: bytes) -> None:
    code, seen = answered(program, answer)
    assert code == 0
    assert seen.endswith("agreed\n")
    assert "Spend this? [y/N] " in seen


@pytest.mark.parametrize("answer", [b"\n", b"n\n", b"yess\n", b"\xff\n", b"\x04", b"why\n"])
def test_anything_else_is_none_and_says_how_to_agree(program: list[str], answer: bytes) -> None:
    code, seen = answered(program, answer)
    assert code == 2
    assert seen.endswith(
        "\nerror: not agreed to: nothing was paid\nhint: prefkit ask 'a b.jsonl' --yes\n"
    )


def test_what_is_shown_on_the_terminal_cannot_act_on_it(program: list[str]) -> None:
    _, seen = answered(program, b"n\n")
    assert "\x1b" not in seen
    assert seen.startswith(
        "openai:\\u001b[31mgpt\\nCost: free: 3 requests to ask, 1 answered before\n"
        "  Input tokens: 30 (30 to 30; all 3 requests counted)\n"
        "  Output tokens: 0 to 60, as max_tokens allows\n"
        "  Cost: $0.0010 to $0.020, at $0.15 in and $0.6 out per million tokens "
        "(mine of 2026-01-31), by batch for 50% of it\n"
    )


def test_ctrl_c_at_the_question_ends_the_command(program: list[str]) -> None:
    code, seen = answered(program, b"\x03")
    assert code == -signal.SIGINT
    assert "\nagreed" not in seen


def test_with_yes_a_terminal_is_not_asked(program: list[str]) -> None:
    assert answered([*program, "--yes"], b"") == (0, "agreed\n")


@pytest.mark.parametrize("piped", ["stdin", "stderr"])
def test_half_a_terminal_is_none(program: list[str], piped: str) -> None:
    parent, child = pty.openpty()
    streams = {"stdin": child, "stdout": subprocess.PIPE, "stderr": child}
    streams[piped] = subprocess.PIPE
    process = subprocess.Popen(program, **streams)  # type: ignore[call-overload]
    os.close(child)
    process.communicate(b"y\n" if piped == "stdin" else None, timeout=30)
    os.close(parent)
    assert process.returncode == 2


def test_the_hint_keeps_words_behind_a_double_dash_where_they_are(program: list[str]) -> None:
    done = subprocess.run(
        [*program, "--", "--odd"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith(b"hint: prefkit ask 'a b.jsonl' --yes -- --odd\n")

"""Consent before money is spent: what it will cost is shown, then somebody says yes.

Consent never comes from a file: it is an answer on a terminal, `--yes` on the command line, or
`yes=True` in Python.
"""

from __future__ import annotations

import logging
import math
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prefkit.errors import ConfigError
from prefkit.llm.money.estimate import Estimate
from prefkit.llm.money.prices import Price
from prefkit.terminal import print_message, printable

__all__ = ["Bill", "bill_lines", "confirm"]

_LOG = logging.getLogger("prefkit.consent")


@dataclass(frozen=True, slots=True)
class Bill:
    """What asking one client would cost."""

    who: str
    """The client as it was named: `openai:gpt-x`."""
    estimate: Estimate
    """Of the requests that are neither in the journal nor in a batch."""
    cached: int = 0
    """Requests that the journal answers."""
    is_free: bool = False
    """Nobody bills for it."""
    repeated: int = 0
    """Requests that are equal to another one of these: asked once for all."""
    pending: int = 0
    """Requests in a batch that was submitted, and agreed to, before."""

    @property
    def costs(self) -> bool:
        """Whether money may be spent: no is certain."""
        return not self.is_free and self.estimate.requests > 0 and self.estimate.usd != (0.0, 0.0)


def confirm(bills: Sequence[Bill], *, yes: bool, budget: float | None) -> None:
    """Show what it will cost and have it agreed to; silent if nothing can cost anything.

    The estimate goes to stderr; with `yes`, as messages that --quiet leaves out.

    Args:
        bills: one for each client.
        yes: agreed to already.
        budget: dollars for all clients together; null = no limit.

    Raises:
        ConfigError: nobody agreed, or there is a budget and a price is not known.
    """
    paid = [bill for bill in bills if bill.costs]
    if not paid:
        return
    for bill in paid:
        if budget is not None and bill.estimate.usd is None:
            raise ConfigError(
                f"{bill.who}: no price is known, so no budget can be kept",
                hint=_again("--prices", "prices.yaml", python="pass prices"),
            )
    lines = bill_lines(bills, budget)
    if yes:
        for line in lines:
            _LOG.info("%s", line)
        return
    print_message("\n".join(lines))
    if not _is_attended():
        raise ConfigError(
            "this costs money and there is no terminal to agree on; nothing was paid",
            hint=_again("--yes", python="pass yes=True"),
        )
    if not _agreed():
        raise ConfigError(
            "not agreed to: nothing was paid", hint=_again("--yes", python="pass yes=True")
        )


def _is_attended() -> bool:
    """Whether somebody sees the question and can answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _agreed() -> bool:
    sys.stderr.write("Spend this? [y/N] ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except UnicodeDecodeError:
        answer = ""
    if not answer.endswith("\n"):  # the input ended: the next line would begin beside the question
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")


def _again(*options: str, python: str) -> str:
    """The same command with more options; from Python, what to give instead."""
    if Path(sys.argv[0]).name not in ("prefkit", "prefkit.exe", "__main__.py"):
        return python
    words = sys.argv[1:]
    place = words.index("--") if "--" in words else len(words)
    return shlex.join(["prefkit", *words[:place], *options, *words[place:]])


def bill_lines(bills: Sequence[Bill], budget: float | None) -> list[str]:
    """The estimate for people: each client, the sum of several, the budget."""
    return list(_lines(bills, [bill for bill in bills if bill.costs], budget))


def _lines(bills: Sequence[Bill], paid: Sequence[Bill], budget: float | None) -> Iterator[str]:
    for bill in bills:
        yield from _of_one(bill)
    known = [bill.estimate.usd for bill in paid if bill.estimate.usd is not None]
    least, most = sum(low for low, _ in known), sum(high for _, high in known)
    if len(paid) > 1 and known:
        more = "" if len(known) == len(paid) else ", and what has no price"
        yield f"In all: {_usd(least)} to {_usd(most)}{more}"
    if budget is None:
        yield "Budget: none; --budget DOLLARS sets one that is never exceeded"
    elif budget < least:
        yield (
            f"Budget: {_usd(budget)}, less than the least that this costs: "
            "it will end early, with valid partial output"
        )
    else:
        yield f"Budget: {_usd(budget)}, never exceeded"


def _of_one(bill: Bill) -> Iterator[str]:
    estimate = bill.estimate
    parts = [f"{estimate.requests:,} requests to ask", f"{bill.cached:,} answered before"]
    parts += [f"{bill.repeated:,} equal to another of them"] * bool(bill.repeated)
    parts += [f"{bill.pending:,} in a batch that runs"] * bool(bill.pending)
    yield f"{_one_line(bill.who)}: {', '.join(parts)}"
    if not estimate.requests:
        return
    low, expected, high = estimate.input
    yield f"  Input tokens: {expected:,} ({low:,} to {high:,}; {_one_line(estimate.basis)})"
    yield f"  Output tokens: {estimate.output[0]:,} to {estimate.output[1]:,}, as max_tokens allows"
    if bill.is_free:
        yield "  Cost: free"
    elif estimate.usd is None or estimate.price is None:
        yield "  Cost: not known, there is no price; --prices FILE gives one"
    else:
        least, most = estimate.usd
        yield f"  Cost: {_usd(least)} to {_usd(most)}, {_price(estimate.price, estimate.share)}"


def _price(price: Price, share: float) -> str:
    day = f" of {price.date}" if price.date else ", undated"
    source = _one_line(price.source) or "given in Python"
    text = f"at ${price.input:g} in and ${price.output:g} out per million tokens"
    batch = f", by batch for {share:.0%} of it" if share < 1 else ""
    return f"{text} ({source}{day}){batch}"


def _one_line(text: str) -> str:
    """Other people's text that cannot pose as a line of its own."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _usd(dollars: float) -> str:
    """Cents from a dollar on, two digits that count below."""
    digits = 2 if dollars >= 1 or dollars == 0 else 1 - math.floor(math.log10(dollars))
    return f"${dollars:,.{digits}f}"

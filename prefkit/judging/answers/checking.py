"""What a checker is, what it says, and the one way to ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple

from prefkit.errors import ConfigError
from prefkit.llm.client import Client
from prefkit.llm.records import Reply, Request
from prefkit.step import Options

__all__ = [
    "MOST_CHARACTERS",
    "AskingChecker",
    "Checked",
    "Checker",
    "Inquiry",
    "Unsure",
    "check",
    "examine",
    "settled",
    "shown",
]

MOST_CHARACTERS = 1_000_000
"""Of a response or a reference; what is longer is not looked at."""

_SHOWN = 80  # characters of somebody's text in a reason


class Checked(NamedTuple):
    """What is known of one response."""

    outcome: Literal["right", "wrong", "unsure"]
    extracted: str | None
    """The answer as it was cut out of the response; null if none was found."""
    reason: str
    """Why, in one line; never empty."""


class Unsure(Exception):
    """Nothing can be said of the response, for this reason; becomes an outcome, never an error."""

    def __init__(self, reason: str, extracted: str | None = None) -> None:
        super().__init__(reason)
        self.extracted = extracted


class Checker(Options):
    """One way to tell right answers from wrong ones: a frozen value whose fields are its options.

    Checkers see texts of up to a million characters that others wrote: time grows linearly with
    them, and no part of them is ever run.
    """

    needs_reference: ClassVar[bool] = True
    """Whether nothing can be said without a reference; else it may be null."""

    def decide(self, response: str, reference: str) -> Checked:
        """Right or wrong; `reference` is empty where there is none.

        Raises:
            Unsure: no answer was found, or it cannot be compared.
            ConfigError: the options do not fit each other.
            MissingExtra: a library is not installed.
        """
        raise NotImplementedError


class Inquiry(NamedTuple):
    """What a judge has to be asked about one response, and what its replies come to."""

    requests: tuple[Request, ...]
    settle: Callable[[Sequence[Reply]], Checked]
    """From the replies in the order of the requests; raises `Unsure`."""


class AskingChecker(Checker):
    """A checker that asks a judge."""

    def decide(self, response: str, reference: str) -> Checked:
        """Not without a judge."""
        raise ConfigError("this checker asks a judge: give a client")

    def inquiry(self, response: str, reference: str) -> Inquiry:
        """What the judge is asked; equal arguments give equal requests.

        Raises:
            Unsure: nothing can be asked about it.
        """
        raise NotImplementedError


def check(
    checker: Checker, response: str, reference: str | None = None, *, client: Client | None = None
) -> Checked:
    """Hold one response against its reference.

    Args:
        checker: says how.
        response: the text of the answer.
        reference: what each checker expects is said in its class; null = there is none.
        client: the judge, for checkers that ask one.

    Raises:
        ConfigError: options that do not fit, or no client where one is needed.
        MissingExtra: a library that the checker needs is not installed.
        ClientError: the judge's key was refused or its provider is down.
        DataError: a file that the checker reads is damaged.
    """
    found = examine(checker, response, reference, asks=client is not None)
    if isinstance(found, Inquiry):
        assert client is not None  # noqa: S101, RUF100 - else nothing is to be asked
        return settled(found, client.ask(found.requests))
    return found


def examine(
    checker: Checker, response: str, reference: str | None = None, *, asks: bool = False
) -> Checked | Inquiry:
    """What is known of a response, or what has to be asked first: many can then be asked at once.

    Args:
        checker: says how.
        response: the text of the answer.
        reference: as in `check`.
        asks: there is a judge to ask.

    Raises:
        ConfigError, MissingExtra, DataError: as `check`.
    """
    try:
        _check_texts(response, reference, checker.needs_reference)
        if asks and isinstance(checker, AskingChecker):
            return checker.inquiry(response, reference or "")
        return checker.decide(response, reference or "")
    except Unsure as unsure:
        return Checked("unsure", unsure.extracted, str(unsure))


def settled(inquiry: Inquiry, replies: Sequence[Reply]) -> Checked:
    """What the replies to an inquiry come to."""
    try:
        return inquiry.settle(replies)
    except Unsure as unsure:
        return Checked("unsure", unsure.extracted, str(unsure))


def _check_texts(response: str, reference: str | None, needs_reference: bool) -> None:
    if not response.strip():
        raise Unsure("the response is empty")
    if needs_reference and not (reference or "").strip():
        raise Unsure("there is no reference")
    for name, text in (("response", response), ("reference", reference or "")):
        if len(text) > MOST_CHARACTERS:
            raise Unsure(f"the {name} has more than {MOST_CHARACTERS} characters")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Unsure(f"the {name} holds half a character") from error


def shown(text: str) -> str:
    """Somebody's text in a reason: one line, quoted and cut."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…")

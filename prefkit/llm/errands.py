"""One request on its way: what to send, how to read it back, judge it and price it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from prefkit.errors import ConfigError, MissingExtra
from prefkit.llm.answers import check_schema, checked, checked_score
from prefkit.llm.codec import facts_bytes, key_of, read_reply, read_score
from prefkit.llm.desk import Desk
from prefkit.llm.frozen import Frozen
from prefkit.llm.money.tokens import most_input_tokens
from prefkit.llm.provider import Remote
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest
from prefkit.schema.records import Message

__all__ = ["Asking", "Errand", "Scoring", "kept_reply"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_UNREADABLE = (KeyError, TypeError, ValueError)  # what reading a strange entry can raise
_SHOWN = 80  # characters of a wrong value in a message
_EXPECTED = 4  # bytes per input token that limits per minute count with before the truth is known


class Errand(Generic[AnswerT]):
    """What the dispatcher needs to know of one request, whether it asks or scores."""

    __slots__ = ("desk", "facts", "key", "request", "stage")

    def __init__(self, request: Request | ScoreRequest, stage: str, desk: Desk) -> None:
        self.request = request
        self.stage = stage
        self.desk = desk
        self.facts = facts_bytes(request)
        self.key = key_of(desk.digest, self.facts)

    def known(self) -> AnswerT | None:
        """The answer in the journal; null if there is none that can be read."""
        raise NotImplementedError

    async def send(self) -> AnswerT:
        """Send it once.

        Raises:
            Fault: there is no whole answer.
        """
        raise NotImplementedError

    def judge(self, answer: AnswerT) -> AnswerT:
        """Add validated data to a whole answer, or the failure that says what is wrong with it."""
        return answer

    def failed(self, failure: Failure) -> AnswerT:
        """There is no answer, and why."""
        raise NotImplementedError

    @property
    def most_usd(self) -> float:
        """What one attempt can cost at most; 0 where nobody bills or no price is known."""
        if self.desk.price is None:
            return 0.0
        return self.desk.rate.most(self._most_input(), self._most_output())

    @property
    def tokens(self) -> int:
        """About how many tokens a limit per minute will count for it."""
        return len(self.facts) // _EXPECTED + self._most_output()

    def _most_input(self) -> int:
        raise NotImplementedError

    def _most_output(self) -> int:
        raise NotImplementedError


class Asking(Errand[Reply]):
    """A conversation to answer."""

    __slots__ = ()
    request: Request

    def __init__(self, request: Request, stage: str, desk: Desk) -> None:
        super().__init__(request, stage, desk)
        if self.key not in desk.journal:  # what was answered was checked then
            check(request, desk)

    async def send(self) -> Reply:
        """Ask the provider once."""
        assert isinstance(self.desk.provider, Remote)  # noqa: S101, RUF100
        return await self.desk.provider.ask(self.request)

    def judge(self, answer: Reply) -> Reply:
        """Hold the answer against the schema or the choices asked for."""
        return checked(self.request, answer)

    def failed(self, failure: Failure) -> Reply:
        """A reply without an answer."""
        return Reply(failure=failure, key=self.key)

    def known(self) -> Reply | None:
        """The reply in the journal."""
        return kept_reply(self.desk, self.key)

    def _most_input(self) -> int:
        return most_input_tokens(self.request)

    def _most_output(self) -> int:
        return self.request.max_tokens


class Scoring(Errand[Score]):
    """A completion to score after its prompt."""

    __slots__ = ()
    request: ScoreRequest

    def __init__(self, request: ScoreRequest, stage: str, desk: Desk) -> None:
        if not {"score", "reward"} & desk.provider.can:
            raise ConfigError(
                f"{desk.who} gives no scores",
                hint="use a vllm:PATH, a transformers:PATH or a vLLM server",
            )
        super().__init__(request, stage, desk)

    async def send(self) -> Score:
        """Let the provider score it once."""
        assert isinstance(self.desk.provider, Remote)  # noqa: S101, RUF100
        return await self.desk.provider.score(self.request)

    def judge(self, answer: Score) -> Score:
        """A score has to be a finite number."""
        return checked_score(answer)

    def failed(self, failure: Failure) -> Score:
        """A score without a number."""
        return Score(failure=failure, key=self.key)

    def known(self) -> Score | None:
        """The score in the journal."""
        return _kept(read_score, self.desk, self.key)

    def _most_input(self) -> int:
        return len(self.facts)

    def _most_output(self) -> int:
        return 1


_NEEDS: Mapping[str, Any] = {
    "top_k": None,
    "seed": None,
    "stop": (),
    "schema": None,
    "by_tool": False,
    "choices": (),
    "logprobs": None,
    "extra": None,
}


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("max_tokens", lambda value: _is_whole(value, 1, _LARGEST), "a whole number, at least 1"),
    ("temperature", lambda value: _is_number(value) and value >= 0, "a number, at least 0"),
    ("top_p", lambda value: _is_number(value) and 0 < value <= 1, "a number above 0, at most 1"),
    ("top_k", lambda value: _is_whole(value, 1, _LARGEST), "a whole number, at least 1"),
    ("seed", lambda value: _is_whole(value, -_LARGEST, _LARGEST), "a whole number of 64 bits"),
    ("draw", lambda value: _is_whole(value, 0, _LARGEST), "a whole number, at least 0"),
    ("logprobs", lambda value: _is_whole(value, 0, _ALTERNATIVES), "a whole number, 0 to 20"),
    ("schema", lambda value: isinstance(value, Frozen), "an object of JSON values"),
    ("extra", lambda value: isinstance(value, Frozen), "an object of JSON values"),
    ("stop", lambda value: all(map(_is_text, value)), "texts, none of them empty"),
    ("choices", lambda value: all(map(_is_text, value)), "texts, none of them empty"),
    ("choices", lambda value: len(set(value)) == len(value), "texts, none of them twice"),
    ("by_tool", lambda value: isinstance(value, bool), "true or false"),
    ("messages", lambda value: all(map(_is_turn, value)), "turns whose role and content are text"),
)
"""What every client takes, for options that are given."""
_LARGEST = 2**63 - 1
_ALTERNATIVES = 20  # OpenAI's most `top_logprobs`, and what vLLM gives unless told otherwise


def check(request: Request, desk: Desk) -> None:
    """Refuse what cannot be asked before anything is sent or paid.

    Raises:
        ConfigError: the client does not honour an option of the request, an option has a value
            that it cannot have, or the request contradicts itself.
    """
    can = desk.provider.can
    for name, unset in _NEEDS.items():
        if getattr(request, name) != unset and name not in can:
            raise ConfigError(
                f"{desk.who} does not honour {name!r}{_row(request)}",
                hint=f"it can: {', '.join(sorted(can)) or 'plain answers only'}",
            )
    if not request.messages:
        raise ConfigError(f"a request without messages{_row(request)}")
    for name, holds, words in _RULES:
        value = getattr(request, name)
        if value is not None and not holds(value):
            raise ConfigError(f"{name} is {_shown(value)}{_row(request)}: it has to be {words}")
    _check_form(request)
    if (why := desk.provider.refuses(request)) is not None:
        raise ConfigError(f"not asked of {desk.who}{_row(request)}: {why}")


def _check_form(request: Request) -> None:
    """What form the answer is to have."""
    if request.schema is None:
        if request.by_tool:
            raise ConfigError(f"by_tool needs a schema{_row(request)}")
        return
    if request.choices:
        raise ConfigError(f"a request has a schema or choices, not both{_row(request)}")
    try:
        check_schema(request.schema)
    except MissingExtra:
        raise
    except ConfigError as error:
        raise ConfigError(f"{error}{_row(request)}", hint=error.hint) from error


def _is_whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_number(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_turn(turn: Message) -> bool:
    has_role = isinstance(turn.role, str) and turn.role != ""
    return has_role and isinstance(turn.content, str | None) and isinstance(turn.extra, str | None)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _row(request: Request) -> str:
    return f" (request {request.name})" if request.name else ""


def kept_reply(desk: Desk, key: str) -> Reply | None:
    """The reply of a key in the journal; null if there is none that can be read."""
    return _kept(read_reply, desk, key)


def _kept(read: Callable[[bytes, str], AnswerT], desk: Desk, key: str) -> AnswerT | None:
    stored = desk.journal.get(key)
    if stored is None:
        return None
    try:
        return read(stored, key)
    except _UNREADABLE:
        return None

"""One request on its way: what to send, how to read it back, judge it and price it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from prefkit.errors import ConfigError
from prefkit.llm.answers import check_schema, checked
from prefkit.llm.codec import facts_bytes, key_of, read_reply, read_score
from prefkit.llm.desk import Desk
from prefkit.llm.money.tokens import most_input_tokens
from prefkit.llm.provider import Remote
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest

__all__ = ["Asking", "Errand", "Scoring", "kept_reply"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_UNREADABLE = (KeyError, TypeError, ValueError)  # what reading a strange entry can raise
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
        price = self.desk.price
        if price is None:
            return 0.0
        return price.most(self._most_input(), self._most_output(), self.desk.share)

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
        check(request, desk)
        super().__init__(request, stage, desk)

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


def check(request: Request, desk: Desk) -> None:
    """Refuse what cannot be asked before anything is sent or paid.

    Raises:
        ConfigError: the client does not honour an option of the request, or it contradicts itself.
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
    if request.max_tokens < 1:
        raise ConfigError(f"max_tokens is {request.max_tokens}{_row(request)}: at least 1")
    if request.schema is not None:
        if request.choices:
            raise ConfigError(f"a request has a schema or choices, not both{_row(request)}")
        check_schema(request.schema)
    elif request.by_tool:
        raise ConfigError(f"by_tool needs a schema{_row(request)}")


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

"""What is asked and what comes back: requests, replies, scores; plain values, no input or output.

A request's `facts()` are all that can change its answer; with who is asked and the draw they make
its key. Options at their defaults are left out, so that a new option never renames old answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

import orjson

from prefkit.errors import ConfigError
from prefkit.llm.frozen import frozen, shared
from prefkit.schema.records import Message

__all__ = [
    "PAID_FAILURES",
    "Failure",
    "FailureKind",
    "Reply",
    "Request",
    "Score",
    "ScoreRequest",
    "Token",
    "Usage",
    "messages",
    "summed",
]

FailureKind = Literal[
    "throttled",  # 429 or 529 until the attempts or the deadline ran out
    "server",  # 5xx, 408, 409, 425
    "transport",  # no connection, or one that was cut
    "timeout",  # the attempt or the deadline
    "malformed",  # a body that is no whole JSON, or not of the documented shape
    "invalid",  # a whole, paid answer that breaks the schema or the choices asked for
    "cut",  # a paid structured answer that ended at max_tokens
    "rejected",  # the provider says this request is wrong (4xx)
    "refused",  # the key or the account was refused: nothing more is asked
    "down",  # the circuit breaker is open: not asked
    "budget",  # the budget did not admit it: not asked
    "expired",  # a batch ended before it was answered
    "cancelled",  # a batch was cancelled before it was answered
    "boundary",  # a score: a token lies across the end of the prompt
    "unsupported",  # a score or an option that this model cannot give
]


PAID_FAILURES: tuple[FailureKind, ...] = ("invalid", "cut")
"""Whole answers that break what was asked for: paid, and kept."""


class Token(NamedTuple):
    """One token of an answer: its log-prob (natural), and the alternatives, likeliest first."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one answer was billed for, of all its paid attempts together.

    `input` counts every input token, those read from and written to a provider's prompt cache
    included; `output` includes reasoning. Null = the provider did not say.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int = 0
    cache_write: int = 0


def summed(parts: Sequence[Usage]) -> Usage:
    """Tokens of several paid attempts together; null where one did not say."""
    return Usage(
        _sum([part.input for part in parts]),
        _sum([part.output for part in parts]),
        sum(part.cache_read for part in parts),
        sum(part.cache_write for part in parts),
    )


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no usable answer; `message` says it in one line and never holds a key."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversation to answer. `draw` tells equal requests apart: each draw is its own answer.

    Null means not sent: the model's own default then applies. What is given is copied: changing a
    schema afterwards changes no request. Messages may be given as `messages` reads them.

    Raises:
        ConfigError: messages are no turns; `stop` or `choices` are one text instead of several.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 1024
    """Most tokens of the answer, reasoning included; always sent: every call has a price."""
    temperature: float | None = None
    """Newer models refuse any value: say 0 where it is wanted."""
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; `Reply.data` then holds what it says, validated here."""
    choices: tuple[str, ...] = ()
    """The answer must be one of these texts."""
    by_tool: bool = False
    """Ask for the schema by a forced tool call, for models without structured output."""
    logprobs: int | None = None
    """Log-probs of the answer's tokens with this many alternatives each (0 = none)."""
    extra: Mapping[str, Any] | None = None
    """Further fields of the request body as the server documents them (template options ...)."""
    draw: int | None = None
    cache_prefix: int = 0
    """The first so many messages are shared by many requests: providers may cache them."""
    name: str = ""
    """Where the request comes from (a row id), for messages; not part of the key."""

    def __post_init__(self) -> None:
        """Bring what means the same into one form, so that it has one key."""
        _set(self, "messages", _turns(self.messages, self.name))
        for name in ("temperature", "top_p"):
            value = getattr(self, name)
            if type(value) in (int, float):  # 0 and -0.0 are 0.0
                _set(self, name, value + 0.0)
        for name in ("stop", "choices"):
            _set(self, name, _several(name, getattr(self, name), self.name))
        if self.schema is not None:
            _set(self, "schema", _copy(shared, self.schema))
        if self.extra is not None:
            _set(self, "extra", _copy(frozen, self.extra) or None)

    def facts(self) -> dict[str, Any]:
        """Everything that can change the answer, as JSON values."""
        turns = _facts_of(self.messages)
        return {"messages": turns, "max_tokens": self.max_tokens, **_given(self, _REQUEST)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """A completion after its prompt, to be scored: both rendered text, or both token ids.

    Text is tokenised once, as a whole and without added special tokens; if a token then lies
    across the boundary the score fails as `boundary`: give token ids instead. A reward model reads
    prompt and completion as one sequence, or `messages` by its own chat template.
    """

    prompt: str | tuple[int, ...] = ""
    completion: str | tuple[int, ...] = ""
    messages: tuple[Message, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        """Read turns as `messages` does, and keep token ids from changing afterwards."""
        _set(self, "messages", _turns(self.messages, self.name))
        for name in ("prompt", "completion"):
            if isinstance(value := getattr(self, name), list):
                _set(self, name, tuple(value))

    def facts(self) -> dict[str, Any]:
        """Everything that can change the score, as JSON values."""
        if self.messages:
            return {"messages": _facts_of(self.messages)}
        return {"prompt": self.prompt, "completion": self.completion}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one request, or why there is none; in the order of the requests."""

    text: str | None = None
    """Null if there is no answer; an `invalid` or `cut` one keeps what the model wrote."""
    data: Any = None
    """The validated structured answer; null if none was asked for or it is invalid."""
    finish: str | None = None
    """Why the model stopped: stop, length, refusal, content_filter; null = not said."""
    tokens: tuple[Token, ...] | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    """Dollars for all paid attempts; 0 from the journal, null if there is no price."""
    model: str | None = None
    """The model as the provider names it, with its version; null = not said."""
    revision: str | None = None
    """What the provider says of the build that answered (`system_fingerprint`)."""
    seconds: float = 0.0
    """From the first attempt to the answer; as it was then if it comes from the journal."""
    attempts: int = 0
    cached: bool = False
    """Read from the journal, or the same request was answered beside it: nothing was paid now."""
    failure: Failure | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A number for one completion, or why there is none."""

    value: float | None = None
    """Sum of the completion's log-probs (natural, nats); or the reward of a reward model."""
    logprobs: tuple[float, ...] | None = None
    """One per completion token; null for a reward."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    model: str | None = None
    seconds: float = 0.0
    attempts: int = 0
    cached: bool = False
    failure: Failure | None = None
    key: str = ""


def messages(turns: Iterable[Mapping[str, Any] | Message] | str) -> tuple[Message, ...]:
    """Turns from what people write: one text is one user turn, a mapping has role and content.

    What else a mapping says (tool calls, the id of a call, a name) becomes the turn's `extra`, in
    its order; a null there says nothing and is left out.

    Raises:
        ConfigError: these are no turns, or a part of one has no JSON form.
    """
    if isinstance(turns, str):
        return (Message("user", turns),)
    if isinstance(turns, Mapping | Message) or not isinstance(turns, Iterable):
        raise ConfigError(f"messages are turns in a list or one text, not {_kind(turns)}")
    return tuple(turn if isinstance(turn, Message) else _turn(turn) for turn in turns)


def _turn(turn: Any) -> Message:
    if not isinstance(turn, Mapping) or not isinstance(turn.get("role"), str):
        raise ConfigError(f"a message is a mapping with role and content, not {_kind(turn)}")
    content = turn.get("content")
    more = {name: value for name, value in turn.items() if value is not None and name not in _TURN}
    if content is not None and not isinstance(content, str):
        raise ConfigError(f"the content of a message is one text, not {_kind(content)}")
    if content is None and "content" not in turn and not more:
        raise ConfigError(f"a message of the {turn['role']} has no content")
    if isinstance(more.get("extra"), str) and len(more) == 1:
        return Message(turn["role"], content, more["extra"])  # a turn as `facts` has it
    try:
        return Message(turn["role"], content, orjson.dumps(more).decode() if more else None)
    except TypeError as error:
        raise ConfigError(f"a part of a message has no JSON form: {error}") from error


_TURN = ("role", "content")
_set = object.__setattr__  # the records are frozen for everybody else


def _kind(value: object) -> str:
    return f"{type(value).__name__} ({str(value)[:40]!r})"


def _turns(given: Any, name: str) -> tuple[Message, ...]:
    if type(given) is tuple and all(type(turn) is Message for turn in given):
        return given
    try:
        return messages(given)
    except ConfigError as error:
        raise ConfigError(f"{error}{_of(name)}") from error


def _several(field_name: str, given: Any, name: str) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(f"{field_name} is a tuple of texts, not {_kind(given)}{_of(name)}")
    return tuple(given)


def _of(name: str) -> str:
    return f" (request {name})" if name else ""


def _copy(copy: Callable[[Mapping[str, Any]], Mapping[str, Any]], value: Any) -> Any:
    """A copy; what is no JSON object stays as it is and is refused by name before it is sent."""
    if not isinstance(value, Mapping):
        return value
    try:
        return copy(value)
    except TypeError:
        return value


def _facts_of(turns: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"role": turn.role, "content": turn.content}
        if turn.extra is None
        else {"role": turn.role, "content": turn.content, "extra": turn.extra}
        for turn in turns
    ]


_OUTSIDE = {"messages", "max_tokens", "name", "cache_prefix"}
_REQUEST = tuple((f.name, f.default) for f in fields(Request) if f.name not in _OUTSIDE)


def _given(value: Request, known: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {name: got for name, default in known if (got := getattr(value, name)) != default}

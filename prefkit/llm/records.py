"""What is asked and what comes back: requests, replies, scores; plain values, no input or output.

A request's `facts()` are all that can change its answer; with who is asked and the draw they make
its key. Options at their defaults are left out, so that a new option never renames old answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple

from prefkit.schema.records import Message

__all__ = [
    "Failure",
    "FailureKind",
    "Reply",
    "Request",
    "Score",
    "ScoreRequest",
    "Token",
    "Usage",
    "messages",
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


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no usable answer; `message` says it in one line and never holds a key."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One conversation to answer. `draw` tells equal requests apart: each draw is its own answer.

    Null means not sent: the model's own default then applies.
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

    def facts(self) -> dict[str, Any]:
        """Everything that can change the answer, as JSON values."""
        turns: list[dict[str, Any]] = [
            {"role": turn.role, "content": turn.content}
            if turn.extra is None
            else {"role": turn.role, "content": turn.content, "extra": turn.extra}
            for turn in self.messages
        ]
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

    def facts(self) -> dict[str, Any]:
        """Everything that can change the score, as JSON values."""
        if self.messages:
            return {"messages": [{"role": t.role, "content": t.content} for t in self.messages]}
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


def messages(turns: Sequence[Mapping[str, Any] | Message] | str) -> tuple[Message, ...]:
    """Turns from what people write: one text is one user turn, a mapping has role and content."""
    if isinstance(turns, str):
        return (Message("user", turns),)
    return tuple(
        turn if isinstance(turn, Message) else Message(turn["role"], turn["content"])
        for turn in turns
    )


_OUTSIDE = {"messages", "max_tokens", "name", "cache_prefix"}
_REQUEST = tuple((f.name, f.default) for f in fields(Request) if f.name not in _OUTSIDE)


def _given(value: Request, known: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {name: got for name, default in known if (got := getattr(value, name)) != default}

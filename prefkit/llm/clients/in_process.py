"""What both engines in this process share: turns, token ids, and what a failure is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from prefkit.llm.records import Failure, ScoreRequest
from prefkit.schema.records import Message

__all__ = [
    "NO_NUMBER",
    "Reader",
    "Whole",
    "are_finite",
    "check_plain",
    "one_line",
    "special_tokens",
    "template_errors",
    "template_options",
    "turns",
]

_SHOWN = 300  # characters of somebody else's message
_LOOK_AHEAD = 8  # tokens after the prompt's own count in which its end is looked for


class Whole(NamedTuple):
    """Token ids of prompt and completion together, and where the completion begins."""

    ids: list[int]
    start: int


def turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates read them, with what `extra` adds; it replaces neither field.

    Raises:
        ValueError: an `extra` is no JSON object.
    """
    return [
        {"role": turn.role, "content": turn.content}
        if turn.extra is None
        else {**_extra(turn.extra), "role": turn.role, "content": turn.content}
        for turn in messages
    ]


def _extra(text: str) -> dict[str, Any]:
    value = orjson.loads(text)
    if not isinstance(value, dict):
        raise ValueError("a message's extra is no JSON object")
    return value


NO_NUMBER = Failure("server", "the model gives no finite number for it: its logits overflow")
"""Weights in a dtype that is too narrow, or damaged ones, give NaN; that is never a score."""


def are_finite(value: float, logprobs: Iterable[float] | None) -> bool:
    """Whether a score and all its parts are numbers."""
    return math.isfinite(value) and all(map(math.isfinite, logprobs or ()))


def special_tokens(tokenizer: Any) -> tuple[str, ...]:
    """Texts that the tokenizer reads as control tokens wherever they stand."""
    added = getattr(tokenizer, "added_tokens_decoder", None) or {}
    marked = {str(token) for token in added.values() if getattr(token, "special", False)}
    named = set(getattr(tokenizer, "all_special_tokens", None) or ())
    return tuple(sorted(filter(None, marked | named)))


def check_plain(said: Any, specials: Sequence[str]) -> None:
    """Refuse turns whose text the model would read as the end of a turn or as another's turn.

    Raises:
        ValueError: a text of theirs holds a special token.
    """
    for text in _texts(said):
        for special in specials:
            if special in text:
                raise ValueError(
                    f"the text holds {special!r}, which this model reads as a control token "
                    "(engine option allow_special_tokens lets it through)"
                )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def template_options(extra: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """What a request's `extra` tells the chat template.

    Raises:
        ValueError: `chat_template_kwargs` is no object.
    """
    options = {name: value for name, value in extra.items() if name in known}
    more = options.get("chat_template_kwargs")
    if more is not None and not isinstance(more, Mapping):
        raise ValueError("chat_template_kwargs is no object")
    return options


def one_line(error: BaseException) -> str:
    """Somebody else's message in one line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


class Reader:
    """Turns what is to be scored into the token ids that a model reads.

    Text is encoded once and whole, without added special tokens.
    """

    def __init__(
        self, tokenizer: Any, *, room: int, words: int, specials: Sequence[str] = ()
    ) -> None:
        """What a model reads.

        Args:
            tokenizer: Its own.
            room: Most tokens that it reads.
            words: Size of its vocabulary.
            specials: What no text of a turn may hold.
        """
        self._tokenizer = tokenizer
        self._specials = specials
        self._room = room
        self._words = words

    def text(self, request: ScoreRequest) -> Whole | Failure:
        """Prompt and completion; a failure if one token holds parts of both."""
        return _spelt(lambda: self._text(request))

    def reward(self, request: ScoreRequest) -> Whole | Failure:
        """All that a reward model reads; where a completion begins is nothing to it."""
        return _spelt(lambda: self._reward(request))

    def _text(self, request: ScoreRequest) -> Whole | Failure:
        if request.messages:
            return Failure("unsupported", "a chat model scores a completion after its prompt")
        prompt, completion = request.prompt, request.completion
        if isinstance(prompt, str) and isinstance(completion, str):
            ids = self._encoded(prompt + completion)
            start = self._end_of(prompt, ids)
        elif isinstance(prompt, tuple) and isinstance(completion, tuple):
            ids, start = [*prompt, *completion], len(prompt)
        else:
            return _MIXED
        if start is None:
            return Failure("boundary", "a token lies across the end of the prompt: give token ids")
        if not 0 < start < len(ids):
            return Failure("rejected", "a score needs both a prompt and a completion")
        return self._checked(Whole(ids, start))

    def _reward(self, request: ScoreRequest) -> Whole | Failure:
        prompt, completion = request.prompt, request.completion
        if request.messages:
            try:
                text = self.rendered(turns(request.messages), add_generation_prompt=False)
            except template_errors() as error:
                return Failure("rejected", f"the chat template: {one_line(error)}")
            return self._checked(Whole(self._encoded(text), 0))
        if isinstance(prompt, str) and isinstance(completion, str):
            return self._checked(Whole(self._encoded(prompt + completion), 0))
        if isinstance(prompt, tuple) and isinstance(completion, tuple):
            return self._checked(Whole([*prompt, *completion], 0))
        return _MIXED

    def rendered(self, messages: list[dict[str, Any]], **options: Any) -> str:
        """A conversation by the model's own chat template, in transformers' sandbox.

        Raises:
            ValueError: a text of it holds a special token, or one of `template_errors`.
        """
        check_plain(messages, self._specials)
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, **options)
        if not isinstance(text, str):
            raise TypeError("it gives no text")
        return text

    def prompt(self, messages: list[dict[str, Any]], **options: Any) -> list[int] | Failure:
        """Token ids of a conversation that is to be answered; a failure if it has none."""
        try:
            ids = self._encoded(self.rendered(messages, **options))
        except template_errors() as error:
            return Failure("rejected", f"the chat template: {one_line(error)}")
        return ids or Failure("rejected", "the chat template makes an empty prompt of it")

    def _checked(self, one: Whole) -> Whole | Failure:
        """Refuse here what an engine would refuse the whole call for."""
        if not one.ids:
            return Failure("rejected", "nothing to score: prompt and completion are empty")
        if len(one.ids) > self._room:
            return Failure(
                "rejected", f"{len(one.ids):,} tokens: the model reads at most {self._room:,}"
            )
        wrong = next((token for token in one.ids if not 0 <= token < self._words), None)
        if wrong is not None:
            return Failure("rejected", f"token id {wrong}: the vocabulary has {self._words:,}")
        return one

    def _encoded(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _end_of(self, prompt: str, ids: list[int]) -> int | None:
        """How many of the ids spell the prompt; null if a token goes on beyond its end.

        Mostly the prompt's own ids begin the whole. Where what follows changes how its last words
        are cut, some other number of ids may still spell it exactly.
        """
        own = self._encoded(prompt)
        if ids[: len(own)] == own:
            return len(own)
        same = next(at for at, token in enumerate(own) if ids[at : at + 1] != [token])
        for end in range(same, min(len(ids), len(own) + _LOOK_AHEAD) + 1):
            spelt = self._tokenizer.decode(
                ids[:end], skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
            if spelt == prompt:
                return end
        return None


def _spelt(read: Callable[[], Whole | Failure]) -> Whole | Failure:
    try:
        return read()
    except (TypeError, UnicodeError) as error:  # half of a surrogate pair is no text to a tokenizer
        return Failure("rejected", f"the tokenizer cannot read it: {one_line(error)}")


_MIXED = Failure("rejected", "prompt and completion must both be text or both token ids")


def template_errors() -> tuple[type[Exception], ...]:
    """What rendering a conversation raises when the conversation or the template is wrong."""
    from jinja2 import TemplateError

    return (TemplateError, ValueError, TypeError, LookupError, AttributeError)

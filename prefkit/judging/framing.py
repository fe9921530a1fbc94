"""The texts of one judgement between marks that none of them can forge.

Marks carry a code that is made from all texts together, and that no text contains in any look-alike
form. It is the same whatever the order of the responses, and the same again tomorrow: equal
requests stay equal.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple, Self

from prefkit.errors import SchemaError
from prefkit.judging.signs import folded, restored, visible
from prefkit.judging.wording import BEGIN, END
from prefkit.schema.records import Comparison, Message

__all__ = ["Framed", "Part", "Shown", "code_of", "cut", "first_free", "framed"]

_DIGITS = 12  # 48 bits: no accident, and what is built on purpose is found and avoided
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TALK = ("name", "tool_calls", "function_call", "tool_call_id")
"""What of a turn's extra is part of the conversation; scores, models and notes are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a judge gets to see, the responses in the order in which it sees them.

    Which model wrote a response is never part of it.
    """

    prompt: tuple[Message, ...]
    responses: tuple[tuple[Message, ...], ...]
    reference: str | None = None
    """A plain text; null = there is none, or it is not to be shown."""
    tools: str | None = None
    """JSON: the tools that could be called; null = none."""

    @classmethod
    def of(cls, comparison: Comparison, order: Sequence[int], *, reference: bool = True) -> Self:
        """The responses at these positions of a comparison, in this order."""
        return cls(
            prompt=comparison.prompt,
            responses=tuple(comparison.responses[place].messages for place in order),
            reference=_plain(comparison.reference) if reference else None,
            tools=comparison.tools,
        )


class Part(NamedTuple):
    """One text between its marks; `label` is ours and stands in the marks."""

    label: str
    text: str


class Framed(NamedTuple):
    """The texts of one judgement, by what they are, and the code of their marks."""

    code: str
    request: tuple[Part, ...]
    responses: tuple[tuple[Part, ...], ...]
    reference: tuple[Part, ...]
    tools: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every text, once."""
        answers = (part for response in self.responses for part in response)
        return (*self.request, *self.tools, *self.reference, *answers)

    def block(self, parts: Sequence[Part]) -> str:
        """The parts as a judge sees them."""
        return "\n\n".join(
            f"{BEGIN.format(code=self.code, label=label)}\n{visible(text)}\n"
            f"{END.format(code=self.code, label=label)}"
            for label, text in parts
        )


def framed(shown: Shown, names: Sequence[str]) -> Framed:
    """All texts as parts, and a code for their marks; `names` are those of the responses.

    Raises:
        SchemaError: the extra of a turn is no JSON object.
    """
    calls: dict[str, str] = {}
    request = _turns("request", shown.prompt, "user", calls)
    responses = tuple(
        _turns(f"response {name}".strip(), turns, "assistant", dict(calls))
        for name, turns in zip(names, shown.responses, strict=True)
    )
    reference = () if shown.reference is None else (Part("reference", shown.reference),)
    tools = () if shown.tools is None else (Part("tools", shown.tools),)
    found = Framed("", request, responses, reference, tools)
    return found._replace(code=code_of([part.text for part in found.parts]))


def code_of(texts: Sequence[str]) -> str:
    """A code that none of the texts contains in any form; their order does not matter."""
    return first_free(_candidates(texts), texts)


def first_free(candidates: Iterable[str], texts: Sequence[str]) -> str:
    """The first candidate that no text holds, whatever its case, width, script or what is between.

    Raises:
        SchemaError: there is none.
    """
    plain = [folded(text) for text in texts]
    for code in candidates:
        mark = folded(code)
        if not any(mark in text for text in plain):
            return code
    raise SchemaError("the texts hold every code that was tried for their marks")


def cut(rendered: str, label: str, code: str) -> str:
    """The text between the marks of a part, as it was put in.

    Raises:
        SchemaError: the part has not exactly one opening and one closing mark, in this order.
    """
    lines = [
        [found.span() for found in re.finditer(f"^{re.escape(line)}$", rendered, re.MULTILINE)]
        for line in (BEGIN.format(code=code, label=label), END.format(code=code, label=label))
    ]
    if [len(found) for found in lines] != [1, 1] or lines[0][0][1] >= lines[1][0][0]:
        raise SchemaError(f"the part {label!r} has not one opening and one closing mark")
    return restored(rendered[lines[0][0][1] + 1 : lines[1][0][0] - 1])


def _candidates(texts: Sequence[str]) -> Iterator[str]:
    digests = sorted(_sha(text.encode("utf-8", "surrogatepass")) for text in texts)
    whole = b"".join(digests)
    for number in count():
        yield _sha(whole + str(number).encode()).hex()[:_DIGITS]


def _sha(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def _turns(
    name: str, turns: Sequence[Message], usual: str, calls: dict[str, str]
) -> tuple[Part, ...]:
    """One part for a single plain turn; else one for every text of every turn, with its role."""
    if not turns:
        return (Part(f"{name}, no text", ""),)
    found: list[Part] = []
    for number, turn in enumerate(turns, 1):
        label = name
        if len(turns) > 1 or turn.role != usual:
            label = f"{name}, turn {number} of {len(turns)}, {_role(turn.role)}"
        if turn.role not in _ROLES:
            found.append(Part(f"{label}, its role", turn.role))
        silent = turn.content is None
        found.append(Part(f"{label}, no text" if silent else label, turn.content or ""))
        if talk := _talk(turn, label, calls):
            found.append(Part(f"{label}, its calls", talk))
    return tuple(found)


def _role(role: str) -> str:
    return role if role in _ROLES else "another role"


def _talk(turn: Message, label: str, calls: dict[str, str]) -> str | None:
    """The tool calls of a turn, or whose result it is, as JSON; null if it has neither.

    Providers make their ids in forms of their own, which would tell who wrote a response, as an
    assistant's name would: ids are numbered, the name is left out.
    """
    if turn.extra is None:
        return None
    try:
        extra: Any = json.loads(turn.extra)
        if not isinstance(extra, dict):
            raise SchemaError(f"{label}: the extra is no JSON object")
        names = [name for name in _TALK if turn.role != "assistant" or name != "name"]
        talk = {name: extra[name] for name in names if extra.get(name) is not None}
        return json.dumps(_numbered(talk, calls), ensure_ascii=False) if talk else None
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{label}: the extra is no JSON object: {error}") from error


def _numbered(talk: dict[str, Any], calls: dict[str, str]) -> dict[str, Any]:
    """The talk with `call 1`, `call 2` ... for ids; `calls` remembers those of earlier turns."""

    def number(value: Any) -> str:
        return calls.setdefault(str(value), f"call {len(calls) + 1}")

    made = dict(talk)
    if isinstance(listed := talk.get("tool_calls"), list):
        made["tool_calls"] = [
            {**one, "id": number(one["id"])} if isinstance(one, dict) and "id" in one else one
            for one in listed
        ]
    if "tool_call_id" in talk:
        made["tool_call_id"] = number(talk["tool_call_id"])
    return made


def _plain(reference: str | None) -> str | None:
    """A reference answer as text: a JSON text without its quotes, all else as it stands."""
    if reference is None:
        return None
    try:
        value = json.loads(reference)
    except (ValueError, RecursionError):
        return reference
    return value if isinstance(value, str) else reference

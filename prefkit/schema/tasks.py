"""Tasks for people: what an annotation tool shows of a comparison, and what brings answers home.

A task shows texts, and carries its *identity* in a field of its own, so that the comparison and its
responses come back with the ids that they had, whatever the page cannot show (tool calls, blanks at
an end). Neither label nor model is in a task: whoever sees all of it still judges blind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prefkit.errors import SchemaError
from prefkit.schema.ids import comparison_id, messages_digest, pair_id

__all__ = [
    "FIELD", "GUIDE", "PROMPT", "QUESTION", "SCHEMA", "VERDICTS", "Task", "Turns", "answer_names",
    "identity_of", "question_of", "shown_answer", "shown_prompt", "task_of",
]  # fmt: skip

SCHEMA: Literal["prefkit.task/1"] = "prefkit.task/1"
FIELD = "prefkit"
"""The field of a task (in Argilla of its metadata) that holds its identity."""
PROMPT, QUESTION = "prompt", "question"

VERDICTS = (
    ("answer1", "A is better", "left"),
    ("answer2", "B is better", "right"),
    ("tie", "Tie", "tie"),
    ("both_bad", "Both bad", "both_bad"),
    ("unsure", "Unsure", "skip"),
)
"""What people can say of two answers: the value, the words on the page, the outcome."""

GUIDE = (
    "Read the prompt and every answer. Judge the answers by what the prompt asks for, not by their "
    "length or layout. Which of two answers stands first is chance. Say tie if you see no "
    "difference that matters, both bad if you would send neither, unsure if you cannot tell."
)

_LONGEST_TURN, _LONGEST_ROLE = 20_000, 20
"""Characters that Argilla takes in one turn of a conversation and in its role."""
_EMPTY = "(empty)"

Turn = tuple[str, str | None, str | None]
Turns = Sequence[Turn]
"""Messages as role, content and extra (JSON)."""


class Task(NamedTuple):
    """One comparison, or one pair of a review's sample, with its answers in the order shown.

    `id` names the task: that of the pair if it is about one, else that of the comparison. `order`
    holds the response ids in the order shown; `criterion` null asks for the better one overall.
    """

    id: str
    comparison: str
    prompt: Turns
    answers: tuple[Turns, ...]
    order: tuple[str, ...]
    criterion: str | None = None
    pair: str | None = None
    tools: str | None = None
    template_kwargs: str | None = None


class _Identity(BaseModel):
    """What a task carries; messages only where the shown texts do not hold them exactly."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_: Literal["prefkit.task/1"] = Field(alias="schema")
    comparison: str
    order: list[str] = Field(min_length=2)
    criterion: str | None = None
    pair: str | None = None
    tools: str | None = None
    template_kwargs: str | None = None
    prompt: list[Turn] | None = None
    answers: dict[str, list[Turn]] = {}


def answer_names(count: int) -> tuple[str, ...]:
    """The fields of the answers: `answer1`, `answer2` ..."""
    return tuple(f"answer{number}" for number in range(1, count + 1))


def question_of(task: Task) -> str:
    """What is asked, in words."""
    asked = "Which answer is better?" if len(task.answers) == 2 else "How good is each answer?"
    return asked if task.criterion is None else f"{asked} Judge only this: {task.criterion}"


def shown_prompt(prompt: Turns, tools: str | None) -> list[dict[str, str]]:
    """The prompt as turns with a role and text, none of them empty or longer than a page takes."""
    turns = [] if tools is None else [("tools", tools)]
    turns += [(role.strip()[:_LONGEST_ROLE] or _EMPTY, _text(turn)) for turn in prompt
              for role in turn[:1]]  # fmt: skip
    return [
        {"role": role, "content": text[start : start + _LONGEST_TURN]}
        for role, text in turns or [("prompt", _EMPTY)]
        for start in range(0, len(text), _LONGEST_TURN)
    ]


def shown_answer(answer: Turns) -> str:
    """An answer as one text; several turns with their roles."""
    if len(answer) == 1 and answer[0][0] == "assistant":
        return _text(answer[0])
    return "\n\n".join(f"[{turn[0]}]\n{_text(turn)}" for turn in answer)


def _text(turn: Turn) -> str:
    """What a person reads of one turn: its text, and as JSON what else it holds."""
    parts = [part for part in turn[1:] if part is not None and part.strip()]
    return "\n\n".join(parts) or _EMPTY


def identity_of(task: Task) -> dict[str, Any]:
    """What the task carries beside its texts."""
    exact = task.tools is None and task.prompt and all(map(_is_exact, task.prompt))
    hidden = {
        name: [list(turn) for turn in answer]
        for name, answer in zip(answer_names(len(task.answers)), task.answers, strict=True)
        if len(answer) != 1 or answer[0][0] != "assistant" or not _is_exact(answer[0])
    }
    found = {
        "schema": SCHEMA,
        "comparison": task.comparison,
        "order": list(task.order),
        "criterion": task.criterion,
        "pair": task.pair,
        "tools": task.tools,
        "template_kwargs": task.template_kwargs,
        "prompt": None if exact else [list(turn) for turn in task.prompt],
        "answers": hidden or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _is_exact(turn: Turn) -> bool:
    """Whether the shown text is the message, also after tools that trim texts and line ends."""
    role, content, extra = turn
    plain = (
        extra is None and content is not None and content == content.strip() and "\r" not in content
    )
    return (
        plain and 0 < len(content or "") <= _LONGEST_TURN and role == role.strip()[:_LONGEST_ROLE]
    )


def task_of(identity: Any, prompt: Any, answers: Sequence[Any]) -> Task:
    """The task behind an identity (an object, or its JSON) and the texts that were shown.

    Raises:
        SchemaError: it is no identity, or the texts are not those that it was written for.
    """
    try:
        text = identity if isinstance(identity, str) else orjson.dumps(identity)
        known = _Identity.model_validate_json(text)
    except (ValidationError, TypeError) as error:
        raise SchemaError(f"its field {FIELD!r} is not what prefkit wrote there") from error
    names = answer_names(len(known.order))
    shown = dict(zip(names, answers, strict=False))
    asked = known.prompt if known.prompt is not None else _turns(prompt)
    given = tuple(
        tuple(known.answers.get(name) or [("assistant", str(_plain(shown.get(name))), None)])
        for name in names
    )
    if _plain(prompt) != _plain(shown_prompt(asked, known.tools)):
        raise SchemaError("its prompt is not the one that it was written with")
    for name, answer, response in zip(names, given, known.order, strict=True):
        same = _plain(shown.get(name)) == _plain(shown_answer(answer))
        if not same or messages_digest(answer) != response:
            raise SchemaError(f"its {name} is not the one that it was written with")
    if comparison_id(messages_digest(asked), known.tools, known.order) != known.comparison:
        raise SchemaError("its texts are not those of the comparison that it names")
    if known.pair is not None and known.pair != _pair(known, asked):
        raise SchemaError("its texts and its criterion are not those of the pair that it names")
    return Task(
        known.pair or known.comparison, known.comparison, tuple(asked), given, tuple(known.order),
        known.criterion, known.pair, known.tools, known.template_kwargs,
    )  # fmt: skip


def _pair(known: _Identity, asked: Turns) -> str | None:
    """The id that a pair of these answers has; null where there are more."""
    if len(known.order) != 2:
        return None
    return pair_id(messages_digest(asked), (known.order[0], known.order[1]), known.criterion)


def _turns(shown: Any) -> list[Turn]:
    if not isinstance(shown, list) or not all(isinstance(turn, Mapping) for turn in shown):
        raise SchemaError("its prompt is no list of turns")
    return [(str(role), str(content), None) for role, content in _plain(shown)]


def _plain(shown: Any) -> Any:
    """Shown texts without what tools change in silence: blanks at the ends, line ends."""
    if isinstance(shown, str):
        return shown.replace("\r\n", "\n").strip()
    if isinstance(shown, list) and all(isinstance(turn, Mapping) for turn in shown):
        return [tuple(_plain(turn.get(name)) for name in ("role", "content")) for turn in shown]
    return shown

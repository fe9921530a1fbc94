"""Rows of task files as prompts, and tasks as a comparison keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Prompt, Prompts, Unused
from prefkit.errors import SchemaError
from prefkit.reader import Aside
from prefkit.sandbox.syntax import defines, parsed
from prefkit.sandbox.task_files import read_task, sniff
from prefkit.sandbox.tasks import Asserts, Fault, Pair, Task, faults
from prefkit.schema.records import Comparison, Message, to_json

__all__ = ["TaskRows", "Wording", "asked", "stored_task"]

_NO_PROMPT = ("missing field", "ambiguous", "bad value")
"""Why a row is no prompt that may be a task all the same: MBPP calls its words `text`."""

_ANSWER = "in one fenced code block."


class Wording(NamedTuple):
    """How a task is put to a model."""

    instruction: str | None
    """Null: one that fits the task."""
    shown: int | None
    """Tests that are shown; null: one where the task does not say how its function is called."""


def _row_of(found: Prompt | Unused) -> Mapping[str, Any] | None:
    """The row of a task, also of one that is no prompt; null for what could not be read."""
    if isinstance(found, Prompt):
        return found.row
    data = found.aside.data
    return data if found.aside.reason in _NO_PROMPT and isinstance(data, Mapping) else None


class TaskRows:
    """Every row of task files, in order: the prompt of its task, or why it is none."""

    def __init__(self, prompts: Prompts, wording: Wording) -> None:
        self._prompts = prompts
        self._wording = wording

    def __iter__(self) -> Iterator[Prompt | Unused]:
        """Read all rows.

        Raises:
            DataError: a file is damaged as a whole, or changed since it was read first.
        """
        for found in self._prompts:
            row = _row_of(found)
            yield found if row is None else self._prompt(found, row)

    def inputs(self) -> list[dict[str, Any]]:
        """The sources as a manifest lists them."""
        return self._prompts.inputs()

    def _prompt(self, found: Prompt | Unused, row: Mapping[str, Any]) -> Prompt | Unused:
        task = read_task(row, f"{found.source}, {found.where}")
        fault = task if isinstance(task, Fault) else next(iter(faults(task)), None)
        if fault is not None or isinstance(task, Fault):
            assert fault is not None  # noqa: S101, RUF100 - one of the two is a fault
            return Unused(found.source, found.where, Aside(fault.kind, str(fault), dict(row)))
        kind = sniff(row)
        try:
            reference = to_json({"format": kind, "row": dict(row)})
        except SchemaError as problem:
            return Unused(found.source, found.where, Aside("bad value", str(problem), dict(row)))
        return Prompt(
            source=found.source,
            where=found.where,
            id=task.id,
            messages=(Message("user", asked(task, self._wording)),),
            reference=reference,
            tags=(("format", str(kind)), ("task", task.id)),
            row=row,
        )


def asked(task: Task, wording: Wording) -> str:
    """A task in its own words, under an instruction that says what an answer should look like."""
    tree = parsed(task.prompt) or parsed(f"{task.prompt.rstrip()}\n    pass\n")
    is_code = tree is not None and task.entry_point is not None
    is_shown = is_code and tree is not None and defines(tree, task.entry_point or "")
    instruction = wording.instruction
    if instruction is None:
        instruction = _instruction(task, is_code=is_shown)
    words = f"```python\n{task.prompt.strip()}\n```" if is_shown else task.prompt.strip()
    known = is_shown or task.entry_point is None or "def " in task.prompt
    count = wording.shown if wording.shown is not None else int(not known)
    parts = [instruction.replace("{entry_point}", task.entry_point or ""), words]
    shown = [text for test in task.tests for text in _written(test, task.entry_point)][:count]
    if shown:
        parts.append("It has to pass this test:" if len(shown) == 1 else "It has to pass these:")
        parts.append("```python\n" + "\n".join(shown) + "\n```")
    return "\n\n".join(parts)


def _instruction(task: Task, *, is_code: bool) -> str:
    if task.entry_point is None:
        return (
            "Write a Python program that reads standard input and prints its answer. "
            f"Answer with the whole program {_ANSWER}"
        )
    if is_code or "def " in task.prompt:
        return f"Complete this Python code. Answer with all of it {_ANSWER}"
    return (
        "Write a Python function named `{entry_point}`. "
        f"Answer with the whole function, and the imports that it needs, {_ANSWER}"
    )


def _written(test: Any, entry_point: str | None) -> Iterable[str]:
    """A test as a model may see it."""
    if isinstance(test, Asserts):
        return [test.source.strip()]
    if isinstance(test, Pair):
        given = [repr(one) for one in test.arguments]
        given += [f"{name}={value!r}" for name, value in test.keywords]
        return [f"assert {entry_point}({', '.join(given)}) == {test.expected!r}"]
    return []


def stored_task(comparison: Comparison) -> Task | Fault:
    """The task that a comparison holds as its reference; the words of the prompt where it has none.

    It is `{"format": ..., "row": ...}` as this recipe writes it, or the row of a task itself.
    """
    place = comparison.prompt[-1].content or "" if comparison.prompt else ""
    name = dict(comparison.tags).get("task") or place[:60]
    if comparison.reference is None:
        return Fault(name, "no_tests", "the comparison has no reference, so there are no tests")
    held = json.loads(comparison.reference)
    kind = None
    if isinstance(held, Mapping) and isinstance(held.get("row"), Mapping):
        kind, held = held.get("format"), held["row"]
    if isinstance(held, list | str):
        held = {"tests": held}
    if not isinstance(held, Mapping):
        return Fault(name, "unreadable", "the reference of the comparison is no task")
    row = {"prompt": place, **held} if "prompt" not in held and "text" not in held else held
    return read_task(row, name, kind)

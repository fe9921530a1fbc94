"""Tasks for Argilla 2: a folder for each number of answers, as `rg.Dataset.from_disk` reads it.

Two answers get one label question. Three or more get a rating each: rankings made on Argilla's page
can be exported in the order of the question instead of the user's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson

from prefkit.errors import SchemaError
from prefkit.exporters.task_writer import JsonArrays, Page, TaskWriter, entry_of
from prefkit.schema.tasks import (
    FIELD,
    PROMPT,
    QUESTION,
    VERDICTS,
    Task,
    answer_names,
    identity_of,
    question_of,
    shown_answer,
    shown_prompt,
    task_of,
)

__all__ = ["ArgillaTasks"]

_RECORDS, _SETTINGS, _DATASET = "records.json", ".argilla/settings.json", ".argilla/dataset.json"
_STARS = 5


class ArgillaTasks(TaskWriter):
    """Argilla 2: records and settings to load from disk, for people to judge blind."""

    reader: ClassVar[str] = "argilla"

    @property
    def name(self) -> str:
        """The registered name."""
        return "argilla"

    def write(self, folder: Path, tasks: Iterator[Task], page: Page) -> list[dict[str, Any]]:
        """`answers-2/`, `answers-3/` ...: records, settings, and the dataset's name."""
        counts: set[int] = set()
        with JsonArrays(folder) as arrays:
            for task in tasks:
                counts.add(len(task.answers))
                arrays.add(f"{_folder(len(task.answers))}/{_RECORDS}", _record(task))
        entries = arrays.entries()
        for count in sorted(counts):
            documents = {
                _SETTINGS: _settings(count, page.guide),
                _DATASET: {"name": f"{page.name}-{_folder(count)}", "allow_extra_metadata": True},
            }
            for name, content in documents.items():
                place = f"{_folder(count)}/{name}"
                (folder / place).parent.mkdir(exist_ok=True)
                (folder / place).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
                entries.append(entry_of(folder, place))
        return entries

    def steps(self, files: list[str]) -> tuple[str, ...]:
        """One dataset for each number of answers."""
        folders = [name.partition("/")[0] for name in files if self.holds_tasks(name)]
        return (
            *(
                f'Load it: `rg.Dataset.from_disk("{one}", workspace="WORKSPACE")`'
                for one in folders
            ),
            "Export it flat, which keeps the status of answers: "
            '`dataset.records.to_datasets().to_json("results.jsonl")`',
        )

    def holds_tasks(self, name: str) -> bool:
        """`answers-2/records.json` ..."""
        return name.endswith(f"/{_RECORDS}")

    def parse(self, entry: Mapping[str, Any]) -> Task:
        """The task in a record.

        Raises:
            SchemaError: it is none, or its texts are not those of its ids.
        """
        fields, metadata = entry.get("fields"), entry.get("metadata")
        if not isinstance(fields, Mapping) or not isinstance(metadata, Mapping):
            raise SchemaError("it has no fields or no metadata")
        count = sum(name.startswith("answer") for name in fields)
        answers = [fields.get(name) for name in answer_names(count)]
        return task_of(metadata.get(FIELD), fields.get(PROMPT), answers)


def _folder(count: int) -> str:
    return f"answers-{count}"


def _record(task: Task) -> dict[str, Any]:
    names = answer_names(len(task.answers))
    texts = (shown_answer(answer) for answer in task.answers)
    return {
        "id": task.id,
        "fields": {
            PROMPT: shown_prompt(task.prompt, task.tools),
            QUESTION: question_of(task),
            **dict(zip(names, texts, strict=True)),
        },
        # Metadata holds numbers and texts only.
        "metadata": {FIELD: orjson.dumps(identity_of(task)).decode()},
    }


def _settings(count: int, guide: str) -> dict[str, Any]:
    names = answer_names(count)
    titles = ("A", "B") if count == 2 else tuple(f"Answer {n}" for n in range(1, count + 1))
    fields = [
        _field(PROMPT, "Prompt", "chat"),
        _field(QUESTION, "Question", "text"),
        *(_field(name, title, "text") for name, title in zip(names, titles, strict=True)),
    ]
    if count == 2:
        options = [{"value": value, "text": words} for value, words, _ in VERDICTS]
        judged = [_question("preference", "Which is better?", True, {
            "type": "label_selection", "options": options, "visible_options": len(options),
        })]  # fmt: skip
    else:
        stars = [{"value": star} for star in range(1, _STARS + 1)]
        judged = [
            _question(f"rating-{name}", title, True, {"type": "rating", "options": stars})
            for name, title in zip(names, titles, strict=True)
        ]
    comment = _question("comment", "Why", False, {"type": "text", "use_markdown": False})
    return {
        "guidelines": guide,
        "fields": fields,
        "questions": [*judged, comment],
        "vectors": [],
        "metadata": [],
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
    }


def _field(name: str, title: str, kind: str) -> dict[str, Any]:
    """A field that is shown as it stands: Markdown would load its images from elsewhere."""
    return {
        "name": name, "title": title, "required": True, "type": kind, "description": None,
        "settings": {"type": kind, "use_markdown": False},
    }  # fmt: skip


def _question(name: str, title: str, required: bool, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "title": title, "description": None, "required": required,
        "type": settings["type"], "settings": settings,
    }  # fmt: skip

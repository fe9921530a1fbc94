"""Tasks for Label Studio: import files, and the labelling page as XML.

Two answers stand side by side with one choice of five, since Pairwise knows no tie and can be
missing from flattened exports; three or more are ranked by dragging.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import quoteattr

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

__all__ = ["LabelStudioTasks"]

_MOST = 50_000
"""Tasks in one file: Label Studio takes up to 250,000 and 200 MB at once."""
_PAIRS, _RANKINGS = "pairs", "rankings"

_TOP = """\
<View>
  <Style>
    .htx-text, .htx-ranker-item, .lsf-richtext__line {{ white-space: pre-wrap; }}
    .lsf-paragraphs span {{ white-space: pre-wrap; }}
    .lsf-paragraphs [class*="authorFilter"], .lsf-paragraphs [class*="time--"] {{ display: none; }}
  </Style>
  <Collapse>
    <Panel value="How to judge">
      <View><Header size="6" value={guide}/></View>
    </Panel>
  </Collapse>
  <Paragraphs name="prompt" value="$prompt" layout="dialogue" nameKey="role" textKey="content"/>
  <Header value="$question"/>
"""
_TWO = """\
  <View style="display: grid; grid-template-columns: 1fr 1fr; gap: 1rem;">
    <View><Header value="A"/><Text name="answer1" value="$answer1"/></View>
    <View><Header value="B"/><Text name="answer2" value="$answer2"/></View>
  </View>
  <Choices name="verdict" toName="prompt" choice="single-radio" showInline="true" required="true">
{choices}
  </Choices>
"""
_SEVERAL = """\
  <List name="answers" value="$items" title="Best answer first"/>
  <Ranker name="ranking" toName="answers"/>
"""
_BOTTOM = """\
  <TextArea name="comment" toName="prompt" rows="2" placeholder="Why (optional)" editable="true"/>
</View>
"""


class LabelStudioTasks(TaskWriter):
    """Label Studio: tasks to import and the labelling page, for people to judge blind."""

    reader: ClassVar[str] = "label_studio"

    @property
    def name(self) -> str:
        """The registered name."""
        return "label_studio"

    def write(self, folder: Path, tasks: Iterator[Task], page: Page) -> list[dict[str, Any]]:
        """Tasks with two answers and those with more, each kind with its own page."""
        counts = {_PAIRS: 0, _RANKINGS: 0}
        with JsonArrays(folder) as arrays:
            for task in tasks:
                kind = _PAIRS if len(task.answers) == 2 else _RANKINGS
                counts[kind] += 1
                arrays.add(_file(kind, (counts[kind] - 1) // _MOST + 1), {"data": _data(task)})
        entries = arrays.entries()
        for kind, body in ((_PAIRS, _two()), (_RANKINGS, _SEVERAL)):
            if counts[kind]:
                text = _TOP.format(guide=_literal(page.guide)) + body + _BOTTOM
                (folder / f"{kind}.xml").write_text(text, encoding="utf-8")
                entries.append(entry_of(folder, f"{kind}.xml"))
        return entries

    def steps(self, files: list[str]) -> tuple[str, ...]:
        """One project for each kind of task."""
        found = []
        for kind in (_PAIRS, _RANKINGS):
            names = [name for name in files if self.holds_tasks(name) and name.startswith(kind)]
            if names:
                found += [
                    f"Make a project, put `{kind}.xml` under Settings, Labeling Interface, Code, "
                    f"and import {', '.join(f'`{name}`' for name in names)}.",
                ]
        return (
            *found,
            "Export the project as JSON (not JSON_MIN or CSV, which leave out skipped tasks).",
        )

    def holds_tasks(self, name: str) -> bool:
        """`pairs.json`, `pairs-2.json` ... and the same for rankings."""
        return name.endswith(".json") and name.startswith((_PAIRS, _RANKINGS))

    def parse(self, entry: Mapping[str, Any]) -> Task:
        """The task in an import entry.

        Raises:
            SchemaError: it is none, or its texts are not those of its ids.
        """
        data = entry.get("data")
        if not isinstance(data, Mapping):
            raise SchemaError("it has no data")
        items = data.get("items")
        if isinstance(items, list):
            answers = [one.get("body") if isinstance(one, Mapping) else None for one in items]
        else:
            answers = [data.get(name) for name in answer_names(2)]
        return task_of(data.get(FIELD), data.get(PROMPT), answers)


def _file(kind: str, number: int) -> str:
    return f"{kind}.json" if number == 1 else f"{kind}-{number}.json"


def _data(task: Task) -> dict[str, Any]:
    names = answer_names(len(task.answers))
    texts = [shown_answer(answer) for answer in task.answers]
    shown: dict[str, Any] = {
        PROMPT: shown_prompt(task.prompt, task.tools),
        QUESTION: question_of(task),
    }
    if len(names) == 2:
        shown |= dict(zip(names, texts, strict=True))
    else:
        shown["items"] = [
            {"id": name, "title": f"Answer {number}", "body": text}
            for number, (name, text) in enumerate(zip(names, texts, strict=True), start=1)
        ]
    return shown | {FIELD: identity_of(task)}


def _two() -> str:
    lines = [
        f'    <Choice value={quoteattr(words)} hotkey="{number}"/>'
        for number, (_, words, _) in enumerate(VERDICTS, start=1)
    ]
    return _TWO.format(choices="\n".join(lines))


def _literal(text: str) -> str:
    """Text of the page itself: a value that begins with a dollar would name a field of the task."""
    return quoteattr(text if not text.startswith("$") else f" {text}")

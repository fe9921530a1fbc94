"""The folder of an export of tasks: what the tool imports, and a page that says how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from prefkit.exporters.task_writer import Page, TaskWriter, entry_of
from prefkit.schema.tasks import Task

__all__ = ["GUIDE_FILE", "KIND", "README", "TaskFolder", "content_hash", "line_of"]

KIND = "tasks"
README = "README.md"
GUIDE_FILE = "guideline.md"


class TaskFolder:
    """Writes tasks and what goes with them; knows their number and hash afterwards."""

    def __init__(self, writer: TaskWriter, page: Page) -> None:
        self._writer = writer
        self._page = page
        self._lines: list[str] = []
        self._sampled = False

    @property
    def rows(self) -> int:
        """How many tasks were written."""
        return len(self._lines)

    @property
    def content_hash(self) -> str:
        """A hash of which tasks they are and how their answers stand; their order is not in it."""
        return content_hash(self._lines)

    def write(self, folder: Path, tasks: Iterable[Task]) -> list[dict[str, Any]]:
        """Write every file; return the entries for the manifest."""
        files = self._writer.write(folder, self._counted(tasks), self._page)
        (folder / GUIDE_FILE).write_text(f"{self._page.guide}\n", encoding="utf-8")
        (folder / README).write_text(self._readme(files), encoding="utf-8")
        return [*files, *(entry_of(folder, name) for name in (GUIDE_FILE, README))]

    def _counted(self, tasks: Iterable[Task]) -> Iterator[Task]:
        for task in tasks:
            self._lines.append(line_of(task))
            self._sampled |= task.pair is not None
            yield task

    def _readme(self, files: Sequence[Mapping[str, Any]]) -> str:
        steps = [
            *self._writer.steps([str(one["name"]) for one in files]),
            "Read it back: `prefkit collect human results.json --out RESULTS`. The reader "
            f"`{self._writer.reader}` needs no options: every task says what it is about.",
        ]
        if self._sampled:
            steps.append("Make decisions of it: `prefkit apply PAIRS REVIEW RESULTS --out NEXT`.")
        counted = "".join(f"- `{one['name']}`: {one['rows']:,} tasks\n"
                          for one in files if one.get("rows"))  # fmt: skip
        listed = "".join(f"{number}. {step}\n" for number, step in enumerate(steps, start=1))
        return (
            f"# {self.rows:,} tasks for {self._writer.name}\n\n{counted}\n{listed}\n"
            "Annotators may see all of these files: none says which answer is preferred, or who "
            "wrote it. The field `prefkit` of a task holds the ids of its comparison and of its "
            "answers. Leave it and the texts as they are: a task that was changed is set aside, so "
            "that no vote is counted for a text that nobody saw.\n"
        )


def line_of(task: Task) -> str:
    """What tells a task from any other."""
    return " ".join((task.id, task.comparison, *task.order))


def content_hash(lines: Iterable[str]) -> str:
    """The hash of a set of tasks."""
    return "sha256:" + sha256("\n".join(sorted(lines)).encode()).hexdigest()

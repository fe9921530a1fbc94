"""Label Studio's full JSON export: tasks, several annotators each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pydantic import Field, model_validator

from prefkit.collectors.fields import share
from prefkit.collectors.human.label_studio_own import own_of, page_options, stand_ins
from prefkit.collectors.human.label_studio_results import (
    Controls,
    comments,
    judgements,
)
from prefkit.collectors.human.label_studio_task import Task, as_list, is_cancelled, task_of
from prefkit.collectors.human.own_tasks import is_own, restored
from prefkit.collectors.people import identity_of
from prefkit.collectors.turns import (
    UnusableError,
    row_or_aside,
    shown,
)
from prefkit.errors import ConfigError
from prefkit.reader import Aside, Example, Reader, Record, Row
from prefkit.schema.records import Comparison, Source, Vote, to_json
from prefkit.schema.tasks import FIELD

__all__ = ["LabelStudio"]

_CHOICES = ("tie", "both_good", "both_bad", "skip", "left", "right")
_AGES = 1e12  # seconds; a time beyond that is a mistake or no time
_FLAT = ("annotation_id", "annotator", "lead_time")


class LabelStudio(Reader):
    """Label Studio full JSON: Pairwise, Ranker, Rating and Choices of several annotators.

    Each annotation becomes votes of `completed_by`; a cancelled one is a `skip`, predictions and
    drafts are none. Left is the first name in `to_name`; where it stood on the page is not in the
    export, so the order shown stays unknown, but in tasks that `prefkit export` wrote. A task with
    a ground truth annotation gets the tag `ground_truth`; the annotation's whole record is in the
    vote's `raw`.
    """

    identifies_people: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "full JSON",
            '{"id": 41, "project": 7, "data": {"prompt": "A prime above 10?", "answer1": "11",'
            ' "answer2": "12"}, "annotations": [{"id": 901, "completed_by": 3, "was_cancelled":'
            ' false, "lead_time": 14.2, "created_at": "2026-03-02T10:01:00Z", "result": [{"id":'
            ' "a1", "from_name": "comparison", "to_name": "answer1,answer2", "type": "pairwise",'
            ' "value": {"selected": "left"}}]}], "predictions": []}',
            "the test exports of label-studio-sdk (the envelope; none of them is pairwise)",
        ),
    )

    prompt: str | None = Field(None, description="Field of the task with the prompt.")
    responses: tuple[str, ...] = Field(
        (),
        description="Fields with the responses, left first, or the one field of items.",
    )
    left: str = Field("left", description="Pairwise leftChoiceValue.")
    right: str = Field("right", description="Pairwise rightChoiceValue.")
    choices: dict[str, str] = Field(
        {}, description="Choices text to tie, both_good, both_bad, skip, left or right."
    )
    buckets: tuple[str, ...] = Field(
        (), description="Ranker buckets, best first; leave out if unordered."
    )
    rating_max: int = Field(5, ge=2, description="The highest star of Rating.")
    criteria: dict[str, str] = Field(
        {}, description="Control name to the criterion it judges; an empty text means overall."
    )

    @model_validator(mode="after")
    def _check(self) -> LabelStudio:
        if self.left == self.right:
            raise ConfigError(f"left and right are both {self.left!r}: they must differ")
        for text, outcome in self.choices.items():
            if outcome not in _CHOICES:
                raise ConfigError(
                    f"choices: {text!r} is declared as {outcome!r}, not {', '.join(_CHOICES)}"
                )
        return self

    def sniff(self, sample: Sequence[Mapping[str, Any]]) -> float:
        """The share of rows that are tasks."""
        return share(sample, _is_task)

    def read(self, records: Iterable[Record], source: str) -> Iterator[Row]:
        """Yield one `Row` per task."""
        for record in records:
            yield row_or_aside(self._row, record, source)

    def _compared(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The fields with responses, as declared."""
        return self.responses

    def _row(self, record: Record, source: str) -> Row:
        """The row; a task that `prefkit export` wrote is read by what it says of itself."""
        data = record.data["data"] if _is_task(record.data) else {}
        if not is_own(data.get(FIELD)):
            return self._read_row(record, source)
        own = own_of(data)
        task = {**record.data, "data": stand_ins(own, "items" in data)}
        reader = self.model_copy(update=page_options(own, "items" in data))
        return restored(reader._read_row(record._replace(data=task), source), own)

    def _read_row(self, record: Record, source: str) -> Row:
        task = record.data
        if not _is_task(task):
            raise _not_a_task(task)
        annotations = task["annotations"]
        parts: list[Aside] = []
        votes: list[Vote] = []
        read = task_of(
            task["data"],
            annotations,
            as_list(task.get("predictions")),
            prompt=self.prompt,
            responses=self._compared(task["data"]),
        )
        controls = self._controls(read)
        place = _Place(_source_name(task, source), _task_name(task, record.where))
        for number, annotation in enumerate(annotations):
            cast, unusable = _votes(annotation, number, place, controls)
            votes.extend(cast)
            parts.extend(unusable)
        if annotations and not votes:
            # Nothing of the task can be used; its first fault is what to count it by.
            raise UnusableError(parts[0].reason, "; ".join(part.detail for part in parts[:3]))
        if not annotations:
            parts.append(Aside("no votes", "nobody has annotated the task yet"))
        parts.extend(_not_votes(task))
        comparison = Comparison(
            read.prompt,
            read.responses,
            tuple(votes),
            extra=to_json(read.rest) if read.rest else None,
            tags=(("ground_truth", "true"),) if any(map(_is_truth, annotations)) else (),
        )
        return Row(record.where, (comparison,), parts=tuple(parts))

    def _controls(self, task: Task) -> Controls:
        declared = {name: criterion or None for name, criterion in self.criteria.items()}
        return Controls(
            task.places,
            len(task.responses),
            {"left": 0, "right": 1, self.left: 0, self.right: 1},
            self.choices,
            self.buckets,
            self.rating_max,
            {**task.criteria, **declared},
        )


class _Place(NamedTuple):
    """Where votes are recorded: the project (or file) and the task."""

    source: str
    task: str


def _is_task(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("data"), Mapping) and isinstance(row.get("annotations"), list)


def _not_a_task(row: Mapping[str, Any]) -> UnusableError:
    if all(name in row for name in _FLAT):
        return UnusableError(
            "not full JSON",
            "the row is flattened (JSON_MIN or CSV), where choices can be missing: "
            "export the project as JSON, or read it with the reader label_studio_min",
        )
    missing = "annotations" if isinstance(row.get("data"), Mapping) else "data"
    return UnusableError("missing field", f"the row is no Label Studio task: it has no {missing}")


def _votes(
    annotation: Any, number: int, place: _Place, controls: Controls
) -> tuple[list[Vote], list[Aside]]:
    if not isinstance(annotation, Mapping):
        detail = f"annotation {number} is {shown(annotation)}, not an object"
        return [], [Aside("bad value", detail, annotation)]
    name = annotation.get("id")
    name = f"annotation {name}" if isinstance(name, str | int) else f"annotation number {number}"
    results = annotation.get("result")
    seen = Vote(
        "human",
        "skip",
        (None,) * controls.responses,
        "choice",
        Source(place.source, f"{place.task} {name}"),
        by=identity_of(annotation.get("completed_by")),
        rationale=comments(results),
        seconds=_seconds(annotation.get("lead_time")),
        at=_time(annotation),
        raw=to_json(annotation),
    )
    if is_cancelled(annotation):
        return [seen], []
    found, aside = judgements(results, controls)
    if not found and not aside:
        aside = [Aside("no votes", f"{name} chooses, rates and ranks no response", annotation)]
    return [
        seen._replace(
            outcome=one.outcome,
            scores=one.scores,
            scale=one.scale,
            criterion=one.criterion,
            labels=one.labels,
        )
        for one in found
    ], [part._replace(detail=f"{name}: {part.detail}") for part in aside]


def _not_votes(task: Mapping[str, Any]) -> Iterator[Aside]:
    for prediction in as_list(task.get("predictions")):
        yield Aside("prediction", "a prediction is a model's pre-label, not a vote", prediction)
    for draft in as_list(task.get("drafts")):
        yield Aside("draft", "a draft was never submitted", draft)


def _is_truth(annotation: Any) -> bool:
    return isinstance(annotation, Mapping) and annotation.get("ground_truth") is True


def _seconds(value: Any) -> float | None:
    """The lead time; anything that is no time stays in `raw` only."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _AGES else None


def _time(annotation: Mapping[str, Any]) -> str | None:
    """When the annotation got the form that the export holds."""
    for name in ("updated_at", "created_at"):
        if isinstance(annotation.get(name), str):
            return str(annotation[name])
    return None


def _source_name(task: Mapping[str, Any], source: str) -> str:
    """The project, so that the same vote in two exports is known as the same."""
    project = task.get("project")
    known = isinstance(project, str | int) and not isinstance(project, bool) and project != ""
    return f"label_studio project {project}" if known else source


def _task_name(task: Mapping[str, Any], where: str) -> str:
    name = task.get("id")
    return f"task {name}" if isinstance(name, str | int) else where

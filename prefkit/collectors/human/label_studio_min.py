"""Label Studio's flattened exports, JSON_MIN and CSV: one annotation a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from prefkit.collectors.fields import number, share_with
from prefkit.collectors.human.label_studio import LabelStudio
from prefkit.collectors.human.label_studio_cells import (
    CONTROLS,
    annotator_of,
    decoded,
    is_data_list,
    results_in,
)
from prefkit.collectors.human.label_studio_own import own_of, page_options, stand_ins
from prefkit.collectors.human.own_tasks import is_own, restored
from prefkit.collectors.turns import UnusableError, shown
from prefkit.collectors.verdicts import outcome_of
from prefkit.errors import ConfigError
from prefkit.reader import Aside, Example, Record, Row
from prefkit.schema.records import to_json
from prefkit.schema.tasks import FIELD, PROMPT, QUESTION

__all__ = ["LabelStudioMin"]

_ALWAYS = ("annotation_id", "annotator", "lead_time")
_ANNOTATION = (*_ALWAYS, "created_at", "updated_at", "agreement", "history")
# The names of Label Studio's own page for comparing two answers.
_PAGE_SIDES = ("answer1", "answer2")
_PAGE_CONTROL = "comparison"
_PROMPTS = ("prompt", "question", "instruction", "text")
_LISTS = (FIELD, PROMPT, "items")
_OWN_CONTROLS = {"verdict": "choices", "ranking": "ranker", "comment": "textarea"}
"""The controls of the page that `prefkit export` writes."""
_LOST = (
    "a flattened Label Studio export (JSON_MIN or CSV) does not hold everything: which annotations "
    "were cancelled or are ground truth, predictions, drafts and reviews are not in it, nor what "
    "a rating is about, and Pairwise choices can be missing; export the project as JSON to be sure"
)


class LabelStudioMin(LabelStudio):
    """Label Studio JSON_MIN and CSV: one annotation a row, one vote per control that compares.

    Such a row does not say which columns are controls. Lists of `selected`, `ranker` or `rating`
    say it themselves; a plain word counts where `controls` or `choices` declare it, or as the side
    in the column `comparison`. Pairwise compares the declared responses, or `answer1` (left) and
    `answer2`. A row in which no control is found is set aside: it may have lost its choice.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            "JSON_MIN",
            '{"prompt": "A prime above 10?", "answer1": "11", "answer2": "12", "id": 41,'
            ' "comparison": [{"selected": "left"}], "annotator": 3, "annotation_id": 901,'
            ' "created_at": "2026-03-02T10:01:00Z", "updated_at": "2026-03-02T10:01:00Z",'
            ' "lead_time": 14.2}',
            "convert_to_json_min of label-studio-sdk, run on a task with Pairwise",
        ),
        Example(
            "CSV",
            '{"annotation_id": "901", "annotator": "3", "answer1": "11", "answer2": "12",'
            ' "comparison": "[{\\"selected\\": \\"right\\"}]", "created_at":'
            ' "2026-03-02T10:01:00Z", "id": "41", "lead_time": "14.2", "prompt":'
            ' "A prime above 10?", "updated_at": "2026-03-02T10:01:00Z"}',
            "convert_to_csv of label-studio-sdk, run on a task with Pairwise",
        ),
    )

    controls: dict[str, str] = Field(
        {}, description="Column to pairwise, ranker, rating, choices, textarea or data."
    )
    targets: dict[str, str] = Field(
        {}, description="Rating control to the field of the response that it rates."
    )

    @model_validator(mode="after")
    def _check_controls(self) -> LabelStudioMin:
        for name, kind in self.controls.items():
            if kind not in CONTROLS:
                raise ConfigError(
                    f"controls: {name!r} is declared as {kind!r}, not {', '.join(CONTROLS)}"
                )
        return self

    def sniff(self, sample: Sequence[Mapping[str, Any]]) -> float:
        """The share of rows with the columns that a flattened export always has."""
        return share_with(sample, *_ALWAYS)

    def notice(self, sample: Sequence[Mapping[str, Any]]) -> str | None:
        """What such an export has lost."""
        return _LOST

    def _compared(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        if self.responses or any(data.get(name) is None for name in _PAGE_SIDES):
            return self.responses
        return _PAGE_SIDES

    def _row(self, record: Record, source: str) -> Row:
        """The row; a task that `prefkit export` wrote is read by what it says of itself."""
        row = record.data
        if not is_own(decoded(row.get(FIELD))):
            return self._read_row(record, source)
        data = {name: decoded(cell) if name in _LISTS else cell for name, cell in row.items()}
        own, ranking = own_of(data), data.get("items") not in (None, "")
        unused = {FIELD, QUESTION, *(() if ranking else ("items",))}
        cells = {name: cell for name, cell in row.items() if name not in unused}
        reader = self.model_copy(update=page_options(own, ranking) | {"controls": _OWN_CONTROLS})
        whole = record._replace(data=cells | stand_ins(own, ranking))
        return restored(reader._read_row(whole, source), own)

    def _read_row(self, record: Record, source: str) -> Row:
        """The row as the task that it was made from, and that read as in the full export."""
        row = record.data
        missing = [name for name in _ALWAYS if name not in row]
        if missing:
            detail = f"the row is no flattened annotation: it has no {missing[0]}"
            raise UnusableError("missing field", detail)
        found = self._results(row)
        results = [one for several in found.values() for one in several]
        cells = {name: row[name] for name in row if name in found or name in _ANNOTATION}
        parts = _without_target(results, self.targets)
        task = {
            "id": row.get("id"),
            "data": self._data({name: row[name] for name in row if name not in {*cells, "id"}}),
            "annotations": _annotations(row, results),
        }
        try:
            whole = super()._read_row(record._replace(data=task), source)
        except UnusableError as problem:
            if parts and problem.reason == "no votes":
                raise UnusableError(parts[0].reason, parts[0].detail) from problem
            raise
        raw = to_json(cells)
        comparisons = tuple(
            one._replace(votes=tuple(vote._replace(raw=raw) for vote in one.votes))
            for one in whole.comparisons
        )
        return whole._replace(comparisons=comparisons, parts=(*whole.parts, *parts))

    def _data(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """The task's fields; lists of turns or items that a CSV holds as JSON become lists."""
        return {
            name: decoded(cell) if is_data_list(decoded(cell)) else cell
            for name, cell in cells.items()
        }

    def _results(self, row: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The results of every column that is a control, in the form of the full export."""
        fields = self._compared(row)
        texts = {self.prompt, *fields, *(() if self.prompt else _PROMPTS)}
        found = {}
        for name, cell in row.items():
            kind = self.controls.get(name)
            if name in _ANNOTATION or kind == "data" or (kind is None and name in texts):
                continue
            results = results_in(decoded(cell), kind or self._kind(name, cell))
            if results:
                found[name] = [
                    {"from_name": name, "to_name": self._target(name, type_, fields, row)}
                    | {"type": type_, "value": value}
                    for type_, value in results
                ]
        return found

    def _kind(self, name: str, cell: Any) -> str | None:
        """What a plain word is; null for a field of the task.

        Raises:
            UnusableError: it could be a choice, and a wrong guess would be a wrong vote.
        """
        if not isinstance(cell, str):
            return None
        sides = {"left", "right", self.left, self.right}
        if cell in self.choices:
            return "choices"
        if name == _PAGE_CONTROL and results_in(decoded(cell), None) is None:
            return "choices" if outcome_of(cell) else "pairwise"
        if cell in sides or outcome_of(cell) is not None:
            raise UnusableError(
                "unknown choice",
                f"the column {name!r} holds {shown(cell)}, a choice or a field of the task: "
                f"declare which as the reader's option controls (pairwise, choices or data)",
            )
        return None

    def _target(self, name: str, kind: str, fields: Sequence[str], row: Mapping[str, Any]) -> str:
        """What a control is about: flattened rows do not say it."""
        if kind == "rating":
            return self.targets.get(name, fields[0] if len(fields) == 1 else "")
        if kind == "pairwise" and not fields:
            listed = ", ".join(repr(column) for column in list(row)[:12])
            raise UnusableError(
                "missing field",
                f"the row does not say what {name!r} compares (columns: {listed}): "
                "declare the fields as the reader's option responses, left first",
            )
        return ",".join(fields)


def _annotations(
    row: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The annotation, or none for a task that nobody has annotated yet."""
    if row["annotation_id"] in (None, "") and not results:
        return []
    if not results:
        raise UnusableError(
            "no votes",
            "no column of the row is known as a control; flattened exports can miss Pairwise: "
            "export the project as JSON, or declare the column as the reader's option controls",
        )
    try:
        seconds = number(row["lead_time"], "lead_time")
    except UnusableError:
        seconds = None  # it stays in the raw cells
    return [
        {
            "id": row["annotation_id"],
            "completed_by": annotator_of(row["annotator"]),
            "lead_time": seconds,
            "created_at": row.get("created_at") or None,
            "updated_at": row.get("updated_at") or None,
            "result": results,
        }
    ]


def _without_target(
    results: Sequence[Mapping[str, Any]], targets: Mapping[str, str]
) -> list[Aside]:
    """Ratings of which nobody knows what they rate."""
    return [
        Aside(
            "unknown target",
            f"the row does not say what {one['from_name']!r} rates: "
            "declare the response's field as the reader's option targets",
            dict(one),
        )
        for one in results
        if one["type"] == "rating" and not one["to_name"]
    ]

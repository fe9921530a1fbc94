"""What annotation tools export once people have answered tasks of ours, in every shape.

The envelopes are those of Label Studio 1.23 (run on such tasks) and of the SDK of Argilla 2.8.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WORDS = {"answer1": "A is better", "answer2": "B is better", "tie": "Tie",
         "both_bad": "Both bad", "unsure": "Unsure"}  # fmt: skip
Said = Mapping[str, Any]
"""By the task's prompt as it is shown: a verdict, or the answers' names, best first."""


def shown_prompts(tasks: Path) -> list[str]:
    """The last turn of every task's prompt, in the order of the files."""
    found = []
    for path in sorted(tasks.rglob("*.json")):
        entries = json.loads(path.read_bytes())
        for entry in entries if isinstance(entries, list) else ():
            fields = entry.get("data") or entry["fields"]
            found.append(fields["prompt"][-1]["content"])
    return found


def label_studio(tasks: Path, said: Said) -> list[dict[str, Any]]:
    """The full export of all projects: two people, of whom the second skips."""
    rows = []
    for path in sorted(tasks.glob("*s*.json")):
        entries = json.loads(path.read_bytes())
        for entry in entries if isinstance(entries, list) else ():
            number = len(rows) + 1
            answer = said.get(entry["data"]["prompt"][-1]["content"])
            given = [] if answer is None else [_annotation(number, 3, _results(answer))]
            skipped = [_annotation(number, 5, []) | {"was_cancelled": True}] if given else []
            rows.append({"id": number, "project": 7, "annotations": given + skipped,
                         "predictions": [], "drafts": [], **entry})  # fmt: skip
    return rows


def _annotation(number: int, person: int, results: list[Any]) -> dict[str, Any]:
    return {
        "id": 900 + number, "completed_by": person, "was_cancelled": False, "lead_time": 3.5,
        "created_at": "2026-03-02T10:01:00Z", "ground_truth": False, "result": results,
    }  # fmt: skip


def _results(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, str):
        value: Any = {"choices": [WORDS[answer]]}
        judged = {"from_name": "verdict", "to_name": "prompt", "type": "choices", "value": value}
    else:
        value = {"ranker": {"ranking": list(answer)}}
        judged = {"from_name": "ranking", "to_name": "answers", "type": "ranker", "value": value}
    reason = {"from_name": "comment", "to_name": "prompt", "type": "textarea",
              "value": {"text": ["because"]}}  # fmt: skip
    return [judged, reason]


def label_studio_min(tasks: Path, said: Said) -> list[dict[str, Any]]:
    """JSON_MIN: a row for every annotation that was not cancelled."""
    rows = []
    for task in label_studio(tasks, said):
        for one in task["annotations"]:
            if one["was_cancelled"]:
                continue
            cells = {result["from_name"]: _cell(result) for result in one["result"]}
            rows.append({**task["data"], "id": task["id"], **cells, "annotator": 3,
                         "annotation_id": one["id"], "lead_time": 3.5,
                         "created_at": one["created_at"],
                         "updated_at": one["created_at"]})  # fmt: skip
    return rows


def _cell(result: Mapping[str, Any]) -> Any:
    value = result["value"]
    if result["type"] == "ranker":
        return [value]
    (texts,) = value.values()
    return texts[0]


def label_studio_csv(path: Path, tasks: Path, said: Said) -> Path:
    """The same as CSV, where lists and objects are JSON."""
    rows = label_studio_min(tasks, said)
    names = sorted({name for row in rows for name in row})
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: json.dumps(value) if isinstance(value, list | dict) else value
                             for name, value in row.items()})  # fmt: skip
    return path


def argilla(tasks: Path, said: Said) -> list[dict[str, Any]]:
    """Nested records, without the status of answers."""
    rows = []
    for path in sorted(tasks.glob("answers-*/records.json")):
        for record in json.loads(path.read_bytes()):
            answer = said.get(record["fields"]["prompt"][-1]["content"])
            questions = {} if answer is None else _questions(answer)
            responses = {name: [{"value": value, "user_id": "u-1"}]
                         for name, value in questions.items()}  # fmt: skip
            rows.append({**record, "suggestions": {}, "vectors": {}, "status": "completed",
                         "responses": responses, "_server_id": None})  # fmt: skip
    return rows


def _questions(answer: Any) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"preference": answer, "comment": "because"}
    ratings = {f"rating-{name}": 5 - place for place, name in enumerate(answer)}
    return {**ratings, "comment": "because"}


def argilla_flat(tasks: Path, said: Said) -> list[dict[str, Any]]:
    """A flat dataset, in which a second user has discarded every record."""
    rows = []
    for record in argilla(tasks, said):
        row = {name: record[name] for name in ("id", "status", "_server_id")}
        row |= record["fields"] | record["metadata"]
        for name, (one,) in record["responses"].items():
            row[f"{name}.responses"] = [one["value"], one["value"]]
            row[f"{name}.responses.users"] = ["u-1", "u-2"]
            row[f"{name}.responses.status"] = ["submitted", "discarded"]
        rows.append(row)
    return rows

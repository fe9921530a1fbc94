"""A folder of replies held against its manifest: files, and the count of every kind of line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from prefkit.dataset.folder import MANIFEST
from prefkit.exporters.claims import check_files, claims_of
from prefkit.exporters.problems import Problems

__all__ = ["check_replies"]

_REPLIES = "replies.jsonl"
_ASIDE = "set_aside.jsonl"


def check_replies(folder: Path, manifest: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Look at every file and every line; what differs is added to `problems`. Return the counts.

    Whether an answer is the one that the model gave cannot be seen from the folder.
    """
    names = check_files(folder, claims_of(manifest, problems, hashed=True), set(), problems)
    for name in (_REPLIES, _ASIDE):
        if name not in names:
            problems.add(MANIFEST, f"lists no {name}")
    counts = manifest.get("counts")
    if not isinstance(counts, dict):
        problems.add(MANIFEST, "it has no counts")
        return {"rows": 0}
    failed: Counter[str] = Counter()
    rows = answered = 0
    for line in _lines(folder, _REPLIES, names, problems):
        rows += 1
        failure = line.get("failure")
        if failure is None:
            answered += 1
        else:
            failed[str(failure.get("kind")) if isinstance(failure, dict) else "?"] += 1
    aside = sum(1 for _ in _lines(folder, _ASIDE, names, problems))
    found = {"replies": rows, "answered": answered, "failed": dict(failed), "set_aside": aside}
    for name, value in found.items():
        if counts.get(name) != value:
            said = repr(counts.get(name))[:80]
            problems.add(MANIFEST, f"says {name} {said}, the files hold {value!r}"[:200])
    return {"rows": rows, **found}


def _lines(
    folder: Path, name: str, names: set[str], problems: Problems
) -> Iterator[dict[str, Any]]:
    if name not in names:
        return
    with (folder / name).open("rb") as stream:
        for number, text in enumerate(stream, 1):
            try:
                line = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                problems.add(f"{name}, line {number}", f"is no JSON: {error}")
                continue
            if isinstance(line, dict):
                yield line
            else:
                problems.add(f"{name}, line {number}", "is no object")

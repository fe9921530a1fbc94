"""A folder of annotation tasks held against its manifest: files, and every task against its ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from prefkit.dataset.folder import MANIFEST
from prefkit.errors import SchemaError
from prefkit.exporters.claims import Claim, check_files, claims_of
from prefkit.exporters.problems import Problems
from prefkit.exporters.task_folder import content_hash, line_of
from prefkit.exporters.task_writer import TaskWriter
from prefkit.registry import load, names
from prefkit.schema.tasks import Task
from prefkit.step import make

__all__ = ["check_tasks"]


def check_tasks(folder: Path, manifest: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Look at every file and every task; what differs is added to `problems`. Return the counts."""
    claims = claims_of(manifest, problems, hashed=True)
    there = check_files(folder, claims, set(), problems)
    writer = _writer(manifest, problems)
    if writer is None:
        return {"rows": 0}
    lines: list[str] = []
    for claim in claims:
        if claim.name in there and writer.holds_tasks(claim.name):
            lines += map(line_of, _tasks(folder, claim, writer, problems))
    if manifest.get("rows") != len(lines):
        said = repr(manifest.get("rows"))[:80]
        problems.add(MANIFEST, f"says {said} tasks, the files hold {len(lines):,}")
    found = content_hash(lines)
    if manifest.get("content_hash") != found:
        problems.add(MANIFEST, f"its content hash is not that of the tasks, {found}")
    return {"rows": len(lines), "content_hash": found}


def _writer(manifest: Mapping[str, Any], problems: Problems) -> TaskWriter | None:
    options = manifest.get("options")
    name = options.get("format") if isinstance(options, Mapping) else None
    if isinstance(name, str) and name in names("writer"):
        kind = load("writer", name)
        if issubclass(kind, TaskWriter):
            writer: TaskWriter = make(kind, {}, name)
            return writer
    problems.add(MANIFEST, f"names no writer of tasks that is installed: {str(name)[:40]!r}")
    return None


def _tasks(folder: Path, claim: Claim, writer: TaskWriter, problems: Problems) -> Iterator[Task]:
    try:
        entries = orjson.loads((folder / claim.name).read_bytes())
    except orjson.JSONDecodeError as error:
        problems.add(claim.name, f"does not parse: {error}")
        return
    if not isinstance(entries, list):
        problems.add(claim.name, "is no list")
        return
    if claim.rows != len(entries):
        problems.add(claim.name, f"the manifest says {claim.rows} rows, there are {len(entries):,}")
    for number, entry in enumerate(entries, start=1):
        try:
            yield writer.parse(entry if isinstance(entry, Mapping) else {})
        except SchemaError as error:
            problems.add(f"{claim.name}, task {number}", str(error))

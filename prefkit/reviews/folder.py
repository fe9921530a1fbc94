"""The folder of a review: `manifest.json`, `plan.json`, `sample.jsonl` and `queue.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from prefkit.dataset.folder import MANIFEST, atomic_folder, write_file
from prefkit.dataset.manifest import new_manifest, read_manifest, write_manifest
from prefkit.errors import ConfigError, DataError
from prefkit.reviews.plan import SCHEMA, Planned

__all__ = ["KIND", "check_new", "read_review", "update_review", "write_review"]

KIND = "review"
_PLAN, _SAMPLE, _QUEUE = "plan.json", "sample.jsonl", "queue.jsonl"
_OWN = {MANIFEST, _PLAN, _SAMPLE, _QUEUE}


def check_new(target: Path, *, force: bool) -> None:
    """Refuse a folder that holds more than a plan: what people decided is never replaced.

    Raises:
        ConfigError: it does.
    """
    if not (force and target.is_dir()):
        return
    more = sorted(entry.name for entry in target.iterdir() if entry.name not in _OWN)
    if more:
        raise ConfigError(
            f"{target} holds more than a plan ({', '.join(more[:3])}), so --force does not "
            "replace it",
            hint="name another folder with --out",
        )


def write_review(
    target: Path, planned: Planned, options: Mapping[str, Any], *, force: bool
) -> None:
    """Write a new review.

    Raises:
        ConfigError: the folder exists and may not be replaced.
        DataError: the disk refuses.
    """
    check_new(target, force=force)
    with atomic_folder(target, force=force) as work:
        texts = _texts(planned)
        for name, text in texts.items():
            (work / name).write_text(text, encoding="utf-8")
        dataset = planned.plan["dataset"]
        manifest = new_manifest(KIND, "review", options) | {
            "rows": len(planned.sample),
            "content_hash": "sha256:" + sha256(texts[_SAMPLE].encode()).hexdigest(),
            "parent": {"kind": "pairs", "content_hash": dataset["content_hash"]},
        }
        write_manifest(work, manifest)


def update_review(target: Path, planned: Planned) -> None:
    """Write what a top-up or a queue added; the plan comes last.

    Lines whose part or queue the plan does not list are those of a writer that was killed: reading
    leaves them out.

    Raises:
        DataError: the disk refuses; the old plan holds.
    """
    try:
        for name, text in _texts(planned).items():
            write_file(target / name, text)
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}") from error


def _texts(planned: Planned) -> dict[str, str]:
    return {
        _SAMPLE: _lines(planned.sample),
        _QUEUE: _lines(planned.queue),
        _PLAN: json.dumps(planned.plan, indent=1, sort_keys=True, allow_nan=False) + "\n",
    }


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)


def read_review(target: Path) -> Planned:
    """A review as it is on disk.

    Raises:
        ConfigError: the folder holds no review.
        DataError: a file does not parse, or is of another version.
    """
    if read_manifest(target).get("kind") != KIND:
        raise ConfigError(f"{target} holds no review", hint="prefkit review --help")
    try:
        plan = json.loads((target / _PLAN).read_text(encoding="utf-8"))
        if plan["schema"] != SCHEMA:
            raise DataError(f"{target / _PLAN} is of the version {plan['schema']}, not {SCHEMA}")
        parts = {part["part"] for part in plan["parts"]}
        queues = {queue["queue"] for queue in plan["queues"]}
        sample = [line for line in _read(target / _SAMPLE) if line["part"] in parts]
        queue = [line for line in _read(target / _QUEUE) if line["queue"] in queues]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"cannot read the review {target}: {error!r}") from error
    return Planned(plan, sample, queue)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        yield from map(orjson.loads, stream)

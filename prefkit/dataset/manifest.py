"""The manifest of a folder: what it holds, how it came about, what must hold of it."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.dataset.folder import MANIFEST
from prefkit.errors import ConfigError, DataError, GateFailed
from prefkit.schema.arrow import SCHEMA_VERSION
from prefkit.version import __version__

__all__ = [
    "Gate",
    "check_gates",
    "file_entry",
    "new_manifest",
    "read_manifest",
    "run_block",
    "write_manifest",
]

_FORMAT = 1
_STARTED = datetime.datetime.now(datetime.UTC)


class Gate(NamedTuple):
    """One condition on a result: `value` must be at least (`>=`) or at most (`<=`) `limit`."""

    name: str
    value: float
    limit: float
    holds_if: str = ">="

    @property
    def passed(self) -> bool:
        """Whether the condition holds."""
        return self.value >= self.limit if self.holds_if == ">=" else self.value <= self.limit


def check_gates(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """The gates as manifest entries.

    Raises:
        GateFailed: at least one does not hold; the message lists each with value and limit.
    """
    entries = [{**gate._asdict(), "passed": gate.passed} for gate in gates]
    failed = [e for e in entries if not e["passed"]]
    if failed:
        lines = (
            f"{e['name']} is {e['value']:g}, must be {e['holds_if']} {e['limit']:g}" for e in failed
        )
        raise GateFailed("; ".join(lines))
    return entries


def new_manifest(kind: str, verb: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The head every manifest shares; the verb adds counts, parents, inputs and its own parts."""
    return {
        "prefkit": {"format": _FORMAT, "version": __version__, "schema": SCHEMA_VERSION},
        "kind": kind,
        "verb": verb,
        "options": dict(options),
        "run": run_block(),
    }


def run_block() -> dict[str, Any]:
    """What differs between two equal runs: command, commit, times, class of machine."""
    return {
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "git_commit": _git_commit(),
        "start": _STARTED.isoformat(timespec="seconds"),
        "end": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write `manifest.json` with sorted keys."""
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of a folder.

    Raises:
        ConfigError: there is no such folder, or it has no manifest.
        DataError: the manifest does not parse or is of a newer format.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no dataset folder {folder}")
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigError(f"{folder} has no {MANIFEST}, so it is no prefkit folder")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        versions = manifest["prefkit"]
        newer = int(versions["format"]) > _FORMAT or int(versions["schema"]) > SCHEMA_VERSION
        if not newer and "kind" not in manifest:
            raise KeyError("kind")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is not a prefkit manifest: {error}") from error
    if newer:
        raise DataError(
            f"{path} was written by prefkit {versions.get('version')}, which is newer than this one"
        )
    return dict(manifest)


def file_entry(path: Path, **more: Any) -> dict[str, Any]:
    """Plain name, bytes and sha256 of one file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest, **more}


def _git_commit() -> str | None:
    """The commit of the working directory, null outside a repository or without git."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None

"""`prefkit show`: what a folder holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from prefkit.dataset import open_dataset
from prefkit.dataset.manifest import read_manifest
from prefkit.schema.arrow import SCHEMAS
from prefkit.verbs.verb import Outcome, Verb, listed

__all__ = ["Show"]


class Show(Verb):
    """Show what a dataset or an export holds: counts, steps, hashes, and rows if asked for."""

    positional: ClassVar[tuple[str, ...]] = ("folder",)

    folder: Path = Field(description="A dataset or an export.")
    rows: int = Field(0, ge=0, description="Show this many rows too.")

    def __call__(self) -> Outcome:
        """Read the manifest, and the first rows.

        Raises:
            ConfigError: the folder is no prefkit folder.
        """
        manifest = read_manifest(self.folder)
        facts = {key: value for key, value in manifest.items() if key != "prefkit"} | {
            "path": str(self.folder),
            "written_by": manifest["prefkit"],
        }
        lines = [
            ("Folder", str(self.folder)),
            (
                "Kind",
                f"{manifest['kind']}, written by {manifest['verb']} of prefkit {manifest['prefkit']['version']}",
            ),
            ("Rows", f"{manifest.get('rows', 0):,}"),
            ("Content", str(manifest.get("content_hash"))),
        ]
        lines += [("Parent", parent) for parent in manifest.get("parents", [])]
        lines += [
            ("Input", f"{entry['name']} ({entry.get('reader')})")
            for entry in manifest.get("inputs", [])
        ]
        lines += list(_counts(manifest.get("counts", {})))
        lines += [
            (step["name"], f"{step['dropped']:,} marked of {step['rows_in']:,}")
            for step in manifest.get("steps", [])
        ]
        if self.rows and manifest["kind"] in SCHEMAS:
            shown = self._rows()
            facts["shown"] = shown
            lines += [("", orjson.dumps(row).decode()) for row in shown]
        return Outcome(facts, tuple(lines))

    def _rows(self) -> list[dict[str, Any]]:
        tables = open_dataset(self.folder).batches()
        rows = (row for table in tables for row in table.slice(0, self.rows).to_pylist())
        return [{**row, "tags": dict(row["tags"])} for row in islice(rows, self.rows)]


def _counts(counts: dict[str, Any]) -> list[tuple[str, str]]:
    plain = {name: value for name, value in counts.items() if isinstance(value, int)}
    nested = {name: value for name, value in counts.items() if isinstance(value, dict) and value}
    lines = (
        [("Counts", " · ".join(f"{value:,} {name}" for name, value in plain.items()))]
        if plain
        else []
    )
    return lines + [
        (name, listed(value))
        for name, value in nested.items()
        if all(isinstance(n, int) for n in value.values())
    ]

"""`prefkit show`: what a folder holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from prefkit.dataset import open_dataset
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import DataError
from prefkit.exporters.sources import FORMATS, SourceError, files_of, lines_of
from prefkit.schema.arrow import SCHEMAS
from prefkit.verbs.judge_lines import certificate_lines
from prefkit.verbs.measures import measure_line
from prefkit.verbs.spending import spent_text
from prefkit.verbs.verb import Outcome, Verb, listed

__all__ = ["Show"]

_SPLITS = ("train", "validation", "test")
_REPLIES = "replies.jsonl"
_FEW = 3
_CHARACTERS = 100


class Show(Verb):
    """Show what a folder holds: counts, steps, money, hashes, and rows if asked for."""

    positional: ClassVar[tuple[str, ...]] = ("folder",)

    folder: Path = Field(description="A dataset, an export or replies.")
    rows: int = Field(0, ge=0, description="Show this many rows too, as JSON.")

    def __call__(self) -> Outcome:
        """Read the manifest, and the first rows.

        Raises:
            ConfigError: the folder is no prefkit folder.
            DataError: the manifest or a row file is damaged.
        """
        manifest = read_manifest(self.folder)
        facts = {key: value for key, value in manifest.items() if key != "prefkit"} | {
            "path": str(self.folder),
            "written_by": manifest["prefkit"],
        }
        try:
            lines = [("Folder", str(self.folder)), *_lines(manifest)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{self.folder}/manifest.json is not as prefkit writes it: {error!r}",
                hint=f"prefkit verify {self.folder}",
            ) from error
        if manifest["kind"] == "replies" and not self.rows:
            lines += [("Reply", _reply(row)) for row in islice(self._replies(), _FEW)]
        if self.rows:
            rows = self._rows_of(manifest)
            facts["shown"] = list(islice(rows, self.rows))
            lines += [("", orjson.dumps(row).decode()) for row in facts["shown"]]
        return Outcome(facts, tuple(lines))

    def _rows_of(self, manifest: Mapping[str, Any]) -> Iterator[Any]:
        if manifest["kind"] in SCHEMAS:
            return self._rows()
        return self._replies() if manifest["kind"] == "replies" else self._exported(manifest)

    def _replies(self) -> Iterator[Any]:
        try:
            with (self.folder / _REPLIES).open("rb") as stream:
                yield from map(orjson.loads, stream)
        except (OSError, ValueError) as error:
            raise DataError(
                f"cannot read {self.folder}/{_REPLIES}: {error}",
                hint=f"prefkit verify {self.folder}",
            ) from error

    def _rows(self) -> Iterator[dict[str, Any]]:
        for table in open_dataset(self.folder).batches():
            for row in table.slice(0, self.rows).to_pylist():
                yield {**row, "tags": dict(row["tags"])}

    def _exported(self, manifest: Mapping[str, Any]) -> Iterator[Any]:
        """The rows of the splits, from whichever format is there."""
        there = _plain_files(self.folder, manifest)
        for split in _SPLITS:
            formats = files_of(there, split)
            kind = next((kind for kind in FORMATS if kind in formats), None)
            if kind is None:
                continue
            try:
                for place in lines_of(self.folder, kind, formats[kind]):
                    yield orjson.loads(place.text)
            except (SourceError, ValueError) as error:
                raise DataError(
                    f"cannot read {self.folder}/{formats[kind][0]}: {error}",
                    hint=f"prefkit verify {self.folder}",
                ) from error


def _lines(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    version = manifest["prefkit"]["version"]
    yield ("Kind", f"{manifest['kind']}, written by {manifest['verb']} of prefkit {version}")
    yield ("Rows", f"{manifest.get('rows', 0):,}")
    if manifest["kind"] == "replies":
        yield from _asked(manifest)
    else:
        yield ("Content", str(manifest.get("content_hash")))
    if "judging" in manifest:
        yield from _judged(manifest)
    single = manifest.get("parent")
    for parent in [single["content_hash"]] if single else manifest.get("parents", []):
        yield ("Parent", str(parent))
    for entry in manifest.get("inputs", []):
        is_read = manifest["verb"] == "collect human"
        reader = f" ({entry.get('reader') or 'empty'})" if is_read else ""
        yield ("Input", f"{entry['name']}{reader}")
    yield from _counts(manifest.get("counts", {}))
    for step in manifest.get("steps", []):
        yield (str(step["name"]), f"{step['dropped']:,} marked of {step['rows_in']:,}")
    for entry in manifest.get("measures", []):
        yield measure_line(entry)
    for name, rows in manifest.get("split", {}).get("rows", {}).items():
        yield (str(name), f"{rows:,} rows")


def _judged(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who judged by what, whether it may be trusted, and what it cost."""
    for one in manifest["models"]:
        yield ("Judge", f"{one['model']}, revision {one['revision']}")
    for label in manifest["judging"]["rubrics"]:
        yield ("Rubric", str(label))
    yield from certificate_lines(manifest)
    yield ("Spent", spent_text(manifest["run"]["spend"]))


def _asked(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who answered, and what it cost."""
    yield ("Model", str(manifest["options"]["model"]))
    yield ("Spent", spent_text(manifest["spend"]))


def _reply(row: Any) -> str:
    """One reply in one line: whose it is, and the answer or why there is none."""
    failure = row.get("failure")
    name = row.get("id") or f"{row.get('source')}, {row.get('where')}"
    draw = f", draw {row['draw']}" if row.get("draw") else ""
    text = row.get("text") or "" if failure is None else f"{failure['kind']}: {failure['message']}"
    text = " ".join(text.split())
    more = "..." if len(text) > _CHARACTERS else ""
    return f"{name}{draw}: {text[:_CHARACTERS]}{more}"


def _counts(counts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    plain = {name: value for name, value in counts.items() if isinstance(value, int)}
    if plain:
        yield ("Counts", " · ".join(f"{value:,} {_words(name)}" for name, value in plain.items()))
    for name, value in counts.items():
        if isinstance(value, dict) and value:
            yield (_words(name).capitalize(), listed(value))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plain_files(folder: Path, manifest: Mapping[str, Any]) -> set[str]:
    """Files that the manifest lists and that are there, below the folder."""
    listed_names = {str(file["name"]) for file in manifest.get("files", ())}
    return {name for name in listed_names if ".." not in name and (folder / name).is_file()}

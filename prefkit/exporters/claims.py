"""What a manifest claims about files, held against the folder. Its text is treated as hostile.

A name is a path below the folder made of plain parts; nothing is opened through a symbolic link.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from prefkit.dataset.folder import MANIFEST
from prefkit.dataset.manifest import file_entry
from prefkit.errors import ConfigError, GateFailed
from prefkit.exporters.problems import Problems

__all__ = ["Claim", "check_files", "claims_of", "load_manifest"]

_MANIFEST_BYTES = 64_000_000
_PARTS = 6  # deepest file that an export has is arrow/SPLIT/FILE


class Claim(NamedTuple):
    """One file of the manifest: where it is below the folder, and what it must be.

    `sha256` is null for the row files of a dataset: there page checksums and the content hash hold.
    """

    name: str
    bytes: int
    sha256: str | None
    rows: int | None


def load_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder from anywhere.

    Raises:
        ConfigError: there is no such folder, or no manifest in it.
        GateFailed: the manifest is none that prefkit wrote.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}")
    path = folder / MANIFEST
    if path.is_symlink():
        raise GateFailed(f"{path} is a symbolic link, which prefkit never writes")
    if not path.is_file():
        raise ConfigError(f"{folder} has no {MANIFEST}, so there is nothing to verify it against")
    size = path.stat().st_size
    if size > _MANIFEST_BYTES:
        raise GateFailed(f"{path} has {size:,} bytes; prefkit writes no manifest of that size")
    try:
        manifest = orjson.loads(path.read_bytes())
        orjson.dumps(manifest)  # nested deeper than it can be written: no manifest of prefkit
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise GateFailed(f"{path} is no JSON that can be used: {error}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("prefkit"), dict):
        raise GateFailed(f"{path} is JSON, but no manifest of prefkit")
    return manifest


def claims_of(manifest: Mapping[str, Any], problems: Problems, *, hashed: bool) -> list[Claim]:
    """The files that a manifest lists, those with unusable entries left out and noted.

    With `hashed` an entry without sha256 is unusable.
    """
    listed = manifest.get("files")
    if not isinstance(listed, list):
        problems.add(MANIFEST, "it has no list of files")
        return []
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(listed):
        claim = _claim(entry, hashed=hashed)
        if isinstance(claim, str):
            problems.add(MANIFEST, f"files[{number}] {claim}")
        elif claim.name in claims:
            problems.add(MANIFEST, f"files[{number}] lists {claim.name!r} a second time")
        else:
            claims[claim.name] = claim
    return list(claims.values())


def _claim(entry: object, *, hashed: bool) -> Claim | str:
    if not isinstance(entry, dict):
        return "is no object"
    name, size, digest, rows = (entry.get(key) for key in ("name", "bytes", "sha256", "rows"))
    if not isinstance(name, str) or not _is_plain(name):
        return f"names {_short(name)}, which is no plain path below the folder"
    if not isinstance(size, int) or not isinstance(digest, str if hashed else str | None):
        return f"({name}) lacks its bytes or sha256"
    if rows is not None and not isinstance(rows, int):
        return f"({name}) has {_short(rows)} rows"
    return Claim(name, size, digest, rows)


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return (
        0 < len(parts) <= _PARTS
        and len(name) <= 255
        and all(part not in ("", ".", "..") for part in parts)
        and "\\" not in name
        and name.isprintable()
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_files(
    folder: Path, claims: list[Claim], unlisted: set[str], problems: Problems
) -> set[str]:
    """Hold every file against its claim; return the names that can be read.

    Args:
        folder: the folder.
        claims: what the manifest lists.
        unlisted: names that may be there without being listed.
        problems: what differs is noted here.
    """
    there = _files_below(folder, problems)
    wanted = {claim.name for claim in claims}
    for name in sorted(there - wanted - unlisted):
        problems.add(name, "is in the folder, but not in the manifest")
    readable = set()
    for claim in claims:
        if claim.name not in there:
            problems.add(claim.name, "is in the manifest, but is no file in the folder")
            continue
        readable.add(claim.name)
        size = (folder / claim.name).stat().st_size
        if size != claim.bytes:
            problems.add(claim.name, f"has {size:,} bytes, the manifest says {claim.bytes:,}")
        elif claim.sha256 is not None:
            digest = file_entry(folder / claim.name)["sha256"]
            if digest != claim.sha256:
                problems.add(claim.name, f"has sha256 {digest[:12]}..., the manifest says another")
    return readable


def _files_below(folder: Path, problems: Problems) -> set[str]:
    """Plain files below a folder; links and everything else are noted and never followed."""
    found = set()
    for place, folders, files in os.walk(folder, followlinks=False):
        for entry in (*folders, *files):
            path = Path(place) / entry
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                problems.add(name, "is a symbolic link, which prefkit never writes")
            elif path.is_file():
                found.add(name)
            elif not path.is_dir():
                problems.add(name, "is no plain file")
    return found - {MANIFEST}

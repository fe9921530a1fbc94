"""Where a dataset came from: parents are named by content hash and looked for beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefkit.dataset import Dataset, open_dataset
from prefkit.dataset.folder import MANIFEST
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import ConfigError, PrefkitError

__all__ = ["find_dataset", "lineage"]


def find_dataset(content_hash: str, near: Path, more: Sequence[Path] = ()) -> Dataset:
    """The dataset with a content hash: a sibling of `near`, or at or inside one of `more`.

    Raises:
        ConfigError: it is in none of these places; the message holds the hash.
    """
    siblings = sorted(near.absolute().parent.iterdir())
    inside = [child for place in more if place.is_dir() for child in sorted(place.iterdir())]
    for folder in [*siblings, *more, *inside]:
        if not (folder / MANIFEST).is_file():
            continue
        try:
            if read_manifest(folder).get("content_hash") == content_hash:
                return open_dataset(folder)
        except PrefkitError:
            continue  # a folder that is no dataset cannot be the one looked for
    raise ConfigError(
        f"the parent {content_hash} is not beside {near}",
        hint="name the folder it is in with --parent DIR",
    )


def lineage(start: Path, more: Sequence[Path] = ()) -> list[Dataset]:
    """The ancestors of a folder, nearest first, up to the comparisons.

    Raises:
        ConfigError: one of them is not found.
    """
    found: list[Dataset] = []
    manifest = read_manifest(start)
    near = start
    while manifest["kind"] != "comparisons" and manifest["parents"]:
        parent = find_dataset(manifest["parents"][0], near, more)
        found.append(parent)
        manifest, near = dict(parent.manifest), parent.path
    return found

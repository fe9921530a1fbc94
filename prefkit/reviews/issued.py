"""What was handed out: the key of each blind packet, which nobody but the machine reads.

`REVIEW/issued/PACKET.json` (mode 0600) says for whom a packet was made and which side was shown
left in each place of it. A returned file is believed in its verdicts only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from prefkit.errors import DataError
from prefkit.schema.decision_lines import Item, Role, Side

__all__ = ["FOLDER", "Issued", "Place", "read_issued", "write_issued"]

FOLDER = "issued"
_NAME = re.compile(r"[0-9a-f]{32}")


class Place(BaseModel):
    """One pair of a packet: what it is and which side, by the dataset, was shown as A."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    pair: str
    pair_sha256: str
    item: Item
    left: Side


class Issued(BaseModel):
    """A packet as it was handed out; `places` in the order in which they are shown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    packet: str
    reviewer: str
    role: Role
    dataset: str
    sample: str
    guideline: str | None
    places: list[Place]


def write_issued(review: Path, issued: Issued) -> Path:
    """Write the key; the folder and the file are for the owner only.

    Raises:
        DataError: the disk refuses.
    """
    path = _path(review, issued.packet)
    text = json.dumps(issued.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a handle, no path
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise DataError(f"cannot write the key {path}: {error.strerror}") from error
    return path


def read_issued(reviews: Sequence[Path], packet: str) -> tuple[Path, Issued] | None:
    """The first review that issued a packet, and its key; null where none did.

    Raises:
        DataError: the key is damaged.
    """
    if not _NAME.fullmatch(packet):
        return None  # the text comes from a returned file, and becomes part of a path
    for review in reviews:
        path = _path(review, packet)
        if path.is_file():
            return review, _read(path)
    return None


def _path(review: Path, packet: str) -> Path:
    return review / FOLDER / f"{packet}.json"


def _read(path: Path) -> Issued:
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Issued.model_validate(found)
    except (OSError, ValueError, ValidationError) as error:
        raise DataError(f"the key {path} is damaged: {error}") from error

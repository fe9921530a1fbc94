"""Targeted queues: pairs that somebody or something points at, which are no sample of anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import polars as pl

from prefkit.errors import ConfigError, DataError
from prefkit.reviews.frame import Frame, hashes_of

__all__ = ["Queue", "read_queue"]


class Queue(NamedTuple):
    """The pairs of a file that are in the frame, in its order, and those that are not, by reason.

    An entry has row, pair, pair_sha256, rank and evidence; none of them may count in an estimate.
    """

    name: str
    sha256: str
    entries: list[dict[str, Any]]
    left_out: dict[str, int]


def read_queue(path: Path, frame: Frame) -> Queue:
    """Read a file of pair ids with evidence, as `prefkit report --suspects` writes it.

    JSON Lines with `pair`, and `pair_sha256`, `rank` and `evidence` if known; a line without `pair`
    is the head. A pair that was flipped or changed since (another `pair_sha256`) is left out.

    Raises:
        ConfigError: no such file, or it is about another dataset.
        DataError: a line is no JSON object, or holds a wrong type; the message has its number.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the queue {path}: {error.strerror}") from error
    lines = list(_lines(text, path, frame.dataset.content_hash))
    ids = pl.DataFrame({"id": [line["pair"] for line in lines]}, schema={"id": pl.String})
    known = ids.with_row_index("line").join(
        frame.pairs.select("id", "row"), on="id", maintain_order="left"
    )
    hashes = hashes_of(frame.dataset, known["row"].to_list())
    entries: list[dict[str, Any]] = []
    used: set[int] = set()
    met: set[int] = set()
    for place, _, row in known.iter_rows():
        given = lines[place].get("pair_sha256")
        if given is None or given == hashes[row]:
            met.add(place)
            if row not in used:
                used.add(row)
                entries.append(_entry(lines[place], row, hashes[row]))
    found = set(known["line"].to_list())
    counts = {
        "not among the pairs that can be drawn": len(lines) - len(found),
        "changed since the file was written": len(found - met),
        "listed twice": len(met) - len(entries) if len(met) > len(entries) else 0,
    }
    sha256 = hashlib.sha256(text).hexdigest()
    return Queue(path.name, sha256, entries, {why: n for why, n in counts.items() if n})


def _lines(text: bytes, path: Path, content_hash: str) -> Iterator[dict[str, Any]]:
    """The lines that name a pair."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _checked(line, f"{path}, line {number}")
        about = found.get("dataset", content_hash)
        if about != content_hash:
            raise ConfigError(
                f"{path}, line {number}: it is about the dataset {about}, not {content_hash}",
                hint="make the queue again from this dataset",
            )
        if "pair" in found:
            yield found


def _checked(line: bytes, where: str) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{where}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: not an object with the key pair")
    for key in ("pair", "pair_sha256"):
        if not isinstance(found.get(key, ""), str):
            raise DataError(f"{where}: {key} is {found[key]!r}, not a text")
    return found


def _entry(line: dict[str, Any], row: int, sha256: str) -> dict[str, Any]:
    return {
        "row": row,
        "pair": line["pair"],
        "pair_sha256": sha256,
        "rank": line.get("rank"),
        "evidence": line.get("evidence"),
    }

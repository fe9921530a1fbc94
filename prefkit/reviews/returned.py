"""Returned files of decisions: whose they are and what they are about comes from the issued key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from prefkit.errors import ConfigError, DataError
from prefkit.reviews.issued import Issued, read_issued
from prefkit.schema.decision_lines import BLIND, SETTLED, Decision, decision_of

__all__ = ["Returned", "read_returned"]

_LARGEST = 64_000_000
"""Bytes of one file: a vote with a long comment takes 5,000."""


class Returned(NamedTuple):
    """Lines of one file, those of packets under the review that issued them, and what was refused.

    `refused` has `file`, `line` and `reason`.
    """

    own: list[Decision]
    of_packets: dict[Path, list[Decision]]
    refused: list[dict[str, Any]]


def read_returned(path: Path, reviews: Sequence[Path], reviewer: str | None) -> Returned:
    """Read `decisions.jsonl` of a packet or of a report page.

    Args:
        path: the file.
        reviews: where keys of packets are looked for.
        reviewer: whose the decisions of a report page are; the file is not asked.

    Raises:
        ConfigError: no such file, a packet that none of the reviews issued, or decisions of a
            report page without `reviewer`.
        DataError: a line is no decision; the message has its number.
    """
    found = Returned([], {}, [])
    keys: dict[str, tuple[Path, Issued]] = {}
    told: dict[str, Decision] = {}
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        if line.get("packet") is None:
            found.own.append(_of_report(line, where, reviewer))
            continue
        packet = str(line["packet"])
        if packet not in keys:
            keys[packet] = _key(packet, reviews, where)
        review, issued = keys[packet]
        made = _of_packet(line, issued, where)
        if not isinstance(made, str) and told.setdefault(made.id, made) != made:
            made = "a line of that id says something else above"
        if isinstance(made, str):
            found.refused.append({"file": path.name, "line": number, "reason": made})
        else:
            found.of_packets.setdefault(review, []).append(made)
    if found.own and keys:
        raise ConfigError(
            f"{path} holds lines of a packet and lines without one, and no page writes both: "
            "somebody changed it",
            hint="ask for the file of the packet again",
        )
    return found


def _key(packet: str, reviews: Sequence[Path], where: str) -> tuple[Path, Issued]:
    found = read_issued(reviews, packet)
    if found is None:
        raise ConfigError(
            f"{where}: the packet {packet[:40]!r} was not issued by any review that is known",
            hint="name the review that wrote the packet too: prefkit apply DIR REVIEW FILE",
        )
    return found


def _of_packet(line: Mapping[str, Any], issued: Issued, where: str) -> Decision | str:
    """The line with everything that the key knows, or why it is refused."""
    place = line.get("place")
    if type(place) is not int or not 1 <= place <= len(issued.places):
        return f"the packet has no place {str(place)[:20]!r}"
    about = issued.places[place - 1]
    if line.get("pair") != about.pair:
        return f"place {place} of the packet is another pair"
    if line.get("verdict") not in BLIND:
        return f"{str(line.get('verdict'))[:20]!r} is no verdict of a packet"
    own = f"{issued.packet}:{place}:"
    if not all(str(line.get(name, own)).startswith(own) for name in ("id", *_names(line))):
        return "the line names or supersedes one that is not of its place in the packet"
    known = {
        "dataset": issued.dataset,
        "sample": issued.sample,
        "reviewer": issued.reviewer,
        "role": issued.role,
        "guideline": issued.guideline,
        "pair_sha256": about.pair_sha256,
        "item": about.item,
        "left": about.left,
    }
    return decision_of({name: line[name] for name in line if name != "place"} | known, where)


def _names(line: Mapping[str, Any]) -> tuple[str, ...]:
    return () if line.get("supersedes") is None else ("supersedes",)


def _of_report(line: Mapping[str, Any], where: str, reviewer: str | None) -> Decision:
    made = decision_of({"role": "triage", **line}, where)
    if made.verdict not in SETTLED or made.role != "triage":
        raise ConfigError(
            f"{where}: a blind vote without its packet, so nobody says whose it is or which side "
            "was shown left",
            hint="votes of the desk are in its review: prefkit apply DIR REVIEW",
        )
    if reviewer is None:
        raise ConfigError(
            f"{where}: decisions of a report page do not say whose they are",
            hint="add --reviewer NAME",
        )
    # A file may not speak about lines of others, by their ids least of all.
    # Rows with opposite labels share the name of the pair, so the hash is in it.
    own_id = f"report:{reviewer}:{made.pair}:{made.pair_sha256}"
    own = {"id": own_id, "reviewer": reviewer, "supersedes": None}
    return made.model_copy(update={**own, "left": None, "item": "pair"})


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"{path} is larger than {_LARGEST:,} bytes: no file of decisions is")
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the decisions {path}: {error.strerror}") from error
    content = content.removeprefix(b"\xef\xbb\xbf")  # editors put it there
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield number, _object(line, f"{path}, line {number}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice, and which value was meant is not known")
    return found


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
        json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"{where}: not an object with the keys of a decision")
    return found

"""Decisions from everywhere they come back from: reviews, packets, report pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from prefkit.errors import ConfigError
from prefkit.reviews.events import Events, read_decisions
from prefkit.reviews.folder import read_review
from prefkit.reviews.issued import FOLDER
from prefkit.reviews.returned import Returned, read_returned
from prefkit.reviews.settling import in_order
from prefkit.reviews.voted import is_voted, read_votes
from prefkit.schema.decision_lines import Decision, line_of

__all__ = ["Gathered", "gather"]


class Gathered(NamedTuple):
    """Decisions in the order of their making, each line once; `inputs` are for the manifest.

    `of_packets` are those that a review handed out and does not hold yet, `refused` lines of
    returned files with file, line and reason, `reviews` those that were read or handed out packets.
    """

    lines: list[Decision]
    inputs: list[dict[str, Any]]
    of_packets: Mapping[Path, Sequence[Decision]]
    refused: list[dict[str, Any]]
    reviews: list[Path]

    def roles(self) -> dict[str, int]:
        """How many lines there are by role, and by item where they are not about data."""
        return dict(Counter(one.role if one.item == "pair" else one.item for one in self.lines))

    def take_in(self) -> int:
        """Put the lines of packets into their reviews, so that a report counts them; how many.

        Raises:
            DataError: the disk refuses.
        """
        taken = 0
        for review, lines in self.of_packets.items():
            with Events(review) as events:
                taken += len(events.append(lines))
        return taken


def gather(sources: Sequence[Path], near: Path, reviewer: str | None) -> Gathered:
    """Read reviews and returned files.

    Args:
        sources: folders of reviews, and files.
        near: the dataset; reviews beside it and beside the files are asked for keys too.
        reviewer: whose the decisions of report pages are.

    Raises:
        ConfigError: a source is missing, or a file cannot be believed.
        DataError: a file is damaged.
    """
    for source in sources:
        if not source.exists():
            raise ConfigError(f"there is no review or file {source}")
    voted = [source for source in sources if source.is_dir() and is_voted(source)]
    reviews = [source for source in sources if source.is_dir() and source not in voted]
    known = list(dict.fromkeys([*reviews, *_beside(near, sources)]))
    lines: dict[str, Decision] = {}
    inputs: list[dict[str, Any]] = []
    of_packets: dict[Path, list[Decision]] = {}
    refused: list[dict[str, Any]] = []
    for source in sources:
        if source in voted:
            found = _votes(source, reviews, near)
        elif source.is_dir():
            read_review(source)  # refuses what is no review
            found = Returned(read_decisions(source), {}, [])
        else:
            found = read_returned(source, known, reviewer)
        own = [*found.own, *(one for many in found.of_packets.values() for one in many)]
        lines |= {line.id: line for line in own}
        inputs.append({"name": source.resolve().name, "reader": "decisions", "sha256": _hash(own)})
        for review, several in found.of_packets.items():
            of_packets.setdefault(review, []).extend(several)
        refused += found.refused
    asked = list(dict.fromkeys([*reviews, *of_packets]))
    return Gathered(in_order(lines.values()), inputs, of_packets, refused, asked)


def _votes(source: Path, reviews: Sequence[Path], near: Path) -> Returned:
    """Collected votes as lines of the one review whose sample went to an annotation tool."""
    if len(reviews) != 1:
        raise ConfigError(
            f"{source} holds collected votes: name the one review whose sample they are on",
            hint=f"prefkit apply DIR REVIEW {source}",
        )
    found = read_votes(source, reviews[0], near)
    return Returned([], {reviews[0]: found.lines}, found.refused)


def _beside(near: Path, sources: Sequence[Path]) -> list[Path]:
    """Folders that handed out packets, beside the dataset and beside the files."""
    places = dict.fromkeys([near.resolve().parent, *(one.resolve().parent for one in sources)])
    return [folder for place in places for folder in _folders(place) if _is_dir(folder / FOLDER)]


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except PermissionError:
        return []


def _is_dir(path: Path) -> bool:
    """Whether it is a folder that we may see: what lies beside is often somebody else's."""
    try:
        return path.is_dir()
    except PermissionError:
        return False


def _hash(lines: Sequence[Decision]) -> str:
    """Of the lines as they count, not of the file: equal decisions are equal inputs."""
    return sha256(b"\n".join(orjson.dumps(line_of(line)) for line in lines)).hexdigest()

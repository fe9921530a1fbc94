"""The part of `prefkit review` that writes a blind packet."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prefkit.errors import ConfigError, DataError, NothingUsable
from prefkit.verbs.verb import Outcome

if TYPE_CHECKING:
    from prefkit.reviews.frame import Frame
    from prefkit.reviews.packet import About
    from prefkit.reviews.plan import Planned
    from prefkit.schema.decision_lines import Item

__all__ = ["Wanted", "check_file", "write_packet"]

_LARGE = 20_000_000  # bytes; mail servers refuse more


def check_file(out: Path | None, review: Path, *, force: bool) -> Path:
    """The file to write a packet to.

    Raises:
        ConfigError: none is named, it exists without `force`, or it is no plain file.
    """
    if out is None or out.suffix.lower() not in (".html", ".htm"):
        raise ConfigError(
            "a packet is one HTML file: name it with --out FILE.html",
            hint=f"prefkit review {shlex.quote(str(review))} --packet --reviewer R --out R.html",
        )
    if out.is_symlink() or out.is_dir():
        raise ConfigError(f"{out} is no plain file; name another --out")
    if out.resolve().is_relative_to(review.resolve()):
        raise ConfigError(
            f"{out} is inside the review, beside the keys; name another --out",
            hint="a packet is sent away, so it belongs elsewhere",
        )
    if out.exists() and not force:
        raise ConfigError(
            f"{out} exists already", hint="add --force to replace it, or another --out"
        )
    return out


class Wanted(NamedTuple):
    """For whom a packet is, the file (see `check_file`), and how many pairs it has at most.

    Gold and repeats are not counted; null for all pairs that the reviewer has not seen.
    """

    reviewer: str
    out: Path
    most: int | None = None


def write_packet(review: Path, planned: Planned, frame: Frame, wanted: Wanted) -> Outcome:
    """Write the packet of one reviewer, and its key into the review first.

    Args:
        review: the folder of the review.
        planned: what it holds.
        frame: of its dataset, as it was planned.
        wanted: the packet.

    Raises:
        NothingUsable: the reviewer has seen every pair.
        DataError: the disk refuses.
        MissingExtra: what renders pages is not installed.
    """
    from prefkit.dataset.folder import write_file
    from prefkit.reviews.entries import entries_of, texts_of
    from prefkit.reviews.issued import write_issued
    from prefkit.reviews.packet import cards_of, issue, packet_page
    from prefkit.reviews.queueing import Rates
    from prefkit.reviews.secrets import secret_of

    reviewer, out, most = wanted
    about, seen = _about(review, planned, reviewer)
    entries = [
        one for one in entries_of(planned, frame, 0) if (one.item, one.pair_sha256) not in seen
    ]
    cards = cards_of(entries, secret_of(review), about, Rates(), most)
    if not any(card.item == "pair" for card in cards):
        raise NothingUsable(
            f"{reviewer} has seen every pair of {review}",
            hint="prefkit review DIR --plan --top-up ... adds pairs",
        )
    texts = texts_of(frame.dataset, [card.entry for card in cards])
    key = issue(cards, about)
    html = packet_page(cards, texts, about, key.packet)
    write_issued(review, key)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_file(out, html)
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}") from error
    return _told(review, out, len(cards), len(html.encode()), key.packet)


def _about(review: Path, planned: Planned, reviewer: str) -> tuple[About, set[tuple[Item, str]]]:
    """Whose packet it is and of what, and the pairs that the reviewer has judged before."""
    from prefkit.reviews.entries import sample_name
    from prefkit.reviews.events import Events
    from prefkit.reviews.guideline import told_guideline
    from prefkit.reviews.packet import About

    with Events(review) as events:
        guideline = told_guideline(review, events)
        seen = {(line.item, line.pair_sha256) for line in events.decisions(reviewer)}
    dataset = planned.plan["dataset"]
    about = About(
        str(dataset["name"]), str(dataset["content_hash"]), sample_name(planned), reviewer,
        guideline.version, guideline.text,
    )  # fmt: skip
    return about, seen


def _told(review: Path, out: Path, pairs: int, size: int, packet: str) -> Outcome:
    facts = {
        "out": str(out), "pairs": pairs, "bytes": size, "packet": packet, "review": str(review)
    }  # fmt: skip
    large = "; too large for most mail: -n makes it smaller" if size > _LARGE else ""
    again = f"prefkit apply DIR {shlex.quote(str(review))} decisions.jsonl --out NEXT"
    lines = (
        ("Wrote", f"{out}  {size / 1e6:.1f} MB  {pairs:,} pairs, no answer key inside{large}"),
        ("Next", f"send it; with what comes back: {again}"),
    )
    return Outcome(facts, lines)

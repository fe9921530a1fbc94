"""A blind packet: one HTML file to judge pairs in, without a server and without the answers.

The file holds pair ids and texts, sides in an order that only the key in `REVIEW/issued` knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from prefkit.pages.markdown import rendered_html
from prefkit.pages.shell import asset, environment, page
from prefkit.reviews.blind import REASONS, VERDICTS, shown_pair
from prefkit.reviews.issued import Issued, Place
from prefkit.reviews.queueing import Card, Entry, Queue, Rates
from prefkit.reviews.secrets import Secret
from prefkit.schema.decision_lines import LONGEST_COMMENT, Decision

__all__ = ["NAG", "About", "cards_of", "issue", "packet_page"]

NAG = 25
"""Votes after which the page asks to download them: not every browser keeps them for long."""

_ROOM = "prefkit.reviews"


class About(NamedTuple):
    """Whose packet it is and what it is of; `guideline` is what reviewers are told, Markdown."""

    name: str
    dataset: str
    sample: str
    reviewer: str
    version: str | None
    guideline: str


def cards_of(
    entries: Sequence[Entry], secret: Secret, about: About, rates: Rates, most: int | None = None
) -> list[Card]:
    """The cards of a packet in their order, with gold and repeats where the desk would show them.

    Args:
        entries: pairs that the reviewer has not seen, and gold; no practice, which tells labels.
        secret: of the review.
        about: whose packet it is.
        rates: how many cards are gold or repeats.
        most: pairs at most, gold and repeats not counted; null for all.
    """
    pairs = [one for one in entries if one.item == "pair"][:most]
    gold = [one for one in entries if one.item == "gold"]
    queue = Queue([*pairs, *gold], secret, about.sample, rates)
    cards: list[Card] = []
    seen: list[Decision] = []
    while (card := queue.deal(about.reviewer, seen, {}, 1)) is not None:
        cards.append(card)
        seen.append(_looked_at(card, about, len(cards)))
        queue.release(card.entry.pair_sha256, about.reviewer, card.item)
    return cards


def _looked_at(card: Card, about: About, place: int) -> Decision:
    """A vote for the queue alone, which then deals the next card."""
    return Decision(
        id=str(place),
        dataset=about.dataset,
        pair=card.entry.pair,
        pair_sha256=card.entry.pair_sha256,
        reviewer=about.reviewer,
        role="blind",
        item=card.item,
        left=card.left,
        verdict="unsure",
    )


def issue(cards: Sequence[Card], about: About) -> Issued:
    """The key of a new packet, with a name that nobody guesses."""
    return Issued(
        packet=secrets.token_hex(16),
        reviewer=about.reviewer,
        role="blind",
        dataset=about.dataset,
        sample=about.sample,
        guideline=about.version,
        places=[
            Place(pair=card.entry.pair, pair_sha256=card.entry.pair_sha256, item=card.item,
                  left=card.left)
            for card in cards
        ],
    )  # fmt: skip


def packet_page(
    cards: Sequence[Card], texts: Mapping[int, Mapping[str, Any]], about: About, packet: str
) -> str:
    """The page: every pair, one shown at a time by its script.

    The name of the sample is not in it: with the seed in that name whoever knows the code could
    tell gold items, which are drawn after all others.

    Args:
        cards: in their order.
        texts: rows of the dataset by their place in it.
        about: whose packet it is.
        packet: its name, see `issue`.

    Raises:
        MissingExtra: what renders pages is not installed.
    """
    shown = [
        {"pair": card.entry.pair, **shown_pair(texts[card.entry.row], card.left)} for card in cards
    ]
    body = environment(_ROOM).get_template("packet.html.j2").render(
        about=about,
        guideline=rendered_html(about.guideline),
        cards=shown,
        verdicts=VERDICTS,
        reasons=REASONS,
        longest=LONGEST_COMMENT,
    )  # fmt: skip
    return page(
        f"Blind packet: {about.name}, {about.reviewer}",
        body,
        script=asset("blind.js", _ROOM) + asset("packet.js", _ROOM),
        style=asset("blind.css", _ROOM),
        data={
            "packet": packet,
            "dataset": about.dataset,
            "guideline": about.version or "",
            "nag": str(NAG),
        },
    )

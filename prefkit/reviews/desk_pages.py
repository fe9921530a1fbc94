"""The pages of the desk: a card to judge, a pair to settle, nothing left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, NamedTuple

from prefkit.pages.markdown import rendered_html
from prefkit.pages.shell import environment
from prefkit.reviews.blind import REASONS, VERDICTS, shown_pair
from prefkit.reviews.desk_door import Person
from prefkit.reviews.desk_state import Desk
from prefkit.reviews.queueing import Card, Entry
from prefkit.schema.decision_lines import LONGEST_COMMENT, Decision, Item, Role, Side, outcome_of

__all__ = [
    "ENTERED", "SETTLING", "Form", "Ticket", "card_page", "opened_ticket", "settle_page", "told",
]  # fmt: skip

SETTLING = (
    ("accept", "a", "Keep as it is"),
    ("flip", "f", "Flip"),
    ("drop", "d", "Drop"),
    ("unsure", "s", "Leave open"),
)
"""Verdict, key and words of somebody who sees the label."""

ENTERED = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Review</title>'
    '<meta http-equiv="refresh" content="0;url=/"></head><body><a href="/">Go on</a></body></html>'
)
"""The page for who comes in; it goes on to the first card by itself."""

_ITEMS: tuple[Item, ...] = ("pair", "gold", "repeat", "practice")


class Ticket(NamedTuple):
    """Which card a form is of; `id` is that of the decision, so a form counts once."""

    id: str
    row: int
    guideline: str
    item: Item


def ticket_of(desk: Desk, person: Person, entry: Entry, item: Item, role: Role) -> str:
    """What a form sends back, sealed for one person and one role.

    The text tells neither the label nor whether the card is gold or a repeat: it can be read.
    """
    parts = (token_hex(16), str(entry.row), desk.guideline.version)
    return desk.secret.signed("ticket", *parts, hidden=(person.name, role, item))


def opened_ticket(desk: Desk, person: Person, role: Role, text: str) -> Ticket | None:
    """The ticket, null where it is not of this desk, this person and this role."""
    for item in _ITEMS:
        parts = desk.secret.opened("ticket", text, (person.name, role, item))
        if parts is not None and len(parts) == 3:
            return Ticket(parts[0], int(parts[1]), parts[2], item)
    return None


class Form(NamedTuple):
    """What every page holds beside its card: the form token, and what to say above it."""

    token: str
    notice: str | None = None


def card_page(desk: Desk, person: Person, card: Card | None, form: Form, settling: bool) -> str:
    """The blind card, or the page that says nothing is left.

    Args:
        desk: the review.
        person: who looks.
        card: null where nothing is left.
        form: see `Form`.
        settling: the vote is the blind one that comes before settling.
    """
    facts: dict[str, Any] = {"card": None, "votes": None, "settling": settling}
    if card is not None:
        facts["card"] = {
            **shown_pair(desk.text(card.entry), card.left),
            "ticket": ticket_of(desk, person, card.entry, card.item, "blind"),
            "practice": card.item == "practice",
        }
    return _page(desk, person, form, facts)


def settle_page(desk: Desk, person: Person, entry: Entry, form: Form) -> str:
    """A pair with what reviewers said of it, for the lead, who has voted blind."""
    left = desk.queue.card(entry, "pair", person.name).left
    card = {
        **shown_pair(desk.text(entry), left),
        "ticket": ticket_of(desk, person, entry, "pair", "adjudicate"),
        "practice": False,
        "label": _letters(left)["chosen"],
    }
    facts = {"card": card, "votes": _votes(desk.on(entry), left), "settling": True}
    return _page(desk, person, form, facts)


def _letters(left: Side) -> dict[str, str]:
    """The letter of each side on a page that shows `left` as A."""
    both = ("chosen", "rejected") if left == "chosen" else ("rejected", "chosen")
    return dict(zip(both, "AB", strict=True))


def _votes(lines: Sequence[Decision], left: Side) -> list[dict[str, Any]]:
    """What was said, in the sides as they stand on this page."""
    words = {"tie": "tie", "both_bad": "both bad", "unsure": "unsure", "drop": "drop"}
    words |= _letters(left)
    return [
        {
            "reviewer": line.reviewer or "not named",
            "said": words[outcome_of(line.verdict, line.left)],
            "reasons": ", ".join(line.reasons),
            "comment": line.comment,
        }
        for line in lines
    ]


def told(line: Decision) -> str:
    """What practice says of a vote: the label, and whether the vote agrees with it."""
    label = _letters(line.left or "chosen")["chosen"]
    agrees = outcome_of(line.verdict, line.left) == "chosen"
    return f"Practice: the dataset says {label} is better; you {'agree' if agrees else 'do not'}."


def _page(desk: Desk, person: Person, form: Form, facts: Mapping[str, Any]) -> str:
    guideline = desk.guideline
    made = environment("prefkit.reviews").get_template("desk.html.j2")
    blind = facts["votes"] is None
    return made.render(
        **facts,
        name=desk.name,
        person=person,
        form=form,
        progress=desk.progress(person.name),
        guideline=rendered_html(guideline.text),
        version=guideline.version,
        verdicts=VERDICTS if blind else SETTLING,
        reasons=REASONS if blind else (),
        longest=LONGEST_COMMENT,
    )

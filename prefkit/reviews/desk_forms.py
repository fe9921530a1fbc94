"""What comes in by a form of the desk: nothing of it is believed but what we sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from prefkit.reviews.blind import REASONS
from prefkit.reviews.desk_door import LARGEST, Door, Person
from prefkit.reviews.desk_pages import opened_ticket
from prefkit.reviews.desk_state import Desk, now
from prefkit.schema.decision_lines import BLIND, SCHEMA, SETTLED, Decision, Role

__all__ = ["Fields", "decision_of_form", "fields_of"]

_LONGEST_LOOK = 86_400_000  # milliseconds; more is a page that was left open
_DIGITS = 12


class Fields(NamedTuple):
    """The fields of a form; one may come several times."""

    all: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The first value of a field, empty where it is not there."""
        return self.all.get(name, [""])[0]


async def fields_of(request: Request, door: Door, person: Person) -> Fields:
    """The fields of one of our forms.

    Raises:
        HTTPException: it is too large, or not ours.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(413, "this is more than a vote and its comment")
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100, errors="strict")
    except ValueError as error:
        raise HTTPException(400, "this is no form") from error
    fields = Fields(found)
    if not door.is_ours(person, fields.one("form")):
        raise HTTPException(403, "this form is not of this desk; reload the page")
    return fields


def decision_of_form(fields: Fields, desk: Desk, person: Person, role: Role) -> Decision:
    """The decision of a form.

    Raises:
        HTTPException: the ticket is not ours, or a field is not what a form of ours sends.
    """
    ticket = opened_ticket(desk, person, role, fields.one("ticket"))
    if ticket is None:
        raise HTTPException(403, "this form is not of this desk, or not yours; reload the page")
    entry = desk.queue.entry(ticket.row, ticket.item)
    if entry is None:
        raise HTTPException(409, "this pair is not in the review any more; reload the page")
    verdict = fields.one("verdict")
    if verdict not in (BLIND if role == "blind" else SETTLED):
        raise HTTPException(400, "no verdict was given")
    reasons = list(dict.fromkeys(fields.all.get("reasons", ())))
    if not set(reasons) <= set(REASONS):
        raise HTTPException(400, "a reason is none of those on the page")
    line = {
        "schema": SCHEMA,
        "id": ticket.id,
        "dataset": desk.dataset_hash,
        "sample": desk.sample,
        "pair": entry.pair,
        "pair_sha256": entry.pair_sha256,
        "reviewer": person.name,
        "role": role,
        "item": ticket.item,
        "left": desk.queue.card(entry, ticket.item, person.name).left,
        "verdict": verdict,
        "reasons": reasons,
        "comment": fields.one("comment"),
        "ms_visible": _milliseconds(fields.one("ms")),
        "guideline": ticket.guideline,
        "at": now(),
    }
    try:
        return Decision.model_validate(line)
    except ValidationError as error:
        raise HTTPException(400, f"a field is too long: {error.errors()[0]['loc'][0]}") from error


def _milliseconds(text: str) -> int | None:
    """How long the page was in view; null where no script counted, or none of ours."""
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    return min(int(text), _LONGEST_LOOK)

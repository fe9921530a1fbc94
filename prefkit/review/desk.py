"""The review desk: a local web application for blind judging by several people.

Forms are plain forms, so the desk works without a script; with one, the next pair comes without a
reload. Every answer of the server carries the strict policy of the pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from prefkit.errors import DataError
from prefkit.pages.shell import asset, served_policy
from prefkit.review.desk_door import HEADERS, LARGEST, Door, Person
from prefkit.review.desk_pages import Form, card_page, settle_page, told
from prefkit.review.desk_state import Desk, now
from prefkit.schema.decision_lines import BLIND, SETTLED, Decision, Item, Role, line_of

__all__ = ["make_app"]

_LONGEST_LOOK = 86_400_000  # milliseconds; more is a page that was left open

_Handler = Callable[[Request], Awaitable[Response]]


def make_app(desk: Desk, door: Door) -> Starlette:
    """The application of one open review.

    Args:
        desk: the review; closed by whoever opened it.
        door: who may come in.
    """
    served = _Served(desk, door)
    routes = [
        Route("/", served.guarded(served.home)),
        Route("/settle", served.guarded(served.settle)),
        Route("/vote", served.guarded(served.vote), methods=["POST"]),
        Route("/settled", served.guarded(served.settled), methods=["POST"]),
        Route("/undo", served.guarded(served.undo), methods=["POST"]),
        Route("/progress", served.guarded(served.progress)),
        Route("/export", served.guarded(served.export)),
        Route("/assets/{name}", served.guarded(served.file)),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refused})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _closed(PlainTextResponse(error.detail, error.status_code))


def _closed(answer: Response) -> Response:
    """The answer with the headers that shut everything else out."""
    answer.headers.update({**HEADERS, "Content-Security-Policy": served_policy()})
    return answer


class _Served:
    """The answers of one desk."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk, self._door = desk, door
        self._notices: dict[str, str] = defaultdict(str)

    def guarded(self, handler: Callable[[Request, Person], Awaitable[Response]]) -> _Handler:
        """The handler behind the door: who comes in by token, by cookie, or not at all."""

        async def answer(request: Request) -> Response:
            refused = self._door.refusal(request.method, request.headers)
            if refused is not None:
                raise HTTPException(*refused)
            person = self._door.person(request.cookies)
            if person is None:
                return _closed(self._enter(request))
            if "token" in request.query_params:
                return _closed(RedirectResponse("/", 303))
            return _closed(await handler(request, person))

        return answer

    def _enter(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if token is None:
            raise HTTPException(401, "open the address that the terminal shows for you")
        value = self._door.enter(token)
        if value is None:
            raise HTTPException(403, "this address was used already, or is of an earlier start")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self._door.cookie, value, httponly=True, samesite="strict", secure=self._door.secure
        )
        return answer

    def _form(self, person: Person) -> Form:
        return Form(self._door.form_token(person), self._notices.pop(person.name, None))

    async def home(self, request: Request, person: Person) -> Response:
        """The next card."""

        def page() -> str:
            card = self._desk.next(person.name)
            return card_page(self._desk, person, card, self._form(person), settling=False)

        return HTMLResponse(await run_in_threadpool(page))

    async def settle(self, request: Request, person: Person) -> Response:
        """The next pair that reviewers do not agree on: blind first, then with their votes."""
        self._only_lead(person)

        def page() -> str:
            desk, form = self._desk, self._form(person)
            found = desk.settling(person.name)
            if found is None:
                return card_page(desk, person, None, form, settling=True)
            entry, voted = found
            if voted:
                return settle_page(desk, person, entry, form)
            card = desk.queue.card(entry, "pair", person.name)
            return card_page(desk, person, card, form, settling=True)

        return HTMLResponse(await run_in_threadpool(page))

    async def vote(self, request: Request, person: Person) -> Response:
        """A blind vote."""
        fields = await self._fields(request, person)
        return await run_in_threadpool(self._keep, fields, person, "blind")

    async def settled(self, request: Request, person: Person) -> Response:
        """What the lead says of a pair after seeing all votes."""
        self._only_lead(person)
        fields = await self._fields(request, person)
        return await run_in_threadpool(self._keep, fields, person, "adjudicate")

    def _keep(self, fields: dict[str, list[str]], person: Person, role: Role) -> Response:
        line = self._line(fields, person, role)
        try:
            fresh = self._desk.vote(line)
        except DataError as error:
            raise HTTPException(507, str(error)) from error
        if line.item == "practice":
            self._notices[person.name] = told(line)
        elif not fresh:
            self._notices[person.name] = "This vote was saved already, and counts once."
        return _back(fields)

    def _line(self, fields: dict[str, list[str]], person: Person, role: Role) -> Decision:
        """The decision of a form.

        Raises:
            HTTPException: the ticket is not ours, or a field is not what a form of ours sends.
        """
        desk = self._desk
        parts = desk.secret.opened("ticket", _one(fields, "ticket"))
        if parts is None or len(parts) != 4 or parts[1] != person.name:
            raise HTTPException(403, "this form is not of this desk; reload the page")
        item: Item = parts[3]  # type: ignore[assignment]  # sealed by us
        entry = desk.queue.entry(int(parts[2]), item)
        if entry is None:
            raise HTTPException(409, "this pair is not in the review any more; reload the page")
        verdict = _one(fields, "verdict")
        if verdict not in (BLIND if role == "blind" else SETTLED):
            raise HTTPException(400, "no verdict was given")
        card = desk.queue.card(entry, item, person.name)
        line = {
            "schema": "prefkit.decision/1",
            "id": parts[0],
            "dataset": desk.dataset_hash,
            "sample": desk.sample,
            "pair": entry.pair,
            "pair_sha256": entry.pair_sha256,
            "reviewer": person.name,
            "role": role,
            "item": item,
            "left": card.left,
            "verdict": verdict,
            "reasons": [reason for reason in fields.get("reasons", []) if reason],
            "comment": _one(fields, "comment"),
            "ms_visible": _milliseconds(_one(fields, "ms")),
            "guideline": desk.guideline.version,
            "at": now(),
        }
        try:
            return Decision.model_validate(line)
        except ValidationError as error:
            raise HTTPException(
                400, f"a field is too long: {error.errors()[0]['loc'][0]}"
            ) from error

    async def undo(self, request: Request, person: Person) -> Response:
        """Take back the last vote."""
        fields = await self._fields(request, person)

        def back() -> None:
            try:
                gone = self._desk.undo(person.name)
            except DataError as error:
                raise HTTPException(507, str(error)) from error
            said = "There is nothing to take back." if gone is None else "Your last vote is undone."
            self._notices[person.name] = said

        await run_in_threadpool(back)
        return _back(fields)

    async def progress(self, request: Request, person: Person) -> Response:
        """Counts, as JSON."""
        found = await run_in_threadpool(self._desk.progress, person.name)
        return Response(orjson.dumps(found), media_type="application/json")

    async def export(self, request: Request, person: Person) -> Response:
        """All decisions that count, for the lead: they tell which side was which."""
        self._only_lead(person)
        lines = await run_in_threadpool(self._desk.lines)
        text = b"".join(orjson.dumps(line_of(line)) + b"\n" for line in lines)
        headers = {"Content-Disposition": 'attachment; filename="decisions.jsonl"'}
        return Response(text, media_type="application/x-ndjson", headers=headers)

    async def file(self, request: Request, person: Person) -> Response:
        """The style and the script."""
        room = "prefkit.review"
        if request.path_params["name"] == "desk.css":
            return Response(asset("page.css") + asset("blind.css", room), media_type="text/css")
        if request.path_params["name"] == "desk.js":
            code = asset("blind.js", room) + asset("desk.js", room)
            return Response(code, media_type="text/javascript")
        raise HTTPException(404, "there is no such file")

    def _only_lead(self, person: Person) -> None:
        if not person.lead:
            raise HTTPException(403, "this page is for the lead")

    async def _fields(self, request: Request, person: Person) -> dict[str, list[str]]:
        """The fields of one of our forms.

        Raises:
            HTTPException: it is too large, or not ours.
        """
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                raise HTTPException(413, "this is more than a vote and its comment")
        try:
            fields: dict[str, Any] = parse_qs(
                body.decode(), keep_blank_values=True, max_num_fields=100, errors="strict"
            )
        except ValueError as error:
            raise HTTPException(400, "this is no form") from error
        if not self._door.is_ours(person, _one(fields, "form")):
            raise HTTPException(403, "this form is not of this desk; reload the page")
        return fields


def _one(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def _milliseconds(text: str) -> int | None:
    """How long the page was in view; null where no script counted."""
    return min(int(text), _LONGEST_LOOK) if text.isascii() and text.isdigit() else None


def _back(fields: dict[str, list[str]]) -> Response:
    return RedirectResponse("/settle" if _one(fields, "back") == "/settle" else "/", 303)

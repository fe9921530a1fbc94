"""The review desk: a local web application for blind judging by several people.

Forms are plain forms, so the desk works without a script; with one, the next pair comes without a
reload. Every answer of the application, a refusal too, carries the strict policy of the pages.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prefkit.errors import ConfigError, DataError
from prefkit.pages.shell import asset, served_policy
from prefkit.reviews.desk_door import HEADERS, Door, Person
from prefkit.reviews.desk_forms import Fields, decision_of_form, fields_of
from prefkit.reviews.desk_pages import ENTERED, Form, card_page, settle_page, told
from prefkit.reviews.desk_state import Desk
from prefkit.schema.decision_lines import Role, line_of

__all__ = ["make_app"]

_LOG = logging.getLogger(__name__)
_WEEK_S = 7 * 24 * 3600

_Handler = Callable[[Request], Awaitable[Response]]


def make_app(desk: Desk, door: Door) -> ASGIApp:
    """The application of one open review.

    Args:
        desk: the review; closed by whoever opened it.
        door: who may come in.
    """
    served = _Served(desk, door)
    routes = [
        Route("/", served.known(served.home)),
        Route("/settle", served.known(served.settle)),
        Route("/vote", served.known(served.vote), methods=["POST"]),
        Route("/settled", served.known(served.settled), methods=["POST"]),
        Route("/undo", served.known(served.undo), methods=["POST"]),
        Route("/progress", served.known(served.progress)),
        Route("/export", served.known(served.export)),
        Route("/assets/{name}", served.known(served.file)),
    ]
    told_apart = {HTTPException: _refused, DataError: _not_saved, Exception: _failed}
    app = Starlette(routes=routes, exception_handlers=told_apart)
    app.router.redirect_slashes = False
    return _Guarded(app, door)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


async def _not_saved(request: Request, error: Exception) -> Response:
    """The disk refused: the reason goes to the terminal, since it names paths."""
    _LOG.error("%s", error)
    said = "the desk cannot write to its disk. What was saved before stays; try again later."
    return PlainTextResponse(said, 507)


async def _failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse("the desk failed; the terminal says why", 500)


class _Guarded:
    """Refuses by headers before anything is looked at, and shuts every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door
        self._headers = {**HEADERS, "Content-Security-Policy": served_policy()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def shut(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        app = self._app
        if scope["type"] == "http":
            refused = self._door.refusal(scope["method"], Headers(scope=scope))
            if refused is not None:
                app = PlainTextResponse(refused[1], refused[0])
        await app(scope, receive, shut)


class _Served:
    """The answers of one desk."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk, self._door = desk, door
        self._notices: dict[str, str] = {}

    def known(self, handler: Callable[[Request, Person], Awaitable[Response]]) -> _Handler:
        """The handler for who comes in by token or by cookie; others are refused."""

        async def answer(request: Request) -> Response:
            person = self._door.person(request.cookies)
            token = request.query_params.get("token")
            if token is not None and request.method == "GET":
                return self._enter(token, person)
            if person is None:
                raise HTTPException(401, "open the address that the terminal shows for you")
            return await handler(request, person)

        return answer

    def _enter(self, token: str, person: Person | None) -> Response:
        """Swap a token for a cookie; who comes in by another's address is that person then."""
        value = self._door.enter(token)
        if value is None and person is not None:
            return RedirectResponse("/", 303)  # a bookmark of the address
        if value is None:
            raise HTTPException(403, "this address was used already, or is of an earlier start")
        # No redirect: after a link in a web mail a browser would not send a strict cookie with it.
        answer = HTMLResponse(ENTERED)
        answer.set_cookie(
            self._door.cookie, value, max_age=_WEEK_S, httponly=True, samesite="strict",
            secure=self._door.secure,
        )  # fmt: skip
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
        _only_lead(person)

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
        fields = await fields_of(request, self._door, person)
        return await run_in_threadpool(self._keep, fields, person, "blind")

    async def settled(self, request: Request, person: Person) -> Response:
        """What the lead says of a pair after seeing all votes."""
        _only_lead(person)
        fields = await fields_of(request, self._door, person)
        return await run_in_threadpool(self._keep, fields, person, "adjudicate")

    def _keep(self, fields: Fields, person: Person, role: Role) -> Response:
        line = decision_of_form(fields, self._desk, person, role)
        try:
            fresh = self._desk.vote(line)
        except ConfigError as error:
            raise HTTPException(409, str(error)) from error
        if line.item == "practice":
            self._notices[person.name] = told(line)
        elif not fresh:
            self._notices[person.name] = "This form was sent before, and counts once."
        return _back(fields)

    async def undo(self, request: Request, person: Person) -> Response:
        """Take back the last vote."""
        fields = await fields_of(request, self._door, person)
        gone = await run_in_threadpool(self._desk.undo, person.name)
        said = "There is nothing to take back." if gone is None else "Your last vote is undone."
        self._notices[person.name] = said
        return _back(fields)

    async def progress(self, request: Request, person: Person) -> Response:
        """Counts, as JSON."""
        found = await run_in_threadpool(self._desk.progress, person.name)
        return Response(orjson.dumps(found), media_type="application/json")

    async def export(self, request: Request, person: Person) -> Response:
        """All decisions that count, for the lead: they tell which side was which."""
        _only_lead(person)

        def text() -> bytes:
            return b"".join(orjson.dumps(line_of(line)) + b"\n" for line in self._desk.lines())

        headers = {"Content-Disposition": 'attachment; filename="decisions.jsonl"'}
        made = await run_in_threadpool(text)
        return Response(made, media_type="application/x-ndjson", headers=headers)

    async def file(self, request: Request, person: Person) -> Response:
        """The style and the script."""
        room = "prefkit.reviews"
        if request.path_params["name"] == "desk.css":
            return Response(asset("page.css") + asset("blind.css", room), media_type="text/css")
        if request.path_params["name"] == "desk.js":
            code = asset("blind.js", room) + asset("desk.js", room)
            return Response(code, media_type="text/javascript")
        raise HTTPException(404, "there is no such file")


def _only_lead(person: Person) -> None:
    if not person.lead:
        raise HTTPException(403, "this page is for the lead")


def _back(fields: Fields) -> Response:
    return RedirectResponse("/settle" if fields.one("back") == "/settle" else "/", 303)

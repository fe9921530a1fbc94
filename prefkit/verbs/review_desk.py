"""The part of `prefkit review` that serves the desk."""

from __future__ import annotations

import shlex
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prefkit.errors import ConfigError, MissingExtra
from prefkit.verbs.verb import Outcome

if TYPE_CHECKING:
    from types import FrameType

    from prefkit.reviews.desk_door import Door
    from prefkit.reviews.desk_state import Desk
    from prefkit.reviews.frame import Frame, Only
    from prefkit.reviews.plan import Planned

__all__ = ["Asked", "serve"]

_LONGEST_NAME = 60
_WAITING = 128


class Asked(NamedTuple):
    """How the desk is to be held."""

    reviewers: tuple[str, ...]
    leads: tuple[str, ...]
    practice: int
    host: str
    port: int
    outside: str | None


def serve(review: Path, planned: Planned, frame: Frame, asked: Asked, only: Only | None) -> Outcome:
    """Serve the desk until Ctrl-C, then tell what the review shows so far.

    Args:
        review: the folder of the review.
        planned: what it holds.
        frame: of its dataset, as it was planned.
        asked: who may come, and where.
        only: the condition of the plan.

    Raises:
        ConfigError: the address is open to others or in use, or a name is no name.
        DataError: the review is damaged, or the disk refuses.
        MissingExtra: what serves pages is not installed.
    """
    from prefkit.reviews.desk_door import Door, check_host
    from prefkit.reviews.desk_state import Desk, Offer
    from prefkit.reviews.results import results_from

    check_host(asked.host, asked.outside)
    people = _people(asked)
    _check_installed()
    with _listening(asked.host, asked.port) as listener:
        port = listener.getsockname()[1]
        desk = Desk(review, planned, frame, Offer(people, asked.leads, asked.practice))
        try:
            door = Door(desk.secret, port, asked.outside, host=asked.host)
            _announce(desk, door, asked)
            _run(desk, door, listener)
            lines = desk.events.decisions()
        finally:
            desk.close()
    facts = results_from(planned, lines, frame.dataset, only=only)
    return Outcome(facts, _told(facts, review))


def _people(asked: Asked) -> tuple[str, ...]:
    names = dict.fromkeys((*asked.reviewers, *asked.leads))
    for name in names:
        if not name or name != name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise ConfigError(f"{name!r} is no name of a reviewer", hint="--reviewer r1")
    return tuple(names)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                hint="--port 0 takes any free port",
            ) from error
        listener.listen(_WAITING)  # before the address is told, so that it answers at once
        yield listener


def _announce(desk: Desk, door: Door, asked: Asked) -> None:
    """One address a person, on stderr: whoever has it is that person.

    Written with --quiet too: without its address nobody can come in.
    """
    from prefkit.reviews.desk_door import Person

    lines = [f"Serving {desk.name}. Ctrl-C stops; a vote is saved when the next pair shows."]
    for name in desk.offer.reviewers:
        lead = name in asked.leads
        token = door.token(Person(name, lead))
        lines.append(f"  {name}{' (lead)' if lead else ''}  {door.address}/?token={token}")
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def _check_installed() -> None:
    """Say before anything is announced that what serves or renders pages is not there."""
    from prefkit.pages.markdown import rendered_html
    from prefkit.pages.shell import environment

    try:
        import starlette
        import uvicorn
    except ImportError as error:
        raise MissingExtra("the review desk", "review") from error
    del starlette, uvicorn
    environment("prefkit.reviews")
    rendered_html("")


def _run(desk: Desk, door: Door, listener: socket.socket) -> None:
    import uvicorn

    from prefkit.reviews.desk import make_app

    class Server(uvicorn.Server):
        """Ends on Ctrl-C after the answers that are under way, and is no error."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            def stop(number: int, frame: FrameType | None) -> None:
                del number, frame
                self.should_exit = True

            before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for one, handler in before.items():
                    signal.signal(one, handler)

    config = uvicorn.Config(
        make_app(desk, door), log_config=None, access_log=False, server_header=False,
        lifespan="off", ws="none", timeout_keep_alive=75,
        timeout_graceful_shutdown=5, proxy_headers=False,
    )  # fmt: skip
    Server(config).run(sockets=[listener])


def _told(facts: dict[str, Any], review: Path) -> tuple[tuple[str, str], ...]:
    progress, verdict = facts["progress"], facts["verdict"]
    return (
        ("Votes", f"{progress['votes']:,} on {progress['settled']:,} of {progress['drawn']:,} "
                  f"drawn pairs settled, {progress['waiting']:,} waiting"),
        ("Verdict", f"{verdict['verdict']}: {verdict['reason']}"),
        ("Next", f"prefkit report DIR --review {shlex.quote(str(review))} --out report.html"),
    )  # fmt: skip

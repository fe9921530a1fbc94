"""Who may come in to a desk, and which requests are heard at all.

A printed address holds a token that works once; it is swapped for a cookie that scripts cannot
read. Requests under another name, or sent by another page, are refused before anything is done.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from prefkit.errors import ConfigError
from prefkit.reviews.secrets import Secret

__all__ = ["HEADERS", "LARGEST", "Door", "Person", "check_host"]

LARGEST = 65_536
"""Bytes of a request's body; a longer one is refused."""

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer a plain form sends `Origin: null`
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Person(NamedTuple):
    """Who sent a request."""

    name: str
    lead: bool


def check_host(host: str, outside: str | None) -> None:
    """Refuse an address that others on the network reach, unless a tunnel or TLS is named.

    Args:
        host: the address to listen on.
        outside: the https address under which reviewers come in, null for none.

    Raises:
        ConfigError: it is open to the network, or `outside` is no https address.
    """
    try:
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError as error:
        raise ConfigError(f"--host {host!r} is no address", hint="--host 127.0.0.1") from error
    if outside is not None:
        _outer_host(outside)
    elif not local:
        raise ConfigError(
            f"--host {host} can be reached by others, and nothing here encrypts",
            hint="keep --host 127.0.0.1, or name the https address of a tunnel with --outside",
        )


def _outer_host(outside: str) -> str:
    """The host of an https address as browsers name it."""
    parts = urlsplit(outside)
    try:
        port = parts.port
    except ValueError:
        port = -1
    more = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme != "https" or not parts.hostname or port == -1 or more:
        raise ConfigError(
            f"--outside {outside!r} is no https address of a host",
            hint="--outside https://review.example.org",
        )
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port in (None, 443) else f"{name}:{port}"


class Door:
    """Tokens, cookies and names of one desk."""

    def __init__(
        self, secret: Secret, port: int, outside: str | None = None, *, host: str = "127.0.0.1"
    ) -> None:
        """Know the names under which this desk is reached.

        Raises:
            ConfigError: `outside` is no https address.
        """
        self._secret, self._lock = secret, threading.Lock()
        self._tokens: dict[str, Person] = {}
        self._people: dict[str, Person] = {}
        self.cookie = f"prefkit_review_{port}"
        self.secure = outside is not None
        shown = f"[{host}]" if ":" in host else host
        names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", shown)}
        names = {name.removesuffix(":80") for name in names}  # as browsers do
        self.hosts, self.origins = names, {f"http://{name}" for name in names}
        self.address = f"http://{shown}:{port}"
        if outside is not None:
            outer = _outer_host(outside)
            self.address = f"https://{outer}"
            self.hosts.add(outer)
            self.origins.add(self.address)

    def token(self, person: Person) -> str:
        """A new token; it lets in once. Only who was given one can come in at all."""
        made = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[made] = person
            self._people[person.name] = person
        return made

    def enter(self, token: str) -> str | None:
        """The value of a cookie for a token, null where it was used or never was one."""
        with self._lock:
            person = self._tokens.pop(token, None)
        return None if person is None else self._secret.signed("session", person.name)

    def person(self, cookies: Mapping[str, str]) -> Person | None:
        """Whose cookie it is, null for none of ours.

        A cookie of an earlier start holds, for those who are asked again, in their role of now.
        """
        parts = self._secret.opened("session", cookies.get(self.cookie, ""))
        return None if parts is None or len(parts) != 1 else self._people.get(parts[0])

    def form_token(self, person: Person) -> str:
        """What a form of ours holds and no other page can know."""
        return self._secret.signed("form", person.name)

    def is_ours(self, person: Person, form_token: str) -> bool:
        """Whether a form was ours, and this person's."""
        return self._secret.opened("form", form_token) == (person.name,)

    def refusal(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and reason where a request is not heard, by its headers alone."""
        if headers.get("host", "") not in self.hosts:
            return 400, "this desk is not known under that name"
        if method not in ("GET", "POST"):  # a HEAD would use up a token
            return 405, "only GET and POST are heard"
        if method == "POST" and headers.get("origin", "") not in self.origins:
            return 403, "the form was sent by another page"
        return None

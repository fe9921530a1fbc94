"""Which key goes to which host, and values that never show one.

A provider's own environment variable is read for its own host only; any other host gets a key only
from the variable that the caller names. None goes over plain http, except to this machine.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, urlsplit

import orjson

from prefkit.errors import ConfigError
from prefkit.llm.settings import Settings

__all__ = ["HIDDEN", "Address", "Key", "address", "key_for"]

HIDDEN = "[key]"
"""What stands where a key was."""

_SECRET = 8  # characters; a shorter key is a placeholder such as EMPTY, and a word of many replies
_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
"""Whatever beneath us turns a host into bytes takes labels of 1 to 63 letters."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_LIKE = re.compile(r"(sk|pk|rk|hf|gsk|xai|ghp|r8)_|AKIA|AIza|nvapi|pplx")
"""How keys of known makers begin."""
_LONG_NAME = 16  # letters; a longer name with digits in it may be a key
_PORTS = {"http": 80, "https": 443}


class Key:
    """A secret that no text, copy or pickle of anything holding it can show."""

    __slots__ = ("_forms", "_raw_forms", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        # an echo may come as it is, inside JSON or inside an address; what holds another first
        escaped, in_address = orjson.dumps(text).decode()[1:-1], quote(text, safe="")
        is_secret = len(text) >= _SECRET
        self._forms = tuple(dict.fromkeys((escaped, in_address, text))) if is_secret else ()
        self._raw_forms = tuple(form.encode() for form in self._forms)

    def reveal(self) -> str:
        """The key itself, for the header of a request and for nothing else."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """The same text without this key."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        return text

    @property
    def is_plain(self) -> bool:
        """Whether it holds nothing but visible ASCII, as every key does."""
        return all("!" <= letter <= "~" for letter in self._text)

    def may_be_in(self, raw: bytes) -> bool:
        """Whether JSON may hold this key: as it is, or spelled by escapes."""
        return b"\\u" in raw or b"\\/" in raw or any(form in raw for form in self._raw_forms)

    def __repr__(self) -> str:
        return f"Key({HIDDEN})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __copy__(self) -> Key:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Key:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a key is never written anywhere")


class Address(NamedTuple):
    """Where an API lives; made by `address`, so every part is plain."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if _PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The base URL without a slash at its end."""
        return self.origin + self.path

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def address(url: str) -> Address:
    """The parts of a base URL.

    The text is not shown in errors: somebody may have put a password into it.

    Raises:
        ConfigError: it is no plain http or https address, or it carries a user name.
    """
    if not url.isascii() or any(not "!" <= letter <= "~" or letter == "\\" for letter in url):
        raise _no_address("it holds blanks, control characters or letters beyond ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _no_address("its host or port cannot be read") from None
    if parts.scheme not in _PORTS:
        raise _no_address("it does not begin with http:// or https://")
    if "@" in parts.netloc:
        raise _no_address("it holds a user name or password; keys come by --key-env NAME")
    if parts.query or parts.fragment:
        raise _no_address("it holds a ? or # part")
    if not _is_host(host) or port == 0:
        raise _no_address("its host or port cannot be read")
    return Address(parts.scheme, host, port or _PORTS[parts.scheme], parts.path.rstrip("/"))


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.ip_address(host).version == 6 and "%" not in host
        except ValueError:
            return False
    return _HOST.fullmatch(host) is not None


def _no_address(why: str) -> ConfigError:
    return ConfigError(
        f"the server's address cannot be used: {why}",
        hint="give it as https://HOST[:PORT][/PATH]",
    )


def key_for(
    where: Address, settings: Settings, *, own_host: str = "", own_variable: str = ""
) -> Key | None:
    """The key that this address may get; null = it gets none.

    Args:
        where: Who would get it.
        settings: `key_env` names the variable for whatever host this is.
        own_host: The provider's host, the only one that may get its own variable.
        own_variable: The provider's own variable.

    Raises:
        ConfigError: the key is missing, is no key, or would go over plain http.
    """
    at_home = own_host != "" and where.host == own_host and where.port == _PORTS["https"]
    name = settings.key_env or (own_variable if at_home else "")
    if not name:
        return None
    if _may_be_key(name):
        raise ConfigError(
            "--key-env takes the name of an environment variable, and what was given may be a key "
            "itself: it is not shown, and was not sent",
            hint="export MY_KEY=..., then --key-env MY_KEY",
        )
    key = _key_in(name)  # never its text in a variable here: tracebacks can show those
    if key is None:
        raise ConfigError(
            f"no key for {where.host}: the environment variable {name} is not set",
            hint=f"export {name}=...",
        )
    if not key.is_plain:
        raise ConfigError(
            f"the environment variable {name} holds no key: there are blanks, line ends or "
            "letters in it that no key has",
            hint=f"export {name}=...",
        )
    if where.scheme == "http" and not where.is_loopback:
        raise ConfigError(
            f"no key is sent to {where.host} over plain http, where everybody on the way reads it",
            hint=f"use https://{where.host}, or leave --key-env out",
        )
    return key


def _key_in(name: str) -> Key | None:
    text = os.environ.get(name)
    return Key(text) if text else None


def _may_be_key(name: str) -> bool:
    """Whether a variable's name is none, or looks like a key put in its place."""
    if _VARIABLE.fullmatch(name) is None:
        return True
    if name in os.environ:
        return False
    if _KEY_LIKE.match(name):
        return True
    has_digit = any(letter.isdigit() for letter in name)
    is_mixed = name != name.upper() or "_" not in name
    return len(name) >= _LONG_NAME and has_digit and is_mixed

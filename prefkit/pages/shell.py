"""The shell of every page: one file, one style, one script, and a policy that allows no more.

A page of a file carries its policy in a `meta` element with the digests of its style and script; a
served page has the same policy in its header, with `'self'` in place of digests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from prefkit.errors import MissingExtra

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["asset", "environment", "page", "served_policy"]

_SHUT = "default-src 'none'; base-uri 'none'; form-action {forms}; frame-ancestors 'none'"


def served_policy() -> str:
    """The `Content-Security-Policy` header of a page that a server sends with its own files."""
    own = "script-src 'self'; style-src 'self'; connect-src 'self'"
    return f"{_SHUT.format(forms=chr(39) + 'self' + chr(39))}; {own}"


def page(
    title: str,
    body: str,
    *,
    script: str = "",
    style: str = "",
    data: Mapping[str, str] | None = None,
) -> str:
    """A whole page in one file that asks for nothing, not even when it is opened from a disk.

    Args:
        title: plain text.
        body: finished HTML; every text in it is escaped already.
        script: the text of the script, as `asset` gives it; empty for a page without one.
        style: what is added to the style of every page.
        data: attributes of `body`, as `data-NAME`, for the script.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    style = asset("page.css") + style
    # frame-ancestors has no meaning in a meta element, and browsers complain of it.
    policy = _SHUT.format(forms="'none'").replace("; frame-ancestors 'none'", "")
    policy += f"; style-src '{_digest(style)}'"
    if script:
        policy += f"; script-src '{_digest(script)}'"
    made = environment().get_template("page.html.j2")
    return made.render(
        title=title, body=body, style=style, script=script, policy=policy, data=data or {}
    )


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def asset(name: str, room: str = "prefkit.pages") -> str:
    """A file of a room's `assets`: a style, a script or a template."""
    return files(room).joinpath("assets", name).read_text(encoding="utf-8")


@cache
def environment(room: str = "prefkit.pages") -> Environment:
    """Templates of a room's `assets`, then those of the pages; every value is escaped.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    try:
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtra("a page", "pages") from error

    from prefkit.pages.hidden import marked, spelled

    rooms = [room, "prefkit.pages"] if room != "prefkit.pages" else [room]
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name, "assets") for name in rooms]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def shown(text: Any) -> Any:
        from markupsafe import Markup, escape

        return Markup(spelled(str(escape(marked(str(text))))))

    made.filters["shown"] = shown
    return made

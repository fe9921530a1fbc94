"""Other people's Markdown as HTML that does nothing: the texts of a page are hostile.

Two layers that know nothing of each other: the renderer makes no element out of raw HTML, no image
and no link, and the cleaner keeps only elements and classes from a list. The policy of the page is
the third. A link shows its address and cannot be followed, so that nothing leaves the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from prefkit.errors import MissingExtra
from prefkit.pages.hidden import marked, spelled

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["LONGEST", "raw_html", "rendered_html"]

LONGEST = 100_000
"""Characters of one text that are rendered; a longer one is shown raw, since rendering is slow."""

_LONGEST_CODE = 20_000  # a lexer may be slow on what it was not made for

_TAGS = frozenset(
    (
        *("blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p"),
        *("pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    )
)
_CLASSES = {"span": {"link", "address", "k-bp", "k-c", "k-k", "k-m", "k-n", "k-s"}}
_ATTRIBUTES = {"ol": {"start"}}
_LOWER = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6", "h6": "h6"}


def raw_html(text: str) -> str:
    """The text as it is, in one `pre` element; what cannot be seen is spelled."""
    return f"<pre>{spelled(escape(marked(text)))}</pre>"


def rendered_html(text: str) -> str:
    """The text rendered as Markdown, maths as its source; a text over `LONGEST` raw.

    Raises:
        MissingExtra: markdown-it-py or nh3 is not installed.
    """
    if len(text) > LONGEST:
        return raw_html(text)
    rendered = _renderer().render(marked(text))
    return spelled(_clean(rendered))


def _clean(html: str) -> str:
    try:
        import nh3
    except ImportError as error:
        raise MissingExtra("nh3", "pages") from error
    return nh3.clean(
        html, tags=set(_TAGS), attributes=_ATTRIBUTES, allowed_classes=_CLASSES, link_rel=None
    )


@cache
def _renderer() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise MissingExtra("markdown-it-py", "pages") from error

    # js-default lets no raw HTML through; without images, since their addresses would be asked.
    made = MarkdownIt("js-default", {"linkify": False, "typographer": False, "highlight": _code})
    made.disable("image")
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


def _code(source: str, language: str, _: str) -> str:
    """Source with the classes of `_CLASSES`; of no known language, or long, plain."""
    if len(source) > _LONGEST_CODE:
        return escape(source)
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language.strip().lower(), stripnl=False)
    except ClassNotFound:
        return escape(source)
    parts = []
    for kind, value in lexer.get_tokens(source):
        name = _class_of(str(kind))
        parts.append(f'<span class="{name}">{escape(value)}</span>' if name else escape(value))
    return "".join(parts)


_KINDS = (
    *(("Token.Comment", "k-c"), ("Token.Keyword", "k-k"), ("Token.Literal.Number", "k-m")),
    *(("Token.Literal", "k-s"), ("Token.Name.Builtin", "k-bp"), ("Token.Name.Function", "k-n")),
    *(("Token.Name.Class", "k-n"), ("Token.Operator.Word", "k-k")),
)


def _class_of(kind: str) -> str | None:
    return next((name for start, name in _KINDS if kind.startswith(start)), None)


# markdown-it calls these as methods of its renderer, with its own names.
def _link_open(
    renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Mapping[str, Any]
) -> str:
    del renderer, tokens, place, options, env
    return '<span class="link">'


def _link_close(
    renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Mapping[str, Any]
) -> str:
    """The address behind the text of a link, unless that says it already; links never nest."""
    del renderer, options, env
    start = next(back for back in range(place, -1, -1) if tokens[back].type == "link_open")
    address = str(tokens[start].attrGet("href") or "")
    said = "".join(token.content for token in tokens[start:place])
    return (
        "</span>"
        if said == address
        else f'</span> <span class="address">({escape(address)})</span>'
    )


def _heading(
    renderer: Any, tokens: Sequence[Token], place: int, options: Any, env: Mapping[str, Any]
) -> str:
    """Headings of a text stand below those of the page."""
    del renderer, options, env
    token = tokens[place]
    return f"<{'/' if token.nesting < 0 else ''}{_LOWER[token.tag]}>"


_RULES = {
    "link_open": _link_open,
    "link_close": _link_close,
    "heading_open": _heading,
    "heading_close": _heading,
}

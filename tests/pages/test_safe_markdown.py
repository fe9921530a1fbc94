from __future__ import annotations

from html.parser import HTMLParser

import pytest

from prefkit.pages.markdown import LONGEST, rendered_html

ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://127.0.0.1:9/pixel.png)",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "<http://127.0.0.1:9/> <javascript:alert(1)>",
    '[x](http://a "onmouseover=alert(1)")',
    '[x](http://a" onclick="alert(1))',
    "<a href='http://a' onclick=alert(1)>x</a>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>*{background:url(http://127.0.0.1:9/)}</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<base href=http://127.0.0.1:9/>",
    "<form action=http://127.0.0.1:9/><button>x</button></form>",
    "<details open ontoggle=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><script>alert(1)</script>-->",
    "```html\n</code></pre><script>alert(1)</script>\n```",
    '```python" onmouseover="alert(1)\nx\n```',
    "```<script>alert(1)</script>\nx\n```",
    "`</code><script>alert(1)</script>`",
    "# <img src=x onerror=alert(1)>",
    "> <object data=x></object>",
    "| <script>alert(1)</script> |\n|-|\n| <img src=x onerror=alert(1)> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "[x]: javascript:alert(1)\n\n[x]",
    "<x onfocus=alert(1) tabindex=1 autofocus>",
    "</main></body><script>alert(1)</script>",
    "<p class='unseen' id='verdict' style='position:fixed'>x</p>",
]
KNOWN = {
    *("blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p"),
    *("pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_leaves_only_elements_that_do_nothing(text: str) -> None:
    parser = Elements()
    parser.feed(rendered_html(text))
    for tag, attributes in parser.found:
        assert tag in KNOWN
        assert set(attributes) <= {"class", "start", "title"}
        if "title" in attributes:
            assert attributes["title"] == "hidden character"


def test_a_link_shows_its_address_and_cannot_be_followed() -> None:
    assert rendered_html("[good *site*](http://evil.example/)") == (
        '<p><span class="link">good <em>site</em></span>'
        ' <span class="address">(http://evil.example/)</span></p>\n'
    )
    assert rendered_html("<http://a.example/>") == (
        '<p><span class="link">http://a.example/</span></p>\n'
    )


def test_code_is_coloured_by_its_language_and_plain_without_one() -> None:
    assert '<span class="k-k">def</span>' in rendered_html("```python\ndef f(): ...\n```")
    assert "span" not in rendered_html("```nosuchlanguage\ndef f(): ...\n```")


def test_maths_stays_its_source() -> None:
    assert rendered_html("$a_b^2$") == "<p>$a_b^2$</p>\n"


def test_headings_stand_below_those_of_the_page() -> None:
    assert rendered_html("# one\n\n###### six") == "<h3>one</h3><h6>six</h6>"


def test_a_very_long_text_is_shown_raw() -> None:
    assert rendered_html("*a* " * LONGEST).startswith("<pre>*a* ")
    assert rendered_html("*a*" + " " * (LONGEST - 3)).startswith("<p><em>")


@pytest.mark.parametrize(
    "unit", ["[a](b)", "[", "`", "*a", "> ", "- a\n", "<a", "|a|\n|-|\n", "![](", "&#"]
)
def test_a_slow_text_is_rendered_all_the_same(unit: str) -> None:
    assert rendered_html(unit * (20_000 // len(unit)))

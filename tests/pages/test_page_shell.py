from __future__ import annotations

import base64
import hashlib
import re

from prefkit.pages.shell import page, served_policy


def digest_of(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def inside(html: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_policy_of_a_file_allows_its_own_style_and_nothing_else() -> None:
    html = page("Title", "<main>x</main>")
    policy = re.search('Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = policy[1].replace("&#39;", "'")
    assert rules == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{digest_of(inside(html, 'style'))}'"
    )
    assert "<script" not in html


def test_a_title_cannot_leave_its_element() -> None:
    html = page("</title><script>alert(1)</script>\u202e", "<main></main>")
    assert "<script>alert" not in html
    assert "<title>&lt;/title&gt;" in html


def test_data_for_the_script_stays_in_its_attribute() -> None:
    html = page("t", "", data={"name": '"><script>'})
    assert 'data-name="&#34;&gt;&lt;script&gt;"' in html


def test_a_served_page_may_only_ask_its_own_server() -> None:
    assert served_policy() == (
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "script-src 'self'; style-src 'self'; connect-src 'self'"
    )

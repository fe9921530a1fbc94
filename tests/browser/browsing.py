"""A real browser for tests: it notes every request, message and script that should not be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

__all__ = ["SIZES", "Window", "chromium", "opened_browser", "pictures", "violations"]

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",  # tests may run as root, and open only their own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The browser of this system; without one the test is skipped, or fails where it must run."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        message = "no chromium is installed: this test needs a browser and did NOT run"
        if os.environ.get("PREFKIT_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which is gone afterwards."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One person's window, and what happened in it that may be held against the page."""

    def __init__(self, browser: Browser, own: str, **options: Any) -> None:
        """Open an empty window.

        Args:
            browser: where.
            own: how the addresses begin that the page may ask for.
            options: of the browser's context.
        """
        self._own = own
        self.context: BrowserContext = browser.new_context(**options)
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(5000)

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.faults.append(f"{kind}: {text}")

    @property
    def strays(self) -> list[str]:
        """Requests to anywhere else."""
        return [url for url in self.asked if not url.startswith(self._own)]

    def check(self) -> None:
        """Nothing was attacked, asked for elsewhere, or complained of."""
        assert self.page.evaluate("window.attacked") is None
        assert (self.strays, self.faults) == ([], [])

    def close(self) -> None:
        self.context.close()


def origin(address: str) -> str:
    """Scheme, host and port, with the slash behind them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/"


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, each with the elements."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {' '.join(str(node['target']) for node in one['nodes'])}" for one in found
    ]


def pictures(page: Page, folder: Path, name: str) -> list[str]:
    """A picture in each size and scheme; gives what axe-core says in any of them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, room in SIZES.items():
            page.set_viewport_size(room)
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
            found += [f"{size} {scheme}: {one}" for one in violations(page)]
    page.set_viewport_size(SIZES["wide"])
    page.emulate_media(color_scheme="light")
    return found

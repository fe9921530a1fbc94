"""The desk in a real browser: keys, forms without a script, and texts that attack the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from attacks import ATTACKS, NAMES
from browsing import Window, opened_browser, origin, pictures
from desk_client import Served, served
from pair_rows import assistant, pair, user, write_pairs
from playwright.sync_api import Browser, Error, expect

from prefkit.reviews.events import read_decisions
from prefkit.schema.decision_lines import Decision, outcome_of

ALIKE = ("The moon is 384,400 km away on average.", "The moon is 38,440 km away on average.")
UNLIKE = ("It rains most in spring here.", "Nobody can tell; ask again in a month or two.")


def attacked_rows() -> list[tuple[Any, ...]]:
    """One pair for each attack: in its prompt, both answers, criterion, tags and names."""
    return [
        pair(
            user(f"Question {n}?\n\n{text}"),
            assistant(f"right {n}\n\n{text}"),
            assistant(f"wrong {n} {ATTACKS[n - 1]}"),
            criterion=text, tags=[("topic", text), (text, "x")], chosen_model=NAMES[n % len(NAMES)],
        )
        for n, text in enumerate(ATTACKS)
    ]  # fmt: skip


def plain_rows(count: int, sides: tuple[str, str] = ALIKE) -> list[tuple[Any, ...]]:
    return [
        pair(
            user(f"Question {n}? How far is the **moon**?"),
            assistant(f"*right* {n}: {sides[0]}"), assistant(f"*wrong* {n}: {sides[1]}"),
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


class Desk:
    """A served desk with windows onto it."""

    def __init__(self, desk: Served, review: Path, browser: Browser) -> None:
        self.served, self.review, self._browser = desk, review, browser
        self.windows: list[Window] = []

    def enter(self, name: str, **options: Any) -> Window:
        """The window of a person who has opened the printed address."""
        address = self.served.addresses[name]
        window = Window(self._browser, origin(address), **options)
        self.windows.append(window)
        window.page.goto(address)
        window.page.wait_for_url(origin(address))
        return window

    def close(self) -> None:
        for window in self.windows:
            window.close()

    @property
    def lines(self) -> list[Decision]:
        return read_decisions(self.review)


Make = Callable[..., Desk]


@pytest.fixture
def make(tmp_path: Path, browser: Browser) -> Iterator[Make]:
    """Serve a desk on rows; afterwards every window must have kept clean."""
    with ExitStack() as stack:

        def start(rows: list[tuple[Any, ...]], *options: str, people: int = 1) -> Desk:
            pairs = write_pairs(tmp_path / "pairs", rows)
            review = tmp_path / "review"
            running = stack.enter_context(served(pairs, review, *options, people=people))
            desk = Desk(running, review, browser)
            stack.callback(desk.close)
            return desk

        yield start


def question(window: Window) -> int:
    found = re.search(r"Question (\d+)", window.page.locator(".prompt .rendered").inner_text())
    assert found is not None
    return int(found[1])


def ticket(window: Window) -> str:
    return window.page.locator("[name=ticket]").get_attribute("value") or ""


def press(window: Window, key: str) -> None:
    """Press a voting key and wait until its card is gone."""
    before = ticket(window)
    window.page.keyboard.press(key)
    expect(window.page.locator(f'[name=ticket][value="{before}"]')).to_have_count(0)


def right(window: Window) -> str:
    """The key of the side that the dataset calls chosen."""
    first = window.page.locator(".side").first.inner_text()
    return "1" if "right" in first else "2"


def settled(window: Window, script: str) -> None:
    """Wait until an expression of the page holds."""
    window.page.wait_for_function(script)


def test_keys_vote_and_undo_brings_the_card_back(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0")
    window = desk.enter("r1")
    seen = []
    for key in "12345":
        seen.append(question(window))
        press(window, key)
    assert [line.verdict for line in desk.lines] == ["a", "b", "tie", "both_bad", "unsure"]
    assert len(set(seen)) == 5
    assert all(line.ms_visible for line in desk.lines)
    press(window, "u")
    assert question(window) == seen[-1]
    assert len(desk.lines) == 4
    window.check()


def test_a_digit_and_enter_in_the_comment_are_no_votes(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0")
    window = desk.enter("r1")
    before = question(window)
    window.page.keyboard.press("c")
    window.page.keyboard.type("12 of 5, u and x")
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("c")
    window.page.keyboard.press("Escape")
    assert (question(window), desk.lines) == (before, [])
    window.page.get_by_label("clearer").check()
    press(window, "3")
    [line] = desk.lines
    assert (line.verdict, line.comment, line.reasons) == ("tie", "12 of 5, u and x", ["clearer"])
    window.check()


def test_a_reload_keeps_the_card(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0")
    window = desk.enter("r1")
    press(window, "1")
    before = question(window), right(window)
    window.page.reload()
    assert (question(window), right(window)) == before
    window.check()


def test_two_people_at_once_never_have_the_same_pair_but_where_two_are_wanted(make: Make) -> None:
    desk = make(plain_rows(30), "-n", "20", "--practice", "0", "--reviewer", "ann",
                "--reviewer", "bob", people=2)  # fmt: skip
    windows = [desk.enter("ann"), desk.enter("bob")]
    while any(window.page.locator("form.vote").count() for window in windows):
        for window in windows:
            if window.page.locator("form.vote").count():
                press(window, right(window))
    for window in windows:
        expect(window.page.get_by_text("Nothing is left for you")).to_be_visible()
        window.check()
    votes = [line for line in desk.lines if line.item == "pair"]
    assert len({line.pair_sha256 for line in votes}) == 20
    assert len({(line.pair_sha256, line.reviewer) for line in votes}) == len(votes)
    assert {outcome_of(line.verdict, line.left) for line in votes} == {"chosen"}


def test_without_a_script_a_form_votes_and_undoes(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0")
    window = desk.enter("r1", java_script_enabled=False)
    page, before = window.page, question(window)
    expect(page.locator(".differences")).to_be_hidden()
    page.locator(".comment").fill("by hand")
    page.locator(".comment").press("Enter")
    assert desk.lines == []
    page.get_by_label("shorter").check()
    page.get_by_role("button", name="B better").click()
    [line] = desk.lines
    assert (line.verdict, line.comment, line.reasons) == ("b", "by hand", ["shorter"])
    assert question(window) != before
    page.locator("#undo").click()
    assert (question(window), desk.lines) == (before, [])
    assert (window.strays, window.faults) == ([], [])


def test_raw_shows_the_signs_and_differences_mark_what_is_not_shared(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0")
    window = desk.enter("r1")
    side = window.page.locator(".side").first
    assert "*" not in side.inner_text()
    window.page.keyboard.press("x")
    settled(window, "document.querySelectorAll('.side mark').length > 0")
    marks = window.page.locator(".side mark").all_inner_texts()
    assert sorted(marks) == ["38", "384", "400", "440", "right", "wrong"]
    window.page.keyboard.press("r")
    assert "*" in side.inner_text()
    press(window, "1")
    assert "*" in window.page.locator(".side").first.inner_text()
    window.page.keyboard.press("r")
    window.page.keyboard.press("x")
    assert window.page.locator(".side mark").count() == 0
    window.check()


def test_differences_are_off_where_few_words_are_shared(make: Make) -> None:
    desk = make(plain_rows(12, UNLIKE), "-n", "8", "--practice", "0")
    window = desk.enter("r1")
    button = window.page.locator(".differences")
    expect(button).to_be_disabled()
    expect(button).to_contain_text("of words shared")
    window.page.keyboard.press("x")
    assert window.page.locator(".side mark").count() == 0
    window.check()


def test_practice_tells_the_label_and_counts_for_nothing(make: Make) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "1")
    window = desk.enter("r1")
    expect(window.page.get_by_text("Practice: the label is told after your vote")).to_be_visible()
    press(window, right(window))
    expect(window.page.locator(".nag")).to_contain_text("you agree")
    assert [line.item for line in desk.lines] == ["practice"]
    press(window, "1")
    assert [line.item for line in desk.lines] == ["practice", "pair"]
    window.check()


def test_a_lead_votes_blind_and_then_settles(make: Make, tmp_path: Path) -> None:
    desk = make(plain_rows(12), "-n", "8", "--practice", "0", "--reviewer", "ann",
                "--lead", "eva", people=2)  # fmt: skip
    ann, eva = desk.enter("ann"), desk.enter("eva")
    about = set()
    while ann.page.locator("form.vote").count():  # against every label; some wait for eva's vote
        about.add(question(ann))
        ann.page.keyboard.press("c")
        ann.page.keyboard.type(ATTACKS[20])
        ann.page.keyboard.press("Escape")
        press(ann, "2" if right(ann) == "1" else "1")
    eva.page.get_by_role("link", name="Settle").click()
    assert question(eva) in about
    expect(eva.page.get_by_text("Vote blind first")).to_be_visible()
    assert eva.page.locator(".votes").count() == 0
    assert pictures(eva.page, tmp_path / "pictures", "settle-blind") == []
    press(eva, right(eva))
    expect(eva.page.locator(".votes")).to_contain_text("The dataset says that")
    expect(eva.page.locator(".votes")).to_contain_text(ATTACKS[20])
    assert pictures(eva.page, tmp_path / "pictures", "settle") == []
    press(eva, "a")
    assert [(line.role, line.verdict) for line in desk.lines][-1] == ("adjudicate", "accept")
    ann.check()
    eva.check()


def test_the_desk_is_fit_for_all_in_light_and_dark_wide_and_narrow(
    make: Make, tmp_path: Path
) -> None:
    desk = make(plain_rows(6), "-n", "2", "--practice", "1")
    window, folder = desk.enter("r1"), tmp_path / "pictures"
    assert pictures(window.page, folder, "practice") == []
    press(window, "1")
    window.page.keyboard.press("g")
    window.page.keyboard.press("x")
    assert pictures(window.page, folder, "differences") == []
    press(window, "1")
    press(window, "1")
    assert pictures(window.page, folder, "done") == []
    window.check()


def test_no_attack_in_a_pair_or_a_comment_does_anything(make: Make) -> None:
    count = len(ATTACKS)
    assert count >= 60
    desk = make(attacked_rows(), "-n", str(count), "--practice", "0", "--reviewer", "ann",
                "--lead", "eva", people=2)  # fmt: skip
    (desk.review / "guideline.md").write_text("\n\n".join(ATTACKS), encoding="utf-8")
    windows = [desk.enter("ann"), desk.enter("eva")]
    voted = 0
    while any(window.page.locator("form.vote").count() for window in windows):
        for window in windows:
            page = window.page
            if not page.locator("form.vote").count():
                continue
            if window is windows[0]:
                page.reload()  # as a whole page; the other window takes parts of it
            page.locator(".comment").fill(ATTACKS[voted % count])
            page.keyboard.press("Escape")  # a digit would go on with the comment
            page.locator(".guideline").evaluate("part => { part.open = true; }")
            press(window, "2" if right(window) == "1" else "1")
            voted += 1
            window.check()
    kept = {line.comment for line in desk.lines}
    assert voted >= count
    assert len(kept) > count // 2
    eva = windows[1]
    eva.page.goto(origin(eva.page.url) + "settle")
    for _ in range(10):
        eva.page.keyboard.press("5")
        expect(eva.page.locator(".votes")).to_be_visible()
        eva.check()
        press(eva, "a")
    eva.check()


def test_the_attacks_are_live_on_a_page_that_does_not_defend_itself(browser: Browser) -> None:
    alive = 0
    for text in ATTACKS:
        window = Window(browser, "about:")  # a page that was led away is no use any more
        with suppress(Error):
            window.page.set_content(f"<p>{text}</p>", wait_until="commit")
            window.page.wait_for_timeout(20)
            alive += window.page.evaluate("window.attacked") is not None
        alive += len(window.strays) > 0
        window.close()
    assert alive >= 45

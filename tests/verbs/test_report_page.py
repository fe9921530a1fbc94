"""The page of `prefkit report`: every number is the document's, and what is told is asked for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command_line import Prefkit
from comparison_rows import turns
from report_rows import dataset, side, vote

from prefkit.dataset import open_dataset
from prefkit.reports.page_numbers import formatted, found_at
from prefkit.reviews.events import Events
from prefkit.reviews.folder import read_review
from prefkit.schema.decision_lines import decision_of
from prefkit.schema.records import Comparison, Source

ROWS = 120
WRONG = 15


class Page(HTMLParser):
    """Shown numbers, headings, and how many cards there are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.numbers: list[tuple[str, str, str, str]] = []
        self.headings: list[str] = []
        self.cards = 0
        self._open: dict[str, str | None] | None = None
        self._heading = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._heading = tag == "h2"
        self.cards += tag == "article"
        if tag == "data":
            self._open = dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._heading and data.strip():
            self.headings.append(data.strip())
            self._heading = False
        if self._open is not None:
            at = [self._open[name] or "" for name in ("data-path", "data-form", "value")]
            self.numbers.append((at[0], at[1], at[2], data))
            self._open = None


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def pairs(tmp_path: Path, prefkit: Prefkit) -> Path:
    """Pairs of two prompts' worth of people each, all of whom prefer the longer answer."""
    rows = []
    for number in range(ROWS):
        cast = tuple(
            vote("better", name, "human")._replace(
                source=Source("v.jsonl", f"{number}-{name}"), at="2025-01-06T08:00:00Z"
            )
            for name in ("ann", "bob")
        )
        prompt = turns(f"Secret question {number}?")
        rows.append(Comparison(prompt, (side("Yes, of course."), side("No.")), cast))
    dataset(tmp_path / "c", rows)
    assert prefkit("pair", tmp_path / "c", "--out", tmp_path / "p").code == 0
    return tmp_path / "p"


@pytest.fixture
def review(pairs: Path, prefkit: Prefkit) -> Path:
    """A hundred pairs judged by one named reviewer, who finds `WRONG` of them wrong."""
    folder = pairs.parent / "review"
    made = prefkit("review", pairs, "--plan", "-n", 100, "--out", folder)
    assert made.code == 0, made.err
    content = open_dataset(pairs).content_hash
    with Events(folder) as events:
        for place, line in enumerate(read_review(folder).sample):
            events.append(
                [
                    decision_of(
                        {
                            "schema": "prefkit.decision/1", "id": str(place), "dataset": content,
                            "pair": line["pair"], "pair_sha256": line["pair_sha256"],
                            "reviewer": "Quirin", "role": "blind", "left": "chosen",
                            "verdict": "b" if place < WRONG else "a",
                            "at": "2025-02-03T10:00:00+00:00",
                        },
                        "test",
                    )
                ]
            )  # fmt: skip
    return folder


def reported(prefkit: Prefkit, pairs: Path, *options: Any) -> tuple[int, str, dict[str, Any]]:
    out = pairs.parent / "report.html"
    result = prefkit("report", pairs, "--out", out, "--force", *options)
    assert out.exists(), result.err
    html = out.read_text(encoding="utf-8")
    return result.code, html, json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))


def check_numbers(html: str, document: dict[str, Any]) -> int:
    found = Page(html).numbers
    for path, form, value, text in found:
        known = found_at(document, path)
        assert float(value) == known, path
        assert text == formatted(known, form), path
    return len(found)


def test_every_number_of_a_reviewed_page_is_the_documents(
    prefkit: Prefkit, pairs: Path, review: Path
) -> None:
    code, html, document = reported(prefkit, pairs, "--review", review)
    assert check_numbers(html, document) > 40
    assert document["review"]["headline"]["right"]["value"] == (100 - WRONG) / 100
    assert '<data data-path="/review/headline/right/value" data-form="share"' in html
    assert "85.0%" in html
    # 85 of 100 do not show 85 % at the lower end: the gate stays shut.
    assert document["review"]["verdict"]["verdict"] != "Ship"
    assert code == 3


def test_blocks_stand_from_verdict_to_method(prefkit: Prefkit, pairs: Path, review: Path) -> None:
    _, html, _ = reported(prefkit, pairs, "--review", review)
    numbered = [text[:2].strip() for text in Page(html).headings if text[0].isdigit()]
    assert numbered == [str(place) for place in range(1, 12)]
    assert html.index('class="verdict') < html.index("<h2>1 ")


def test_a_page_without_a_review_says_that_nobody_looked(prefkit: Prefkit, pairs: Path) -> None:
    code, html, document = reported(prefkit, pairs)
    assert code == 0
    assert "NOT REVIEWED" in html
    assert document["review"] is None
    assert check_numbers(html, document) > 20
    assert document["bias"]["length"]["chosen_longer"]["value"] == 1.0
    assert document["bias"]["length"]["median"] == len("Yes, of course.") - len("No.")
    assert sum(document["bias"]["length"]["counts"]) == ROWS


def test_no_text_leaves_numbers_only(prefkit: Prefkit, pairs: Path, review: Path) -> None:
    _, html, _ = reported(prefkit, pairs, "--review", review)
    assert "Secret question" in html
    assert Page(html).cards == WRONG
    _, html, document = reported(prefkit, pairs, "--review", review, "--no-text")
    assert "Secret question" not in html + json.dumps(document)
    assert "of course" not in html
    assert Page(html).cards == 0


def test_reviewers_are_numbered_unless_their_names_are_asked_for(
    prefkit: Prefkit, pairs: Path, review: Path
) -> None:
    _, html, document = reported(prefkit, pairs, "--review", review)
    assert "Quirin" not in html + json.dumps(document)
    assert "reviewer 1" in html
    _, html, _ = reported(prefkit, pairs, "--review", review, "--names")
    assert "Quirin" in html


def test_a_baseline_shows_what_changed(prefkit: Prefkit, pairs: Path, review: Path) -> None:
    _, _, document = reported(prefkit, pairs, "--review", review)
    document["review"]["headline"]["right"]["value"] = 0.8
    before = pairs.parent / "before.json"
    before.write_text(json.dumps(document), encoding="utf-8")
    _, html, _ = reported(prefkit, pairs, "--review", review, "--baseline", before)
    assert "(+5.0 points)" in html
    before.write_text("{}", encoding="utf-8")
    result = prefkit("report", pairs, "--out", pairs.parent / "x.html", "--baseline", before)
    assert (result.code, "is no report of prefkit" in result.err) == (2, True)


def test_equal_runs_give_equal_bytes_under_a_policy_that_fits(
    prefkit: Prefkit, pairs: Path, review: Path
) -> None:
    first = reported(prefkit, pairs, "--review", review)
    assert reported(prefkit, pairs, "--review", review) == first
    html = first[1]
    policy = re.search('Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    for tag in ("style", "script"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy[1].replace("'", "&#39;")


def test_a_review_of_other_rows_is_refused(
    prefkit: Prefkit, pairs: Path, review: Path, tmp_path: Path
) -> None:
    assert prefkit("pair", tmp_path / "c", "--limit", 50, "--out", tmp_path / "q").code == 0
    result = prefkit("report", tmp_path / "q", "--review", review)
    assert result.code == 2
    assert "other rows" in result.err


def test_comparisons_have_a_page_too(prefkit: Prefkit, pairs: Path) -> None:
    code, html, document = reported(prefkit, pairs.parent / "c")
    assert code == 0
    assert check_numbers(html, document) > 10
    assert "Pairs are not made yet." in html
    assert prefkit("report", pairs.parent / "c", "--review", pairs).code == 2


def test_suspects_come_first_where_nobody_reviewed(prefkit: Prefkit, pairs: Path) -> None:
    queue = pairs.parent / "suspects.jsonl"
    _, html, document = reported(prefkit, pairs, "--suspects", queue)
    lines = [json.loads(line) for line in queue.read_text(encoding="utf-8").splitlines()[1:]]
    assert document["pairs"]["by"] == "suspects"
    listed = [one["pair_sha256"] for one in document["pairs"]["listed"]]
    assert listed == [line["pair_sha256"] for line in lines][: len(listed)]
    assert Page(html).cards == len(listed)

"""The report as one HTML file: offline, from verdict to method, every number from the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from prefkit.pages.shell import asset, environment, page
from prefkit.reports.page_charts import (
    annotators_forest,
    cut_off_lines,
    drift_chart,
    length_histogram,
    slices_forest,
)
from prefkit.reports.page_numbers import Numbers
from prefkit.reports.page_pairs import MOST, MOST_BYTES
from prefkit.reports.words import methods
from prefkit.version import __version__

__all__ = ["Baseline", "Told", "html_of"]

_ROOM = "prefkit.reports"
_BANNERS = {
    "Ship": "ship",
    "Stop": "stop",
    "Fix, then re-sample": "fix",
    "Not enough data": "fix",
}
_OUTCOMES = {
    "chosen": "chosen better",
    "rejected": "rejected better: flip",
    "tie": "tie: no signal",
    "both_bad": "both bad: drop",
}
_TRIAGE = (
    ("accept", "a", "accept"),
    ("flip", "f", "flip"),
    ("drop", "d", "drop"),
    ("unsure", "s", "unsure"),
)


class Baseline(NamedTuple):
    """An earlier document, and what to call it."""

    name: str
    document: Mapping[str, Any]


class Told(NamedTuple):
    """What the page is told beside the document.

    `place` is how the dataset is named in commands; `named` that reviewers stand with their names;
    `cards` are null with no texts.
    """

    place: str
    cards: Sequence[Mapping[str, Any]] = ()
    named: bool = False
    baseline: Baseline | None = None


def html_of(document: Mapping[str, Any], told: Told) -> str:
    """The page of a document.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    numbers = Numbers(document, told.baseline.document if told.baseline else None)

    def one(path: str, form: str = "count") -> Markup:
        return Markup(numbers.one(path, form))

    def estimate(path: str, form: str = "share", brief: bool = False) -> Markup:
        return Markup(numbers.estimate(path, form, brief=brief))

    review = document["review"]
    made = environment(_ROOM).get_template("report.html.j2")
    body = made.render(
        d=document,
        version=__version__,
        one=one,
        estimate=estimate,
        banner=_banner(review),
        actions=_actions(review, told.place),
        charts=_charts(document),
        drift=review["drift"]["labelled"] if review else {"unit": None, "reason": None},
        outcome_words=_OUTCOMES,
        pairs=document["pairs"] if told.cards else None,
        cards=told.cards,
        whys=sorted({str(card["why"]) for card in told.cards}),
        caps={"pairs": MOST, "megabytes": MOST_BYTES // 1_000_000},
        triage=_TRIAGE,
        methods=methods(document) or ["none was made"],
        named=told.named,
        place=told.place,
        baseline=told.baseline.name if told.baseline else None,
    )
    return page(
        f"Spot check: {document['dataset']['name']}",
        body,
        script=asset("report.js", _ROOM),
        style=asset("report.css", _ROOM),
        data={"dataset": document["dataset"]["content_hash"]},
    )


def _banner(review: Mapping[str, Any] | None) -> dict[str, Any]:
    if review is None:
        return {
            "verdict": "NOT REVIEWED",
            "reason": "What follows is what the votes say of themselves. Whether chosen is better "
            "is only known from people who judge a random sample blind.",
            "class_": "fix",
            "rule": [],
        }
    verdict = review["verdict"]
    return {
        "verdict": verdict["verdict"].upper(),
        "reason": verdict["reason"],
        "class_": _BANNERS[verdict["verdict"]],
        "rule": list(verdict["rule"].values())
        if isinstance(verdict["rule"], Mapping)
        else verdict["rule"],
    }


def _actions(review: Mapping[str, Any] | None, place: str) -> list[dict[str, Any]]:
    if review is not None:
        return list(review["actions"])
    return [
        {
            "what": "Plan a blind review: how many pairs, how many minutes",
            "command": f"prefkit review {place} --plan",
            "effect": "says what it can show before anyone starts",
            "too_rosy": False,
        },
        {
            "what": "Hold it",
            "command": f"prefkit review {place} --out REVIEW",
            "effect": "a share of right pairs with its interval",
            "too_rosy": False,
        },
    ]


def _charts(document: Mapping[str, Any]) -> dict[str, Markup]:
    review = document["review"]
    criteria = document["people"]["criteria"]
    found = {
        "slices": slices_forest(review) if review else "",
        "annotators": annotators_forest(criteria[0]) if criteria else "",
        "cut": cut_off_lines(review) if review else "",
        "length": length_histogram(document["bias"]),
        "drift": drift_chart(review["drift"]["labelled"]) if review else "",
    }
    return {name: Markup(picture) for name, picture in found.items()}

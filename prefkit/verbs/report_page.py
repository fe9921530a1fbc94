"""The part of `prefkit report` that reads a review and writes the page."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prefkit.errors import ConfigError

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.reports.page import Baseline

__all__ = ["PageOptions", "found_in", "is_page", "review_lines", "write_page"]

_LOG = logging.getLogger("prefkit.report")
_PAGES = (".html", ".htm")


class PageOptions(NamedTuple):
    """What goes into the page: texts of pairs, names of reviewers, changes since another report."""

    text: bool
    names: bool
    baseline: Path | None


def is_page(out: Path | None) -> bool:
    """Whether a file is to be a page, by its suffix."""
    return out is not None and out.suffix.lower() in _PAGES


def found_in(review: Path, dataset: Dataset, *, names: bool, seed: int) -> dict[str, Any]:
    """What a review of a dataset found; reviewers by number unless `names`.

    Raises:
        ConfigError: the folder holds no review, or one of another dataset.
        DataError: a file is damaged.
    """
    from prefkit.reports.page_names import without_names
    from prefkit.reviews.folder import read_review
    from prefkit.reviews.results import results_of
    from prefkit.verbs.only import only_of

    only = only_of(read_review(review).plan["frame"]["where"])
    found = results_of(review, dataset, only=only, seed=seed)
    return found if names else without_names(found)


def review_lines(review: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a review found, for the terminal."""
    from prefkit.reports.words import shown

    yield "Verdict", f"{review['verdict']['verdict']}: {review['verdict']['reason']}"
    yield "Chosen right", shown(review["headline"]["right"])
    bad = [
        f"{one['dimension']} {one['value']} ({one['state']}, {shown(one['rate'])})"
        for one in review["slices"]
        if one["state"] in ("proven low", "suspect")
    ]
    if bad:
        yield "Suspects", "; ".join(bad[:5])


def write_page(
    out: Path, facts: dict[str, Any], dataset: Dataset, options: PageOptions
) -> Iterator[tuple[str, str]]:
    """Write the page, and say how many pairs are in it.

    Raises:
        ConfigError: the baseline is no report.
        DataError: a file is damaged.
        MissingExtra: what makes pages is not installed.
    """
    from prefkit.dataset.folder import write_file
    from prefkit.reports.page import Told, html_of
    from prefkit.reports.page_pairs import cards_of

    listed = facts["pairs"]["listed"] if options.text else []
    cards = cards_of(dataset, listed)
    place = shlex.quote(str(dataset.path))
    told = Told(place, cards, options.names, _baseline(options.baseline))
    html = html_of(facts, told)
    write_file(out, html)
    yield "Wrote", f"{out}  {len(html.encode()) / 1000:,.0f} kB, {len(cards)} pairs shown"
    left = facts["pairs"]["of"] - len(cards)
    if options.text and left:
        _LOG.warning("%s more pairs are to be decided and are not in the page", f"{left:,}")


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    from prefkit.reports.document import SCHEMA
    from prefkit.reports.page import Baseline

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"cannot read the baseline {path}: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ConfigError(f"{path} is no report of prefkit", hint="--baseline OTHER/report.json")
    return Baseline(path.name, found)

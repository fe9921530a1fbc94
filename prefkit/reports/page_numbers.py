"""Numbers of the page: each is a value of the document, and says where in it it stands.

A shown number is a `data` element with the pointer (RFC 6901) to the document's value, so that a
test can hold every one of them against `report.json`. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from prefkit.pages.hidden import marked, spelled

__all__ = ["Numbers", "formatted", "found_at", "known_at", "pointer"]

_NONE = "-"


def pointer(*steps: str | int) -> str:
    """The pointer of a place in the document."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def found_at(document: Any, path: str) -> Any:
    """The value at a pointer.

    Raises:
        KeyError, IndexError: there is none.
    """
    here = document
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        here = here[int(key)] if isinstance(here, Sequence) else here[key]
    return here


def known_at(document: Any, path: str) -> Any:
    """The value at a pointer, null where there is none."""
    try:
        return found_at(document, path)
    except (KeyError, IndexError, TypeError, ValueError):
        return None


def formatted(value: float | None, form: str) -> str:
    """The text of a value; null is a dash.

    `count`: with thousands. `share`: percent with one decimal. `signed`: two decimals with a sign.
    `plain`: two decimals. `points`: percentage points with a sign.
    """
    if value is None:
        return _NONE
    texts = {
        "count": f"{value:,.0f}",
        "share": f"{value:.1%}",
        "signed": f"{value:+.2f}",
        "plain": f"{value:.2f}",
        "points": f"{100 * value:+.1f} points",
    }
    return texts[form]


class Numbers:
    """Makes the elements for one document, with what changed since a baseline."""

    def __init__(self, document: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> None:
        """Keep both; the baseline is an earlier document."""
        self._document, self._baseline = document, baseline

    def one(self, path: str, form: str = "count") -> str:
        """The element of a bare value."""
        value = found_at(self._document, path)
        if value is None:
            return f'<span class="quiet">{_NONE}</span>'
        return (
            f'<data data-path="{escape(path)}" data-form="{form}" value="{escape(repr(value))}">'
            f"{formatted(value, form)}</data>{self._change(path, value, form)}"
        )

    def estimate(self, path: str, form: str = "share", *, brief: bool = False) -> str:
        """Value, interval and rows of a number, or why there is none."""
        found = found_at(self._document, path)
        if found["value"] is None:
            return f'<span class="quiet">{_NONE} {"" if brief else self._reason(found)}</span>'
        shown = self.one(f"{path}/value", form)
        if found["low"] is None or found["high"] is None:
            interval = "" if brief else f"no interval: {self._reason(found)}; "
        else:
            ends = " to ".join(self.one(f"{path}/{end}", form) for end in ("low", "high"))
            interval = f"{ends}; "
        rows = f"n {self.one(f'{path}/n')}"
        return f'{shown} <span class="quiet">({interval}{rows})</span>'

    def _reason(self, found: Mapping[str, Any]) -> str:
        return spelled(escape(marked(str(found["reason"]))))

    def _change(self, path: str, value: float, form: str) -> str:
        before = known_at(self._baseline, path) if self._baseline is not None else None
        whole = path.endswith(("/n", "/low", "/high"))
        if whole or isinstance(before, bool) or not isinstance(before, int | float):
            return ""
        by = value - before
        told = formatted(by, "points" if form == "share" else "signed")
        if form == "count":
            told = f"{by:+,.0f}"
        return f' <span class="change" title="before: {formatted(before, form)}">({told})</span>'

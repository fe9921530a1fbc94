"""The labels that look wrong, for people: lines made of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.reports.words import listed, name, shown

__all__ = ["noise_lines"]

Line = tuple[str, str]

_MOST = 8
_TOLD = ("perhaps more", "proven more")


def noise_lines(noise: Mapping[str, Any]) -> Iterator[Line]:
    """How many labels are wrong, how well that is found, and what was queued."""
    if not noise:
        return
    yield ("", "")
    left = f"; left out: {listed(noise['left_out'])}" if noise["left_out"] else ""
    yield ("Labels", f"{noise['pairs']:,} looked at{left}")
    rate = noise["rate"]
    if rate["label_error"]["value"] is None:
        yield ("  wrong", f"not known: {rate['label_error']['reason']}")
    else:
        yield ("  wrong", shown(rate["label_error"]))
        yield ("  one vote", f"wrong {shown(rate['vote_error'])}, as two people agree "
                             f"{shown(rate['agreed'])}; errors that people share are not "
                             "seen")  # fmt: skip
    for evidence, reason in noise["not_had"].items():
        yield (f"  no {evidence}", reason)
    yield from _tests(noise["self_test"])
    suspects = noise["suspects"]
    yield ("Suspects", f"something speaks against {suspects['pairs']:,} labels; the worst "
                       f"{suspects['queued']:,} are queued · {suspects['note']}")  # fmt: skip
    yield from _groups(noise["groups"])


def _tests(test: Mapping[str, Any]) -> Iterator[Line]:
    if test["reason"] is not None:
        yield ("Self-test", f"none: {test['reason']}")
        return
    yield ("Self-test", f"{test['flipped']:,} labels turned in secret in {test['runs']} runs, each "
                        f"{test['share']:.0%} of the labels")  # fmt: skip
    yield ("  together", _found(test["together"]))
    for one in test["evidence"]:
        who = f"{name(one['by'])}: " if one["by"] else ""
        same = ""
        if one["agrees"] is not None:
            same = f"; says what the label says {shown(one['agrees'], bare=True)}"
        yield (f"  {one['evidence']}", f"{who}{_found(one)}{same}")
    if test["votes"]["auc"]["value"] is not None:
        yield ("  votes", f"{test['votes']['said']}: {_found(test['votes'])}")
    limit = test["limit"]
    if limit["auc"]["value"] is None:
        yield ("  limit", limit["auc"]["reason"])
    else:
        yield ("  limit", f"who knows the truth finds no more than {_found(limit)}")


def _found(test: Mapping[str, Any]) -> str:
    return f"AUC {shown(test['auc'])}, precision {shown(test['precision'], bare=True)}"


def _groups(groups: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    told = [one for one in groups if one["state"] in _TOLD]
    texts = [
        f"{one['by']} {name(one['group'])}: {shown(one['suspects'])}, rest {one['rest']:.2f}, "
        f"{one['state']}"
        for one in told[:_MOST]
    ]
    more = [f"{len(told) - _MOST} more with --json"] if len(told) > _MOST else []
    if texts:
        yield ("  by group", "\n".join([*texts, *more]))
        yield ("  caution", "a rare style looks like noise: read some before any group is blamed")

"""A report for people: lines of labels and text, made of the document and of nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.reports.judge_lines import judge_lines
from prefkit.reports.words import cells, counts, listed, shown

__all__ = ["lines_of"]

Line = tuple[str, str]

_WIDTH = 84  # of the text beside its label
_MOST = 8  # entries of one kind; the rest is counted, and in --json


def lines_of(document: Mapping[str, Any]) -> Iterator[Line]:
    """The whole report, a judge a block; text is wrapped, the marks `<-` are what is out of limits.

    A mark compares the number itself with the limit of a certificate; the certificate compares the
    end of the interval.
    """
    for label, text in _lines(document):
        yield label, "\n".join(_wrapped(line) for line in text.split("\n"))


def _wrapped(line: str) -> str:
    return "\n".join(textwrap.wrap(line, _WIDTH, break_on_hyphens=False, subsequent_indent="  "))


def _lines(document: Mapping[str, Any]) -> Iterator[Line]:
    yield from _about(document)
    yield from _people(document["gold"])
    judges = document["judges"]
    if not judges:
        yield ("Judges", "none has voted here")
        yield from _unpaired(document["dataset"].get("without_duels", ()))
        return
    if len(judges) > 1:
        yield ("Judges", _table(document))
    yield from _unpaired(document["dataset"]["without_duels"])
    both = zip(judges, document["certificates"], strict=True)
    for place, (judge, certificate) in enumerate(both, start=1):
        yield ("", "")
        yield (f"Judge {place}", f"{judge['judge']} · {', '.join(judge['kinds'])}, "
                                 f"{', '.join(judge['forms'])}")  # fmt: skip
        yield from judge_lines(judge, certificate, document["limits"])
    yield ("", "")
    yield from _panels(document["panel"])
    yield from _estimates("Win rates", document["win_rates"], "win_rate")
    yield from _estimates("Well graded", document["grade_shares"], "share")
    yield from _plan(document["planner"])
    yield from _published(document["published"])
    if not document["calibrated"]:
        yield ("Uncalibrated", _uncalibrated(judges))


def _unpaired(judges: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    told = [f"{one['judge']}: {one['votes']:,} votes, {one['reason']}" for one in judges]
    if told:
        yield ("Not audited", _first(told))


def _about(document: Mapping[str, Any]) -> Iterator[Line]:
    about = document["dataset"]
    rows = f"{about['rows']:,} {about['kind']}"
    if "clusters" in about:
        rows += f", {about['compared']:,} with votes, "
        rows += f"{about['clusters']:,} prompts"
    yield ("Dataset", f"{about['name']}: {rows} · {about['content_hash'][:19]}")
    if about["comparisons_from"]:
        yield ("Votes from", f"{about['comparisons_from']['name']}, the comparisons of these pairs")
    if about["note"]:
        yield ("Note", about["note"])


def _people(gold: Mapping[str, Any]) -> Iterator[Line]:
    source = gold["dataset"]
    if source is not None:
        found = f"{source['matched']:,} of its {source['comparisons']:,} comparisons are here"
        yield ("Gold from", f"{source['name']}: {found}")
    if not gold["criteria"]:
        yield ("Gold", "none: no human vote and no label")
    for one in gold["criteria"]:
        about = "" if one["criterion"] is None else f" ({one['criterion']})"
        left = f"; left out: {listed(one['left_out'])}" if one["left_out"] else ""
        yield (f"Gold{about}", f"{one['pairs']:,} pairs: {one['said']}{left}")
        if one["ceiling"]:
            yield ("  people agree", _ceiling(one["ceiling"]))


def _ceiling(ceiling: Mapping[str, Any]) -> str:
    dropped, tied = ceiling["dropped.percent"], ceiling["class.percent"]
    if dropped["value"] is None and tied["value"] is None:
        return shown(dropped)
    return (
        f"{shown(dropped)} without ties, {shown(tied)} with; "
        f"one person is right {shown(ceiling['ceiling'])}"
    )


_HEAD = ("", "judge", "votes", "unread", "swap", "longer", "right", "certificate")


def _table(document: Mapping[str, Any]) -> str:
    """A judge a row: what to compare at a glance."""
    both = zip(document["judges"], document["certificates"], strict=True)
    rows = [
        (
            str(place),
            judge["judge"],
            f"{judge['votes']:,}",
            shown(judge["failures"]["share"], bare=True),
            shown(judge["order"]["consistency"], bare=True),
            shown(judge["length"]["longer"], bare=True),
            shown(judge["gold"]["ties_dropped"]["accuracy"], bare=True),
            certificate["status"],
        )
        for place, (judge, certificate) in enumerate(both, start=1)
    ]
    return cells([_HEAD, *rows], widest=30)


def _panels(panel: Mapping[str, Any]) -> Iterator[Line]:
    """Judges are named by their places in the report."""
    if panel["reason"] is not None:
        yield ("Panel", f"none: {panel['reason']}")
    for group in panel["groups"]:
        about = "" if group["criterion"] is None else f" ({group['criterion']})"
        numbers = group["numbers"]
        members = ", ".join(map(str, numbers))
        yield (f"Panel{about}", f"judges {members}: {group['pairs_of_all']:,} of "
                                f"{group['pairs']:,} pairs judged by all")  # fmt: skip
        yield ("  worth", _worth(group))
        pairs = [
            f"{numbers[one['one']]} with {numbers[one['other']]}: "
            f"{shown(one['percent'])}, kappa {shown(one['kappa'], bare=True)}"
            for one in group["agreement"]
        ]
        yield ("  say the same", _first(pairs))
        if len(numbers) == 2:
            continue  # the rest is the other one
        alone = [
            f"{numbers[one['judge']]}: {shown(one['agrees'])}" for one in group["leave_one_out"]
        ]
        yield ("  with the rest", _first(alone))


def _worth(group: Mapping[str, Any]) -> str:
    found = group["effective_size"]
    if found["value"] is None:
        return f"effective size unknown: {found['reason']}"
    lines = [
        f"{shown(found)} independent judges",
        f"their errors correlate {shown(group['correlation'])}",
        f"a judge is right {shown(group['accuracy'])}",
        f"their majority is right {shown(group['majority'])}",
    ]
    independent = group["majority_if_independent"]
    if independent is not None:
        lines.append(f"that of so many independent ones would be {independent:.2f}")
    return "\n".join(lines)


def _first(texts: Sequence[str]) -> str:
    """The first lines of a kind, and how many more there are."""
    more = [f"{len(texts) - _MOST} more with --json"] if len(texts) > _MOST else []
    return "\n".join([*texts[:_MOST], *more])


def _estimates(label: str, entries: Sequence[Mapping[str, Any]], name: str) -> Iterator[Line]:
    """Estimates with gold; without it only how many: what a judge says is no estimate."""
    told = [_estimate(one, name) for one in entries if one.get("calibrated")]
    bare = [one for one in entries if one.get("said") is None]
    for reason in dict.fromkeys(one["reason"] for one in bare):
        names = [one["judge"] for one in bare if one["reason"] == reason]
        whose = names[0] if len(names) == 1 else f"{len(names)} judges"
        told.append(f"{whose}: {reason}")
    without = sum(one.get("calibrated") is False for one in entries)
    if without:
        told.append(
            f"{without:,} uncalibrated: {_why(entries, name)}; the judges' own are no estimate of "
            "what people say, and stand in --json"
        )
    if told:
        yield (label, _first(told))


def _estimate(entry: Mapping[str, Any], name: str) -> str:
    """An estimate with what it rests on: gold labels and their design effect."""
    if name != "win_rate":
        return str(entry["said"])
    effect = entry["design_effect"]
    basis = f"{entry['gold_n']:,} gold labels, design effect "
    basis += "unknown" if effect is None else f"{effect:.2f}"
    whom = entry["against"] or "all others"
    return f"{entry['judge']}: {entry['model']} against {whom} {shown(entry[name])}, {basis}"


def _why(entries: Sequence[Mapping[str, Any]], name: str) -> str:
    reasons = [one[name]["reason"] for one in entries if one.get("calibrated") is False]
    return "; ".join(dict.fromkeys(reason.removeprefix("uncalibrated: ") for reason in reasons))


def _plan(planner: Mapping[str, Any]) -> Iterator[Line]:
    alone = [
        f"plus or minus {one['half_width']:g} takes {one['labels']:,} human labels without a judge"
        for one in planner.get("humans_alone", ())
        if "half_width" in one
    ]
    texts = [*alone, *(one["said"] for one in planner.get("judges", ()))]
    if texts:
        yield ("Planner", _first(texts))


def _published(claims: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    if not claims:
        return
    words = {True: "contradicted", False: "confirmed", None: "not recomputed"}
    values = [words[one["contradicts"]] for one in claims]
    yield ("Published", counts({word: values.count(word) for word in words.values()}))
    wrong = [str(one["said"]) for one in claims if one["contradicts"]]
    if wrong:
        yield ("  contradicted", _first(wrong))


def _uncalibrated(judges: Sequence[Mapping[str, Any]]) -> str:
    without = sum(not judge["gold"]["calibrated"] for judge in judges)
    return (
        f"{without} of {len(judges)} judges: no gold says how far they are right; "
        "name a dataset of human votes with --gold"
    )

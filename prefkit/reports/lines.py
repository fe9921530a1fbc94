"""A report for people: lines of labels and text, made of the document and of nothing else."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.reports.contradiction_lines import contradiction_lines
from prefkit.reports.judge_lines import judge_lines
from prefkit.reports.noise_lines import noise_lines
from prefkit.reports.people_lines import people_lines
from prefkit.reports.words import cells, counts, line, listed, methods, name, shown

__all__ = ["lines_of"]

Line = tuple[str, str]

_WIDTH = 63  # of the text beside its label: together 80
_JUDGE_WIDTH = 24  # of a name in the table, which stands without a label
_WORD = re.compile(r"\S{200,}")
_MOST = 8  # entries of one kind; the rest is counted, and in --json


def lines_of(document: Mapping[str, Any]) -> Iterator[Line]:
    """The whole report, a judge a block, wrapped for 80 columns.

    A mark `<-` names the end of an interval that is beyond a limit of the certificate, as the
    certificate itself has it, or the side that an order effect goes to.
    """
    found = [*_lines(document), *noise_lines(document.get("noise", {}))]
    if made := methods(document):
        found.append(("Intervals", f"of 95 %: {', '.join(made)}"))
    if document.get("refused"):
        found.append(("Refused", line(document["refused"])))
    for label, text in found:
        yield label, "\n".join(map(_wrapped, text.split("\n"))) if label else text


def _wrapped(text: str) -> str:
    short = _WORD.sub(lambda word: f"{word[0][: _WIDTH - 3]}...", text)
    return "\n".join(textwrap.wrap(short, _WIDTH, break_on_hyphens=False, subsequent_indent="  "))


def _lines(document: Mapping[str, Any]) -> Iterator[Line]:
    yield from _about(document)
    yield from _people(document["gold"])
    yield from people_lines(document["people"])
    if document["contradictions"]:
        yield from contradiction_lines(document["contradictions"])
    judges = document["judges"]
    if not judges:
        yield ("Judges", "none has voted here")
        yield from _unpaired(document["dataset"].get("without_duels", ()))
        return
    if len(judges) > 1:
        yield from (("", ""), ("", _table(document)))
    yield from _unpaired(document["dataset"]["without_duels"])
    both = zip(judges, document["certificates"], strict=True)
    for place, (judge, certificate) in enumerate(both, start=1):
        yield ("", "")
        yield (f"Judge {place}", f"{name(judge['judge'])} · {', '.join(judge['kinds'])}, "
                                 f"{', '.join(judge['forms'])}")  # fmt: skip
        yield from judge_lines(judge, certificate, document["limits"])
    yield ("", "")
    yield from _panels(document["panel"])
    yield from _estimates("Win rates", document["win_rates"], "win_rate")
    yield from _estimates("Well graded", document["grade_shares"], "share")
    yield from _plan(document["planner"])
    yield from _published(document["published"])
    if not document["calibrated"]:
        yield ("Uncalibrated", _uncalibrated(judges, document["gold"]["dataset"]))


def _unpaired(judges: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    told = [f"{name(one['judge'])}: {one['votes']:,} votes, {one['reason']}" for one in judges]
    if told:
        yield ("Not audited", _first(told))


def _about(document: Mapping[str, Any]) -> Iterator[Line]:
    about = document["dataset"]
    rows = f"{about['rows']:,} {about['kind']}"
    if "clusters" in about:
        rows += f"; votes compare responses in {about['compared']:,}, "
        rows += f"of {about['clusters']:,} prompts"
    yield ("Dataset", f"{name(about['name'])}: {rows} · {about['content_hash'][:19]}")
    if about["comparisons_from"]:
        yield (
            "Votes from",
            f"{name(about['comparisons_from']['name'])}, the comparisons of these pairs",
        )
    if about["note"]:
        yield ("Note", about["note"])


def _people(gold: Mapping[str, Any]) -> Iterator[Line]:
    source = gold["dataset"]
    if source is not None:
        found = f"{source['matched']:,} of its {source['comparisons']:,} comparisons are here"
        own = f"; own gold of {source['own']:,} is not used" if source["own"] else ""
        yield ("Gold from", f"{name(source['name'])}: {found}{own}")
    if not gold["criteria"]:
        where = (
            "" if source is None else f" of {name(source['name'])} on a comparison of this dataset"
        )
        yield ("Gold", f"none: no human vote and no label{where}")
    for one in gold["criteria"]:
        left = f"; left out: {listed(one['left_out'])}" if one["left_out"] else ""
        yield ("Gold", f"{_about_what(one)}{one['pairs']:,} pairs: {one['said']}{left}")
        if one["ceiling"]:
            yield ("  people agree", _ceiling(one["ceiling"]))


def _about_what(found: Mapping[str, Any]) -> str:
    """The criterion, which is somebody's name, before a text; nothing where it is the whole."""
    return "" if found["criterion"] is None else f"{name(found['criterion'])}, "


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
            name(judge["judge"]),
            f"{judge['votes']:,}",
            shown(judge["failures"]["share"], bare=True),
            shown(judge["order"]["consistency"], bare=True),
            shown(judge["length"]["longer"], bare=True),
            shown(judge["gold"]["ties_dropped"]["accuracy"], bare=True),
            certificate["status"],
        )
        for place, (judge, certificate) in enumerate(both, start=1)
    ]
    return cells([_HEAD, *rows], widest=_JUDGE_WIDTH)


def _panels(panel: Mapping[str, Any]) -> Iterator[Line]:
    """Judges are named by their places in the report."""
    if panel["reason"] is not None:
        yield ("Panel", f"none: {panel['reason']}")
    for group in panel["groups"]:
        numbers = group["numbers"]
        members = ", ".join(map(str, numbers))
        yield ("Panel", f"{_about_what(group)}judges {members}: {group['pairs_of_all']:,} of "
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
    return "\n".join([*map(line, texts[:_MOST]), *more])


def _estimates(label: str, entries: Sequence[Mapping[str, Any]], which: str) -> Iterator[Line]:
    """Estimates with gold; without it only how many: what a judge says is no estimate."""
    told = [_estimate(one, which) for one in entries if one.get("calibrated")]
    bare = [one for one in entries if one.get("said") is None]
    for reason in dict.fromkeys(one["reason"] for one in bare):
        names = [name(one["judge"]) for one in bare if one["reason"] == reason]
        whose = names[0] if len(names) == 1 else f"{len(names)} judges"
        told.append(f"{whose}: {reason}")
    without = sum(one.get("calibrated") is False for one in entries)
    if without:
        told.append(
            f"{without:,} uncalibrated: {_why(entries, which)}; the judges' own are no estimate of "
            "what people say, and stand in --json"
        )
    if told:
        yield (label, _first(told))


def _estimate(entry: Mapping[str, Any], which: str) -> str:
    """An estimate with what it rests on: gold labels and their design effect."""
    if which != "win_rate":
        return str(entry["said"])
    effect = entry["design_effect"]
    basis = f"{entry['gold_n']:,} gold labels, design effect "
    basis += "unknown" if effect is None else f"{effect:.2f}"
    whom = "all others" if entry["against"] is None else name(entry["against"])
    who = f"{name(entry['judge'])}: {name(entry['model'])}"
    return f"{who} against {whom} {shown(entry[which])}, {basis}"


def _why(entries: Sequence[Mapping[str, Any]], which: str) -> str:
    reasons = [one[which]["reason"] for one in entries if one.get("calibrated") is False]
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


def _uncalibrated(judges: Sequence[Mapping[str, Any]], source: Mapping[str, Any] | None) -> str:
    without = sum(not judge["gold"]["calibrated"] for judge in judges)
    another = "a dataset" if source is None else f"another dataset than {name(source['name'])}"
    return (
        f"{without} of {len(judges)} judges: no gold says how far they are right; "
        f"name {another} of human votes with --gold"
    )

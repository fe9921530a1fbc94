"""Contradictions in lines for people: how many, among how many, and the worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefkit.reports.words import line, name, shown

__all__ = ["contradiction_lines"]

Line = tuple[str, str]
Facts = Mapping[str, Any]

_MOST = 8  # lines of a kind
_VOTES = 3  # of one example


def contradiction_lines(found: Facts) -> Iterator[Line]:
    """The kinds that were looked for and the first example of each; nothing where none could be."""
    told = [*_labels(found), *_cycles(found), *_scales(found), *_reasons(found)]
    if told:
        yield ("", "")
        yield from told


def _labels(found: Facts) -> Iterator[Line]:
    between = found["opposite_labels"]["between"]
    texts = [
        f"{_about(one)}{one['said']}: {one['opposite']:,} of {one['pairs']:,} pairs, "
        f"{shown(one['share'])}"
        for one in between
    ]
    if texts:
        yield ("Opposite labels", _first(texts))
        yield from _example(found["opposite_labels"]["examples"])


def _cycles(found: Facts) -> Iterator[Line]:
    facts = found["cycles"]
    texts = []
    for one in facts["by_voice"]:
        text = f"{_about(one)}{name(one['who'])}: {one['circular']:,} of {one['triads']:,} triads "
        text += f"run in a circle, {shown(one['share'])}; coins {facts['by_coin']:g}"
        if one["left_out"]:
            text += f"; {one['left_out']:,} prompts left out: {one['left_out_because']}"
        texts.append(text)
    if texts:
        yield ("Cycles", _first(texts))
        yield from _example(facts["examples"])


def _scales(found: Facts) -> Iterator[Line]:
    facts = found["scale_confusion"]
    texts = [
        f"the {one['level']} {name(one['who'])} agrees with the others on {shown(one['agrees'])} "
        f"of {one['pairs']:,} pairs (q {one['q']:.2g}): the wrong way round?"
        for one in facts["wrong_way"]
    ]
    texts += [
        f"{_about(one)}{name(one['who'])}: never {one['never']} of {line(one['scale'])} in "
        f"{one['grades']:,} grades, others in {one['others']:.2f} (q {one['q']:.2g})"
        for one in facts["part_of_scale"]
    ]
    texts += [
        f"{_about(one)}{one['kind']} votes stand on {len(one['pairs_by_scale'])} scales: "
        + ", ".join(f"{line(scale)} {n:,}" for scale, n in one["pairs_by_scale"].items())
        for one in facts["several_scales"]
    ]
    if texts:
        yield ("Scale", _first(texts))


def _reasons(found: Facts) -> Iterator[Line]:
    facts = found["rationales"]
    texts = [
        f"{name(one['who'])}: {one['contradicting']:,} of "
        f"{one['say_a_side'] - one['with_a_tie']:,} that name a side name the other one"
        for one in facts["by_voice"]
        if one["contradicting"]
    ]
    if texts:
        yield ("Reasons", _first(texts))
        yield from _example(facts["examples"])


def _about(one: Facts) -> str:
    return "" if one["criterion"] is None else f"{name(one['criterion'])}, "


def _example(entries: Sequence[Facts]) -> Iterator[Line]:
    """The worst one by its votes, so that it can be looked up."""
    if not entries:
        return
    votes = entries[0]["votes"]
    told = [
        f"{name(vote['by'] or 'nobody named')} in {name(vote['file'])}, "
        f"{name(', '.join(vote['records']))}: {vote['better'] or 'tie'}"
        for vote in votes[:_VOTES]
    ]
    more = [f"{len(votes) - _VOTES:,} more votes"] if len(votes) > _VOTES else []
    text = "\n".join([f"comparison {votes[0]['comparison']}", *told, *more])
    yield ("  the first" if len(entries) > 1 else "  it", text)


def _first(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - _MOST} more with --json"] if len(texts) > _MOST else []
    return "\n".join([*map(line, texts[:_MOST]), *more])

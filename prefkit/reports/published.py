"""Numbers that a source published of its judges, held against the votes; none is ever copied."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa

from prefkit.errors import DataError
from prefkit.reports.claims import Claim, read_claims
from prefkit.reports.recomputed import (
    ALPACA,
    LLMBAR,
    Again,
    alpaca_numbers,
    llmbar_numbers,
    votes_in,
)

__all__ = ["contradicted"]

_SHARES = (0.0, 1.0)
_COEFFICIENTS = (-1.0, 1.0)
_PERCENTS = (0.0, 100.0)
_AMOUNTS = (0.0, math.inf)
_SAID_OF = {
    _SHARES: "a share goes from 0 to 1 (or is written as 92.0%)",
    _COEFFICIENTS: "a coefficient goes from -1 to 1",
    _PERCENTS: "a percentage goes from 0 to 100",
    _AMOUNTS: "it is not below 0",
}
_COEFFICIENT_WORDS = frozenset({"kappa", "ac", "ac1", "ac2", "alpha", "rho", "correlation"})
_SHARE_WORDS = frozenset({"share", "probability", "correct", "equal"})
_OWN_SHARE_WORDS = frozenset(
    {"accuracy", "consistency", "percent", "preference", "rate", "readable"}
)
_AMOUNT_WORDS = frozenset({"n", "avg", "clusters", "pairs"})
_GROUP = 2  # numbers of one unknown name, from which they are one line
_NAMED_BY = ("judge", "name")
_SIX_DIGITS = 5e-6  # numbers of the report are rounded so
_MOST_SHOWN = 60  # characters of what was published


class _Known(NamedTuple):
    """What a name may mean in this dataset."""

    document: Mapping[str, Again]
    sources: Mapping[str, Again]
    """LLMBar's and alpaca_eval's names, each with its judge or model in front."""


def contradicted(
    document: Mapping[str, Any],
    published: Path,
    tables: Iterable[pa.Table],
    duels: pl.DataFrame,
) -> list[dict[str, Any]]:
    """Every published number beside the one made again from the votes.

    `contradicts` is true where the two differ by more than the digits written explain, or where
    the number contradicts itself; null where nothing here makes such a number, and `note` says why.
    A name is LLMBar's (`equal`; with several judges `JUDGE.equal`), alpaca_eval's
    (`MODEL.win_rate`; `JUDGE.MODEL.win_rate`), or that of a number of the report, joined by dots.

    Args:
        document: the report, for names of its own.
        published: JSON or CSV, see `claims`.
        tables: the comparisons, read once.
        duels: all lines, see `judging.duels`.

    Raises:
        DataError: the file is no mapping of names, or numbers are outside what they can be.
    """
    claims = read_claims(published)
    votes = votes_in(tables)
    sources = _llmbar(llmbar_numbers(votes))
    sources |= _alpaca(alpaca_numbers(duels, votes))
    known = _Known(dict(_numbers(document, "")), sources)
    found = [(claim, _meaning(claim.name, known)) for claim in claims]
    _refuse_outside(published, found)
    return list(_lines(found))


def _llmbar(by_judge: Mapping[str, Mapping[str, Again]]) -> dict[str, Again]:
    named = {
        f"{judge}.{name}": again
        for judge, numbers in by_judge.items()
        for name, again in numbers.items()
    }
    if len(by_judge) == 1:
        named |= next(iter(by_judge.values()))
    return named


def _alpaca(by_judge: Mapping[str, Mapping[str, Mapping[str, Again]]]) -> dict[str, Again]:
    named = {}
    for judge, models in by_judge.items():
        for model, numbers in models.items():
            for name, again in numbers.items():
                named[f"{judge}.{model}.{name}"] = again
                if len(by_judge) == 1:
                    named[f"{model}.{name}"] = again
    return named


def _numbers(value: Any, name: str) -> Iterator[tuple[str, Again]]:
    """The numbers of the report by dotted names; one in a list by its place and by its judge."""
    if isinstance(value, Mapping) and "value" in value and "n" in value:
        if value["value"] is not None:
            yield name, Again(value["value"], value["n"], rounded=True)
    elif isinstance(value, Mapping | list):
        for key, one in _inside(value):
            yield from _numbers(one, f"{name}.{key}" if name else key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, Again(value, 0, rounded=True)


def _inside(value: Mapping[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), one) for key, one in value.items())
        return
    names = [_names_of(one) for one in value]
    shared = Counter(name for each in names for name in each)
    for place, one in enumerate(value):
        yield str(place), one
        # A name that several have, as a judge has several win rates, names none of them.
        yield from ((name, one) for name in sorted(names[place]) if shared[name] == 1)


def _names_of(value: Any) -> set[str]:
    if not isinstance(value, Mapping):
        return set()
    return {value[key] for key in _NAMED_BY if isinstance(value.get(key), str)}


def _meaning(name: str, known: _Known) -> Again | None:
    return known.sources.get(name) or known.document.get(name)


def _refuse_outside(published: Path, found: list[tuple[Claim, Again | None]]) -> None:
    wrong = []
    for claim, again in found:
        limits = _limits(claim, again)
        if claim.value is None or limits is None:
            continue
        if not limits[0] <= claim.value <= limits[1]:
            wrong.append(f"{claim.name} is {claim.written!r:.60}: {_SAID_OF[limits]}")
    if wrong:
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise DataError(
            f"{published}: {'; '.join(wrong[:5])}{more}",
            hint="take such numbers out of the file: no such number can be recomputed",
        )


def _limits(claim: Claim, again: Again | None) -> tuple[float, float] | None:
    """What a number of that name can be; null where the name does not tell."""
    last = claim.name.rpartition(".")[2]
    words = set(re.split(r"[_ ]", last))
    if claim.percent or claim.total is not None:
        return _SHARES
    if again is not None and again.percent:
        return _PERCENTS
    if words & _COEFFICIENT_WORDS:
        return _COEFFICIENTS
    if words & _SHARE_WORDS or (again is not None and words & _OWN_SHARE_WORDS):
        return _SHARES
    if again is None and (last in ALPACA or last.endswith(("win_rate", "winrate"))):
        return _AMOUNTS if last.startswith(("n_", "avg")) else _PERCENTS
    return _AMOUNTS if words & _AMOUNT_WORDS else None


def _lines(found: list[tuple[Claim, Again | None]]) -> Iterator[dict[str, Any]]:
    """A line each; the numbers of a judge or model that is not in the dataset are one line."""
    known = {_owner(claim) for claim, again in found if again is not None}
    groups: dict[str, int] = {}
    for claim, again in found:
        if again is None and _owner(claim) and _owner(claim) not in known:
            groups[_owner(claim)] = groups.get(_owner(claim), 0) + 1
    for claim, again in found:
        count = groups.get(_owner(claim), 0)
        if count >= _GROUP:
            groups[_owner(claim)] = -1
            note = f"not recomputed: {count} numbers of no judge, model or part of this report"
            yield _line(f"{_owner(claim)}.*", None, note=note)
        elif count >= 0:
            yield _held(claim, again)


def _owner(claim: Claim) -> str:
    return claim.name.rpartition(".")[0]


def _line(name: str, written: Any, **more: Any) -> dict[str, Any]:
    empty = {"recomputed": None, "n": None, "contradicts": None, "note": None}
    line = {"name": name, "published": written, **empty, **more}
    return {**line, "said": _sentence(line)}


def _sentence(line: Mapping[str, Any]) -> str:
    note = f" ({line['note']})" if line["note"] else ""
    was = f"{line['name']}: {str(line['published'])[:_MOST_SHOWN]} was published"
    if line["recomputed"] is None:
        return f"{line['name']}: {line['note']}" if line["published"] is None else f"{was}{note}"
    word = "but" if line["contradicts"] else "and"
    return f"{was}, {word} the votes say {line['recomputed']:g}{note}"


def _held(claim: Claim, again: Again | None) -> dict[str, Any]:
    if claim.value is None:
        note = claim.fault or "not a number"
        return _line(claim.name, claim.written, note=note, contradicts=claim.fault and True)
    if again is None:
        note = f"not recomputed: {_why(claim.name)}"
        contradicts = True if claim.fault else None
        return _line(claim.name, claim.written, note=claim.fault or note, contradicts=contradicts)
    if again.value is None:
        return _line(claim.name, claim.written, n=again.n, note=f"not recomputed: {again.note}")
    value = again.value / 100 if again.percent and claim.percent else again.value
    # A whole percentage is rounded; a whole count, or a share of 0 or 1, is meant as it stands.
    room = claim.tolerance or (0.5 if again.percent else 0.0)
    close = _SIX_DIGITS if again.rounded else 1e-9
    apart = not math.isclose(value, claim.value, rel_tol=close, abs_tol=room)
    other = claim.total is not None and again.n > 0 and claim.total != again.n
    notes = [
        claim.fault,
        f"published of {claim.total}, here there are {again.n}" if other else None,
        again.note,
    ]
    return _line(
        claim.name,
        claim.written,
        recomputed=float(f"{value:.6g}") if isinstance(value, float) else value,
        n=again.n or None,
        contradicts=bool(apart or other or claim.fault),
        note="; ".join(note for note in notes if note) or None,
    )


def _why(name: str) -> str:
    last = name.rpartition(".")[2]
    if last in LLMBAR:
        return (
            "needs one judge (or its name in front) whose votes say `swap = False` and"
            " `swap = True`; single ratings were shown in no order"
        )
    if last in ALPACA:
        return f"say of which model, as in MODEL.{last} (with several judges JUDGE.MODEL.{last})"
    if last.endswith("winrate"):
        return "takes a regression over many models that this dataset does not hold"
    return "no number of this name here"

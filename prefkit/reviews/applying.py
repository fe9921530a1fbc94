"""What decisions make of a dataset: a change for each row that they are about, and a list.

Nothing is guessed: a line about a pair that is gone or has changed, and votes that come to no
answer, are listed with their reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import Dataset
from prefkit.reviews.settling import FEWEST, Policy, Settled, counted, settle
from prefkit.schema.columns import one_chunk
from prefkit.schema.decision_lines import Decision, Outcome
from prefkit.schema.decisions import pair_hashes

__all__ = ["CHECK", "Applied", "Change", "Rules", "Tie", "apply_to"]

Tie = Literal["drop", "keep"]
Verdict = Literal["keep", "flip", "drop", "open"]
CHECK = "review"
"""The name under which a row says in `checks` and `dropped` what a review did to it."""

_HASHED = ("criterion", "prompt", "chosen", "rejected", "tools")
_READ = ("id", *_HASHED, "decision", "dropped")


class Rules(NamedTuple):
    """How votes come to an answer, and what becomes of a tie."""

    policy: Policy = "majority"
    tie: Tie = "drop"
    fewest: int = FEWEST


class Change(NamedTuple):
    """What becomes of one row.

    `verdict` and `reference` go into its `decision`, `open` where the votes come to no answer yet;
    `dropped` is the reason that it has then, null where it stays; `note` is what is added to its
    checks, null for nothing.
    """

    pair: str
    verdict: Verdict
    reference: str
    dropped: str | None
    note: str | None


@dataclass
class Applied:
    """Changes by row of the dataset, and what is only listed.

    `answers` counts rows by what was decided, those that had it before included (`as_before`).
    `waiting` are pairs for adjudication, `moved` lines that fit no row, both with a reason;
    `still_dropped` counts rows that only blind votes keep or flip and that a filter dropped.
    """

    changes: dict[int, Change] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    as_before: int = 0
    waiting: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    still_dropped: int = 0

    def rows_changed(self) -> dict[str, int]:
        """How many rows change, by what becomes of them."""
        names = Counter(_CHANGED[change.verdict] for change in self.changes.values())
        return dict(sorted(names.items()))


_CHANGED: dict[Verdict, str] = {
    "keep": "marked as kept",
    "flip": "flipped",
    "drop": "dropped",
    "open": "marked as open",
}


class _Row(NamedTuple):
    """A row as it is; `turned` is the `pair_sha256` that it has with its sides exchanged."""

    row: int
    pair: str
    sha256: str
    turned: str
    verdict: str | None
    reference: str | None
    dropped: str | None

    @property
    def now(self) -> tuple[str, str]:
        """What lines about it as it is name it by."""
        return self.pair, self.sha256

    @property
    def other(self) -> tuple[str, str]:
        """What lines about it name it by when its sides are exchanged."""
        return self.pair, self.turned

    @property
    def flipped(self) -> bool:
        """Whether a review flipped it."""
        return self.verdict == "flip"

    @property
    def by_filter(self) -> bool:
        return self.dropped is not None and not self.dropped.startswith(f"{CHECK}: ")


_About = Mapping[tuple[str, str], Sequence[Decision]]
_Said = Mapping[tuple[str, str], Settled]


def apply_to(dataset: Dataset, lines: Iterable[Decision], rules: Rules) -> Applied:
    """Settle the lines and hold them against the rows; the dataset stays as it is.

    Cost: one pass over the ids and texts.

    Raises:
        DataError: a line picks A or B without saying which side that was, or a file is damaged.
    """
    about: dict[tuple[str, str], list[Decision]] = defaultdict(list)
    for line in counted(lines):
        about[line.pair, line.pair_sha256].append(line)
    rows = list(_rows(dataset, {pair for pair, _ in about}))
    each = {key: settle(several, rules.policy, rules.fewest) for key, several in about.items()}
    said = each | dict(_contradicted(rows, each))
    found = Applied()
    met: set[tuple[str, str]] = set()
    for row in rows:
        before = said.get(row.other) if row.flipped else None
        now = said.get(row.now)
        met.add(row.now)
        if before is not None and (now is None or _agree(now, before)):
            met.add(row.other)
        if before is not None and (now is None or _asked_for(before, now)):
            _flipped_before(found, row, before)
        elif now is not None:
            _as_it_is(found, row, now, rules)
    found.moved = list(_moved(about, met, {row.pair for row in rows}))
    return found


def _agree(one: Settled, other: Settled) -> bool:
    """Whether they say the same of a pair and of the pair with its sides exchanged."""
    return one.outcome is not None and _EXCHANGED.get(one.outcome) == other.outcome


def _asked_for(before: Settled, now: Settled) -> bool:
    """Whether a flip was asked for, and what it came to is agreed with."""
    return before.outcome == "rejected" and now.outcome == "chosen"


_EXCHANGED: dict[Outcome, Outcome] = {
    "chosen": "rejected",
    "rejected": "chosen",
    "tie": "tie",
    "both_bad": "both_bad",
}


def _contradicted(rows: Iterable[_Row], said: _Said) -> Iterator[tuple[tuple[str, str], Settled]]:
    """Answers to a pair that those to the same pair with its sides exchanged speak against.

    Rows with opposite labels are one question. Who settles it is heard before votes, here too; a
    drop says nothing about the other row.
    """
    for row in rows:
        for key, turned in ((row.now, row.other), (row.other, row.now)):
            one, other = said.get(key), said.get(turned)
            if one is None or other is None or _agree(one, other) or one.settled > other.settled:
                continue
            if one.outcome in _EXCHANGED and other.outcome in _EXCHANGED:
                why = f"{one.why}, but with the sides exchanged {other.why}"
                yield key, one._replace(outcome=None, why=why, settled=False)


def _rows(dataset: Dataset, pairs: set[str]) -> Iterator[_Row]:
    wanted, first = pa.array(sorted(pairs), pa.string()), 0
    for table in dataset.batches(_READ):
        mask = pc.is_in(one_chunk(table["id"]), wanted)
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
        mine = table.filter(mask)
        hashes = zip(pair_hashes(mine), pair_hashes(_turned(mine)), strict=True)
        others = mine.select(["id", "decision", "dropped"]).to_pylist()
        for place, (digest, turned), row in zip(places, hashes, others, strict=True):
            decision = row["decision"] or {}
            verdict = decision.get("verdict")
            yield _Row(
                first + place, row["id"], digest, turned, verdict, decision.get("reference"),
                row["dropped"],
            )  # fmt: skip
        first += len(table)


def _turned(table: pa.Table) -> pa.Table:
    names = {"chosen": "rejected", "rejected": "chosen"}
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _as_it_is(found: Applied, row: _Row, said: Settled, rules: Rules) -> None:
    """Lines about the row as it is now."""
    verdict = _verdict(said, rules.tie)
    if verdict == "open":
        found.waiting.append(_listed(row, row.sha256, said.why))
        if row.verdict not in (None, "open"):
            return  # an earlier answer stands until there is another
    else:
        found.answers[f"tie: {verdict}" if said.outcome == "tie" else verdict] += 1
        found.still_dropped += verdict != "drop" and row.by_filter and not said.settled
    reference = _reference(said, rules)
    if (row.verdict, row.reference) == (verdict, reference):
        found.as_before += verdict != "open"
        return
    dropped, note = _marks(row, verdict, said)
    found.changes[row.row] = Change(row.pair, verdict, reference, dropped, note)


def _flipped_before(found: Applied, row: _Row, said: Settled) -> None:
    """Lines about the row before a review flipped it: they ask for that flip, or speak against."""
    if said.outcome == "rejected":
        found.answers["flip"] += 1
        found.as_before += 1
        return
    why = f"it was flipped since ({row.reference}), and now: {said.why}"
    found.waiting.append(_listed(row, row.turned, why))


def _verdict(said: Settled, tie: Tie) -> Verdict:
    if said.outcome is None:
        return "open"
    if said.outcome == "tie":
        return tie
    return _BY_OUTCOME[said.outcome]


_BY_OUTCOME: dict[Outcome, Verdict] = {
    "chosen": "keep",
    "rejected": "flip",
    "both_bad": "drop",
    "drop": "drop",
    "unsure": "open",
}


def _marks(row: _Row, verdict: Verdict, said: Settled) -> tuple[str | None, str | None]:
    """The reason for which the row is dropped then, and the note.

    Blind votes say which side is better, and nothing about what a filter dropped the row for; who
    settles it does.
    """
    if verdict == "open":
        return row.dropped, None
    if verdict == "drop":
        return (row.dropped if row.by_filter else f"{CHECK}: {said.why}"), None
    stays = row.dropped is not None and row.by_filter and not said.settled
    notes = ["flipped: the checks before this one are of the other orientation"]
    notes = notes if verdict == "flip" else []
    if row.dropped is not None and not stays:
        notes.append(f"restored from {row.dropped}")
    return (row.dropped if stays else None), "; ".join(notes) or None


def _reference(said: Settled, rules: Rules) -> str:
    """Equal for equal lines and rules, so that applying them again changes nothing."""
    ids = "\n".join(sorted(line.id for line in said.lines))
    return f"{said.why} ({rules.policy}), {sha256(ids.encode()).hexdigest()[:16]}"


def _listed(row: _Row, digest: str, why: str) -> dict[str, Any]:
    return {"pair": row.pair, "pair_sha256": digest, "row": row.row, "reason": why}


def _moved(about: _About, met: set[tuple[str, str]], known: set[str]) -> Iterator[dict[str, Any]]:
    for (pair, digest), lines in about.items():
        if (pair, digest) not in met:
            why = "changed since it was looked at" if pair in known else "not in this dataset"
            for line in lines:
                yield {
                    "pair": pair, "pair_sha256": digest, "line": line.id, "reviewer": line.reviewer,
                    "verdict": line.verdict, "reason": why,
                }  # fmt: skip

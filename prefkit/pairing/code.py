"""A program that passes its tests against one that does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import Field, model_validator

from prefkit.pairing.code_candidates import FAILING, Candidate, tasks_of
from prefkit.pairing.code_picking import Picked, Picker, chances
from prefkit.pairing.contests import Standing
from prefkit.pairing.policy import TOLD, Chosen, Policy
from prefkit.statistics.allotment import Allotment, allotted

__all__ = ["Code"]

_SURVEY = {"id": pl.String, **dict.fromkeys((*FAILING, "speed"), pl.Int64)}


class Code(Policy):
    """Pair a candidate that passes every test with a near miss, a wrong, slow or crashing one.

    Reads execution votes alone. The rejected sides come in the shares given, over all tasks and as
    near as the candidates allow; where a class is short the others fill its part, and it is said.
    Trivial and unreadable candidates are no side, nor is one whose runs disagree.
    """

    by_votes: ClassVar[bool] = False

    near_miss: float = Field(0.5, ge=0, description="Share of rejected that pass half the tests.")
    wrong: float = Field(0.3, ge=0, description="Share of rejected with more wrong answers.")
    slow: float = Field(0.1, ge=0, description="Share of rejected that only ran out of time.")
    crashing: float = Field(0.1, ge=0, description="Share of rejected that mostly raise or crash.")
    cap: int = Field(4, ge=1, description="Pairs of one task at most.")
    speed: bool = Field(
        False, description="Below the cap, pair a clearly faster program with one that passes too."
    )
    prefer: Literal["draw", "informative"] = Field(
        "draw", description="Which pairs first: a draw, or near texts that fail other tests."
    )
    balance_length: bool = Field(
        True, description="Let the longer and the shorter text be the chosen one in turn."
    )
    least_adequacy: float = Field(
        0.0, ge=0, le=1, description="Share of mutants that a task's tests must catch."
    )
    most_differing: float = Field(
        1.0, ge=0, le=1, description="Share of further inputs a chosen one may answer otherwise."
    )
    seed: int = Field(0, description="Another seed draws other pairs.")

    looks_first: ClassVar[bool] = True

    @model_validator(mode="after")
    def _wants_something(self) -> Code:
        if not (any(self._shares()) or self.speed):
            raise ValueError(f"no class has a share, and speed is off: give one of {FAILING}")
        return self

    def _shares(self) -> tuple[float, ...]:
        return self.near_miss, self.wrong, self.slow, self.crashing

    def most_of_a_prompt(self) -> int | None:
        """The cap holds over all comparisons of a prompt."""
        return self.cap

    def survey(self, table: pa.Table, responses: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
        """How many pairs of each class, and of speed, every task could give."""
        names = dict(ids.select("row", "id").iter_rows())
        rows = []
        for row, candidates in self._tasks(table, responses, ids):
            picker = self._picker(names[row], candidates)
            rows.append((names[row], *picker.available, len(picker.quicker) if self.speed else 0))
        return pl.DataFrame(rows, schema=_SURVEY, orient="row")

    def fitted(self, surveys: Iterable[pl.DataFrame]) -> Policy:
        """The policy with a number of pairs of each class for every task."""
        found = pl.concat([pl.DataFrame(schema=_SURVEY), *surveys]).unique("id", keep="first")
        order = np.fromiter(
            (chances(f"{self._key(name)}\norder", 1)[0] for name in found["id"]), np.float64
        )
        found = found.with_columns(pl.Series("order", order)).sort("order", "id")
        allotment = self._allotted(found.select(FAILING).to_numpy(), found["id"])
        counts = allotment.counts
        free = self.cap - counts.sum(axis=1)
        # Few rows differ: a tuple of each, however many tasks there are.
        kinds, which = np.unique(counts, axis=0, return_inverse=True)
        quotas = [tuple(row) for row in kinds.tolist()]
        return _Allotted.model_construct(
            **self.model_dump(),
            quotas={
                name: quotas[kind]
                for name, kind in zip(found["id"], which.reshape(-1), strict=True)
            },
            totals=tuple(counts.sum(axis=0).tolist()),
            most=allotment.most,
            by_speed=int(np.minimum(free, found["speed"].to_numpy()).sum()),
        )

    def choose_among(self, table: pa.Table, standing: Standing, ids: pl.DataFrame) -> Chosen:
        """Pick the pairs of each task by its quota, a task that was not surveyed by itself."""
        names = dict(ids.select("row", "id").iter_rows())
        pairs, aside = [], []
        for row, candidates in self._tasks(table, standing.responses, ids):
            picker = self._picker(names[row], candidates)
            quota = self._quota(names[row], picker.available)
            speed = self.cap - sum(quota) if self.speed else 0
            picked = picker.pairs(dict(zip(FAILING, quota, strict=True)), speed)
            pairs += [_told(one) for one in picked]
            if not picked:
                aside.append((row, self._reason(candidates)))
        told = pl.DataFrame(pairs, schema=TOLD, orient="row")
        none = standing.responses.select(
            "row", reason=pl.lit("no execution vote with a pass share")
        )
        reasons = pl.DataFrame(aside, schema={"row": pl.Int64, "reason": pl.String}, orient="row")
        return Chosen.of(told, reasons, none)._replace(told=told)

    def _tasks(
        self, table: pa.Table, responses: pl.DataFrame, ids: pl.DataFrame
    ) -> Iterator[tuple[int, list[Candidate]]]:
        """The tasks, with another kind for passing candidates that the options do not trust."""
        for row, candidates in tasks_of(table, responses, ids):
            yield row, [self._trusted(one) if one.kind == "pass" else one for one in candidates]

    def _trusted(self, one: Candidate) -> Candidate:
        killed, differing = one.run.killed, one.run.differing
        if self.least_adequacy > 0 and killed is None:
            return one._replace(kind="adequacy of the tests not known")
        if killed is not None and killed < self.least_adequacy:
            return one._replace(kind="tests catch too few mutants")
        if differing is not None and differing > self.most_differing:
            return one._replace(kind="passes, but answers other inputs otherwise")
        return one

    def _picker(self, name: str, candidates: Sequence[Candidate]) -> Picker:
        return Picker(
            candidates,
            self._key(name),
            informative=self.prefer == "informative",
            balance=self.balance_length,
        )

    def _key(self, name: str) -> str:
        return f"{self.seed}\n{name}"

    def _quota(self, name: str, available: Sequence[int]) -> tuple[int, ...]:
        counts = self._allotted(np.array([available]), [name]).counts
        return tuple(counts[0].tolist())

    def _allotted(self, available: np.ndarray[Any, Any], names: Iterable[str]) -> Allotment:
        most = int(min(self.cap, available.sum(axis=1).max(initial=0)))
        draws = np.empty((len(available), most))
        for row, name in enumerate(names):
            draws[row] = chances(self._key(name), most)
        return allotted(available, self.cap, self._shares(), draws)

    def _reason(self, candidates: Sequence[Candidate]) -> str:
        """Why a task gives no pair: what most hinders is said first."""
        kinds = {one.kind for one in candidates}
        unclear = sorted(kinds - {"pass", "trivial", "invalid", *FAILING})
        if "pass" not in kinds:
            if unclear:
                return unclear[0]
            trivial = " but trivial ones" if "trivial" in kinds else ""
            return f"no candidate passes every test{trivial}"
        alike = ", and none is clearly faster" if self.speed else ""
        if kinds & set(FAILING):
            return f"no failing candidate of a class that has a share{alike}"
        if unclear:
            return unclear[0]
        passing = (
            "every candidate passes every test" if kinds == {"pass"} else "no failing candidate"
        )
        return passing + alike


class _Allotted(Code):
    """The policy after its look at all tasks.

    `quotas`: of a comparison its pairs by class, in the order of `FAILING`. `totals`, `most`: over
    all tasks what is taken of each class, and what could be. `by_speed`: pairs by speed.
    """

    quotas: Mapping[str, tuple[int, ...]]
    totals: tuple[int, ...]
    most: tuple[int, ...]
    by_speed: int

    def _quota(self, name: str, available: Sequence[int]) -> tuple[int, ...]:
        known = self.quotas.get(name)
        return super()._quota(name, available) if known is None else known

    def facts(self) -> dict[str, Any]:
        """Of each class the share that was wanted and what was found."""
        size, whole = sum(self.totals), sum(self._shares())
        classes = {
            kind: {
                "wanted": share / whole if whole else 0.0,
                "share": count / size if size else None,
                "pairs": count,
                "most": most,
            }
            for kind, share, count, most in zip(
                FAILING, self._shares(), self.totals, self.most, strict=True
            )
        }
        return {"rejected": classes, "by_speed": self.by_speed}

    def lines(self) -> tuple[tuple[str, str], ...]:
        """The classes of rejected sides, and which of them are short."""
        classes = {
            kind: facts for kind, facts in self.facts()["rejected"].items() if facts["wanted"]
        }
        size = sum(self.totals)
        parts = [
            f"{kind} {one['pairs']:,} ({(one['share'] or 0):.0%}, wanted {one['wanted']:.0%})"
            for kind, one in classes.items()
        ]
        lines = [("Rejected", " · ".join(parts))] if size else []
        short = [
            f"{kind}: {one['pairs']:,} where its share is {one['wanted'] * size:,.0f}"
            f" (its candidates make {one['most']:,} at most)"
            for kind, one in classes.items()
            if one["pairs"] + 1 <= one["wanted"] * size
        ]
        if short:
            lines.append(("Short", f"{'; '.join(short)}; other classes fill its part"))
        if self.speed:
            lines.append(("By speed", f"{self.by_speed:,}"))
        return tuple(lines)


def _told(pair: Picked) -> tuple[Any, ...]:
    """A line of `TOLD`; what counts in a pair by speed is no share of tests."""
    sides = pair.chosen.row, pair.chosen.place, pair.rejected.place
    if pair.speed is None:
        return (*sides, None, None, "code.rejected", pair.rejected.share, pair.rejected.kind)
    least, other = pair.speed.least_s, pair.speed.other_s
    note = f"{least:.4g} s against {other:.4g} s"
    return (*sides, pair.speed.margin, "log_seconds", "code.speed", other / least, note)

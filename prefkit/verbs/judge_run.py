"""Comparisons judged by a panel on their way into a child dataset, and what its manifest says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from prefkit.dataset import DatasetWriter
from prefkit.dataset.manifest import run_block
from prefkit.judging.protocol import Judged
from prefkit.llm.records import Failure, Reply
from prefkit.schema.votes import with_votes
from prefkit.verbs.judge_gold import Examined, no_verdict
from prefkit.verbs.judge_panel import Panel, Taken
from prefkit.verbs.judge_rows import Rows
from prefkit.verbs.judge_tally import Tally, aside
from prefkit.verbs.spending import spent

__all__ = ["SHOWN", "Run"]

SHOWN = ("counts", "judging", "models", "certificates", "certified_by", "spend")
"""Entries of the manifest that the verb shows too."""

_NO_GOLD = "uncalibrated: no human gold"


class Run:
    """One run over all comparisons, after everything was agreed to."""

    def __init__(
        self,
        panel: Panel,
        rows: Rows,
        taken: Taken,
        examined: Examined | None,
        drift: Mapping[str, Any],
    ) -> None:
        self._panel = panel
        self._rows = rows
        self._taken = taken
        self._examined = examined
        self._drift = drift
        self._tally = Tally()
        self._added = 0

    def write(self, writer: DatasetWriter) -> None:
        """Ask about every comparison, in order, and write it with its votes.

        Raises:
            BatchPending, ClientError: as `Panel.judged`.
        """
        said = self._panel.judged(self._rows, stage="judge")
        for table in self._rows.tables():
            several = [next(said) for _ in range(len(table))]
            for row, one in enumerate(several):
                self._tally.add(one)
                if any(part.missing for part in one):
                    self._put_aside(writer, table.slice(row, 1).to_pylist()[0], one)
            votes = [[vote for part in one for vote in part.votes] for one in several]
            judged = with_votes(table, votes)
            self._added += _votes(judged) - _votes(table)
            writer.write(judged)

    def _put_aside(
        self, writer: DatasetWriter, row: Mapping[str, Any], several: Sequence[Judged]
    ) -> None:
        responses = [response["id"] for response in row["responses"]]
        for judge, one in zip(self._panel.judges, several, strict=True):
            for missing in one.missing:
                writer.put_aside(aside(row["id"], judge.spec, responses, missing))

    def facts(self) -> dict[str, Any]:
        """The entries of the manifest: equal for equal rows, but for `spend` and the run block."""
        protocol, examined = self._panel.protocol, self._examined
        rubrics = {
            one.label: {**one.model_dump(mode="json"), "sha256": one.digest}
            for one in protocol.rubrics
        }
        found = [] if examined is None else [one.facts() for one in examined.certificates]
        by = None
        if examined is not None:
            by = {"comparisons": examined.tally.comparisons, "verdicts": examined.tally.verdicts}
        return {
            "parents": [self._rows.dataset.content_hash],
            "counts": {**self._tally.facts(), "votes_added": self._added},
            "judging": {
                **dataclasses.asdict(protocol.how),
                "orders": protocol.orders,
                "many": protocol.many,
                "draws": protocol.draws,
                "reference": protocol.reference,
                "most_listed": protocol.most_listed,
                "rubrics": rubrics,
                "fitted": self._taken.why,
            },
            "models": [{"model": one.spec, "revision": one.pinned} for one in self._panel.judges],
            "certificates": found or _NO_GOLD,
            "certified_by": by,
            "spend": spent(self._panel.judges[0].client.desk.ledger),
            "run": run_block() | {"canary": dict(self._drift)},
        }

    def settle(self, *, hint: str) -> None:
        """Say that money ran out, or that there is not one verdict; the folder is there already.

        Raises:
            BudgetReached: some was not asked for want of money.
            ClientError, NothingUsable: there is no verdict at all.
        """
        for number, judge in enumerate(self._panel.judges):
            unpaid = Reply(failure=Failure("budget", ""))
            judge.client.settle(repeat(unpaid, self._tally.unpaid[number]))
        if not self._tally.verdicts:
            raise no_verdict(self._panel, self._tally, hint=hint)


def _votes(table: Any) -> int:
    return sum(len(chunk.flatten()) for chunk in table["votes"].chunks)

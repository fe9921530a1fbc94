"""Comparisons judged by a panel on their way into a child dataset, and what its manifest says."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from prefkit.dataset import DatasetWriter
from prefkit.dataset.manifest import run_block
from prefkit.errors import BudgetReached, GateFailed
from prefkit.judging.protocol import Judged
from prefkit.llm.money.ledger import Ledger
from prefkit.schema.votes import with_votes
from prefkit.verbs.judge_gold import Examined, no_verdict
from prefkit.verbs.judge_panel import Panel, Taken
from prefkit.verbs.judge_rows import Rows
from prefkit.verbs.judge_tally import Tally, aside
from prefkit.verbs.spending import spent

__all__ = ["SHOWN", "SHOWN_OF_RUN", "Run"]

SHOWN = ("counts", "judging", "models", "certificates", "certified_by", "uncertified")
"""Entries of the manifest that the verb shows too, beside `SHOWN_OF_RUN`."""

SHOWN_OF_RUN = ("canary", "spend")
"""Entries of its run block that the verb shows too."""

_LOG = logging.getLogger("prefkit.judge")

_NO_GOLD = "uncalibrated: no human gold"
_NO_VOTE = "uncalibrated: no vote on the gold"


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
        """The entries of the manifest: equal for equal rows, but for the run block."""
        protocol = self._panel.protocol
        rubrics = {
            one.label: {**one.model_dump(mode="json"), "sha256": one.digest}
            for one in protocol.rubrics
        }
        return {
            "parents": [self._rows.dataset.content_hash],
            "counts": {
                **self._tally.facts(),
                "votes_added": self._added,
                "left_out": self._rows.left_out,
            },
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
            **self._certified(),
            "run": run_block() | {"canary": dict(self._drift), "spend": spent(self._ledger)},
        }

    def _certified(self) -> dict[str, Any]:
        """What the gold showed, and whose votes it says nothing of."""
        if self._examined is None:
            return {"certificates": _NO_GOLD, "certified_by": None, "uncertified": []}
        gold = self._examined.tally
        return {
            "certificates": [one.facts() for one in self._examined.certificates] or _NO_VOTE,
            "certified_by": {
                "comparisons": gold.comparisons,
                "verdicts": gold.verdicts,
                "unanswered": dict(sorted(gold.unanswered.items())),
            },
            "uncertified": [
                {"judge": by, "rubric": rubric, "votes": votes}
                for (by, rubric), votes in sorted(self._strangers().items(), key=repr)
            ],
        }

    def settle(self, *, hint: str, certified: bool) -> None:
        """Say what is wrong with what was written; the folder is there already.

        Args:
            hint: what to do where there is no verdict at all.
            certified: every vote must be of a judge that was held against the gold.

        Raises:
            BudgetReached: some was not asked for want of money.
            ClientError, NothingUsable: there is no verdict at all.
            GateFailed: a provider put another model in the place of the certified one.
        """
        self._settle_money()
        if not self._tally.verdicts:
            raise no_verdict(self._panel, self._tally, hint=hint)
        strangers = self._strangers()
        if not strangers:
            return
        named = ", ".join(
            f"{by} by {rubric} ({n:,} votes)" for (by, rubric), n in strangers.items()
        )
        said = f"{named}: none of it was held against the gold, so it has no certificate"
        if certified:
            raise GateFailed(
                f"{said}; the provider put it in the place of another model",
                hint="name a dated snapshot that stays, and judge again with --force",
            )
        _LOG.warning("%s", said)

    @property
    def _ledger(self) -> Ledger:
        return self._panel.judges[0].client.desk.ledger

    def _settle_money(self) -> None:
        """Say of all judges together what their common budget left out."""
        unpaid, ledger = self._tally.unpaid, self._ledger
        if not unpaid.total() and self._examined is not None:
            unpaid = self._examined.tally.unpaid  # the rest may have been answered before
        if not unpaid.total():
            return
        each = ", ".join(
            f"{unpaid[number]:,} of {judge.spec}"
            for number, judge in enumerate(self._panel.judges)
            if unpaid[number]
        )
        raise BudgetReached(
            f"the budget of ${ledger.budget_usd or 0:,.2f} is reached (${ledger.spent_usd:,.4f} "
            f"spent), requests were not asked: {each}",
            hint="run the same command with a higher --budget; answers that were paid are kept",
        )

    def _strangers(self) -> dict[tuple[str | None, str | None], int]:
        return {} if self._examined is None else self._examined.strangers(self._tally)


def _votes(table: Any) -> int:
    return sum(len(chunk.flatten()) for chunk in table["votes"].chunks)

"""Judges held against gold before the rest is asked: their certificates, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from prefkit.errors import ClientError, GateFailed, NothingUsable, PrefkitError
from prefkit.judging.certificate import Certificate, certify, required
from prefkit.judging.duels import duels_of_all
from prefkit.judging.protocol import Judged
from prefkit.judging.thresholds import Thresholds
from prefkit.schema.votes import with_votes
from prefkit.verbs.judge_panel import Panel
from prefkit.verbs.judge_rows import Rows, with_gold_alone
from prefkit.verbs.judge_tally import Tally
from prefkit.verbs.spending import UNREACHED
from prefkit.verbs.verb import listed

__all__ = ["Examined", "no_verdict"]


class Examined:
    """What the judges of a panel said on gold."""

    def __init__(self, panel: Panel, rows: Rows) -> None:
        """Ask every judge about all gold; what was asked is not paid again later.

        Raises:
            BatchPending, ClientError: as `Panel.judged`.
        """
        self._panel = panel
        self.tally = Tally()
        self._heard: set[tuple[str, str]] = set()
        """Judge, by its client, and rubric."""
        self._duels = duels_of_all(self._voted(rows))
        self.certificates: tuple[Certificate, ...] = ()

    def certify(self, thresholds: Thresholds) -> None:
        """Certify the judges of the panel, by what they said today."""
        self.certificates = tuple(certify(self._duels, thresholds))

    def strangers(self, tally: Tally) -> dict[tuple[str | None, str | None], int]:
        """Votes of a later tally by judge and rubric, where that judge never saw the gold."""
        return {name: count for name, count in tally.names.items() if name not in self.tally.names}

    def require(self) -> None:
        """Refuse a panel in which one judge has no certificate.

        Raises:
            ClientError, NothingUsable: there is no verdict at all.
            GateFailed: names every judge without one, and why.
        """
        if not self.tally.verdicts and not self.tally.unpaid.total():
            raise no_verdict(self._panel, self.tally, hint=None)
        try:
            self._require_votes()
            required(self.certificates)
        except GateFailed as error:
            budget = self._panel.judges[0].client.desk.ledger.budget_usd
            if not self.tally.unpaid.total() or budget is None:
                raise
            raise GateFailed(
                f"{error}; the budget of ${budget:,.2f} was reached before all gold was judged",
                hint="run the same command with a higher --budget; answers that were paid are kept",
            ) from error

    def _require_votes(self) -> None:
        wanted = [
            (judge.spec, rubric.label)
            for judge in self._panel.judges
            for rubric in self._panel.protocol.rubrics
        ]
        mute = [f"{who} ({rubric})" for who, rubric in wanted if (who, rubric) not in self._heard]
        if mute:
            raise GateFailed(
                f"{len(mute)} of {len(wanted)} judges have no certificate, they voted on no gold: "
                f"{', '.join(mute)} ({self.tally.first or 'nothing was asked'})"
            )

    def _voted(self, rows: Rows) -> Iterator[pa.Table]:
        said = self._panel.judged(rows, stage="gold")
        for table in rows.tables():
            several = [next(said) for _ in range(len(table))]
            for one in several:
                self.tally.add(one)
                self._note(one)
            votes = [[vote for part in one for vote in part.votes] for one in several]
            yield with_votes(with_gold_alone(table), votes)

    def _note(self, several: Sequence[Judged]) -> None:
        for judge, one in zip(self._panel.judges, several, strict=True):
            self._heard |= {(judge.spec, vote.rubric or "") for vote in one.votes}


def no_verdict(panel: Panel, tally: Tally, *, hint: str | None) -> PrefkitError:
    """Why there is not one verdict: the provider's failure, or that of what was asked."""
    reasons = tally.failed + tally.unanswered + tally.not_asked
    unreached = any(reason in UNREACHED for reason in reasons)
    who = ", ".join(judge.spec for judge in panel.judges)
    first = f"; the first: {tally.first}" if tally.first else ""
    kind = ClientError if unreached else NothingUsable
    return kind(
        f"{who}: no verdict on any of {tally.comparisons:,} comparisons "
        f"({listed(reasons) or 'nothing was asked'}){first}",
        hint=hint,
    )

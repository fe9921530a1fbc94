"""Responses ranked by models that judge, on the terms of `prefkit.judging.protocol`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, tee
from typing import Any

from prefkit.collectors.synthetic.own_answers import OwnAnswers
from prefkit.collectors.synthetic.recipe import Cast, Caster, Missing
from prefkit.judging import protocol as judging
from prefkit.judging.protocol import Judged, Protocol, judged, requests_of
from prefkit.llm.client import Client
from prefkit.llm.names import plain_model, plain_spec
from prefkit.llm.records import Request
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import Comparison

__all__ = ["ByJudges"]

_PLAYED_TOGETHER = 256
"""Comparisons whose tournaments are played side by side: those are held in memory."""


class ByJudges(Caster):
    """Asks every judge of a panel about every comparison; votes of kind `judge`."""

    def __init__(self, judges: Mapping[str, Client], protocol: Protocol) -> None:
        """Take the judges by their specs, and what they are asked."""
        self._judges = judges
        self._protocol = protocol
        self._outcomes: Counter[str] = Counter()
        models = [plain_model(client.desk.provider.model) for client in judges.values()]
        self._own = OwnAnswers(models)

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """What all judges say of each comparison.

        Raises:
            ConfigError: the template of a rubric is wrong for a comparison.
            ClientError, BatchPending, OSError: as `Client.stream`.
        """
        if self._protocol.many == "all":
            yield from self._cast_all(comparisons)
            return
        rest = iter(comparisons)
        while several := list(islice(rest, _PLAYED_TOGETHER)):
            yield from self._cast_all(several)

    def requests(self, spec: str, comparisons: Iterable[Comparison]) -> Iterator[Request]:
        """Every judgement that there will be."""
        return requests_of(comparisons, self._protocol) if spec in self._judges else iter(())

    def facts(self) -> dict[str, Any]:
        """On what terms was judged, what came of it, and who ranked his own."""
        protocol = self._protocol
        return {
            "judges": [plain_spec(spec) for spec in self._judges],
            "judging": {
                **dataclasses.asdict(protocol.how),
                "orders": protocol.orders,
                "many": protocol.many,
                "draws": protocol.draws,
                "reference": protocol.reference,
                "most_listed": protocol.most_listed,
                "rubrics": {
                    one.label: {**one.model_dump(mode="json"), "sha256": one.digest}
                    for one in protocol.rubrics
                },
            },
            "outcomes": dict(sorted(self._outcomes.items())),
            "own_answers": self._own.facts(),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Verdicts by outcome, and who ranked his own."""
        said = ", ".join(f"{count:,} {name}" for name, count in sorted(self._outcomes.items()))
        yield "Judged", said or "no verdict"
        if (own := self._own.told()) is not None:
            yield "Own answers", own

    def _cast_all(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        streams, rows = self._streams(comparisons)
        for comparison in rows:
            self._own.add(comparison)
            ids = [messages_digest(one.messages)[:12] for one in comparison.responses]
            said = {spec: next(stream) for spec, stream in streams.items()}
            yield self._said(said, ids)

    def _streams(
        self, comparisons: Iterable[Comparison]
    ) -> tuple[dict[str, Iterator[Judged]], Iterable[Comparison]]:
        """What each judge says, and the comparisons that it is said of."""
        copies: Sequence[Iterable[Comparison]] = [comparisons] * (len(self._judges) + 1)
        if not isinstance(comparisons, Sequence):
            copies = tee(comparisons, len(self._judges) + 1)
        streams = {
            spec: judged(client, copy, self._protocol, revision=client.desk.settings.revision)
            for (spec, client), copy in zip(self._judges.items(), copies[1:], strict=True)
        }
        return streams, copies[0]

    def _said(self, said: Mapping[str, Judged], ids: Sequence[str]) -> Cast:
        votes = tuple(vote for one in said.values() for vote in one.votes)
        self._outcomes.update(vote.outcome for vote in votes)
        missing = tuple(
            _told(plain_spec(spec), one, ids)
            for spec, judge in said.items()
            for one in judge.missing
        )
        return Cast(votes, missing)


def _told(judge: str, missing: judging.Missing, ids: Sequence[str]) -> Missing:
    """A judgement that gave no vote: by whom, of what, and why."""
    order = missing.order or ()
    shown = f" on {', then '.join(ids[place] for place in order)}" if order else ""
    draw = "" if missing.draw is None else f", draw {missing.draw}"
    detail = f"{judge} by {missing.rubric}{shown}{draw}: {missing.detail}"
    return Missing(missing.reason, detail, order[0] if len(order) == 1 else None)

"""The models that judge side by side: what asking them costs, and what each says of every row."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

from prefkit.errors import ConfigError
from prefkit.judging.canary import Canary
from prefkit.judging.protocol import Judged, Protocol, judged, requests_of
from prefkit.llm.client import Client
from prefkit.llm.connect import split
from prefkit.llm.names import plain_model, plain_spec
from prefkit.llm.records import Request
from prefkit.llm.side_by_side import begun
from prefkit.schema.records import Comparison
from prefkit.verbs.consent import Bill
from prefkit.verbs.judge_rows import Rows

__all__ = ["Asking", "Judge", "Panel", "Taken", "fitted", "warn_of_unpinned"]

_LOG = logging.getLogger("prefkit.judge")
_HOSTED = ("openai", "openai-responses", "anthropic")
_DATED = re.compile(r"\d{4}-?\d{2}-?\d{2}$")

Estimating = Callable[[Client, Iterable[Request]], Bill]


class Judge(NamedTuple):
    """One model of a panel."""

    client: Client
    live: Client
    """The same, asked at once even where `client` asks by batch: a canary is about today."""
    revision: str | None

    @property
    def spec(self) -> str:
        """Its name without the folders that it lies in."""
        return plain_spec(self.client.desk.who)

    @property
    def names(self) -> set[str]:
        """What earlier votes of it may be called."""
        return {plain_model(self.client.desk.provider.model), self.spec}

    @property
    def pinned(self) -> str:
        """The snapshot that is asked, or that nobody knows which it is."""
        if self.revision is not None:
            return self.revision
        name = split(self.client.desk.who)[0]
        if name in _HOSTED:
            dated = _DATED.search(self.client.desk.provider.model)
            return dated[0] if dated else "not pinned"
        return "not pinned" if name == "server" else str(self._content())

    def _content(self) -> Any:
        """Of a model or file in this process the digest that is part of every key."""
        known = self.client.desk.provider.identity()
        return known.get("digest") or known.get("revision") or "not pinned"


class Asking:
    """Everything that is asked of one judge, made anew at every iteration."""

    def __init__(
        self, rows: Sequence[Iterable[Comparison]], protocol: Protocol, more: Sequence[Request]
    ) -> None:
        """`rows`, the last of which is what is judged in the end, and further requests."""
        self._rows = rows
        self._protocol = protocol
        self._more = more
        self.last = 0
        """Requests for the last of the rows, once they were gone through."""

    def __iter__(self) -> Iterator[Request]:
        yield from self._more
        for rows in self._rows[:-1]:
            yield from requests_of(rows, self._protocol)
        count = 0
        for request in requests_of(self._rows[-1], self._protocol):
            count += 1
            yield request
        self.last = count


class Panel:
    """Models that judge the same comparisons, by the same rubrics, in the same way."""

    def __init__(self, judges: Sequence[Judge], protocol: Protocol) -> None:
        self.judges = tuple(judges)
        self.protocol = protocol
        self._canaries: list[tuple[Judge, Canary, list[Request]]] = []
        self._total: dict[str, int] = {}
        self._names: dict[str | None, str] = {}
        """Whose votes are called so."""

    def watch(self, rows: Rows) -> None:
        """Take a canary set, which every judge is asked again.

        Raises:
            ConfigError: it holds no verdict of one of the judges by one of the rubrics.
        """
        stamp = time.time_ns() // 1_000_000  # two runs in one second are two
        for judge in self.judges:
            canary = Canary.of(rows, self.protocol, judge.names)
            self._canaries.append((judge, canary, canary.requests(stamp)))

    def bills(
        self, rows: Sequence[Iterable[Comparison]], estimate: Estimating, protocol: Protocol
    ) -> list[Bill]:
        """What each judge would cost: these rows, the last of which are the main ones."""
        found = []
        for judge in self.judges:
            canary = [request for one, _, requests in self._canaries if one is judge
                      for request in requests]  # fmt: skip
            by_batch = judge.client is not judge.live
            asking = Asking(rows, protocol, [] if by_batch else canary)
            found.append(estimate(judge.client, asking))
            self._total[judge.spec] = asking.last
            if by_batch and canary:
                found.append(estimate(judge.live, canary))
        return found

    def drift(self) -> dict[str, Any]:
        """What each canary says today, by judge; warns where one drifted.

        Raises:
            ClientError: the key was refused or the provider is down.
        """
        found = {}
        for judge, canary, requests in self._canaries:
            drift = canary.drift(judge.live.ask(requests, stage="canary"))
            if drift.warning:
                _LOG.warning("%s: %s", judge.spec, drift.warning)
            found[judge.spec] = drift.facts()
        return found

    def judged(self, rows: Rows, *, stage: str) -> Iterator[tuple[Judged, ...]]:
        """Of every comparison what each judge said of it, all asked at the same time.

        Raises:
            ConfigError: two models go by one name.
            BatchPending: batches are not done; those of all judges were submitted.
            ClientError: a key was refused or a provider is down; what was answered is kept.
        """
        openings = [
            partial(
                judged,
                judge.client,
                rows,
                self.protocol,
                revision=judge.revision,
                stage=stage,
                total=self._total.get(judge.spec) if stage == "judge" else None,
            )
            for judge in self.judges
        ]
        return self._told_apart(zip(*begun(openings), strict=True))

    def _told_apart(self, found: Iterable[tuple[Judged, ...]]) -> Iterator[tuple[Judged, ...]]:
        """The same, as long as every name is that of one judge: votes hold nothing else."""
        for several in found:
            for judge, one in zip(self.judges, several, strict=True):
                for vote in one.votes:
                    other = self._names.setdefault(vote.by, judge.spec)
                    if other != judge.spec:
                        raise ConfigError(
                            f"{other} and {judge.spec} both answer as {vote.by!r}: their votes "
                            "would be those of one judge",
                            hint="let the servers name them apart (vllm serve "
                            "--served-model-name), or ask one of them",
                        )
            yield several

    def say_what_is_not_pinned(self) -> None:
        """Say once which hosted models may change between two runs."""
        warn_of_unpinned(self.judges)


def warn_of_unpinned(judges: Iterable[Judge]) -> None:
    """Say once which hosted models may change between two runs."""
    loose = [
        judge.spec
        for judge in judges
        if judge.pinned == "not pinned" and split(judge.client.desk.who)[0] in _HOSTED
    ]
    if loose:
        _LOG.warning(
            "%s: not pinned, the provider may change it; name a dated snapshot, or say which "
            "one it is by --revision",
            ", ".join(loose),
        )


class Taken(NamedTuple):
    """How comparisons of many responses are judged, and why."""

    protocol: Protocol
    bills: list[Bill]
    why: str | None


def fitted(
    many: Literal["all", "tournament", "fit"],
    protocol: Protocol,
    bills: Callable[[Protocol], list[Bill]],
    budget: float | None,
) -> Taken:
    """The protocol with all pairs or a tournament; `fit` takes all pairs if the budget admits them.

    What counts is the most that it can cost: a run that fits ends within its budget.

    Raises:
        ConfigError: neither fits.
    """
    if many != "fit":
        taken = replace(protocol, many=many)
        return Taken(taken, bills(taken), None)
    every = replace(protocol, many="all")
    found = bills(every)
    if budget is None:
        return Taken(every, found, "all pairs: there is no budget to fit")
    if (most := _most(found)) <= budget:
        return Taken(every, found, f"all pairs: at most {_usd(most)}")
    fewer = replace(protocol, many="tournament")
    bracket = bills(fewer)
    if (least := _most(bracket)) <= budget:
        why = f"a tournament: at most {_usd(least)}, all pairs up to {_usd(most)}"
        return Taken(fewer, bracket, why)
    raise ConfigError(
        f"nothing fits the budget of {_usd(budget)}: all pairs cost up to {_usd(most)}, a "
        f"tournament up to {_usd(least)}",
        hint="a listwise rubric is cheapest, it asks once for all responses: --rubric "
        "overall_ranking; or a higher --budget, or less --max-tokens",
    )


def _most(bills: Sequence[Bill]) -> float:
    return sum(bill.estimate.usd[1] for bill in bills if bill.costs and bill.estimate.usd)


def _usd(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.2g}"

"""The requests of one call of `ask_in_batches`: what is to be submitted, what has an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prefkit.errors import ConfigError
from prefkit.llm.batches.jobs import Jobs, Left
from prefkit.llm.keeping.claims import Claims
from prefkit.llm.money.bills import Rate
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price
from prefkit.llm.money.tokens import most_input_tokens
from prefkit.llm.money.units import Exact, dollars, units
from prefkit.llm.provider import Batches
from prefkit.llm.records import Failure, FailureKind, Reply, Request, Usage
from prefkit.llm.settings import Settings

__all__ = ["Held", "Order", "Row", "Rows"]

# Anthropic's rule for the id of a request in a batch; OpenAI's differs in the letters only.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Order:
    """Who is asked, who pays, where answers go."""

    provider: Batches
    jobs: Jobs
    ledger: Ledger
    price: Price | None
    put: Callable[[str, Request, Reply], Awaitable[None]]
    known: Callable[[str], Reply | None]
    settings: Settings
    stage: str
    who: str
    claims: Claims | None = None

    @property
    def rate(self) -> Rate:
        """What answers cost in a batch."""
        return Rate(self.price, self.provider.batch_share, self.provider.is_free)

    def bill(self, usage: Usage) -> float | None:
        """Dollars for one answer at the batch price; null if there is no price or no usage."""
        return self.rate.bill(usage)

    def most_usd(self, request: Request) -> float:
        """What a request can cost at most in one batch; 0 where no price is known."""
        if self.price is None:
            return 0.0
        return self.rate.most(most_input_tokens(request), request.max_tokens)


class Held:
    """Dollars that the ledger reserved for a job, taken out piece by piece without rounding."""

    def __init__(self, ledger: Ledger, usd: float) -> None:
        self._ledger = ledger
        self._units = units(usd)

    def take(self, usd: float) -> Exact:
        """So much of it, or what is left, for the caller to settle."""
        part = min(units(usd), self._units)
        self._units -= part
        return Exact(part)

    def release(self) -> None:
        """Give the rest back: nobody bills it."""
        rest, self._units = self._units, 0
        self._ledger.release(Exact(rest))


@dataclass(slots=True)
class Row:
    """One request, with what earlier jobs left of it."""

    key: str
    request: Request
    size: int
    """Bytes in a job."""
    most_usd: float
    left: Left


class Rows:
    """Every request of the call, each in `todo`, in a job, or in `replies`."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.todo: dict[str, Row] = {}
        self.replies: dict[str, Reply] = {}

    def read(self, items: Iterable[tuple[str, Request]]) -> dict[str, Request]:
        """The requests without an answer, each once; the others' answers go to `replies`.

        Raises:
            ConfigError: a key that no provider takes as the id of a request.
        """
        unknown: dict[str, Request] = {}
        for key, request in items:
            if key in unknown or key in self.replies:
                continue
            if not _ID.fullmatch(key):
                raise ConfigError(f"{key!r} cannot be the id of a request in a batch")
            reply = self._order.known(key)
            if reply is None:
                unknown[key] = request
            else:
                self.replies[key] = reply
        return unknown

    def row(self, key: str, request: Request, left: Left) -> Row:
        """A request with its size and its highest price.

        Raises:
            Fault: `rejected`: it cannot be written as JSON.
        """
        size = self._order.provider.size(key, request)
        return Row(key, request, size, self._order.most_usd(request), left)

    def is_asked(self, key: str) -> bool:
        """Whether somebody asks this request online right now."""
        claims = self._order.claims
        if claims is None:
            return False
        if not claims.take(key):
            return True
        claims.give_back(key)
        return False

    def answered(self, key: str) -> Reply | None:
        """The answer that somebody who asked online has kept since these rows were read."""
        return None if self._order.claims is None else self._order.known(key)

    def settle(self, answers: Mapping[str, Reply]) -> None:
        """Rows that others have answered are done."""
        for key, reply in answers.items():
            self.todo.pop(key, None)
            self.replies[key] = reply

    def cut(self, without: Collection[str] = ()) -> tuple[list[Row], float]:
        """The next job: as many rows, in order, as provider and budget admit; and its dollars."""
        provider = self._order.provider
        free = self._order.ledger.free_units
        rows: list[Row] = []
        size = held = 0
        for row in self.todo.values():
            if row.key in without:
                continue
            size, most = size + row.size, held + units(row.most_usd)
            if len(rows) == provider.batch_requests or size > provider.batch_bytes:
                break
            if free is not None and most > free:
                break
            held = most
            rows.append(row)
        return rows, _at_most(held)

    def fail(self, row: Row, kind: FailureKind, message: str) -> Failure:
        """A row ends without an answer; what its paid answers cost stays on the reply."""
        failure = Failure(kind, message)
        self.todo.pop(row.key, None)
        self.replies[row.key] = Reply(
            failure=failure,
            key=row.key,
            attempts=row.left.rounds,
            usage=row.left.usage if row.left.paid else Usage(),
            cost_usd=row.left.usd,
        )
        return failure

    def fail_all(self, rows: Sequence[Row], kind: FailureKind, message: str) -> None:
        """Several rows end for one reason."""
        for row in rows:
            self.fail(row, kind, message)


def _at_most(held: int) -> float:
    """Dollars that are no more units than these: what fits into a budget still does."""
    usd = dollars(held)
    while units(usd) > held:
        usd = math.nextafter(usd, 0.0)
    return usd

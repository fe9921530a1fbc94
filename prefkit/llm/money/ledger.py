"""A hard budget for all concurrent calls: what is reserved before an attempt, paid, or in doubt.

At every moment spent + doubtful + reserved is at most the budget: an attempt is let in only if the
most it can cost still fits. Sums are whole trillionths of a dollar, so that what was reserved
comes back to the last digit, in any order, and a million bills err by less than a millionth.

Requests are let in by turns. Once one does not fit although nothing is left to come back, no later
one is: small ones that slip through would make the end of a run shorter than its beginning, and
the lengths of a dataset are not to depend on its budget. What stays unspent is less than that
one request could have cost (`refused_usd`).
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from prefkit.errors import ConfigError
from prefkit.llm.money.units import Exact, dollars, units
from prefkit.llm.records import Usage

__all__ = ["Ledger", "Spend"]


class Spend(NamedTuple):
    """What one stage paid to one model. Tokens and dollars count only what the provider said."""

    stage: str
    model: str
    requests: int
    """Answers that were paid, or had no price."""
    input: int
    output: int
    usd: float
    unpriced: int
    """Answers among `requests` whose dollars nobody knows: no price, or no usage."""
    doubtful: int
    """Attempts that were cut off and may have been billed."""
    doubtful_usd: float
    """The most that the doubtful ones, and those of known price but without usage, can cost."""


@dataclass(slots=True)
class _Line:
    requests: int = 0
    input: int = 0
    output: int = 0
    spent: int = 0
    unpriced: int = 0
    doubtful: int = 0
    doubted: int = 0


class Ledger:
    """The money of one run, for all clients that share it.

    Reserving and settling belong to one event loop; looking is allowed from anywhere.
    """

    def __init__(self, budget_usd: float | None = None) -> None:
        """Open it; 0 lets in what costs nothing, null is no limit.

        Raises:
            ConfigError: the budget is negative or no finite number.
        """
        if budget_usd is not None and not 0 <= budget_usd < math.inf:
            raise ConfigError(
                f"a budget of {budget_usd} dollars cannot be kept",
                hint="--budget 5.00, or leave --budget out for no limit",
            )
        self.budget_usd = budget_usd
        self.reached = False
        """A request was refused, and so is every later one."""
        self.refused_usd: float | None = None
        """The most that the first refused request could have cost."""
        self.listeners: list[Callable[[], None]] = []
        """Called in the event loop when `reached` becomes true: nobody has to wait any longer."""
        self.overruns = 0
        """Answers that were billed above what was reserved for them."""
        self._budget = None if budget_usd is None else units(budget_usd)
        self._spent = self._doubted = self._reserved = 0
        self._waiting: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._lines: dict[tuple[str, str], _Line] = {}

    @property
    def spent_usd(self) -> float:
        """Paid, as billed."""
        return dollars(self._spent)

    @property
    def doubtful_usd(self) -> float:
        """May have been billed: counts against the budget."""
        return dollars(self._doubted)

    @property
    def reserved_usd(self) -> float:
        """Set aside for attempts under way."""
        return dollars(self._reserved)

    @property
    def free_units(self) -> int | None:
        """What nobody has spent, doubts or holds, below 0 after an overrun; null: no budget."""
        return None if self._budget is None else self._left() - self._reserved

    def refuses(self, usd: float) -> bool:
        """Whether `reserve` would refuse so much without waiting."""
        return self.reached and units(usd) > 0

    async def reserve(self, usd: float) -> bool:
        """Set aside the most that an attempt can cost; false if the budget does not admit it.

        Waits, after those who came before, as long as attempts under way could still give enough
        back. What costs nothing is always let in.
        """
        most = units(usd)
        if self._budget is None or most == 0:
            self._reserved += most
            return True
        if self.reached:
            return False
        if not self._waiting and most <= self._left() - self._reserved:
            self._reserved += most
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((most, future))
        self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result():
                self._reserved -= most  # let in and cancelled at the same moment
            future.cancel()
            self._serve()
            raise

    def settle(
        self, reserved: float | Exact, paid: float | None, usage: Usage, *, stage: str, model: str
    ) -> None:
        """Book an answer; `paid` null = its dollars are not known.

        Then what was reserved stays in doubt: if there was a price, it may have been as much.
        """
        most = self._take_back(reserved)
        line = self._line(stage, model)
        line.requests += 1
        line.input += usage.input or 0
        line.output += usage.output or 0
        if paid is None:
            line.unpriced += 1
            line.doubted += most
            self._doubted += most
        else:
            bill = units(paid)
            line.spent += bill
            self._spent += bill
            self.overruns += bill > most
        self._serve()

    def doubt(self, reserved: float | Exact, *, stage: str, model: str) -> None:
        """Book an attempt that was cut off and may have been billed, as the most it can cost."""
        most = self._take_back(reserved)
        line = self._line(stage, model)
        line.doubtful += 1
        line.doubted += most
        self._doubted += most
        self._serve()

    def release(self, reserved: float | Exact) -> None:
        """Give back what was reserved: nothing was billed."""
        self._take_back(reserved)
        self._serve()

    def by_stage(self) -> list[Spend]:
        """What was paid, by stage and model in the order of their first answers."""
        return [
            Spend(
                stage,
                model,
                line.requests,
                line.input,
                line.output,
                dollars(line.spent),
                line.unpriced,
                line.doubtful,
                dollars(line.doubted),
            )
            for (stage, model), line in list(self._lines.items())
        ]

    def _left(self) -> int:
        """What the budget holds beyond all that is or may be paid; below 0 after an overrun."""
        return (self._budget or 0) - self._spent - self._doubted

    def _serve(self) -> None:
        """Let in those who wait, by turns, as far as the budget reaches."""
        while self._waiting:
            most, future = self._waiting[0]
            if not future.done():
                if most > self._left():
                    self._stop(most)
                    return
                if most > self._left() - self._reserved:
                    return
                self._reserved += most
                future.set_result(True)
            self._waiting.popleft()

    def _stop(self, most: int) -> None:
        self.reached = True
        self.refused_usd = dollars(most)
        for _, future in self._waiting:
            if not future.done():
                future.set_result(False)
        self._waiting.clear()
        for listener in tuple(self.listeners):
            listener()

    def _take_back(self, reserved: float | Exact) -> int:
        most = units(reserved)
        if most > self._reserved:
            raise ValueError(f"{dollars(most)} dollars were not reserved")
        self._reserved -= most
        return most

    def _line(self, stage: str, model: str) -> _Line:
        return self._lines.setdefault((stage, model), _Line())

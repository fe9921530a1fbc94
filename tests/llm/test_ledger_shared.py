"""One budget for several clients that ask at the same time."""

from __future__ import annotations

import asyncio
import random

import pytest

from prefkit.llm.money.ledger import Ledger
from prefkit.llm.records import Usage

HERE: dict[str, str] = {"stage": "judge", "model": "openai:gpt-x"}
NOTHING = Usage()


def taken(ledger: Ledger) -> float:
    return ledger.spent_usd + ledger.doubtful_usd + ledger.reserved_usd


async def judging(
    ledger: Ledger, name: str, chance: random.Random, seen: list[float]
) -> list[bool]:
    """2,000 calls of one client, 40 at a time, that end in every way."""
    gate = asyncio.Semaphore(40)

    async def call() -> bool:
        async with gate:
            if not await ledger.reserve(MOST):
                return False
            seen.append(taken(ledger))
            for _ in range(chance.randrange(8)):
                await asyncio.sleep(0)
            way = chance.random()
            if way < 0.02:
                ledger.doubt(MOST, stage=name, model=name)
            elif way < 0.12:
                ledger.release(MOST)
            else:
                paid = MOST * chance.random()
                ledger.settle(MOST, paid, Usage(3, 1), stage=name, model=name)
            return True

    return await asyncio.gather(*(call() for _ in range(2_000)))


MOST = 0.002


def test_three_clients_under_one_budget_end_promptly_and_spend_nearly_all_of_it() -> None:
    async def work() -> None:
        chance = random.Random(8)
        ledger = Ledger(2.0)
        seen: list[float] = []
        answers = await asyncio.gather(*(judging(ledger, name, chance, seen) for name in "abc"))
        assert ledger.reached
        assert ledger.reserved_usd == 0.0
        assert max(seen) <= 2.0 + 1e-12
        assert 2.0 - MOST < taken(ledger) <= 2.0
        told = ledger.by_stage()
        assert {line.stage for line in told} == {"a", "b", "c"}
        total = sum(line.usd + line.doubtful_usd for line in told)
        assert total == pytest.approx(taken(ledger))
        assert sum(line.input for line in told) == 3 * sum(line.requests for line in told)
        for each in answers:
            first = each.index(False)
            assert first > 0
            assert not any(each[first:]), "after one is refused nobody behind it is let in"

    asyncio.run(asyncio.wait_for(work(), 20))

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from prefkit.llm.connect import connect
from prefkit.llm.loop import loop
from prefkit.llm.records import Request, messages


class Many:
    """Requests made anew at every iteration."""

    def __init__(self, count: int, text: str) -> None:
        self.count = count
        self.text = text

    def __iter__(self) -> Iterator[Request]:
        for number in range(self.count):
            yield Request(messages=messages(f"{number} {self.text}"), max_tokens=8)


def test_a_forecast_holds_no_requests(tmp_path: Path) -> None:
    with connect("http://127.0.0.1:9#m", cache=tmp_path) as client:
        tracemalloc.start()
        found = client.forecast(Many(5_000, "x" * 10_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.estimate.requests == 5_000
    assert peak < 5_000_000, f"{peak:,} bytes for texts of 50,000,000"


def test_a_forecast_leaves_the_loop_to_others(tmp_path: Path) -> None:
    gaps: list[float] = []

    async def ticking() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - before)

    ticks = asyncio.run_coroutine_threadsafe(ticking(), loop())
    with connect("http://127.0.0.1:9#m", cache=tmp_path) as client:
        began = time.monotonic()
        client.forecast(Many(20_000, "a word or two"))
        took = time.monotonic() - began
    ticks.cancel()
    assert max(gaps) < max(took / 4, 0.1), "the loop stood still while requests were looked at"


def test_an_iterator_and_equal_requests_are_counted_once(tmp_path: Path) -> None:
    requests = [*Many(3, "x"), *Many(2, "x")]
    with connect("http://127.0.0.1:9#m", cache=tmp_path) as client:
        found = client.forecast(iter(requests))
    assert (found.estimate.requests, found.repeated, found.cached, found.pending) == (3, 2, 0, 0)
    assert found.estimate.output == (0, 24)

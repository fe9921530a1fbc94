import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from prefkit.llm.ordered import Window

Pairs = list[tuple[int, "Future[str]"]]


def nothing() -> None:
    pass


def test_answers_come_in_the_order_asked_whatever_the_order_they_arrive_in() -> None:
    def start(pairs: Pairs) -> None:
        for number, future in reversed(pairs):
            threading.Timer(0.001 * (50 - number), future.set_result, [str(number)]).start()

    window: Window[int, str] = Window(lambda _: None, start, nothing, 100)
    assert list(window.answers(range(50))) == [str(number) for number in range(50)]


def test_known_answers_are_not_started() -> None:
    started: list[int] = []

    def start(pairs: Pairs) -> None:
        for number, future in pairs:
            started.append(number)
            future.set_result("new")

    window: Window[int, str] = Window(
        lambda number: "known" if number % 2 else None, start, nothing, 100
    )
    assert list(window.answers(range(5))) == ["new", "known", "new", "known", "new"]
    assert started == [0, 2, 4]


def test_no_more_than_the_window_is_read_ahead_of_a_slow_head() -> None:
    futures: list[Future[str]] = []
    read: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    def start(pairs: Pairs) -> None:
        for number, future in pairs:
            futures.append(future)
            if number:
                future.set_result(str(number))

    window: Window[int, str] = Window(lambda _: None, start, nothing, 64)
    answers = window.answers(source())
    threading.Timer(0.3, lambda: futures[0].set_result("0")).start()
    assert next(answers) == "0"
    assert len(read) <= 66
    assert list(answers) == [str(number) for number in range(1, 1000)]


def test_a_slow_source_does_not_hold_back_the_requests_it_gave() -> None:
    started: list[int] = []

    def start(pairs: Pairs) -> None:
        for number, future in pairs:
            started.append(number)
            future.set_result(str(number))

    def source() -> Iterator[int]:
        for number in range(4):
            time.sleep(0.03)
            yield number

    window: Window[int, str] = Window(lambda _: None, start, nothing, 100)
    answers = window.answers(source())
    assert next(answers) == "0"
    assert len(started) < 4
    assert list(answers) == ["1", "2", "3"]


def test_time_is_told_while_nothing_arrives() -> None:
    ticks: list[float] = []

    def start(pairs: Pairs) -> None:
        for _, future in pairs:
            threading.Timer(0.7, future.set_result, ["late"]).start()

    window: Window[int, str] = Window(
        lambda _: None, start, lambda: ticks.append(time.monotonic()), 10
    )
    assert list(window.answers([1])) == ["late"]
    assert len(ticks) >= 3


def test_a_failure_reaches_the_caller_in_its_place() -> None:
    def start(pairs: Pairs) -> None:
        for number, future in pairs:
            if number == 1:
                future.set_exception(OSError("disk full"))
            else:
                future.set_result(str(number))

    window: Window[int, str] = Window(lambda _: None, start, nothing, 10)
    answers = window.answers(range(4))
    assert next(answers) == "0"
    with pytest.raises(OSError, match="disk full"):
        next(answers)

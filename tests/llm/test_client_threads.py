"""Clients among threads, processes, the garbage collector and the interpreter's end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fault_server import BatchPlan, FaultServer, Rule
from faulty import KEY, KEY_ENV, client_of, questions, right, text_of, texts

from prefkit.errors import ConfigError
from prefkit.llm.batches.jobs import Jobs
from prefkit.llm.client import Client
from prefkit.llm.connect import connect
from prefkit.llm.desk import Till, open_desk
from prefkit.llm.loop import loop, run
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.provider import Local
from prefkit.llm.records import Reply, Request
from prefkit.llm.settings import Settings

_HERE = Path(__file__).parent
_TWO_FIRST = """
import threading
from prefkit.llm.loop import loop
together, seen = threading.Barrier(4), set()
def first():
    together.wait()
    seen.add(id(loop()))
threads = [threading.Thread(target=first) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(seen))
"""
_ABANDONED = """
from types import SimpleNamespace
from faulty import *
server = SimpleNamespace(host=sys.argv[1])
client = connect(spec_for("server", server), settings_for("server", server), cache=sys.argv[2])
if sys.argv[3] == "closed":
    with client:
        replies = client.stream(questions(50))
        print(next(replies).text, flush=True)
else:
    replies = client.stream(questions(50))
    print(next(replies).text, flush=True)
"""
_WORKER = """
import threading, time
from types import SimpleNamespace
from faulty import *
server = SimpleNamespace(host=sys.argv[1])
client = connect(spec_for("server", server), settings_for("server", server), cache=sys.argv[2])
def work():
    threading.main_thread().join()
    print(len(client.ask(questions(3))), flush=True)
    client.close()
threading.Thread(target=work).start()
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(_HERE), str(_HERE.parent.parent)])
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, KEY_ENV: KEY},
    )


def test_threads_that_come_first_together_start_one_loop() -> None:
    assert [process(_TWO_FIRST).stdout.strip() for _ in range(5)] == ["1"] * 5


@pytest.mark.parametrize("how", ["closed", "left open"])
def test_a_script_that_leaves_a_stream_half_read_ends(
    how: str, server: FaultServer, tmp_path: Path
) -> None:
    server.latency = 0.05
    done = process(_ABANDONED, server.host, tmp_path, how)
    assert done.stdout.split("\n")[0] == right(questions(1))[0]
    assert done.returncode == 0
    assert "Task was destroyed" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_thread_that_outlives_the_main_one_gets_its_answers(
    server: FaultServer, tmp_path: Path
) -> None:
    done = process(_WORKER, server.host, tmp_path)
    assert done.stdout == "3\n", done.stderr


def test_a_stream_that_is_garbage_stops_nobody(server: FaultServer, tmp_path: Path) -> None:
    server.latency = 0.02

    def leave(client: Client) -> None:
        stream = client.stream(questions(50))
        next(stream)
        box: list[Any] = [stream]
        box.append(box)  # only the collector frees it

    with client_of("server", server, tmp_path, concurrency=8) as client:
        gc.disable()
        try:
            leave(client)
            collected = threading.Event()
            loop().call_soon_threadsafe(lambda: (gc.collect(), collected.set()))
            assert collected.wait(5)
        finally:
            gc.enable()
        asked = questions(20, first=100)
        assert texts(client.ask(asked)) == right(asked)
        assert client._dispatcher.limits.gate.in_flight == 0


def test_an_interrupt_waits_until_the_work_has_cleaned_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.2)
            cleaned.append("yes")

    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        run(work())
    assert cleaned == ["yes"]


def test_waiting_in_the_thread_of_the_loop_is_refused_and_not_waited_for() -> None:
    async def inner() -> None:
        pass

    async def outer() -> str:
        try:
            run(inner())
        except RuntimeError as error:
            return str(error)
        return ""

    assert "nobody can wait here" in run(outer())


def test_a_forked_child_is_told_to_connect_for_itself(server: FaultServer, tmp_path: Path) -> None:
    with client_of("server", server, tmp_path) as client:
        client.ask(questions(3))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            said = b"answered"
            try:
                client.ask(questions(5))
            except ConfigError as error:
                said = str(error).encode()
            client.close()
            os.write(writing, said)
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as told:
            assert b"made by another process" in told.read()
        assert texts(client.ask(questions(5))) == right(questions(5))


def test_a_stream_of_a_closed_client_sends_nothing(server: FaultServer, tmp_path: Path) -> None:
    with client_of("server", server, tmp_path) as client:
        begun, fresh = client.stream(questions(5)), client.stream(questions(5, first=10))
        next(begun)
    sent = len(server.asks())
    for stream in (begun, fresh):
        with pytest.raises(ConfigError, match="this client is closed"):
            next(stream)
    with pytest.raises(ConfigError, match="this client is closed"):
        client.ask(questions(1, first=20))
    assert len(server.asks()) == sent


def test_closing_stops_what_another_thread_waits_for(server: FaultServer, tmp_path: Path) -> None:
    server.latency = 5.0
    said: list[str] = []

    def ask(client: Client) -> None:
        try:
            client.ask(questions(5))
        except ConfigError as error:
            said.append(str(error))

    with client_of("server", server, tmp_path) as client:
        thread = threading.Thread(target=ask, args=[client])
        thread.start()
        while len(server.asks()) < 5:
            time.sleep(0.01)
    thread.join(3)
    assert not thread.is_alive()
    assert [text for text in said if "closed" in text]


def test_a_question_whose_asker_stops_is_asked_by_who_waits_for_it(
    server: FaultServer, tmp_path: Path
) -> None:
    asked = questions(4)
    server.script.rules = [Rule(fault="slow", value="1", text=text_of(k)) for k in range(4)]
    got: list[str | None] = []
    with client_of("server", server, tmp_path) as client:
        client.ask(questions(1, first=60))  # the server imports much for its first answer
        stream = client.stream([*questions(1, first=50), *asked])
        next(stream)
        waiting = threading.Thread(target=lambda: got.extend(texts(client.ask(asked))))
        waiting.start()
        time.sleep(0.3)
        assert len(server.asks()) == 6
        stream.close()  # type: ignore[attr-defined]
        waiting.join(10)
    assert got == right(asked)
    assert len(server.asks()) == 10


class Engine(Local):
    """A model in this process that says how many threads are inside, and what it was asked."""

    name = ""
    model = "engine"
    can = frozenset()

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.asked: list[str] = []

    def identity(self) -> dict[str, Any]:
        return {"engine": "test"}

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.1)
        self.asked += [str(request.messages[-1].content) for request in requests]
        self.inside -= 1
        return [Reply(text="yes") for _ in requests]

    def close(self) -> None:
        assert self.inside == 0


def engine_client(folder: Path) -> tuple[Engine, Client]:
    engine = Engine()
    desk = open_desk("vllm:engine", engine, Settings(), folder, Till(Ledger(), None))
    return engine, Client(desk)


def test_a_model_in_this_process_is_asked_by_one_thread_after_the_other(tmp_path: Path) -> None:
    engine, client = engine_client(tmp_path)
    with client:
        asks = [threading.Thread(target=client.ask, args=[questions(2)]) for _ in range(3)]
        for thread in asks:
            thread.start()
        for thread in asks:
            thread.join()
    assert engine.most == 1
    # What one thread was answered, the others find in the journal.
    assert engine.asked == [text_of(0), text_of(1)]


def test_equal_questions_to_a_model_in_this_process_are_asked_once(tmp_path: Path) -> None:
    engine, client = engine_client(tmp_path)
    with client:
        replies = client.ask(questions(1) * 3)
    assert len(engine.asked) == 1
    assert [(reply.cached, reply.cost_usd) for reply in replies] == [
        (False, 0.0),
        (True, 0.0),
        (True, 0.0),
    ]


def test_closing_stops_a_batch_that_another_thread_waits_for(
    server: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=1_000_000)
    said: list[str] = []

    def ask(client: Client) -> None:
        try:
            client.ask(questions(3))
        except ConfigError as error:
            said.append(str(error))

    with client_of("openai", server, tmp_path, batch=True, batch_wait_s=30.0) as client:
        jobs = Jobs(client.desk.folder, client.desk.name)
        thread = threading.Thread(target=ask, args=[client])
        thread.start()
        while not server.openai_batches.jobs:
            time.sleep(0.01)
        assert not jobs.lock()
    thread.join(3)
    assert not thread.is_alive()
    assert "this client is closed" in said[0]
    assert jobs.lock()
    jobs.unlock()


def test_equal_questions_that_fail_are_not_said_to_be_cached(
    server: FaultServer, tmp_path: Path
) -> None:
    server.script.rules = [Rule(fault="400")]
    with client_of("openai", server, tmp_path) as client:
        replies = client.ask(questions(1) * 3)
    assert [(one.failure is not None, one.cached) for one in replies] == [(True, False)] * 3


def test_a_client_closes_twice(server: FaultServer, tmp_path: Path) -> None:
    os.environ.setdefault(KEY_ENV, KEY)
    client = connect(f"{server.host}#m", Settings(key_env=KEY_ENV), cache=tmp_path)
    client.ask(questions(1))
    client.close()
    client.close()

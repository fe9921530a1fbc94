"""What a caller sees of the life of its workers: `python -m lifetime_caller LEVEL TASK`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefkit.sandbox.limits import Limits
from prefkit.sandbox.worker import Worker

LEVEL: Any = sys.argv[1] if len(sys.argv) > 1 else "bubblewrap"
DOUBLE = "def double(x): return 2 * x"
LOOP = "def loop():\n    while True: pass"


def limits(**more: Any) -> Limits:
    """With an amount of memory that no other process of this machine asks for: a mark."""
    return Limits(**{"call_s": 5.0, "memory_mb": 1000 + os.getpid(), "candidates": 10_000, **more})


def marked(process: int) -> list[int]:
    """The processes now that belong to sandboxes of a process, wherever they are."""
    mark = f'"memory_bytes": {1000 + process << 20},'.encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def double(worker: Worker, x: int) -> Any:
    with worker.open(DOUBLE) as candidate:
        return candidate.call("double", [x]).value


def tell(found: Any) -> None:
    """One line of JSON to whoever started this."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def resident_kb(process: int | str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no such line")


def runner_of(worker: Worker) -> int:
    assert worker._running is not None
    text = Path(f"/proc/self/fdinfo/{worker._running.runner}").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pid:"))


def state(worker: Worker) -> dict[str, int]:
    runner = runner_of(worker)
    return {
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "processes": len(marked(os.getpid())),
        "caller_kb": resident_kb("self"),
        "runner_kb": resident_kb(runner),
    }


def many() -> Any:
    with Worker(LEVEL, limits()) as worker:
        right = sum(double(worker, k) == 2 * k for k in range(50))
        before = state(worker)
        right += sum(double(worker, k) == 2 * k for k in range(500))
        after = state(worker)
        return {"right": right, "started": worker.started, "before": before, "after": after}


def timeouts() -> Any:
    kinds = []
    with Worker(LEVEL, limits(call_s=0.05)) as worker:
        for _ in range(20):
            with worker.open(LOOP) as candidate:
                kinds.append(candidate.call("loop").kind)
        started = worker.started
    return {"kinds": kinds, "started": started, "left": marked(os.getpid())}


def hang() -> Any:
    """Until it is killed."""
    with Worker(LEVEL, limits(call_s=60, total_s=60)) as worker, worker.open(LOOP) as candidate:
        tell(marked(os.getpid()))
        candidate.call("loop")


def hang_with_a_fork() -> Any:
    """The same, while a fork of the caller holds copies of all its descriptors."""
    with Worker(LEVEL, limits(call_s=60, total_s=60)) as worker, worker.open(LOOP) as candidate:
        if os.fork() == 0:
            os.close(1)
            time.sleep(20)
            os._exit(0)
        tell(marked(os.getpid()))
        candidate.call("loop")


def two() -> Any:
    """One worker has nothing but trouble, the other is right all the time."""
    trouble = [LOOP, "def loop(): return bytearray(1 << 40)", "import os\ndef loop(): os.abort()"]
    results: list[bool] = []

    def suffer() -> None:
        with Worker(LEVEL, limits(call_s=0.2), 1) as worker:
            for k in range(12):
                with worker.open(trouble[k % 3]) as candidate:
                    candidate.call("loop")

    other = threading.Thread(target=suffer)
    other.start()
    with Worker(LEVEL, limits(), 2) as worker:
        while other.is_alive() or len(results) < 50:
            results.append(double(worker, 21) == 42)
        started = worker.started
    other.join()
    return {"all_right": all(results), "started": started}


def stopped() -> Any:
    """A runner that no longer hears that the caller has gone is killed."""
    with Worker(LEVEL, limits()) as worker:
        double(worker, 1)
        os.kill(runner_of(worker), signal.SIGSTOP)
        began = time.monotonic()
        worker.burn()
        left = marked(os.getpid())
        return {"took_s": time.monotonic() - began, "left": left, "again": double(worker, 4)}


def killed_between() -> Any:
    with Worker(LEVEL, limits()) as worker:
        double(worker, 1)
        os.kill(runner_of(worker), signal.SIGKILL)
        time.sleep(0.2)
        return {"answer": double(worker, 4), "started": worker.started}


def killed_within() -> Any:
    with Worker(LEVEL, limits()) as worker:
        with worker.open(LOOP) as candidate:
            runner = runner_of(worker)
            threading.Timer(0.2, os.kill, (runner, signal.SIGKILL)).start()
            kind = candidate.call("loop").kind
        time.sleep(0.2)
        return {"kind": kind, "left": marked(os.getpid()), "answer": double(worker, 4)}


def thread() -> Any:
    """A worker that was started by a thread which has ended goes on."""
    with Worker(LEVEL, limits()) as worker:
        one = threading.Thread(target=double, args=(worker, 1))
        one.start()
        one.join()
        time.sleep(0.2)
        return {"answer": double(worker, 4), "started": worker.started}


def fork() -> Any:
    """A fork of the caller does not speak with the caller's sandbox."""
    with Worker(LEVEL, limits()) as worker:
        double(worker, 1)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with worker:
                os.write(writing, json.dumps([double(worker, 5), worker.started]).encode())
            os._exit(0)
        os.waitpid(child, 0)
        theirs = json.loads(os.read(reading, 100))
        return {"theirs": theirs, "ours": [double(worker, 6), worker.started]}


TASKS: dict[str, Callable[[], Any]] = {
    one.__name__: one
    for one in (
        *(many, timeouts, hang, hang_with_a_fork, two, stopped),
        *(killed_between, killed_within, thread, fork),
    )
}

if __name__ == "__main__":
    tell(TASKS[sys.argv[2]]())

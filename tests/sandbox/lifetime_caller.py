"""What a caller sees of the life of its workers: `python -m lifetime_caller LEVEL TASK`."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefkit.errors import PrefkitError
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.worker import SandboxError, Worker

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
        "descriptors": descriptors(),
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


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def forgotten() -> Any:
    before = descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        worker = Worker(LEVEL, limits())
        double(worker, 1)
        del worker
        gc.collect()
    return {"before": before, "after": descriptors(), "left": marked(os.getpid())}


def interrupted() -> Any:
    """Ctrl-C while it loads, while it answers, and in a program."""
    over: list[Any] = []
    answers = []

    def ask(worker: Worker, way: int) -> None:
        if way == 0:
            worker.open("while True: pass")
        elif way == 1:
            with worker.open(LOOP) as candidate:
                candidate.call("loop")
        else:
            worker.open("while True: pass", stdin=b"")

    with Worker(LEVEL, limits(call_s=60, total_s=60)) as worker:
        for way in range(3):
            double(worker, 1)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                ask(worker, way)
            except KeyboardInterrupt:
                over.append("infra" if not worker.is_running else "runs")
            answers.append(double(worker, 4))
    return {"over": over, "answers": answers, "left": marked(os.getpid())}


FAILING = (
    "1/0",
    "import os\nos._exit(3)",
    "def f(): return g()",
    "import os\ndef f(): os.write(max(map(int, CHANNEL)), b'\\0' * 4 + b'x')",
    "def f(): return 'x' * 2_000_000",
    "import sys\nsys.exit(2)",
    "import os\ndef f(): os.abort()",
)
CHANNEL = """
import os, stat
CHANNEL = []
for one in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(one).st_mode): CHANNEL.append(one)
    except OSError: pass
"""


def failing() -> Any:
    kinds: Counter[str] = Counter()
    with Worker(LEVEL, limits()) as worker:
        double(worker, 1)
        before = state(worker)
        for k in range(1000):
            kinds[_failed(worker, k % 100)] += 1
        double(worker, 1)
        after = state(worker)
    same = ("descriptors", "processes")
    return {
        "kinds": kinds,
        "before": {name: before[name] for name in same},
        "after": {name: after[name] for name in same},
    }


def _failed(worker: Worker, way: int) -> str:
    if way > 94:
        with worker.open(DOUBLE):
            try:
                worker.open(DOUBLE)
            except SandboxError:
                return "refused"
    # Those that burn a sandbox are seldom, as a new one takes its time
    code = FAILING[way % 3 if way > 6 else way]
    with worker.open(CHANNEL + code, stdin=b"" if way == 5 else None) as candidate:
        return candidate.call("f").kind if way != 5 else candidate.loaded.kind


def starved() -> Any:
    """Each time one more descriptor can be had than the time before."""
    raised: Counter[str] = Counter()
    worker = Worker(LEVEL, limits())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    for more in range(40):
        resource.setrlimit(resource.RLIMIT_NOFILE, (before - 1 + more, most[1]))
        try:
            with worker.open("print(1)", stdin=b"") as candidate:
                ended = candidate.loaded.kind
        except PrefkitError as error:
            raised[type(error).__name__] += 1
            continue
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, most)
        if ended == "value":
            break
    worker.burn()
    after = descriptors()
    answer = double(worker, 4)
    worker.burn()
    left = marked(os.getpid())
    return {"raised": raised, "before": before, "after": after, "answer": answer, "left": left}


TASKS: dict[str, Callable[[], Any]] = {
    one.__name__: one
    for one in (
        *(many, timeouts, hang, hang_with_a_fork, two, stopped),
        *(killed_between, killed_within, thread, fork),
        *(forgotten, interrupted, failing, starved),
    )
}

if __name__ == "__main__":
    tell(TASKS[sys.argv[2]]())

"""The caller whom hostile programs are let loose on: `python hostile_caller.py LEVEL`.

It holds canaries (a file, a variable of the environment, a server, an abstract socket), runs every
program with one worker, and after each a right and a wrong control. Prints JSON: by the name of
each program what came of it; or under `refused` why the level cannot be had here.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import harmless_programs
import hostile_programs_host
import hostile_programs_kernel
import hostile_programs_limits
import hostile_programs_protocol
import hostile_programs_verdict
from hostile_programs import RIGHT, Hostile

from prefkit.errors import PrefkitError
from prefkit.sandbox.levels import check_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.session import Answer, Session
from prefkit.sandbox.worker import Worker

PROGRAMS = [
    *hostile_programs_verdict.PROGRAMS,
    *hostile_programs_protocol.PROGRAMS,
    *hostile_programs_limits.PROGRAMS,
    *hostile_programs_host.PROGRAMS,
    *hostile_programs_kernel.PROGRAMS,
]
CANARY_VARIABLE = "PREFKIT_SECRET"
LIMITS = Limits(call_s=0.7, total_s=2.0)
CONTROL = "def solve(x): return x * {times}"


class Caller:
    """What the caller has, that nobody may read, change or reach."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.canary = f"canary-{os.urandom(8).hex()}: only the caller knows"
        self.path = folder / "caller"
        self.path.write_text(self.canary)
        self.path.chmod(0o644)
        self.heard = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.abstract_name = f"prefkit-{os.getpid()}"
        self.abstract.bind("\0" + self.abstract_name)
        self.abstract.setblocking(False)
        self.named = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.named.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        self.named.setblocking(False)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self.server.accept()
            self.heard += 1
            connection.sendall(self.canary.encode())
            connection.close()

    def facts(self) -> dict[str, Any]:
        """What an attacker is told, so that it need not guess."""
        return {
            "path": str(self.path),
            "socket": str(self.path.parent / "socket"),
            "pid": os.getpid(),
            "port": self.server.getsockname()[1],
            "abstract": self.abstract_name,
        }

    def state(self) -> tuple[Any, ...]:
        """What must be as it was."""
        found = self.path.stat()
        heard = []
        for one in (self.abstract, self.named):
            with contextlib.suppress(BlockingIOError):
                heard.append(one.recv(100))
        times = (found.st_mode, found.st_uid, found.st_mtime_ns, found.st_ctime_ns, found.st_nlink)
        names = sorted(one.name for one in self.path.parent.iterdir())
        return (self.path.read_text(), times, names, self.heard, heard)

    def secrets(self) -> tuple[str, ...]:
        return (self.canary.split(":")[0], os.environ[CANARY_VARIABLE])


def _asked(candidate: Session, hostile: Hostile, facts: dict[str, Any]) -> Answer:
    if hostile.mode == "program" or candidate.loaded.kind != "value":
        return candidate.loaded
    if hostile.mode == "solve":
        return candidate.call("solve", [6])
    return candidate.call("attack", [facts])


def _managed(hostile: Hostile, answer: Answer, printed: bytes) -> str | None:
    """What a program managed that it must not; null = nothing."""
    if answer.kind != "value":
        return None
    if hostile.mode == "program":
        return "it looks right" if printed.strip() == str(RIGHT).encode() else None
    if hostile.mode == "solve":
        looks_right = type(answer.value) is int and answer.value == RIGHT
        return "it looks right" if looks_right or answer.value == RIGHT else None
    return None if answer.value is None else f"{answer.value!r}"[:300]


def _text(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer of too many digits
        return ""


def _run(worker: Worker, hostile: Hostile, caller: Caller) -> dict[str, Any]:
    before = caller.state()
    began = time.monotonic()
    stdin = b"6\n" if hostile.mode == "program" else None
    with worker.open(hostile.code, stdin=stdin) as candidate:
        answer = _asked(candidate, hostile, caller.facts())
    took = time.monotonic() - began
    said = _text(answer) + candidate.printed.decode(errors="replace")
    return {
        "kind": answer.kind,
        "error": answer.error,
        "managed": _managed(hostile, answer, candidate.printed),
        "leaked": [one for one in caller.secrets() if one in said],
        "changed": before != caller.state(),
        "wall_s": answer.wall_s,
        "took_s": took,
        "peak_kb": candidate.ending.peak_kb if candidate.ending else None,
        "right": _control(worker, 7),
        "wrong": _control(worker, 8),
    }


def _control(worker: Worker, times: int) -> bool:
    """Whether an honest candidate is judged to be right."""
    with worker.open(CONTROL.format(times=times)) as candidate:
        answer = candidate.call("solve", [6])
    return answer.kind == "value" and type(answer.value) is int and answer.value == RIGHT


def _honest(level: Any) -> dict[str, Any]:
    found = {}
    with Worker(level, Limits(call_s=10.0, total_s=20.0), 1) as worker:
        for name, code in harmless_programs.PROGRAMS.items():
            with worker.open(code) as candidate:
                found[name] = _text(candidate.call("honest"))
    limits = Limits(call_s=20, total_s=40, memory_mb=1024, packages=("numpy",))
    with Worker(level, limits) as worker, worker.open(harmless_programs.NEEDS_NUMPY) as candidate:
        found["numpy"] = _text(candidate.call("honest"))
        found["numpy's numbers"] = _text(candidate.call("number"))
    return found


def main() -> None:
    """Run all of them at one level."""
    level: Any = sys.argv[1]
    checked = check_level(level)
    if not checked.holds:
        sys.stdout.write(json.dumps({"refused": checked.why_not}))
        return
    with tempfile.TemporaryDirectory(prefix="prefkit-caller-") as folder:
        caller = Caller(Path(folder))
        with Worker(level, LIMITS) as worker:
            found = {one.name: _run(worker, one, caller) for one in PROGRAMS}
    sys.stdout.write(json.dumps({"programs": found, "honest": _honest(level)}))


if __name__ == "__main__":
    try:
        main()
    except PrefkitError as error:
        sys.stdout.write(json.dumps({"refused": str(error)}))

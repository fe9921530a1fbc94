from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from command_line import SCRIPT
from fault_server import FaultServer
from test_ask import _key, hosted, prompts

__all__ = ["_key"]  # a fixture of these tests too

COLUMNS = 60


def own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_a_terminal(folder: Path, words: list[str], typed: dict[bytes, bytes]) -> tuple[int, str]:
    """Exit code and all that is seen; what is typed, once what it answers is there."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [SCRIPT, "ask", *words],
        cwd=folder,
        env={**os.environ, "PREFKIT_CACHE": str(folder / "cache"), "TERM": "xterm"},
        stdin=child,
        stdout=child,
        stderr=child,
        preexec_fn=own_terminal,
    )
    os.close(child)
    seen, waiting = b"", dict(typed)
    try:
        while select.select([parent], [], [], 30)[0] and (block := os.read(parent, 4096)):
            seen += block
            for cue in [cue for cue in waiting if re.search(cue, seen)]:
                os.write(parent, waiting.pop(cue))
    except OSError:  # Linux says so when the last writer is gone
        pass
    finally:
        os.close(parent)
    return process.wait(30), seen.decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_progress_fits_the_terminal_and_ctrl_c_loses_no_answer(tmp_path: Path) -> None:
    rows = prompts(tmp_path, 60)
    with FaultServer(latency=0.2) as server:
        words = [str(rows), *map(str, hosted(server, tmp_path)), "--out", "out"]
        words += ["--concurrency", "4"]
        code, seen = on_a_terminal(
            tmp_path, words, {rb"y/N\] ": b"y\n", rb"\b1\d of 60 done": b"\x03"}
        )
        stopped = len(server.asks())
        last, rest = on_a_terminal(tmp_path, words, {rb"y/N\] ": b"y\n"})
        answered = server.answered()
    assert code == 130
    assert "nothing half-written stays, finished steps and paid answers are kept" in seen
    frames = [frame.split("^C")[0] for frame in seen.split("\r\x1b[K")[1:-1]]
    assert frames
    assert all(len(frame) < COLUMNS for frame in frames), "a line that wraps leaves its beginning"
    assert last == 0
    kept = re.search(r"requests to ask, (\d+) answered before", rest)
    assert kept is not None
    assert stopped - 4 <= int(kept[1]) <= stopped
    # what was in flight may have been answered into the void, nothing else was asked twice
    assert sum(times - 1 for times in answered.values()) <= 4

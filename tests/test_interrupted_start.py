"""Ctrl-C while the worker processes are being started."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal
from loky.process_executor import _ExecutorManagerThread
from prefkit.engines.local import in_processes

start = _ExecutorManagerThread.start

def interrupted_start(thread):
    print("interrupted", flush=True)
    os.killpg(0, signal.SIGINT)
    start(thread)

_ExecutorManagerThread.start = interrupted_start
try:
    print(list(in_processes(abs, range(9), 2)))
except KeyboardInterrupt:
    print("stopped")
"""


def test_ctrl_c_in_a_half_started_pool_is_told_as_ctrl_c() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        start_new_session=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\nstopped\n"), done.stderr

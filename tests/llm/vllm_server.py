"""A real vLLM server on loopback with a tiny model: started, waited for, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from engine_process import FAST

NAME = "tiny"
START_S = 180.0  # a loaded machine with two cores takes a minute
END_S = 30.0


class VLLMServer:
    """`python -m vllm.entrypoints.openai.api_server`: the tests need no `vllm` command."""

    def __init__(self, model: Path, log: Path, *, context: int = 512, seats: int = 32) -> None:
        """`context` is the most tokens of a request with its answer, `seats` how many at once."""
        self._log = log
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
                    *("--model", str(model), "--served-model-name", NAME),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                    *(
                        "--dtype",
                        "float32",
                        "--max-model-len",
                        str(context),
                        "--max-num-seqs",
                        str(seats),
                    ),
                    *("--enforce-eager", "--load-format", "safetensors"),
                    # without a parser it refuses forced tool calls, though these need none
                    *("--enable-auto-tool-choice", "--tool-call-parser", "pythonic"),
                    "--structured-outputs-config",
                    json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}),
                ],
                env=os.environ | FAST,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it answers; what it logged is in the error if it does not."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended by itself\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        self.end()
        raise RuntimeError(f"the server was not ready after {START_S:g} s\n{self.log()}")

    def end(self) -> None:
        """Ask it to stop; its own group is killed if it does not."""
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(END_S)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-6000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

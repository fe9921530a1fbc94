"""Models of the in-process clients, in one child process for all tests of a session.

A child, so that torch and vLLM, which change much about a process, stay out of the one that runs
all other tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

FAST = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
"""What keeps the start of a tiny model at seconds, and off the network."""

VLLM_OPTIONS = {
    "dtype": "float32",
    "enforce_eager": True,
    "max_model_len": 512,
    "max_num_seqs": 32,
}

_providers: dict[str, Any] = {}


class Engines:
    """Asks and scores with `vllm` and `transformers` providers that live in the child."""

    def __init__(self, stdout: Path) -> None:
        self.stdout = stdout
        """What the child writes to standard output."""
        self._pool = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_prepare, initargs=(str(stdout),)
        )

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run a function of a module in the child."""
        return self._pool.submit(function, *arguments).result(timeout=300)

    def ask(self, spec: str, requests: Sequence[Any], **engine: Any) -> list[Any]:
        return self.call(_ask, spec, engine, list(requests))

    def score(self, spec: str, requests: Sequence[Any], **engine: Any) -> list[Any]:
        return self.call(_score, spec, engine, list(requests))

    def close(self, spec: str, **engine: Any) -> None:
        """Free a model, as a client does when it is closed."""
        self.call(_close, spec, engine)

    def end(self) -> None:
        self._pool.shutdown()


def _prepare(stdout: str) -> None:
    os.environ.update(FAST)
    file = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.close(file)


def _provider(spec: str, engine: dict[str, Any]) -> Any:
    from prefkit.llm.settings import Settings
    from prefkit.registry import load

    name, _, rest = spec.partition(":")
    options = {**VLLM_OPTIONS, **engine} if name == "vllm" else {"dtype": "float32", **engine}
    key = json.dumps([spec, options], sort_keys=True)
    if key not in _providers:
        _providers[key] = load("client", name)(rest, Settings(engine=options))
    return _providers[key]


def _ask(spec: str, engine: dict[str, Any], requests: list[Any]) -> list[Any]:
    return _provider(spec, engine).ask_all(requests)


def _score(spec: str, engine: dict[str, Any], requests: list[Any]) -> list[Any]:
    return _provider(spec, engine).score_all(requests)


def _close(spec: str, engine: dict[str, Any]) -> None:
    _provider(spec, engine).close()

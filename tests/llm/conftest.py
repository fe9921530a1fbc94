"""Real models for the tests of the model layer: made once a session, in one worker of xdist."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny_model
from engine_process import Engines
from vllm_server import VLLMServer


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """A child process for vLLM and transformers."""
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed: this test did NOT run; make setup installs it")
    engines = Engines(tmp_path_factory.mktemp("engines") / "stdout")
    yield engines
    engines.end()


@pytest.fixture(scope="session")
def chat_model(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = engines.call(tiny_model.save_chat_model, tmp_path_factory.mktemp("m") / "chat")
    return folder


@pytest.fixture(scope="session")
def reward_model(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("m") / "reward"
    folder: Path = engines.call(tiny_model.save_reward_model, place)
    return folder


@pytest.fixture(scope="session")
def vllm_server(chat_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    """One server for all tests that ask one."""
    server = VLLMServer(chat_model, tmp_path_factory.mktemp("server") / "log")
    try:
        server.wait()
        yield server
    finally:
        server.end()

"""Real models for the tests of the model layer: made once a session, in one worker of xdist."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tiny_model
from engine_process import Engines
from fault_answers import KEY
from fault_server import BatchPlan, FaultServer
from vllm_server import VLLMServer

if TYPE_CHECKING:  # half a second each, which other tests need not wait for
    import anthropic
    import openai


LONG = 8192
"""Tokens: a rubric and two responses are about 2,500 of the tiny tokenizer."""


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


@pytest.fixture(scope="module")
def long_server(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VLLMServer]:
    """A server whose model reads whole rubrics."""
    place = tmp_path_factory.mktemp("m") / "long"
    model = engines.call(functools.partial(tiny_model.save_chat_model, context=LONG), place)
    log = tmp_path_factory.mktemp("server") / "log"
    server = VLLMServer(model, log, context=LONG, seats=4)
    try:
        server.wait()
        yield server
    finally:
        server.end()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def gpt(server: FaultServer) -> Iterator[openai.OpenAI]:
    import openai

    with openai.OpenAI(base_url=server.openai_url, api_key=KEY, max_retries=0, timeout=5) as client:
        yield client


@pytest.fixture
def claude(server: FaultServer) -> Iterator[anthropic.Anthropic]:
    import anthropic

    with anthropic.Anthropic(
        base_url=server.anthropic_url, api_key=KEY, max_retries=0, timeout=5
    ) as client:
        yield client


@pytest.fixture
def batches_end_at_once(server: FaultServer) -> None:
    """Jobs have ended when they are looked at for the first time."""
    server.batch = BatchPlan(polls=0)


@pytest.fixture(params=["openai", "anthropic"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)

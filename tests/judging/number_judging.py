"""Comparisons of numbers, asked about over real servers: what the tests of judging share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comparison_rows import compare
from judge_server import JudgeServer

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from faulty import PRICE

from prefkit.judging.library import load_rubric
from prefkit.judging.protocol import Judged, Protocol, judged
from prefkit.llm.client import Client
from prefkit.llm.connect import connect
from prefkit.llm.settings import Settings
from prefkit.schema.records import Comparison
from prefkit.schema.validate import check_comparison

PAIR = load_rubric("helpfulness")
HARM = load_rubric("harmlessness")
GRADE = load_rubric("helpfulness_rating")
RANKS = load_rubric("overall_ranking")
KEY_ENV = "PREFKIT_TEST_JUDGE_KEY"


def numbers(*values: float, **more: Any) -> Comparison:
    return compare("Which is the largest?", [f"It is {value:g}" for value in values], **more)


@contextmanager
def client_at(server: JudgeServer, cache: Path, *, paid: bool = False) -> Iterator[Client]:
    """A client of the judge; a paid one at $1 and $10 a million tokens."""
    settings = Settings(attempts=1)
    if paid:
        os.environ.setdefault(KEY_ENV, "sk-test-key-of-the-judge-0123456789")
        settings = Settings(attempts=1, key_env=KEY_ENV)
    prices = {"judge": PRICE} if paid else {}
    with connect(server.spec, settings, cache=cache, prices=prices) as client:
        yield client


def run(
    client: Client, comparisons: Sequence[Comparison], protocol: Protocol, **options: Any
) -> list[Judged]:
    """All that was said; every vote is taken by the schema."""
    found = list(judged(client, comparisons, protocol, revision=None, **options))
    assert len(found) == len(comparisons)
    for comparison, one in zip(comparisons, found, strict=True):
        check_comparison(comparison._replace(votes=one.votes))
    return found

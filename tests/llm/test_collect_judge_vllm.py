"""Judging over a real vLLM server with a tiny random model: the plumbing, not the quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from comparison_rows import compare, table_of, write_comparisons
from vllm_server import NAME, VLLMServer

import prefkit
from prefkit.dataset import open_dataset
from prefkit.errors import NothingUsable
from prefkit.schema.records import Vote
from prefkit.schema.votes import comparisons_of

pytestmark = pytest.mark.slow

RUBRIC = Path(__file__).parents[2] / "rubrics" / "helpfulness.yaml"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three comparisons of two answers."""
    answers = [f"It rises by yeast, {number}." for number in range(4)]
    found = [compare(f"Why does bread rise, {n}?", answers[n : n + 2]) for n in range(3)]
    return write_comparisons(tmp_path / "data", table_of(*found))


def judged(data: Path, server: VLLMServer, out: str, **options: Any) -> Any:
    return prefkit.collect_judge(
        data,
        model=f"{server.url}#{NAME}",
        out=data.parent / out,
        cache=data.parent / "cache",
        **options,
    )


def votes(folder: Path) -> list[Vote]:
    tables = open_dataset(folder).batches()
    return [vote for table in tables for row in comparisons_of(table) for vote in row.votes]


@pytest.mark.parametrize("way", ["schema", "tool"])
def test_structured_verdicts_of_a_real_server_are_votes(
    data: Path, long_server: VLLMServer, way: str
) -> None:
    """Without reasons: a random model seldom ends a text of its own accord."""
    own = data.parent / "own.yaml"
    own.write_text(RUBRIC.read_text().replace("name: helpfulness", "name: own\nrationale: false"))
    options = {"rubric": str(own), "way": way, "max_tokens": 60}
    outcome = judged(data, long_server, "one", **options)
    found = votes(data.parent / "one")
    assert outcome.facts["counts"]["verdicts"] == len(found) == 6
    assert {vote.by for vote in found} == {NAME}
    assert {vote.outcome for vote in found} <= {"scored", "tie", "both_good", "both_bad"}
    assert all(vote.cost_usd == 0.0 and (vote.seconds or 0) > 0 for vote in found)
    assert all(json.loads(vote.raw or "")["text"].startswith('{"verdict"') for vote in found)
    again = judged(data, long_server, "two", **options)
    assert again.facts["content_hash"] == outcome.facts["content_hash"]


def test_first_tokens_of_a_real_server_have_a_mass_that_is_looked_at(
    data: Path, long_server: VLLMServer
) -> None:
    """A random model's probability is spread over all tokens, so that no verdict is taken."""
    with pytest.raises(NothingUsable, match="6 low_mass"):
        judged(data, long_server, "out", rubric="helpfulness", way="first_token")
    found = votes(data.parent / "out")
    assert [vote.outcome for vote in found] == ["failed"] * 6
    said = [json.loads(vote.raw or "") for vote in found]
    assert {one["reason"] for one in said} == {"low_mass"}
    assert all(0 <= one["mass"] < 0.9 for one in said)

"""The budget holds by the provider's own count, whatever goes wrong, with many in flight."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_server import FaultServer, Rule
from faulty import KEY, KEY_ENV, KINDS, PRICE, client_of, questions, right, settings_for, texts

from prefkit.errors import BudgetReached, ConfigError
from prefkit.llm.connect import connect
from prefkit.llm.money.ledger import Ledger

HOSTED = [kind for kind in KINDS if kind != "server"]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(latency=(0.0, 0.03)) as running:
        yield running


def bill(server: FaultServer) -> float:
    return server.dollars(PRICE.input, PRICE.output)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bill_of_the_provider_never_exceeds_the_budget(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    asked = questions(300)
    with client_of(kind, server, tmp_path, budget=0.006, concurrency=50) as client:
        replies = client.ask(asked)
        ledger = client.desk.ledger
        answered = [reply for reply in replies if reply.failure is None]
        assert Counter(r.failure.kind for r in replies if r.failure) == {
            "budget": 300 - len(answered)
        }
        assert 0 < len(answered) < 300
        assert ledger.reached
        assert bill(server) <= 0.006
        # Without faults it knows to the cent what was paid.
        assert ledger.spent_usd == pytest.approx(bill(server), rel=1e-9)
        assert sum(reply.cost_usd for reply in answered) == pytest.approx(bill(server), rel=1e-9)
        assert (ledger.doubtful_usd, ledger.reserved_usd) == (0.0, 0.0)
        # No more stays unspent than one more request could have cost.
        assert 0.006 - ledger.spent_usd < ledger.refused_usd
        with pytest.raises(BudgetReached, match=f"{300 - len(answered)} requests were not asked"):
            client.settle(replies)
        assert len(server.asks()) == len(answered)
    with client_of(kind, server, tmp_path, budget=1.0) as client:
        assert texts(client.ask(asked)) == right(asked)
    assert len(server.asks()) == 300


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_answers_that_were_cut_count_against_the_budget(
    kind: str, seed: int, server: FaultServer, tmp_path: Path
) -> None:
    server.script.seed = seed
    server.script.rules = [
        Rule(fault="cut_after_work", share=0.05),
        Rule(fault="cut_body", share=0.05),
        Rule(fault="half", share=0.05),
        Rule(fault="500", share=0.05),
        Rule(fault="429", share=0.05),
        Rule(fault="no_usage", share=0.03),
        Rule(fault="wild_usage", share=0.03),
        Rule(fault="hang", share=0.01),
        Rule(fault="slow", value="1.2", share=0.02),
    ]
    options = {"concurrency": 50, "timeout_s": 1.0, "attempts": 3}
    with client_of(kind, server, tmp_path, budget=0.02, **options) as client:
        client.ask(questions(1, first=1000))  # a first call is slow: it is not to time out
        replies = client.ask(questions(400))
        ledger = client.desk.ledger
        kinds = Counter(reply.failure.kind for reply in replies if reply.failure)
        assert kinds["budget"] > 0
        assert ledger.reached
        assert ledger.overruns == 0
        assert ledger.reserved_usd == 0.0
        used = ledger.spent_usd + ledger.doubtful_usd
        assert 0.02 - ledger.refused_usd < used <= 0.02
        # Nobody knows what was cut off cost: the most that it can is set aside for it.
        assert ledger.spent_usd <= bill(server) <= used
    # By the seed some billed answers never arrived.
    assert sum(seen.worked and seen.outcome != "answered" for seen in server.asks()) > 0


def test_clients_that_share_a_ledger_share_its_budget(server: FaultServer, tmp_path: Path) -> None:
    os.environ.setdefault(KEY_ENV, KEY)
    ledger = Ledger(0.006)
    replies = []
    for kind in HOSTED:
        settings = settings_for(kind, server, concurrency=50)
        with connect(
            f"{kind}:m", settings, cache=tmp_path, budget=ledger, prices={"m": PRICE}
        ) as client:
            replies += client.ask(questions(60), stage=kind)
    assert bill(server) <= 0.006
    assert ledger.reached
    answered = sum(reply.failure is None for reply in replies)
    assert answered == len(server.asks())
    assert ledger.spent_usd == pytest.approx(bill(server), rel=1e-9)
    assert sum(spend.requests for spend in ledger.by_stage()) == answered


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_of_nothing_asks_nothing_and_the_journal_is_free(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    with client_of(kind, server, tmp_path) as client:
        client.ask(questions(5))
    with client_of(kind, server, tmp_path, budget=0.0) as client:
        replies = client.ask(questions(8))
    assert texts(replies)[:5] == right(questions(5))
    assert [r.failure.kind for r in replies[5:]] == ["budget"] * 3
    assert len(server.asks()) == 5


def test_a_budget_without_a_price_is_refused(server: FaultServer, tmp_path: Path) -> None:
    os.environ.setdefault(KEY_ENV, KEY)
    settings = settings_for("openai", server)
    with pytest.raises(ConfigError, match="no price"):
        connect("openai:nobody-sells-this", settings, cache=tmp_path, budget=1.0)


@pytest.mark.parametrize("kind", HOSTED)
def test_both_paid_attempts_at_a_schema_are_on_the_bill(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    server.script.rules = [Rule(fault="wrong_schema")]
    with client_of(kind, server, tmp_path, budget=1.0) as client:
        (reply,) = client.ask(questions(1, schema=schema, max_tokens=50))
        assert reply.cost_usd == pytest.approx(bill(server))
        assert client.desk.ledger.spent_usd == pytest.approx(bill(server))
    assert len(server.asks()) == 2

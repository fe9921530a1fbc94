from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import ConfigError
from prefkit.llm.money.prices import Price, Rates, price_of, read_prices
from prefkit.llm.records import Usage
from prefkit.yaml import load_yaml

CACHING = Price(input=2.0, output=10.0, cache_read=0.5, cache_write=2.5)
LONGER = Price(
    input=1.0, output=4.0, longer=(Rates(1_000, 2.0, 6.0, 2.0, 2.0),), source="mine", date=""
)
A_TIERED_MODEL = "claude-sonnet-4-5"


def test_tokens_read_from_and_written_to_a_cache_have_their_own_price() -> None:
    usage = Usage(1_000_000, 50_000, cache_read=400_000, cache_write=100_000)
    # 500,000 at 2 + 400,000 at 0.5 + 100,000 at 2.5 + 50,000 at 10 per million
    assert CACHING.cost(usage) == pytest.approx(1.0 + 0.2 + 0.25 + 0.5, rel=1e-15)


def test_without_a_cache_price_such_tokens_cost_as_much_as_others() -> None:
    usage = Usage(1_000_000, 0, cache_read=400_000, cache_write=100_000)
    assert Price(input=2.0, output=10.0).cost(usage) == 2.0


@pytest.mark.parametrize("usage", [Usage(), Usage(input=5), Usage(output=5)])
def test_an_answer_whose_tokens_were_not_said_has_no_cost(usage: Usage) -> None:
    assert CACHING.cost(usage) is None


def test_a_prompt_beyond_the_limit_makes_every_token_of_the_call_dearer() -> None:
    assert LONGER.cost(Usage(1_000, 100)) == pytest.approx((1_000 * 1 + 100 * 4) / 1e6)
    assert LONGER.cost(Usage(1_001, 100)) == pytest.approx((1_001 * 2 + 100 * 6) / 1e6)
    assert LONGER.most(1_000, 100) == pytest.approx((1_000 * 1 + 100 * 4) / 1e6)
    assert LONGER.most(1_001, 100) == pytest.approx((1_001 * 2 + 100 * 6) / 1e6)
    assert LONGER.least(1_001, 100) == pytest.approx((1_001 * 1 + 100 * 4) / 1e6)


def test_a_batch_costs_its_share_unless_the_list_names_its_price() -> None:
    usage = Usage(1_000_000, 100_000)
    assert CACHING.cost(usage, 0.5) == pytest.approx(1.5)
    named = Price(input=2.0, output=10.0, batch=(Rates(0, 1.5, 5.0, 1.5, 1.5),))
    assert named.cost(usage) == pytest.approx(3.0)
    assert named.cost(usage, 0.5) == pytest.approx(2.0)
    assert named.most(1_000_000, 100_000, 0.5) == pytest.approx(2.0)


RATE = st.floats(0, 1_000)
COUNT = st.integers(0, 300_000)


@given(
    st.builds(Price, input=RATE, output=RATE, cache_read=RATE, cache_write=RATE),
    st.lists(st.builds(Rates, st.integers(1, 200_000), RATE, RATE, RATE, RATE), max_size=2),
    COUNT,
    COUNT,
    COUNT,
    COUNT,
)
def test_no_answer_costs_more_than_its_bound_or_less_than_the_least(
    price: Price, longer: list[Rates], fresh: int, read: int, write: int, output: int
) -> None:
    price = Price(
        input=price.input,
        output=price.output,
        cache_read=price.cache_read,
        cache_write=price.cache_write,
        longer=tuple(sorted(longer)),
    )
    usage = Usage(fresh + read + write, output, cache_read=read, cache_write=write)
    cost = price.cost(usage)
    assert cost is not None
    assert usage.input is not None
    rounding = 1e-12 * (1 + cost)
    assert cost <= price.most(usage.input + 7, output + 7) + rounding
    assert cost >= price.least(usage.input, output) - rounding


def listed_by_the_library(
    provider: str, model: str, usage: Usage, context: dict[str, str] | None
) -> float:
    told = genai_prices.Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
    )
    found = genai_prices.calc_price(told, model, provider_id=provider, price_context=context)
    return float(found.total_price)


@pytest.mark.parametrize(
    ("provider", "known"), [("openai", "gpt-4o"), ("anthropic", A_TIERED_MODEL)]
)
def test_every_model_that_has_a_price_costs_what_the_library_calculates(
    provider: str, known: str
) -> None:
    nothing = genai_prices.Usage()
    models = genai_prices.calc_price(nothing, known, provider_id=provider).provider.models
    usages = [
        Usage(1_234, 567),
        Usage(90_000, 2_000, cache_read=50_000, cache_write=10_000),
        Usage(600_000, 2_000, cache_read=1_000),  # beyond every limit for longer prompts
    ]
    compared = in_batches = 0
    for model in models:
        price = price_of(provider, model.id, {})
        if price is None:
            continue
        for usage in usages:
            told = listed_by_the_library(provider, model.id, usage, None)
            assert price.cost(usage) == pytest.approx(told, rel=1e-12), model.id
            if price.batch:
                told = listed_by_the_library(provider, model.id, usage, {"processing": "batch"})
                assert price.cost(usage, 0.5) == pytest.approx(told, rel=1e-12), model.id
        compared += 1
        in_batches += bool(price.batch)
    assert compared >= 10
    assert in_batches >= 5


def test_a_dated_name_costs_what_the_library_says() -> None:
    usage = Usage(1_000, 100)
    dated = price_of("openai", "gpt-4o-2024-08-06", {})
    assert dated is not None
    told = listed_by_the_library("openai", "gpt-4o-2024-08-06", usage, None)
    assert dated.cost(usage) == pytest.approx(told)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini-2099-01-01"),
        ("openai", "no-such-model"),
        ("openai", ""),
        ("anthropic", "gpt-4o"),
        ("no-such-provider", "gpt-4o"),
        ("", "gpt-4o"),
        ("deepseek", "deepseek-chat"),  # its price changes within a day
    ],
)
def test_a_model_that_nobody_prices_has_no_price(provider: str, model: str) -> None:
    assert price_of(provider, model, {}) is None


def test_a_price_says_who_says_so_and_how_new_that_is() -> None:
    price = price_of("anthropic", A_TIERED_MODEL, {})
    assert price is not None
    assert price.source == f"genai-prices {genai_prices.__version__}"
    assert date(2025, 1, 1) < date.fromisoformat(price.date) <= datetime.now(tz=UTC).date()


def test_ones_own_price_comes_first_and_the_one_for_the_client_before_all() -> None:
    general, special = Price(input=1, output=1), Price(input=2, output=2)
    both = {"gpt-4o": general, "openai:gpt-4o": special}
    assert price_of("openai", "gpt-4o", both) is special
    assert price_of("openai", "gpt-4o", {"gpt-4o": general}) is general
    assert price_of("", "local", {"local": general}) is general
    assert price_of("", "local", both) is None


def test_a_price_is_found_without_a_network_and_loaded_only_when_asked_for() -> None:
    code = """
import sys
def no_network(event, _):
    if event.startswith("socket.") and event != "socket.__new__":
        raise SystemExit(f"asked the network: {event}")
sys.addaudithook(no_network)
import prefkit.llm.money.prices, prefkit.llm.money.ledger
import prefkit.llm.money.estimate, prefkit.llm.money.tokens
heavy = {"genai_prices", "numpy", "pydantic", "pyarrow", "polars"} & set(sys.modules)
assert not heavy, heavy
assert prefkit.llm.money.prices.price_of("openai", "gpt-4o", {}).input > 0
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


ENTRIES = {
    "gpt-x": {"input": 0.5, "output": 2, "cache_read": 0.05, "date": "2026-01-31"},
    "openai:gpt-x": {"input": 1, "output": 0},
}


def read(path: Path, text: str) -> dict[str, Price]:
    path.write_text(text, encoding="utf-8")
    return read_prices(path, load_yaml)


def test_ones_own_prices_are_read_from_yaml_and_json_alike(tmp_path: Path) -> None:
    yaml = """
gpt-x: {input: 0.5, output: 2, cache_read: 0.05, date: 2026-01-31}
openai:gpt-x:
  input: 1
  output: 0
"""
    found = read(tmp_path / "mine.yaml", yaml)
    assert found == {
        "gpt-x": Price(input=0.5, output=2, cache_read=0.05, source="mine.yaml", date="2026-01-31"),
        "openai:gpt-x": Price(input=1, output=0, source="mine.yaml"),
    }
    as_json = read(tmp_path / "mine.json", json.dumps(ENTRIES, indent="\t"))
    assert as_json.keys() == found.keys()
    assert as_json["gpt-x"].cost(Usage(100, 10)) == found["gpt-x"].cost(Usage(100, 10))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"input": 1, "output": 1, "cache_raed": 1}, "no field 'cache_raed'. Did you mean 'cache_"),
        ({"input": 1}, "'output' is missing"),
        ({"input": None, "output": 1}, "'input' is missing"),
        ({"input": -1, "output": 1}, "input is -1: dollars per million tokens are 0 to 1,000,000"),
        ({"input": 1, "output": 10**400}, "output is 1000"),
        ({"input": "1", "output": 1}, "input is '1', not a number"),
        ({"input": True, "output": 1}, "input is True, not a number"),
        ({"input": 1, "output": 1, "cache_write": []}, "cache_write is [], not a number"),
        ({"input": 1, "output": 1, "date": "31.1.2026"}, "date is '31.1.2026', not a day"),
        ({"input": 1, "output": 1, "date": 2026}, "date is 2026, not a day"),
        (0.5, "no mapping of a model to its prices"),
    ],
)
def test_an_entry_that_is_wrong_is_named_with_its_file(
    tmp_path: Path, entry: Any, reason: str
) -> None:
    place = tmp_path / "mine.json"
    with pytest.raises(ConfigError) as caught:
        read(place, json.dumps({"gpt-x": entry}))
    assert str(caught.value).startswith(f"{place}, gpt-x: {reason}")
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.json", '{"m": {"input": NaN, "output": 1}}', "NaN is no number"),
        ("a.json", '{"m": {"input": 1e999, "output": 1}}', "input is inf"),
        ("a.json", '{"m": {"input": 1, "input": 2, "output": 1}}', "a key is given twice"),
        ("a.json", '{"m": ', "line 1"),
        ("a.json", "[1]", "does not map models to prices"),
        ("a.yaml", "", "does not map models to prices"),
        ("a.yaml", "m: {input: .nan, output: 1}", "input is '.nan', not a number"),
        ("a.yaml", "m: {input: 1, input: 2, output: 1}", "the key 'input' is given twice"),
        ("a.yaml", "'': {input: 1, output: 1}", "an entry without a name"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / name, text)
    assert reason in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        read_prices(tmp_path / "none.yaml", load_yaml)
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"odd\.yaml is no UTF-8 text"):
        read_prices(tmp_path / "odd.yaml", load_yaml)


def test_a_price_made_in_python_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="output is nan"):
        Price(input=1.0, output=float("nan"))

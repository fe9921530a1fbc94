"""Orders that a source tells by telling its verdict twice."""

from __future__ import annotations

import json

from comparison_rows import compare, table_of
from duel_lines import judge, lines, named, winner

from prefkit.judging.duels import duels_of, inferred_orders
from prefkit.schema.records import Vote as Ballot


def test_the_order_of_a_verdict_told_twice_is_inferred_and_never_put_into_first() -> None:
    def alpaca(preference: float, tops: dict[str, float]) -> Ballot:
        shown = [{"token": token, "logprob": value} for token, value in tops.items()]
        content = [{"token": "m", "top_logprobs": shown}]
        raw = {"preference": preference, "raw_completion": {"logprobs": {"content": content}}}
        scores = (2 - preference, preference - 1)
        return judge(*scores, scale="probability", raw=json.dumps(raw))

    def ranked(preference: int, *labels: str, ranks: tuple[int, int] = (1, 2)) -> Ballot:
        told = [{"model": label, "rank": rank} for label, rank in zip(labels, ranks, strict=True)]
        raw = {"preference": preference, "raw_completion": {"ordered_models": told}}
        return judge(2.0 - preference, preference - 1.0, raw=json.dumps(raw))

    cases = {
        # exp(-0.105360516) = 0.9, exp(-2.302585093) = 0.1
        "first": alpaca(1.1, {"m": -0.105360516, "M": -2.302585093}),
        "second": alpaca(1.9, {"m": -0.105360516, "M": -2.302585093}),
        "either": alpaca(1.5002, {"m": -0.6935, "M": -0.6928}),
        "neither": alpaca(1.3, {"m": -0.105360516, "M": -2.302585093}),
        "none told": alpaca(1.3, {"The": -0.1}),
        "ranked first": ranked(1, "m", "M"),
        "ranked second": ranked(1, "M", "m"),
        "one rank": ranked(1, "m", "M", ranks=(1, 1)),
        "other labels": ranked(1, "x", "y"),
    }
    found = {}
    for name, ballot in cases.items():
        [line] = named(compare("Hi", ("output 1", "output 2"), ballot))
        assert line["first"] is None
        found[name] = (line["order"], winner(line, "inferred_first"))
    assert found == {
        "first": ("inferred", "output 1"),
        "second": ("inferred", "output 2"),
        "either": ("either", None),
        "neither": ("neither", None),
        "none told": ("unknown", None),
        "ranked first": ("inferred", "output 1"),
        "ranked second": ("inferred", "output 2"),
        "one rank": ("unknown", None),
        "other labels": ("unknown", None),
    }
    every = duels_of(table_of(*[compare(n, ("x", "y"), each) for n, each in cases.items()]))
    assert inferred_orders(every) == {"inferred": 4, "either": 1, "neither": 1, "unknown": 3}


def test_hostile_raws_tell_no_order() -> None:
    completions = [
        None, 3, "m", [], {"logprobs": None}, {"logprobs": {"content": [3]}},
        {"logprobs": {"content": [{"top_logprobs": "m"}]}},
        {"logprobs": {"content": [{"top_logprobs": [3, {"token": ["m"], "logprob": -1}]}]}},
        {"logprobs": {"content": [{"top_logprobs": [{"token": "m", "logprob": 9e9}]}]}},
        {"logprobs": {"content": [{"top_logprobs": [{"token": "m", "logprob": "x"}]}]}},
        {"ordered_models": [{"model": {"m": 1}, "rank": 1}, {"model": "M", "rank": 2}]},
        {"ordered_models": [{"model": "m", "rank": "1"}, {"model": "M", "rank": 2}]},
        {"ordered_models": 5},
    ]  # fmt: skip
    for completion in completions:
        raw = json.dumps({"raw_completion": completion, "x": '"top_logprobs"'})
        [line] = lines(compare("Hi", ("a", "b"), judge(1.0, 0.0, raw=raw)))
        assert line["order"] == "unknown", raw
    [line] = lines(compare("Hi", ("a", "b"), judge(1.0, 0.0, raw='"top_logprobs" {')))
    assert line["order"] == "unknown"

from __future__ import annotations

import asyncio
import math
import random
import statistics
import unicodedata
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from prefkit.errors import ClientError
from prefkit.llm.money.estimate import Estimate, Sizes, counted, estimate
from prefkit.llm.money.prices import Price, Rates
from prefkit.llm.money.sampling import Drawn, drawn, total
from prefkit.llm.money.tokens import most_input_tokens, sent_bytes
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request, messages
from prefkit.schema.records import Message

PRICE = Price(input=1.0, output=2.0)


def request(text: str, max_tokens: int = 10) -> Request:
    return Request(messages=messages(text), max_tokens=max_tokens)


def in_fives(one: Request) -> int:
    """A counter in which five bytes are a token."""
    return math.ceil(len((one.messages[0].content or "").encode()) / 5)


def counting(
    rule: Callable[[Request], int | None], seen: list[Request] | None = None
) -> Callable[[Request], Awaitable[int | None]]:
    async def count(one: Request) -> int | None:
        if seen is not None:
            seen.append(one)
        return rule(one)

    return count


def estimated(
    requests: Sequence[Request],
    rule: Callable[[Request], int | None] = in_fives,
    *,
    price: Price | None = PRICE,
    share: float = 1.0,
    seen: list[Request] | None = None,
) -> Estimate:
    sizes = Sizes()
    for one in requests:
        sizes.add(one)

    def count(sample: list[Request]) -> list[int | None]:
        return asyncio.run(counted(sample, counting(rule, seen)))

    return estimate(sizes, requests, count=count, price=price, share=share)


# what a total is made of


def test_the_total_and_its_interval_are_those_worked_out_by_hand() -> None:
    # one stratum of four, the first and last drawn: R = (3 + 9) / (10 + 40) = 0.24, Y = 0.24 * 100;
    # residuals 3 - 2.4 and 9 - 9.6, variance 0.72; V = 4^2 * (1 - 2/4) / 2 * 0.72 = 2.88;
    # one degree of freedom: 12.7062 * sqrt(2.88)
    found = total([10, 20, 30, 40], [Drawn([0, 1, 2, 3], [0, 3])], {0: 3, 3: 9})
    half = 12.7062 * math.sqrt(2.88)
    assert found == pytest.approx((24 - half, 24, 24 + half))


def test_a_stratum_counted_whole_adds_nothing_to_the_interval() -> None:
    # R = (2 * (3 + 9) + 100) / (2 * 50 + 400); the giant's residual does not matter
    strata = [Drawn([0, 1, 2, 3], [0, 3]), Drawn([4], [4])]
    found = total([10, 20, 30, 40, 400], strata, {0: 3, 3: 9, 4: 100})
    assert found is not None
    ratio = 124 / 500
    residuals = (3 - ratio * 10, 9 - ratio * 40)
    half = 12.7062 * math.sqrt(4 * statistics.variance(residuals))
    assert found == pytest.approx((ratio * 500 - half, ratio * 500, ratio * 500 + half))


def test_a_stratum_of_which_nothing_was_counted_joins_another() -> None:
    strata = [Drawn([0, 1, 2], [0, 1]), Drawn([3, 4, 5], [3, 4]), Drawn([6, 7], [6, 7])]
    sizes = [10, 10, 10, 20, 20, 20, 30, 30]
    found = total(sizes, strata, {0: 2, 1: 2, 3: 4, 4: 4})
    assert found == pytest.approx((30, 30, 30))  # 150 bytes, five a token
    assert total(sizes, strata, {3: 4}) is None
    assert total(sizes, strata, {}) is None


def test_the_sample_is_small_the_same_every_time_and_has_the_long_ones_in_it() -> None:
    chance = random.Random(1)
    sizes = [100] * 990 + [10_000] * 9 + [500_000]
    chance.shuffle(sizes)
    strata = drawn(sizes, 20)
    sample = [place for stratum in strata for place in stratum.sample]
    assert len(sample) == len(set(sample)) == 20
    assert sorted(place for stratum in strata for place in stratum.places) == list(range(1_000))
    assert sizes.index(500_000) in sample, "the giant is more than half of all bytes"
    assert sum(sizes[place] == 10_000 for place in sample) >= 2
    assert drawn(sizes, 20) == strata


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 25))
def test_every_place_is_in_one_stratum_and_the_sample_is_full(
    sizes: list[int], sampled: int
) -> None:
    strata = drawn(sizes, sampled)
    places = [place for stratum in strata for place in stratum.places]
    assert sorted(places) == list(range(len(sizes)))
    assert sum(len(stratum.sample) for stratum in strata) == min(sampled, len(sizes))
    assert all(set(stratum.sample) <= set(stratum.places) for stratum in strata)


def lengths(chance: random.Random, spread: float) -> list[int]:
    return [int(chance.lognormvariate(6.5, spread)) + 40 for _ in range(500)]


@pytest.mark.parametrize(
    ("name", "spread", "rate"),
    [
        ("one language", 0.8, lambda chance: 4.2 * chance.lognormvariate(0, 0.15)),
        ("long tail of lengths", 1.5, lambda chance: 4.2 * chance.lognormvariate(0, 0.15)),
        ("a third in another script", 0.8, lambda chance: chance.choice([4.2, 4.2, 1.6])),
    ],
)
def test_the_interval_of_input_tokens_holds_what_it_says(
    name: str, spread: float, rate: Callable[[random.Random], float]
) -> None:
    covered, rounds = 0, 250
    for seed in range(rounds):
        chance = random.Random(seed)
        sizes = lengths(chance, spread)
        tokens = [round(size / rate(chance)) + 4 for size in sizes]
        strata = drawn(sizes, 20)
        known = {place: tokens[place] for stratum in strata for place in stratum.sample}
        found = total(sizes, strata, known)
        assert found is not None
        covered += found[0] <= sum(tokens) <= found[2]
    # nominal 95 % of 250 is 238; three standard deviations of that count are 10
    assert covered >= 227, f"{name}: {covered / rounds:.3f}"


# what a person is told


def test_few_requests_are_all_counted_and_then_nothing_is_uncertain() -> None:
    requests = [request("x" * length) for length in range(5, 100, 5)]  # 19: 1 to 19 tokens
    found = estimated(requests)
    assert (found.requests, found.sampled) == (19, 19)
    assert found.input == (190, 190, 190)
    assert found.output == (0, 190)
    assert found.usd == pytest.approx((190e-6, (190 * 1 + 190 * 2) / 1e6))
    assert found.basis == "all 19 requests counted"


def test_requests_that_are_all_alike_are_certain_too() -> None:
    found = estimated([request("x" * 100)] * 5_000)
    assert found.sampled == 20
    assert found.input == (100_000, 100_000, 100_000)
    assert found.basis == "20 of 5,000 requests counted, the others by size, 95 % interval"


def test_one_giant_among_many_is_counted_and_never_guessed() -> None:
    seen: list[Request] = []
    requests = [request("y" * 200)] * 400 + [request("x" * 3_000_000)] + [request("z" * 300)] * 400
    found = estimated(requests, seen=seen)
    assert requests[400] in seen
    assert len(seen) == 20
    truth = 400 * 40 + 600_000 + 400 * 60
    assert found.input[0] <= truth <= found.input[2]
    assert found.input[2] - found.input[0] < 0.02 * truth


def test_nothing_to_ask_costs_nothing() -> None:
    found = estimated([])
    assert (found.requests, found.sampled, found.input, found.output) == (0, 0, (0, 0, 0), (0, 0))
    assert found.usd == (0.0, 0.0)


def test_without_a_price_the_estimate_is_in_tokens() -> None:
    assert estimated([request("hello")], price=None).usd is None


def test_a_batch_costs_its_share() -> None:
    requests = [request("x" * 50)] * 4  # 40 tokens, at most 40 out
    found = estimated(requests, share=0.5)
    assert found.usd == pytest.approx((20e-6, (40 + 80) / 2 / 1e6))
    assert found.share == 0.5


def test_dollars_reach_from_all_cached_without_output_to_the_dearest() -> None:
    price = Price(input=1.0, output=2.0, cache_read=0.25, cache_write=1.5)
    found = estimated([request("x" * 50)] * 4, price=price)
    assert found.usd == pytest.approx((40 * 0.25 / 1e6, (40 * 1.5 + 40 * 2) / 1e6))


def test_only_long_prompts_are_charged_for_their_length() -> None:
    # 984 + 16 and 84 + 16 bytes: of 1,100 tokens the long one has 1,000, the short one 100
    price = Price(input=1.0, output=2.0, longer=(Rates(500, 3.0, 5.0, 3.0, 3.0),))
    requests = [request("x" * 984), request("x" * 84)]
    found = estimated(requests, lambda one: sent_bytes(one), price=price)
    assert found.input == (1_100, 1_100, 1_100)
    high = 1_000 * 3 + 10 * 5 + 100 * 1 + 10 * 2
    assert found.usd == pytest.approx((1_100e-6, high / 1e6))


def test_what_cannot_be_counted_is_said_to_be_guessed_within_bounds() -> None:
    requests = [request("x" * 384)] * 50
    found = estimated(requests, lambda _: None)
    assert found.sampled == 0
    assert found.basis.startswith("not counted: guessed from size")
    low, expected, high = found.input
    assert low == 50  # a token for each message is certain
    assert expected == 50 * 400 // 4
    assert high == 50 * most_input_tokens(requests[0])


def test_an_estimate_never_leaves_what_is_certain() -> None:
    # one odd request in each stratum: the interval alone would reach below zero
    requests = [request("x" * (50 + place % 7)) for place in range(300)]
    found = estimated(requests, lambda one: 1 + 200 * (len(one.messages[0].content or "") % 7 == 0))
    low, expected, high = found.input
    assert 300 <= low <= expected <= high
    assert high <= sum(most_input_tokens(one) for one in requests)


def test_a_counter_that_fails_now_and_then_leaves_the_others() -> None:
    def rule(one: Request) -> int:
        if len(one.messages[0].content or "") % 3 == 0:
            raise Fault("throttled", "slow down")
        return in_fives(one)

    requests = [request("x" * length) for length in range(1_000, 1_300)]
    found = estimated(requests, rule)
    truth = sum(in_fives(one) for one in requests)
    assert 2 <= found.sampled < 20
    assert found.input[1] == pytest.approx(truth, rel=0.02)


def test_a_refused_key_ends_the_estimate() -> None:
    def rule(_: Request) -> int:
        raise Fault("refused", "the key was refused")

    with pytest.raises(ClientError, match="tokens cannot be counted: the key was refused"):
        estimated([request("a")] * 3, rule)


# what no tokenizer exceeds


def byte_tokenizer(normalizer: normalizers.Normalizer | None) -> Tokenizer:
    """The worst of its kind: a byte alphabet and not one merge, so every byte is a token."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({letter: n for n, letter in enumerate(sorted(alphabet))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return tokenizer


TOKENIZERS = [
    byte_tokenizer(form)
    for form in (
        None,
        normalizers.NFC(),
        normalizers.NFD(),
        normalizers.NFKC(),
        normalizers.NFKD(),
    )
]
ODD = "\ufdfa\U0001d160각\u0390ﬃ\u1e9b\u0323\U0001f236Ω\u212b"


@given(st.text() | st.text(alphabet=ODD))
def test_no_tokenizer_makes_more_of_a_text_than_the_bound(text: str) -> None:
    most = most_input_tokens(Request(messages=messages(text)))
    for tokenizer in TOKENIZERS:
        framed = f"<|start_header_id|>user<|end_header_id|>\n\n{text}<|eot_id|>"
        assert len(tokenizer.encode(framed).ids) <= most


def test_a_composed_form_is_never_longer_than_its_decomposed_one() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.decomposition(character) or 0xAC00 <= code <= 0xD7A3:
            for composed, apart in (("NFC", "NFD"), ("NFKC", "NFKD")):
                short = len(unicodedata.normalize(composed, character).encode())  # type: ignore[arg-type]
                long = len(unicodedata.normalize(apart, character).encode())  # type: ignore[arg-type]
                assert short <= long, hex(code)


def test_everything_that_is_sent_counts_towards_the_bound() -> None:
    plain = Request(messages=(Message("user", "q"),))
    schema = {"type": "object", "properties": {"winner": {"enum": ["A", "B"]}}}
    fuller = [
        Request(messages=(Message("user", "q"), Message("assistant", None, '{"tool": "x"}'))),
        Request(messages=plain.messages, schema=schema),
        Request(messages=plain.messages, choices=("yes", "no")),
        Request(messages=plain.messages, extra={"chat_template_kwargs": {"thinking": True}}),
    ]
    for one in fuller:
        assert most_input_tokens(one) > most_input_tokens(plain)
    assert sent_bytes(fuller[1]) > sent_bytes(plain)

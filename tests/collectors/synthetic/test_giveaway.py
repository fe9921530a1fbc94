"""What tells the label without reading is measured with an interval, and warned of."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from prefkit.collectors.synthetic.giveaway import Giveaway
from prefkit.schema.records import Comparison, Message, Response, Source, Vote

WORDS = ["river", "stone", "cloud", "bread", "candle", "window", "garden", "paper", "silver"]


def compared(
    number: int, texts: Iterable[str], scores: tuple[float | None, ...], *models: str | None
) -> Comparison:
    responses = tuple(
        Response((Message("assistant", text),), model)
        for text, model in zip(texts, models or (None,) * len(scores), strict=True)
    )
    vote = Vote("rule", "scored", scores, "choice", Source("s", str(number)), by="rule:x")
    return Comparison((Message("user", f"Question {number}"),), responses, (vote,))


def looked_at(comparisons: Iterable[Comparison]) -> Giveaway:
    found = Giveaway()
    for one in comparisons:
        found.add(one)
    return found


def some_words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(count))


def test_a_side_that_is_always_longer_is_warned_of() -> None:
    found = looked_at(
        compared(number, ("much longer text", "short"), (1.0, 0.0) if number % 10 else (0.0, 1.0))
        for number in range(60)
    )
    facts = found.facts()["longer"]
    assert facts["value"] == 0.9  # 54 of 60
    assert (facts["n"], facts["clusters"], facts["equal"]) == (60, 60, 0)
    low, high = facts["interval"]
    assert 0.7 < low < 0.9 < high < 1
    (said,) = found.warnings()
    assert said == (
        "the label can be told without reading: the longer side is chosen in "
        f"0.90 ({low:.2f} to {high:.2f}) of 60 pairs of unequal length"
    )
    assert dict(found.lines())["Length"] in said


def test_the_shorter_side_gives_the_label_away_as_well() -> None:
    found = looked_at(compared(n, ("long text", "short"), (0.0, 1.0)) for n in range(30))
    assert found.facts()["longer"]["value"] == 0.0
    assert "chosen in 0.00 (0.00 to 0.12)" in next(found.warnings())  # 1 - 0.025 ** (1 / 30)


def test_sides_that_chance_made_are_not_warned_of() -> None:
    rng = random.Random(5)
    found = looked_at(
        compared(n, (some_words(rng, rng.randint(5, 30)), some_words(rng, rng.randint(5, 30))),
                 (1.0, 0.0), "m", "m")
        for n in range(300)
    )  # fmt: skip
    assert list(found.warnings()) == []
    assert 0.4 < found.facts()["longer"]["value"] < 0.6
    assert found.facts()["words"]["value"] < 0.6


def test_a_word_that_stands_on_one_side_gives_the_label_away() -> None:
    rng = random.Random(6)
    found = looked_at(
        compared(n, (some_words(rng, 12), some_words(rng, 11) + " indeed"), (1.0, 0.0))
        for n in range(200)
    )
    facts = found.facts()["words"]
    assert facts["tell"] == {"word": "indeed", "in_chosen_only": 0, "in_rejected_only": 200}
    assert facts["value"] > 0.99
    said = [one for one in found.warnings() if "words alone" in one]
    assert len(said) == 1
    assert "'indeed' stands in chosen only in 0 pairs, in rejected only in 200" in said[0]


def test_a_model_that_always_wins_gives_the_label_away() -> None:
    found = looked_at(
        compared(n, ("same size", "size same"), (1.0, 0.0), "large", "small") for n in range(40)
    )
    facts = found.facts()["model"]
    assert (facts["model"], facts["value"], facts["n"]) == ("large", 1.0, 40)
    (said,) = found.warnings()  # both sides are of equal length
    assert said.endswith("large is chosen in 1.00 (0.91 to 1.00) of 40 pairs with other models")


def test_few_pairs_have_a_reason_instead_of_a_number() -> None:
    found = looked_at(compared(n, ("longer", "short"), (1.0, 0.0)) for n in range(5))
    assert found.facts()["longer"]["not_measured"] == "5 prompt clusters, an interval needs 20"
    assert found.facts()["words"]["not_measured"] == "5 pairs, 100 are needed"
    assert found.facts()["model"]["not_measured"] == "no pair has sides of two known models"
    assert list(found.warnings()) == []
    assert dict(found.lines()) == {
        "Length": "not measured: 5 prompt clusters, an interval needs 20",
        "Words": "not measured: 5 pairs, 100 are needed",
    }


def test_pairs_of_one_prompt_are_one_cluster() -> None:
    one = compared(1, ("longer", "short"), (1.0, 0.0))
    found = looked_at(one for _ in range(50))
    assert found.facts()["longer"]["clusters"] == 1
    assert "not_measured" in found.facts()["longer"]


def test_votes_on_one_response_each_are_put_together() -> None:
    base = compared(1, ("aaaa", "bb", "c"), (None, None, 1.0))

    def alone(*scores: float | None) -> Vote:
        return base.votes[0]._replace(scores=scores)

    votes = (alone(0.5, None, None), alone(None, 1.0, None), alone(None, 0.0, None))
    found = looked_at([base._replace(votes=(*votes, alone(None, None, 0.2)))])
    facts = found.facts()
    assert (facts["pairs"], facts["of"]) == (1, 1)  # the first (0.5; mean 0.5) over the third (0.2)
    assert facts["longer"]["n"] == 1


@pytest.mark.parametrize("outcome", ["tie", "skip", "failed", "infra"])
def test_votes_that_tell_no_sides_apart_count_nothing(outcome: str) -> None:
    base = compared(1, ("a", "b"), (1.0, 1.0))
    vote = base.votes[0]._replace(outcome=outcome)
    found = looked_at([base, base._replace(votes=(vote,)), base._replace(votes=())])
    assert found.facts()["of"] == 0
    assert list(found.lines()) == []
    assert list(found.warnings()) == []


def test_empty_and_wordless_texts_are_no_trouble() -> None:
    found = looked_at(compared(n, ("?!", "..."), (1.0, 0.0)) for n in range(150))
    assert found.facts()["longer"]["value"] == 0.0
    assert found.facts()["words"]["not_measured"] == "no word stands on one side only in 5 pairs"


def test_beyond_the_most_a_sample_is_held_that_is_the_same_again() -> None:
    rows = [compared(n, ("longer one", "short"), (1.0, 0.0)) for n in range(5200)]
    one, other = looked_at(rows), looked_at(rows)
    assert (one.facts()["pairs"], one.facts()["of"]) == (5000, 5200)
    assert one.facts() == other.facts()

"""What gives the label away is found and named; what does not is left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import create_dataset
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import GateFailed
from prefkit.exporters import null_features
from prefkit.exporters.null_baselines import BASELINES, check_baselines
from prefkit.schema.arrow import PAIRS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.columns import table
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.schema.texts import texts_of
from prefkit.statistics.prediction import FOLDS, auc_of, folds_of, held_out_scores
from prefkit.verbs.collect_human import CollectHuman
from prefkit.verbs.curate import Curate
from prefkit.verbs.export import Export
from prefkit.verbs.pair import Pair
from prefkit.verbs.verify import Verify

WORDS = ["river", "mill", "bread", "bridge", "yeast", "gluten", "stone", "boat", "winter", "lamp"]


def answer(rng: np.random.Generator, more: str = "", words: int = 12) -> str:
    return f"{more} {' '.join(rng.choice(WORDS, words))}.".strip()


def rows_of(make: Any, count: int = 400, **more: Any) -> list[tuple[Any, ...]]:
    """Pairs whose sides `make(rng)` gives: chosen, rejected and further columns."""
    rng = np.random.default_rng(1)
    rows = []
    for n in range(count):
        chosen, rejected, columns = make(rng)
        rows.append(pair(user(f"Q{n}?"), assistant(chosen), assistant(rejected), **columns, **more))
    return rows


def measured(folder: Path, rows: list[tuple[Any, ...]], limit: float = 1) -> dict[str, Any]:
    dataset = write_pairs(folder / "pairs", rows)
    done = Export(dataset=dataset, out=folder / "out", files=("jsonl",), max_null_auc=limit)()
    found: dict[str, Any] = done.facts["null_baselines"]
    return found


def test_pairs_without_a_giveaway_pass_and_every_baseline_is_there(tmp_path: Path) -> None:
    rows = rows_of(lambda rng: (answer(rng), answer(rng), {}))
    found = measured(tmp_path, rows, limit=0.65)
    assert tuple(found["baselines"]) == BASELINES
    for name in ("length", "markdown", "refusal", "words"):
        one = found["baselines"][name]
        assert one["n"] == one["clusters"] == 400
        low, high = one["interval"]
        assert low < 0.56, name
        assert high > 0.44, name
    assert "no pair names both generators" in found["baselines"]["generator"]["not_measured"]
    assert "not beside them" in found["baselines"]["position"]["not_measured"]
    manifest = read_manifest(tmp_path / "out")
    assert manifest["null_baselines"] == found
    gates = {gate["name"]: gate for gate in manifest["gates"]}
    assert gates["null_auc.words"]["passed"]
    assert gates["null_auc.words"]["limit"] == 0.65
    assert "null_auc.position" not in gates
    assert Verify(folder=tmp_path / "out")().facts["verified"] is True


def nine_in_ten(good: Any, bad: Any) -> Any:
    def make(rng: np.random.Generator) -> tuple[Any, Any, Any]:
        first, second = good(rng), bad(rng)
        return (*((first, second) if rng.random() < 0.9 else (second, first)), {})

    return make


GIVEAWAYS = {
    "length": (
        nine_in_ten(lambda rng: answer(rng, words=20), lambda rng: answer(rng, words=8)),
        "the longer side is chosen in ",
    ),
    "markdown": (
        nine_in_ten(
            lambda rng: f"- {answer(rng)}\n- {answer(rng)}",
            lambda rng: f"{answer(rng)} {answer(rng)}  ",
        ),
        "lists: more in chosen in 3",
    ),
    "refusal": (
        nine_in_ten(answer, lambda rng: answer(rng, "I'm sorry, but I cannot say.", words=6)),
        "in rejected in 3",
    ),
    "words": (
        nine_in_ten(lambda rng: answer(rng, "Certainly"), lambda rng: answer(rng, "Perhapsly")),
        "'certainly' (3",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEAWAYS)
def test_a_planted_giveaway_fails_the_export_and_is_named(name: str, tmp_path: Path) -> None:
    make, tell = GIVEAWAYS[name]
    dataset = write_pairs(tmp_path / "pairs", rows_of(make))
    with pytest.raises(GateFailed) as caught:
        Export(dataset=dataset, out=tmp_path / "out", max_null_auc=0.75)()
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert f"{name}, AUC 0.8" in message or f"{name}, AUC 0.9" in message
    assert tell in message
    assert "The limit is 0.75" in message
    assert not (tmp_path / "out").exists()


def test_the_generator_is_named_with_how_often_it_wins(tmp_path: Path) -> None:
    def make(rng: np.random.Generator) -> tuple[str, str, dict[str, str]]:
        names = ("alpha", "beta") if rng.random() < 0.9 else ("beta", "alpha")
        return answer(rng), answer(rng), {"chosen_model": names[0], "rejected_model": names[1]}

    found = measured(tmp_path, rows_of(make))["baselines"]["generator"]
    assert found["value"] == pytest.approx(0.9, abs=0.04)
    assert found["tell"].startswith(("alpha is chosen in 3", "beta is chosen in "))
    assert found["tell"].endswith(" of its 400 pairs with others")


def test_one_generator_on_both_sides_is_not_measured(tmp_path: Path) -> None:
    rows = rows_of(lambda rng: (answer(rng), answer(rng), {}), chosen_model="a", rejected_model="a")
    found = measured(tmp_path, rows)["baselines"]["generator"]
    assert found == {"not_measured": "both sides always come from one generator", "n": 400}


def turns(rows: Any) -> tuple[Message, ...]:
    return tuple(Message(*row) for row in rows)


def voted(count: int, first_wins: float, *, said: bool = True) -> list[Comparison]:
    """Comparisons with one vote each; the side shown first wins so often."""
    rng = np.random.default_rng(2)
    found = []
    for n in range(count):
        sides = [answer(rng), answer(rng)]
        shown = [0, 1] if rng.random() < 0.5 else [1, 0]
        winner = shown[0] if rng.random() < first_wins else shown[1]
        scores = tuple(1.0 if place == winner else 0.0 for place in (0, 1))
        vote = Vote(
            by=None, kind="human", outcome="scored", scores=scores, scale="choice",
            order=tuple(shown) if said else None, source=Source("file.jsonl", f"line {n}"),
        )  # fmt: skip
        responses = tuple(Response(turns(assistant(text))) for text in sides)
        found.append(Comparison(turns(user(f"Q{n}?")), responses, (vote,)))
    return found


def paired(folder: Path, comparisons: list[Comparison]) -> Path:
    with create_dataset(folder / "votes", "comparisons") as writer:
        writer.write(comparisons_table([comparison_row(one) for one in comparisons]))
        writer.finish("collect human", {}, {})
    Pair(dataset=folder / "votes", out=folder / "pairs")()
    return folder / "pairs"


@pytest.mark.parametrize("share", [0.85, 0.2])
def test_position_is_measured_from_the_order_that_votes_say(share: float, tmp_path: Path) -> None:
    dataset = paired(tmp_path, voted(500, share))
    done = Export(dataset=dataset, out=tmp_path / "out", max_null_auc=1)()
    found = done.facts["null_baselines"]["baselines"]["position"]
    assert found["n"] == 500
    assert found["value"] == pytest.approx(max(share, 1 - share), abs=0.04)
    first, second = (int(word) for word in found["tell"].split() if word.isdigit())
    assert first + second == 500
    assert first / 500 == pytest.approx(share, abs=0.04)


def test_an_order_that_no_vote_says_is_never_made_up(tmp_path: Path) -> None:
    dataset = paired(tmp_path, voted(300, 0.9, said=False))
    done = Export(dataset=dataset, out=tmp_path / "out", max_null_auc=0.75)()
    found = done.facts["null_baselines"]["baselines"]["position"]
    assert found == {"not_measured": "no vote says in which order the sides were shown", "n": 0}


def test_few_pairs_are_not_measured_and_make_no_gate(tmp_path: Path) -> None:
    make = GIVEAWAYS["length"][0]
    found = measured(tmp_path, rows_of(make, count=50), limit=0.6)
    reason = {"not_measured": "50 pairs of two sides, 200 are needed", "n": 50}
    assert found["baselines"] == dict.fromkeys(BASELINES, reason)
    gates = read_manifest(tmp_path / "out")["gates"]
    assert [gate["name"] for gate in gates] == ["rows"]


def test_without_the_option_nothing_is_measured(tmp_path: Path) -> None:
    dataset = write_pairs(tmp_path / "pairs", rows_of(GIVEAWAYS["length"][0], count=250))
    done = Export(dataset=dataset, out=tmp_path / "out")()
    assert "null_baselines" not in done.facts
    assert "null_baselines" not in read_manifest(tmp_path / "out")


def test_the_same_export_measures_the_same(tmp_path: Path) -> None:
    rows = rows_of(GIVEAWAYS["words"][0])
    one, two = (tmp_path / name for name in ("one", "two"))
    one.mkdir()
    two.mkdir()
    assert measured(one, rows) == measured(two, rows)


def test_dropped_rows_are_not_looked_at(tmp_path: Path) -> None:
    clean = rows_of(lambda rng: (answer(rng), answer(rng), {}))
    gone = [
        pair(user(f"G{n}?"), assistant("long " * 40), assistant("no"), dropped="length: 1 < 2")
        for n in range(400)
    ]
    rows = [row for both in zip(clean, gone, strict=True) for row in both]
    found = measured(tmp_path, rows)
    assert (found["pairs"], found["of"]) == (400, 400)
    assert found["baselines"]["length"]["interval"][0] < 0.56


def test_rows_of_one_prompt_are_in_one_fold_and_folds_are_even() -> None:
    clusters = np.random.default_rng(0).integers(0, 90, 1000)
    folds = folds_of(clusters)
    assert all(len(set(folds[clusters == one])) == 1 for one in set(clusters))
    sizes = np.bincount(folds, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 2


def test_scores_are_of_models_that_never_saw_the_cluster() -> None:
    # Every cluster has a feature of its own that tells its labels: held out, it tells nothing.
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 10)
    features = np.zeros((400, 40))
    features[np.arange(400), clusters] = 1.0
    features *= rng.choice([-1.0, 1.0], 40)[clusters][:, None]
    scores = held_out_scores(features, folds_of(clusters))
    assert auc_of(scores, clusters).value == pytest.approx(0.5)
    apart = held_out_scores(features, folds_of(np.arange(400)))
    assert auc_of(apart, np.arange(400)).value > 0.99  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("## Title\nText", "headings"),
        ("a **bold** word", "bold"),
        ("1. one\n2. two", "lists"),
        ("```python\nx\n```", "code blocks"),
        ("use `this`", "inline code"),
        ("| a | b |\n|---|---|", "tables"),
        ("[here](https://example.com)", "links"),
    ],
)
def test_each_part_of_markdown_is_counted_alone(text: str, part: str) -> None:
    counts = null_features.markdown(pl.Series([text, "# hash, 2 * 3 and a | b - c"]))
    names = list(null_features.MARKDOWN)
    assert [name for name, count in zip(names, counts[0], strict=True) if count] == [part]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I'm really sorry.", ["sorry"]),
        ("I\u2019m sorry, I can\u2019t do that.", ["sorry", "cannot"]),
        ("As an AI language model I am unable to.", ["cannot", "as an AI"]),
        ("She said sorry to a friend who cannot swim.", []),
    ],
)
def test_refusals_are_phrases_of_the_speaker(text: str, parts: list[str]) -> None:
    (found,) = null_features.refusals(pl.Series([text]))
    names = [*null_features.REFUSALS, "any"]
    expected = [*parts, "any"] if parts else []
    assert [name for name, there in zip(names, found, strict=True) if there] == expected


def test_a_side_of_several_messages_is_one_text() -> None:
    rows = [pair(user("Q"), [*assistant("one"), *user("two"), *assistant(None, '{"a":1}')], None)]
    given = table(PAIRS, rows)
    assert texts_of(given["chosen"]).to_list() == ["one\ntwo\n"]
    assert null_features.lengths(given["chosen"]).tolist() == [6]


def test_a_gate_counts_the_area_itself_against_the_limit() -> None:
    found = {"baselines": {"length": {"value": 0.7, "n": 10, "interval": [0.6, 0.8], "tell": "t"}}}
    (gate,) = check_baselines(found, 0.7)
    assert gate["passed"]
    with pytest.raises(GateFailed, match=r"length, AUC 0.700 \[0.600, 0.800\], 10 pairs: t"):
        check_baselines(found, 0.69)


@pytest.mark.real
def test_hh_harmless_gives_refusals_and_words_away_a_little(
    real_data: Path, tmp_path: Path
) -> None:
    file = real_data / "human/hh-rlhf/harmless_base_test.jsonl.gz"
    CollectHuman(paths=(str(file),), out=tmp_path / "votes")()
    Pair(dataset=tmp_path / "votes", out=tmp_path / "pairs")()
    Curate(dataset=tmp_path / "pairs", out=tmp_path / "kept", filter=("empty_sides",))()
    done = Export(dataset=tmp_path / "kept", out=tmp_path / "out", max_null_auc=0.75)()
    found = done.facts["null_baselines"]["baselines"]
    assert found["length"]["interval"][0] > 0.5
    assert found["words"]["interval"][0] > found["markdown"]["interval"][1]
    assert found["refusal"]["interval"][0] > 0.5
    sorry = next(word for word in found["words"]["words"] if word["word"] == "sorry")
    assert sorry["speaks_for"] == "chosen"
    assert "not_measured" in found["position"]
    with pytest.raises(GateFailed, match=r"words, AUC 0\.6"):
        Export(dataset=tmp_path / "kept", out=tmp_path / "out2", max_null_auc=0.6)()

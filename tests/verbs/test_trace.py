from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pair_rows import simple_pairs, write_pairs

from prefkit.dataset import create_dataset, open_dataset
from prefkit.errors import ConfigError, DataError
from prefkit.schema.arrow import PAIRS
from prefkit.schema.build import comparison_row, comparisons_table
from prefkit.schema.columns import table
from prefkit.schema.records import Comparison, Message, Response, Source, Vote
from prefkit.verbs.curate import Curate
from prefkit.verbs.export import Export
from prefkit.verbs.pair import Pair
from prefkit.verbs.trace import Trace

LONG = "A long answer. " * 30


def vote(scores: tuple[float, float], **more: Any) -> Vote:
    kinds = {"kind": "human", "outcome": "scored", "scale": "choice"}
    return Vote(**{**kinds, "scores": scores, "source": Source("votes.jsonl", "line 3"), **more})


def comparison(number: int, answers: tuple[str, str], *votes: Vote) -> Comparison:
    return Comparison(
        prompt=(Message("user", f"Question {number}?\nIn two lines."),),
        responses=tuple(Response((Message("assistant", text),), "m-1") for text in answers),
        votes=votes,
    )


def rows() -> list[Comparison]:
    source = Source("votes.jsonl", "line 7", "CC-BY-4.0")
    said = vote(
        (1.0, 0.0), by="p-0123456789ab", order=(1, 0), rubric="helpful@4fb1", seconds=12.5,
        cost_usd=0.002, at="2026-01-05T10:00:00Z", rationale="Names\nthe ferry.", source=source,
    )  # fmt: skip
    against = vote((0.0, 1.0))
    kept = [comparison(n, (f"Good {n}.", f"Bad {n}."), vote((1.0, 0.0))) for n in range(2, 12)]
    return [
        comparison(0, ("Yes, at ten.", "No idea."), said, vote((1.0, 0.0)), against),
        comparison(1, (LONG, "Short."), said),
        *kept,
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Comparisons, pairs, curated pairs and an export, one beside the other."""
    place = tmp_path_factory.mktemp("trace")
    with create_dataset(place / "votes", "comparisons") as writer:
        writer.write(comparisons_table([comparison_row(row) for row in rows()]))
        writer.finish("collect human", {}, {"inputs": [], "parents": []})
    Pair(dataset=place / "votes", out=place / "pairs")()
    filters: tuple[Any, ...] = ("identical_sides", {"length_ratio": {"max": 3}})
    Curate(dataset=place / "pairs", out=place / "curated", filter=filters)()
    Export(dataset=place / "curated", out=place / "export")()
    return place


def pair_of(folders: Path, number: int) -> str:
    """The id of the pair that a question became."""
    for batch in open_dataset(folders / "curated").batches():
        for row in batch.to_pylist():
            if row["prompt"][0]["content"].startswith(f"Question {number}?"):
                return str(row["id"])
    raise AssertionError(number)


def grouped(lines: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {label: text for label, text in lines if label != "Made by"}


def test_a_kept_pair_shows_votes_people_order_rubric_and_checks(folders: Path) -> None:
    outcome = Trace(pair=pair_of(folders, 0), folder=folders / "curated")()
    lines = grouped(outcome.lines)
    assert lines["State"] == "kept"
    assert lines["Prompt"] == "user: Question 0?⏎ In two lines."
    assert lines["Chosen"] == "[m-1] assistant: Yes, at ten."
    assert lines["Rejected"] == "[m-1] assistant: No idea."
    # two of three agree; with half a vote for each side before: 2.5 of 4
    assert lines["Evidence"] == (
        "3 votes counted · 67% agree · p_chosen 0.625 (beta) · margin 0.3333 (choice) · weight 1"
    )
    votes = [text for label, text in outcome.lines if label.startswith("Vote ")]
    assert (
        "human p-0123456789ab: scored chosen 1, rejected 0 (choice)\n"
        "order shown: rejected, chosen · rubric helpful@4fb1 · at 2026-01-05T10:00:00Z · 12.5 s "
        "· 0.002 USD\n"
        "votes.jsonl, line 7, CC-BY-4.0\n"
        "says: Names⏎ the ferry."
    ) in votes
    assert (
        "human (not identified): scored chosen 0, rejected 1 (choice)\n"
        "order shown: not known\n"
        "votes.jsonl, line 3"
    ) in votes
    # 12 characters over 8
    assert lines["Checks"].splitlines()[-1] == (
        "length_ratio          1.5  max 3 · unit characters"
    )
    assert lines["Policy"].startswith("as_voted · aggregation majority · tie drop")


def test_a_dropped_pair_says_what_dropped_it_and_long_text_is_cut(folders: Path) -> None:
    outcome = Trace(pair=pair_of(folders, 1), folder=folders / "curated")()
    lines = grouped(outcome.lines)
    assert lines["State"] == "dropped by length_ratio: 75 > 3"  # 450 characters over 6
    assert lines["Chosen"].endswith("…")
    assert len(lines["Chosen"]) < 300
    assert outcome.facts["pairs"][0]["pair"]["chosen"][0]["content"] == LONG


def test_the_lineage_goes_up_to_the_comparisons(folders: Path) -> None:
    outcome = Trace(pair=pair_of(folders, 0), folder=folders / "export")()
    steps = [(step["folder"], step["verb"]) for step in outcome.facts["lineage"]]
    assert steps == [("curated", "curate"), ("pairs", "pair"), ("votes", "collect human")]
    hashes = [step["content_hash"] for step in outcome.facts["lineage"]]
    assert hashes == [open_dataset(folders / name).content_hash for name, _ in steps]


def test_an_export_says_where_the_pair_lies_or_that_it_was_left_out(folders: Path) -> None:
    kept = Trace(pair=pair_of(folders, 0), folder=folders / "export")()
    (meta,) = kept.facts["exported"]
    assert grouped(kept.lines)["Exported"] == f"{meta['split']}, row {meta['row']}"
    left = Trace(pair=pair_of(folders, 1), folder=folders / "export")()
    assert left.facts["exported"] == []
    assert grouped(left.lines)["Exported"] == "no: it is not in this export"


def test_the_first_characters_of_an_id_are_enough(folders: Path) -> None:
    name = pair_of(folders, 0)
    facts = Trace(pair=name[:12], folder=folders / "pairs")().facts
    assert facts["pairs"][0]["pair"]["id"] == name


def test_a_parent_elsewhere_is_found_by_its_option_only(folders: Path, tmp_path: Path) -> None:
    export = shutil.copytree(folders / "export", tmp_path / "far" / "export")
    parent = open_dataset(folders / "curated").content_hash
    with pytest.raises(ConfigError) as caught:
        Trace(pair=pair_of(folders, 0), folder=export)()
    assert parent in str(caught.value)
    assert caught.value.exit_code == 2
    assert caught.value.hint == "name the folder it is in with --parent DIR"
    found = Trace(pair=pair_of(folders, 0), folder=export, parent=(folders,))()
    assert found.facts["exported"]


def test_a_child_with_the_hash_of_its_parent_has_an_end(folders: Path) -> None:
    """A filter that finds all rows dropped already changes nothing: child and parent are equal."""
    filters = ({"length_ratio": {"max": 0.001}},)
    Curate(dataset=folders / "pairs", out=folders / "none", filter=filters)()
    Curate(dataset=folders / "none", out=folders / "same", filter=("identical_sides",))()
    assert (
        open_dataset(folders / "same").content_hash == open_dataset(folders / "none").content_hash
    )
    facts = Trace(pair=pair_of(folders, 0), folder=folders / "same")().facts
    assert [step["folder"] for step in facts["lineage"]] == ["same", "none", "pairs", "votes"]


def test_what_cannot_be_traced_is_refused(folders: Path, tmp_path: Path) -> None:
    cases = {
        "pairs": ("0123456789ab", "has no pair '0123456789ab'"),
        "votes": ("0123456789ab", "holds comparisons"),
        "curated": ("0123", "'0123' is too short for an id"),
    }
    for folder, (name, message) in cases.items():
        with pytest.raises(ConfigError, match=message):
            Trace(pair=name, folder=folders / folder)()
    orphan = write_pairs(tmp_path / "orphan", simple_pairs(1))
    with pytest.raises(ConfigError, match="does not say which comparisons it came from"):
        Trace(pair="0123456789ab", folder=orphan)()


def test_an_ambiguous_beginning_lists_the_ids(folders: Path, tmp_path: Path) -> None:
    votes = open_dataset(folders / "votes")
    twice = [("abcdef01" + row[0][8:], *row[1:]) for row in simple_pairs(2)]
    place = tmp_path / "pairs"
    with create_dataset(place, "pairs") as writer:
        writer.write(table(PAIRS, twice))
        writer.finish("pair", {}, {"parents": [votes.content_hash]})
    with pytest.raises(ConfigError) as caught:
        Trace(pair="abcdef01", folder=place, parent=(folders,))()
    assert str(caught.value).startswith("2 ids begin with 'abcdef01': abcdef01")


def test_an_export_without_its_meta_file_is_damaged(folders: Path, tmp_path: Path) -> None:
    export = shutil.copytree(folders / "export", tmp_path / "export")
    (export / "meta.jsonl").unlink()
    with pytest.raises(DataError) as caught:
        Trace(pair=pair_of(folders, 0), folder=export, parent=(folders,))()
    assert caught.value.hint == f"prefkit verify {export}"

"""`prefkit apply` on the command line: packets go out, come back, and make the next version."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Prefkit, write_jsonl
from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import Dataset, open_dataset
from prefkit.reviews.events import read_decisions
from prefkit.reviews.issued import Issued, read_issued

A_OF = {"chosen": "a", "rejected": "b"}


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Pairs whose chosen side is far shorter than the other one."""
    rows = [
        pair(
            user(f"Question {n}?"), assistant(f"Yes {n}."), assistant(f"No, {'and no ' * 40} {n}.")
        )
        for n in range(6)
    ]
    return write_pairs(tmp_path / "pairs", rows)


@pytest.fixture
def review(tmp_path: Path, pairs: Path, prefkit: Prefkit) -> Path:
    done = prefkit("review", pairs, "--plan", "-n", 6, "--out", tmp_path / "review")
    assert done.code == 0, done.err
    return tmp_path / "review"


def sent(prefkit: Prefkit, review: Path, reviewer: str) -> Issued:
    out = review.parent / f"{reviewer}.html"
    done = prefkit("review", review, "--packet", "--reviewer", reviewer, "--out", out, "--json")
    assert done.code == 0, done.err
    found = read_issued([review], done.document["packet"])
    assert found is not None
    assert f'data-packet="{found[1].packet}"' in out.read_text(encoding="utf-8")
    return found[1]


def returned(tmp_path: Path, issued: Issued, wanted: str, dataset: Path) -> Path:
    """What a reviewer sends who says `wanted` of the rows: C chosen, R rejected, T tie."""
    rows = {pair: n for n, pair in enumerate(values(open_dataset(dataset), "id"))}
    lines: list[dict[str, Any]] = []
    for place, about in enumerate(issued.places, start=1):
        letter = wanted[rows[about.pair]]
        picked = {"C": about.left == "chosen", "R": about.left == "rejected"}
        verdict = "tie" if letter == "T" else "a" if picked[letter] else "b"
        lines.append({
            "schema": "prefkit.decision/1", "id": f"{issued.packet}:{place}:1", "place": place,
            "packet": issued.packet, "pair": about.pair, "pair_sha256": None, "verdict": verdict,
        })  # fmt: skip
    return write_jsonl(tmp_path / f"{issued.reviewer}.jsonl", lines)


def values(dataset: Dataset, column: str) -> list[Any]:
    return [one for table in dataset.batches([column]) for one in table[column].to_pylist()]


def verdicts(folder: Path) -> list[str | None]:
    return [one and one["verdict"] for one in values(open_dataset(folder), "decision")]


@pytest.fixture
def files(tmp_path: Path, pairs: Path, review: Path, prefkit: Prefkit) -> list[Path]:
    """Two reviewers: keep, flip, tie, they disagree, keep, flip."""
    return [
        returned(tmp_path, sent(prefkit, review, name), wanted, pairs)
        for name, wanted in (("ann", "CRTCCR"), ("bob", "CRTRCR"))
    ]


def test_two_packets_come_back_and_make_the_next_version(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    before = open_dataset(pairs)
    done = prefkit("apply", pairs, *files, "--out", tmp_path / "next")
    assert done.code == 0, done.err
    assert verdicts(tmp_path / "next") == ["keep", "flip", "drop", "open", "keep", "flip"]
    after = open_dataset(tmp_path / "next")
    assert values(after, "chosen")[1][0]["content"].startswith("No, ")
    assert values(after, "dropped")[2] == "review: 2 of 2 votes for a tie"
    assert after.manifest["parents"] == [before.content_hash]
    assert after.manifest["decisions"]["answers"] == {"flip": 2, "keep": 2, "tie: drop": 1}
    assert [one["name"] for one in after.manifest["inputs"]] == ["ann.jsonl", "bob.jsonl"]
    assert open_dataset(pairs).content_hash == before.content_hash
    assert "1 pairs come to no answer" in done.out
    assert f"--out {review} --lead NAME" in " ".join(done.out.split())
    assert "2 flipped" in done.err
    assert len(read_decisions(review)) == 12
    aside = list(after.set_aside())
    assert [one["reason"] for one in aside] == ["reviewers disagree: 1 for chosen, 1 for rejected"]
    assert "ann" not in json.dumps(aside)


def test_votes_of_packets_count_in_the_review_and_applying_again_changes_nothing(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    assert prefkit("apply", pairs, *files, "--out", tmp_path / "one").code == 0
    for number, sources in enumerate(([review], files, [*files, review], files[::-1])):
        target = tmp_path / f"again-{number}"
        done = prefkit("apply", tmp_path / "one", *sources, "--out", target, "--json")
        assert done.code == 0, done.err
        assert done.document["rows_changed"] == {}
        assert done.document["as_before"] == 5
        assert open_dataset(target).content_hash == open_dataset(tmp_path / "one").content_hash
    assert len(read_decisions(review)) == 12


def test_a_dry_run_shows_the_difference_and_writes_nothing(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    done = prefkit("apply", pairs, *files, "--dry-run")
    assert done.code == 0, done.err
    assert "2 flipped" in done.out
    assert "nothing is written" in done.out
    assert read_decisions(review) == []
    without = prefkit("apply", pairs, *files)
    assert (without.code, "--dry-run" in without.err) == (2, True)


def test_the_lead_decides_by_a_report_page_what_reviewers_left_open(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    line = next(one for one in read_all(prefkit, pairs, files) if one["row"] == 3)
    triage = {
        "schema": "prefkit.decision/1", "id": "1", "dataset": "d", "pair": line["pair"],
        "pair_sha256": line["pair_sha256"], "role": "triage", "verdict": "flip",
    }  # fmt: skip
    page = write_jsonl(tmp_path / "report.jsonl", [triage])
    refused = prefkit("apply", pairs, *files, page, "--out", tmp_path / "next")
    assert (refused.code, "--reviewer NAME" in refused.err) == (2, True)
    done = prefkit("apply", pairs, *files, page, "--reviewer", "lead", "--out", tmp_path / "next")
    assert done.code == 0, done.err
    assert verdicts(tmp_path / "next") == ["keep", "flip", "drop", "flip", "keep", "flip"]


def read_all(prefkit: Prefkit, pairs: Path, files: list[Path]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = prefkit("apply", pairs, *files, "--dry-run", "--json").document[
        "waiting"
    ]
    return found


def test_what_people_kept_or_flipped_is_not_dropped_again_by_curate(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    assert prefkit("apply", pairs, *files, "--out", tmp_path / "next").code == 0
    for number, rule in enumerate(("length_ratio: {max: 1.5}", "where: {that: n_votes > 1}")):
        target = tmp_path / f"cut-{number}"
        done = prefkit("curate", tmp_path / "next", "--filter", rule, "--out", target)
        assert done.code == 0, done.err
        dropped = [one is not None for one in values(open_dataset(target), "dropped")]
        assert dropped == [False, False, True, number == 1, False, False]


def test_a_file_of_a_review_that_is_not_beside_it_needs_the_review_named(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    away = tmp_path / "far" / "away"
    away.parent.mkdir()
    review.rename(away)
    refused = prefkit("apply", pairs, *files, "--out", tmp_path / "next")
    assert refused.code == 2
    assert "was not issued by any review that is known" in refused.err
    done = prefkit("apply", pairs, away, *files, "--out", tmp_path / "next")
    assert done.code == 0, done.err


def test_a_forged_line_is_refused_and_the_rest_counts(
    tmp_path: Path, pairs: Path, review: Path, files: list[Path], prefkit: Prefkit
) -> None:
    lines = [json.loads(one) for one in files[0].read_text().splitlines()]
    lines[0]["place"] = 99
    lines[1]["reviewer"] = "somebody else"
    write_jsonl(files[0], lines)
    found = prefkit("apply", pairs, *files, "--dry-run", "--json").document
    assert found["read"]["refused"] == 1
    assert re.match("the packet has no place", found["refused"][0]["reason"])
    assert found["read"]["decisions"] == 11


@pytest.mark.parametrize("name", ["nothing.jsonl", "pairs"])
def test_what_is_no_review_and_no_file_is_named(
    tmp_path: Path, pairs: Path, prefkit: Prefkit, name: str
) -> None:
    done = prefkit("apply", pairs, tmp_path / name, "--out", tmp_path / "next")
    assert done.code == 2
    assert name in done.err
    assert not (tmp_path / "next").exists()


@pytest.mark.parametrize("verb", ["apply", "curate"])
def test_a_review_that_people_have_voted_in_is_never_replaced(
    pairs: Path, review: Path, files: list[Path], prefkit: Prefkit, verb: str
) -> None:
    more = (review, *files) if verb == "apply" else ("--filter", "duplicates")
    done = prefkit(verb, pairs, *more, "--out", review, "--force")
    assert done.code == 2
    assert "people have voted in" in " ".join(done.err.split())
    assert (review / "plan.json").exists()


def test_a_file_whose_lines_are_all_refused_says_why(
    tmp_path: Path, pairs: Path, files: list[Path], prefkit: Prefkit
) -> None:
    lines = [json.loads(text) | {"place": 99} for text in files[0].read_text().splitlines()]
    path = write_jsonl(tmp_path / "forged.jsonl", lines)
    done = prefkit("apply", pairs, path, "--out", tmp_path / "next")
    assert done.code == 3
    said = " ".join(done.err.split())
    assert "forged.jsonl, line 1: the packet has no place '99'" in said

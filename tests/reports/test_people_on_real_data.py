"""Contradictions of people in two published sets, recounted from the files row by row."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from prefkit.verbs.collect_human import CollectHuman
from prefkit.verbs.report import Report

pytestmark = pytest.mark.real


def reported(file: Path, place: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The document of a file, and all contradictions in it."""
    CollectHuman(paths=(str(file),), out=place / "data")()
    document = Report(dataset=place / "data", contradictions=place / "against.jsonl")().facts
    lines = (place / "against.jsonl").read_text().splitlines()[1:]
    return document, [json.loads(line) for line in lines]


def normal(text: str) -> str:
    return " ".join(text.lower().split())


def test_tulu_has_one_evaluator_who_chose_both_sides_of_a_pair(
    real_data: Path, tmp_path: Path
) -> None:
    file = real_data / "human/tulu_human_eval/eval_annotations_tulu_1.csv.gz"
    said: dict[Any, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(file, "rt", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            side = row["preference"].strip()[:2]
            if side in ("a-", "b-") and row["completion_a"] != row["completion_b"]:
                key = (normal(row["prompt"]), *sorted((row["completion_a"], row["completion_b"])))
                chosen = row["completion_a"] if side == "a-" else row["completion_b"]
                said[key][row["evaluator"]].append(chosen)
    document, against = reported(file, tmp_path)
    between = {
        one["between"]: one
        for one in document["contradictions"]["opposite_labels"]["between"]
        if one["criterion"] is None
    }
    twice = [sides for people in said.values() for sides in people.values() if len(sides) > 1]
    torn = [sides for sides in twice if len(set(sides)) > 1]
    assert (between["one_person"]["opposite"], between["one_person"]["pairs"]) == (
        len(torn), len(twice),
    )  # fmt: skip
    firm = [
        [sides[0] for sides in people.values() if len(set(sides)) == 1] for people in said.values()
    ]
    pairs = [sides for sides in firm if len(sides) > 1]
    opposite = [sides for sides in pairs if len(set(sides)) > 1]
    assert (between["people"]["opposite"], between["people"]["pairs"]) == (
        len(opposite), len(pairs),
    )  # fmt: skip
    themselves = [one for one in against if one.get("between") == ["one_person"]]
    assert [[vote["records"] for vote in one["votes"]] for one in themselves] == [
        [["row 518"], ["row 519"]]
    ]
    assert len({vote["by"] for vote in themselves[0]["votes"]}) == 1


def choices_in(rows: list[dict[str, Any]]) -> dict[Any, set[tuple[str, str]]]:
    """What each annotator prefers to what, by prompt: the side that most of their votes prefer."""
    nets: dict[Any, int] = defaultdict(int)
    for row in rows:
        both = row["response1"], row["response2"]
        if both[0] == both[1] or not all(isinstance(text, str) for text in both):
            continue
        prompt = normal(f"{row['instruction']}\n{row['input']}")
        for who in ("annotator1", "annotator2", "annotator3"):
            said = {"1": 1, "2": -1}.get(str(row[who]), 0)
            low, high = sorted(both)
            nets[who, prompt, low, high] += said if low == both[0] else -said
    beats: dict[Any, set[tuple[str, str]]] = defaultdict(set)
    for (who, prompt, low, high), net in nets.items():
        if net:
            beats[who, prompt].add((low, high) if net > 0 else (high, low))
    return beats


def triads_of(edges: set[tuple[str, str]]) -> tuple[int, int]:
    """Decided and circular triads, one by one."""
    met = edges | {(loser, winner) for winner, loser in edges}
    members = sorted({text for edge in edges for text in edge})
    decided = circular = 0
    for one, two, three in combinations(members, 3):
        decided += {(one, two), (two, three), (one, three)} <= met
        circular += {(one, two), (two, three), (three, one)} <= edges
        circular += {(two, one), (three, two), (one, three)} <= edges
    return decided, circular


def test_circles_of_pandalm_annotators_are_those_of_the_file(
    real_data: Path, tmp_path: Path
) -> None:
    file = real_data / "human/pandalm/testset-v1.json.gz"
    beats = choices_in(json.loads(gzip.decompress(file.read_bytes())))
    decided, circular = (sum(each) for each in zip(*map(triads_of, beats.values()), strict=True))
    document, against = reported(file, tmp_path)
    voices = {one["who"]: one for one in document["contradictions"]["cycles"]["by_voice"]}
    own = voices["one person"]
    assert (own["circular"], own["triads"]) == (circular, decided)
    assert circular > 0
    listed = [one for one in against if one["kind"] == "cycle" and one["who"] == "one person"]
    assert len(listed) == circular
    assert own["share"]["high"] < 0.25

"""The results of a review, worked out by hand from votes on small samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from review_votes import GOAL, pairs, planned, vote, votes

from prefkit.dataset import open_dataset
from prefkit.errors import ConfigError
from prefkit.reviews.dimensions import values_of
from prefkit.reviews.frame import frame_of
from prefkit.reviews.plan import with_queue, with_top_up
from prefkit.reviews.queue import Queue
from prefkit.reviews.results import results_from

MIXED = ["chosen"] * 16 + ["rejected"] * 2 + ["tie", "both_bad"]


def test_four_outcomes_are_shares_of_the_sample_scaled_to_the_frame(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    found = results_from(plan, votes(plan.sample, MIXED), dataset)["headline"]
    assert found["right"]["value"] == 0.8
    # 20 of 100 are worth 20 x 99 / 80 = 24.75 rows; Wilson's ends of 0.8 in 24.75.
    assert found["right"]["low"] == pytest.approx(0.6076, abs=1e-3)
    assert found["right"]["high"] == pytest.approx(0.9118, abs=1e-3)
    told = [(one["outcome"], one["pairs"], one["whole"]["pairs"]) for one in found["outcomes"]]
    assert told == [("chosen", 16, 80), ("rejected", 2, 10), ("tie", 1, 5), ("both_bad", 1, 5)]
    assert found["outcomes"][0]["whole"] == {"pairs": 80, "low": 61, "high": 91}
    assert found["of"] == 100


def test_strata_count_by_their_pairs_and_not_by_their_votes(tmp_path: Path) -> None:
    topics = [[("topic", "large" if n < 180 else "small")] for n in range(200)]
    dataset = pairs(tmp_path / "pairs", 200, tags=topics)
    plan = planned(dataset, 40, "tag:topic")
    small = [line for line in plan.sample if line["stratum"] == "tag:topic=small"]
    large = [line for line in plan.sample if line["stratum"] == "tag:topic=large"]
    assert (len(large), len(small)) == (20, 20)
    cast = votes(large, ["chosen"] * 20) + votes(small, ["rejected"] * 10 + ["chosen"] * 10)
    found = results_from(plan, cast, dataset)["headline"]
    assert found["right"]["value"] == pytest.approx(0.9 * 1.0 + 0.1 * 0.5)
    assert found["outcomes"][1]["whole"]["pairs"] == 10


def test_practice_gold_repeats_queues_and_triage_change_no_headline_number(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    outside = sorted(set(range(100)) - {line["row"] for line in plan.sample})
    frame = frame_of(dataset, 0)
    ids = dict(frame.pairs.select("row", "id").iter_rows())
    queue = Queue("file", "0", [
        {"row": outside[0], "pair": ids[outside[0]], "pair_sha256": "a" * 64, "rank": 1,
         "evidence": None}
    ], {})  # fmt: skip
    plan = with_queue(plan, queue, GOAL)
    plain = votes(plan.sample, MIXED)
    more = [
        vote(plan.sample[0], "rejected", item="practice"),
        vote(plan.sample[0], "rejected", item="repeat"),
        vote({"pair": "elsewhere", "pair_sha256": "b" * 64}, "rejected", item="gold"),
        vote(plan.queue[0], "rejected"),
        vote(plan.sample[1], "flip", role="triage", left=None),
        vote({"pair": "unknown", "pair_sha256": "c" * 64}, "rejected"),
    ]
    found = results_from(plan, plain + more, dataset)
    assert found["headline"] == results_from(plan, plain, dataset)["headline"]
    assert found["excluded"] == {
        "gold": 1, "pairs that are not in this review, or changed since": 1, "practice": 1,
        "repeat": 1, "targeted": 1, "triage": 1,
    }  # fmt: skip


def test_a_top_up_answers_for_its_slice_alone(tmp_path: Path) -> None:
    topics = [[("topic", "ab"[n % 2])] for n in range(400)]
    dataset = pairs(tmp_path / "pairs", 400, tags=topics)
    plan = planned(dataset, 80)
    frame = frame_of(dataset, 0)
    plan = with_top_up(plan, frame, GOAL, ("tag:topic", "b", values_of(dataset, "tag:topic")), 40)
    first = [line for line in plan.sample if line["headline"]]
    more = [line for line in plan.sample if not line["headline"]]
    plain = votes(first, ["chosen"] * 80)
    found = results_from(plan, plain + votes(more, ["rejected"] * 20 + ["chosen"] * 20), dataset)
    assert found["headline"]["right"]["value"] == 1
    assert found["progress"]["drawn"] == 80
    topped = found["top_ups"][0]
    assert (topped["dimension"], topped["value"], topped["share"]["value"]) == (
        "tag:topic", "b", 0.5
    )  # fmt: skip
    assert topped["rest"] == 1
    assert topped["state"] == "proven low"
    assert topped["q"] < 1e-6


def test_two_reviewers_who_disagree_wait_for_the_lead(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    cast = votes(plan.sample, ["chosen"] * 20)
    cast += votes(plan.sample, ["rejected", "tie", "chosen"], "bo")
    found = results_from(plan, cast, dataset)
    assert found["progress"] | {"votes": 23, "reviewers": 2} == found["progress"]
    assert (found["progress"]["settled"], found["progress"]["waiting"]) == (18, 2)
    assert found["adjudication"] == {
        "disagreements": 2, "against": 0, "decided": 0, "upheld": 0, "overturned": 0,
        "neither": 0, "open": 2,
    }  # fmt: skip
    lead = [vote(plan.sample[0], "rejected", "lead", role="adjudicate"),
            vote(plan.sample[1], "accept", "lead", role="adjudicate", left=None)]  # fmt: skip
    found = results_from(plan, cast + lead, dataset)
    assert found["progress"]["settled"] == 20
    assert found["headline"]["right"]["value"] == 0.95
    assert found["adjudication"] == {
        "disagreements": 2, "against": 0, "decided": 2, "upheld": 1, "overturned": 1,
        "neither": 0, "open": 0,
    }  # fmt: skip


def test_the_lead_alone_does_not_lift_the_headline(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    cast = votes(plan.sample, ["rejected"] * 2 + ["chosen"] * 18)
    lead = votes(plan.sample, ["chosen"] * 2, "lead", role="adjudicate")
    found = results_from(plan, cast + lead, dataset)
    assert found["headline"]["right"]["value"] == 0.9
    assert found["adjudication"]["against"] == 2
    assert found["adjudication"]["upheld"] == 2
    assert [one["proposed"] for one in found["to_decide"]] == ["keep", "keep"]


def test_a_later_answer_replaces_the_first_and_an_undone_one_is_gone(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    cast = votes(plan.sample, ["rejected"] * 2 + ["chosen"] * 18)
    again = vote(plan.sample[0], "chosen", id="again", at="2026-11-03T11:00:00+00:00")
    undone = vote(plan.sample[1], "chosen", id="new", supersedes=cast[1].id)
    found = results_from(plan, [again, *cast, undone], dataset)
    assert found["headline"]["right"]["value"] == 1
    assert found["excluded"] == {"answered again later": 1}


def test_times_are_compared_as_moments_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    early, late = "2026-11-03T10:00:00+02:00", "2026-11-03T09:00:00Z"
    cast = [
        vote(plan.sample[0], "rejected", id="one", at=early),
        vote(plan.sample[0], "chosen", id="another", at=late),
        vote(plan.sample[1], "chosen", at="yesterday"),
    ]
    found = results_from(plan, cast, dataset)
    assert found["headline"]["right"]["value"] == 1
    assert (found["progress"]["first_at"], found["progress"]["last_at"]) == (late, late)


def test_a_pair_that_changed_since_is_another_pair(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    line = plan.sample[0] | {"pair_sha256": "0" * 64}
    found = results_from(plan, [vote(line, "rejected")], dataset)
    assert found["progress"]["untouched"] == 20
    assert found["headline"]["right"]["value"] is None
    assert found["headline"]["right"]["reason"] == "1 of 1 strata have no row that was looked at"
    assert found["headline"]["outcomes"][0]["whole"] is None


def test_reviewers_are_told_by_what_they_do(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 20)
    # Each pair is 7 words, which takes 0.47 s at 15 words a second.
    cast = [vote(line, "chosen", ms_visible=400 if n < 3 else 1000 * n)
            for n, line in enumerate(plan.sample[:10])]  # fmt: skip
    cast += [vote(plan.sample[10], "rejected"), vote(plan.sample[11], "unsure")]
    back = {"item": "repeat", "left": "rejected"}
    cast += [vote(plan.sample[0], "chosen", **back, verdict="b")]
    cast += [vote(plan.sample[1], "rejected", **back, verdict="a")]
    gold = {"pair_sha256": "b" * 64}
    cast += [vote({"pair": f"gold {n}", **gold}, "chosen" if n else "tie", item="gold")
             for n in range(4)]  # fmt: skip
    cast += [vote(plan.sample[2], "rejected", item="practice")]
    (found,) = results_from(plan, cast, dataset)["reviewers"]
    assert (found["reviewer"], found["votes"], found["pairs"]) == ("ana", 18, 12)
    assert found["right"]["value"] == pytest.approx(10 / 11, abs=1e-6)
    assert found["right"]["n"] == 11
    # A: ten pairs, one repeat and three gold; B: one pair and a repeat.
    assert (found["says_a"]["value"], found["says_a"]["n"]) == (0.875, 16)
    assert (found["repeats"]["seen"], found["repeats"]["same"]) == (2, 1)
    assert (found["gold"]["seen"], found["gold"]["right"]) == (4, 3)
    assert found["practice"] == {"seen": 1, "right": 0}
    assert found["unsure"] == 1
    assert found["timed"] == 10
    assert found["median_seconds"] == 4.5
    assert (found["too_fast"], found["too_fast_of"]) == (3, 10)


def test_agreement_is_that_of_people_who_do_not_know_the_label(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 40)
    cast = votes(plan.sample, ["chosen"] * 40)
    cast += votes(plan.sample[:20], ["chosen"] * 18 + ["rejected"] * 2, "bo")
    found = results_from(plan, cast, dataset)["agreement"]
    assert found["pairs_seen_by_two"] == 20
    assert found["all"]["percent"]["value"] == 0.9
    assert found["all"]["percent"]["n"] == 20
    # Both ways round: 80 ratings, 40 a side; alpha = 1 - 79 x 8 / (80 x 80 - 2 x 40 x 40).
    assert found["all"]["alpha"]["value"] == pytest.approx(1 - 79 * 8 / 3200, abs=1e-5)
    between = found["between"][0]
    assert (between["one"], between["other"], between["pairs"]) == ("ana", "bo", 20)
    assert between["same"]["value"] == 0.9


def test_a_slice_that_is_worse_is_proven_low_and_a_small_one_is_not_covered(
    tmp_path: Path,
) -> None:
    names = ["good", "good", "good", "bad"]
    topics = [[("topic", "rare" if n < 8 else names[n % 4])] for n in range(400)]
    dataset = pairs(tmp_path / "pairs", 400, tags=topics)
    plan = planned(dataset, 200)
    cast = [
        vote(line, "rejected" if line["row"] % 4 == 3 and line["row"] % 8 == 3 else "chosen")
        for line in plan.sample
    ]
    found = results_from(plan, cast, dataset)
    first = found["slices"][0]
    bad = [line["row"] for line in plan.sample if line["row"] >= 8 and line["row"] % 4 == 3]
    assert (first["dimension"], first["value"], first["state"]) == (
        "tag:topic", "bad", "proven low"
    )  # fmt: skip
    assert first["looked_at"] == len(bad)
    assert first["pairs"] == 98
    wrong = sum(row % 8 == 3 for row in bad)
    assert first["rate"]["value"] == pytest.approx(1 - wrong / len(bad), abs=1e-6)
    assert found["not_covered"][0]["value"] == "rare"
    assert found["not_covered"][0]["pairs"] == 8
    about = {one["dimension"]: one["reason"] for one in found["dimensions"]}
    assert about["source"] == "all pairs have the source file.jsonl"
    assert "comparisons" in about["annotator"]


def test_a_cut_off_says_what_is_right_and_what_is_kept(tmp_path: Path) -> None:
    margins = [n / 10 for n in range(100)]
    dataset = pairs(tmp_path / "pairs", 100, margin=margins, margin_kind=["rating:1-5"] * 100)
    plan = planned(dataset, 100)
    cast = [vote(line, "rejected" if line["row"] < 20 else "chosen") for line in plan.sample]
    (found,) = results_from(plan, cast, dataset)["cut_offs"]
    assert (found["column"], found["margin_kind"], found["too_rosy"]) == (
        "margin", "rating:1-5", True
    )  # fmt: skip
    told = [(one["at"], one["right"]["value"], one["kept"]) for one in found["points"][:3]]
    # Tenths of 0.0 to 9.9: 0.0, 0.9, 1.9; from 0.9 on 91 pairs are kept, 80 of them right.
    assert told == [(0.0, 0.8, 1.0), (0.9, pytest.approx(80 / 91, abs=1e-6), 0.91),
                    (1.9, pytest.approx(80 / 81, abs=1e-6), 0.81)]  # fmt: skip
    assert min(one["right"]["n"] for one in found["points"]) >= 20


def test_drift_goes_by_days_of_a_short_review_and_marks_a_new_guideline(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 100)
    plan = planned(dataset, 40)
    cast = [
        vote(line, "rejected" if n < 15 else "chosen", at=f"2026-11-0{3 + n // 20}T10:00:00Z",
             guideline=str(1 + n // 20))
        for n, line in enumerate(plan.sample)
    ]  # fmt: skip
    cast.append(vote({"pair": "g", "pair_sha256": "a" * 64}, "chosen", item="gold",
                     at="2026-11-04T09:00:00Z", guideline="1"))  # fmt: skip
    found = results_from(plan, cast, dataset)["drift"]
    assert found["labelled"]["reason"] == "no vote behind these pairs has a time"
    reviewed = found["reviewed"]
    assert (reviewed["unit"], reviewed["centre"]) == ("day", 0.625)
    first, second = reviewed["points"]
    # 3 x sqrt(0.625 x 0.375 / 20) = 0.3248 about 0.625.
    assert first["period"] == "2026-11-03"
    assert (first["right"], first["outside"], first["events"]) == (0.25, True, [])
    assert first["lower"] == pytest.approx(0.3002, abs=1e-4)
    assert first["upper"] == pytest.approx(0.9498, abs=1e-4)
    assert (second["right"], second["outside"], second["events"]) == (1.0, True, ["guideline 2"])
    assert second["gold"] == {"seen": 1, "right": 1}


def test_pairs_to_decide_come_worst_first(tmp_path: Path) -> None:
    margins = [float(n) for n in range(100)]
    dataset = pairs(tmp_path / "pairs", 100, margin=margins, margin_kind=["m"] * 100)
    plan = planned(dataset, 20)
    one = ["tie", "rejected", "rejected", "rejected", "chosen", "both_bad", "unsure", "chosen"]
    two = [None, None, None, "rejected", "tie", None, None, "chosen"]
    cast = votes(plan.sample, one)
    cast += [vote(line, said, "bo", comment="look", reasons=["made up"])
             for line, said in zip(plan.sample, two, strict=False) if said]  # fmt: skip
    found = results_from(plan, cast, dataset)["to_decide"]
    lone = sorted((plan.sample[place] for place in (1, 2)), key=lambda line: line["row"])
    expected = [plan.sample[3], plan.sample[4], *lone, *(plan.sample[n] for n in (5, 0, 6))]
    assert [told["row"] for told in found] == [line["row"] for line in expected]
    assert [told["why"] for told in found] == [
        "all reviewers against", "for adjudication", "one reviewer against",
        "one reviewer against", "both bad", "tie", "unsure",
    ]  # fmt: skip
    assert [told["proposed"] for told in found][:3] == ["flip", "adjudicate", "adjudicate"]
    assert found[0]["rank"] == 1
    assert found[0]["votes"][1] == {
        "reviewer": "bo", "role": "blind", "outcome": "rejected", "strength": None,
        "reasons": ["made up"], "comment": "look",
    }  # fmt: skip
    assert found[0]["margin"] == float(found[0]["row"])


def test_results_of_another_dataset_are_refused(tmp_path: Path) -> None:
    dataset = pairs(tmp_path / "pairs", 30)
    other = pairs(tmp_path / "other", 31)
    with pytest.raises(ConfigError, match="other rows"):
        results_from(planned(dataset, 10), [], open_dataset(other.path))

"""The desk as it is served: a process of its own, and clients that send plain forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_client import Answer, Client, Served, make_review, review_of, served

from prefkit.dataset import open_dataset
from prefkit.reviews.events import Events, read_decisions
from prefkit.reviews.folder import read_review
from prefkit.schema.decision_lines import Decision, outcome_of

PEOPLE = ("--reviewer", "ann", "--reviewer", "bob", "--lead", "eva", "--practice", "1")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    return make_review(tmp_path, 60, 30, sure=60)


@pytest.fixture
def desk(places: tuple[Path, Path]) -> Iterator[Served]:
    with served(*places, *PEOPLE, people=3) as desk:
        yield desk


def past_practice(client: Client) -> Answer:
    card = client.enter()
    assert "Practice: the label is told" in card.text
    return client.vote(card, card.right)


def judge_all(client: Client, card: Answer, verdict: str | None = None) -> list[Answer]:
    """Vote until nothing is left: for the side that is right, or always the same."""
    cards = []
    while card.is_card:
        cards.append(card)
        card = client.vote(card, verdict or card.right)
    return cards


def votes(review: Path, item: str = "pair") -> list[Decision]:
    return [line for line in read_decisions(review) if line.item == item]


def test_practice_tells_the_label_and_counts_for_nothing(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = client.enter()
    after = client.vote(card, "tie")
    assert after.notice == (
        f"Practice: the dataset says {card.right.upper()} is better; you do not."
    )
    assert "Practice" not in client.get().text
    assert [line.item for line in read_decisions(places[1])] == ["practice"]
    sample = {line["row"] for line in read_review(places[1]).sample}
    assert card.prompt not in sample
    assert desk.stop() == 0
    assert "0 on 0 of 30 drawn pairs" in desk.out


def test_a_vote_says_what_was_seen_and_whom_it_is_of(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    more = [("ms", "1500"), ("reasons", "clearer"), ("reasons", "safer"), ("comment", "a <b> 1")]
    client.vote(card, card.right, *more)
    (line,) = votes(places[1])
    assert outcome_of(line.verdict, line.left) == "chosen"
    told = (line.reviewer, line.role, line.ms_visible, line.reasons, line.comment, line.guideline)
    assert told == ("ann", "blind", 1500, ["clearer", "safer"], "a <b> 1", "1")
    drawn = read_review(places[1]).sample[0]
    assert (line.pair, line.pair_sha256) == (drawn["pair"], drawn["pair_sha256"])
    assert card.prompt == drawn["row"]
    assert line.dataset == open_dataset(places[0], "pairs").content_hash


def test_a_reload_shows_the_same_card_and_others_get_other_cards(desk: Served) -> None:
    ann, bob = desk.client("ann"), desk.client("bob")
    first = past_practice(ann)
    assert [ann.get().prompt for _ in range(3)] == [first.prompt] * 3
    assert ann.get().right == first.right
    theirs = past_practice(bob)
    if theirs.prompt == first.prompt:  # one of the overlap
        theirs = bob.vote(theirs, "a")
    assert theirs.prompt != first.prompt


def test_no_blind_page_tells_the_label_or_what_kind_of_card_it_is(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    past_practice(client)
    cards = judge_all(client, client.get())
    kinds = {line.item for line in read_decisions(places[1]) if line.reviewer == "ann"}
    assert kinds == {"practice", "pair", "gold", "repeat"}
    hashes = {line.pair_sha256 for line in read_decisions(places[1])}
    shapes = set()
    for card in cards:
        assert not any(one in card.text for one in hashes)
        text = card.text.replace("right ", "").replace("wrong ", "")
        text = re.sub(r' value="[\w.-]{15,}"', "", text)  # sealed, or keyed hashes
        for word in ("chosen", "rejected", "gold", "repeat", "practice", "margin", "stratum"):
            assert word not in text.lower()
        shapes.add(re.sub(r"\d+", "#", text))
    assert len(shapes) == 1
    mine = [int(re.search(r"(\d+) by you", card.text)[1]) for card in cards]  # type: ignore[index]
    assert mine == list(range(len(cards)))
    assert {card.right for card in cards} == {"a", "b"}


def test_gold_is_only_from_outside_the_sample_and_repeats_exchange_the_sides(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    judge_all(client, past_practice(client))
    drawn = {line["pair_sha256"]: line["row"] for line in read_review(places[1]).sample}
    assert not {line.pair_sha256 for line in votes(places[1], "gold")} & set(drawn)
    first = {line.pair_sha256: line.left for line in votes(places[1])}
    again = votes(places[1], "repeat")
    assert again
    for line in again:
        assert {first[line.pair_sha256], line.left} == {"chosen", "rejected"}


def test_undo_goes_back_to_the_first_card_and_forward_again_in_the_same_order(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    seen = []
    for _ in range(14):
        seen.append(card.prompt)
        card = client.vote(card, "b")
    seen.append(card.prompt)
    for prompt in reversed(seen[:-1]):
        card = client.undo(card)
        assert (card.prompt, card.notice) == (prompt, "Your last vote is undone.")
    assert votes(places[1]) == []
    for prompt in seen[:-1]:
        assert card.prompt == prompt
        card = client.vote(card, "a")
    assert card.prompt == seen[-1]
    assert {line.verdict for line in votes(places[1])} == {"a"}
    card = client.undo(client.get())
    for _ in range(14):
        card = client.undo(card)
    assert "Practice: the label" in card.text
    assert client.undo(card).notice == "There is nothing to take back."


def test_a_form_sent_twice_counts_once_also_after_it_was_undone(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    client.vote(card, "a")
    again = client.vote(card, "b")
    assert again.notice == "This form was sent before, and counts once."
    assert [line.verdict for line in votes(places[1])] == ["a"]
    client.undo(again)
    assert client.vote(card, "b").notice == "This form was sent before, and counts once."
    assert votes(places[1]) == []


def test_of_two_windows_with_one_card_the_later_vote_counts(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    other = client.get()
    client.vote(card, "a")
    client.vote(other, "tie")
    assert [line.verdict for line in votes(places[1])] == ["tie"]


def test_an_edited_guideline_is_a_new_version_and_a_vote_has_the_one_that_was_shown(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    (places[1] / "guideline.md").write_text("Prefer **kind** <script>answers</script>.\n")
    after = client.vote(card, "a")
    assert "Guideline 2" in after.text
    assert "<strong>kind</strong> &lt;script&gt;" in after.text
    client.vote(after, "a")
    assert [line.guideline for line in votes(places[1])] == ["1", "2"]
    with Events(places[1]) as events:
        assert [one.version for one in events.guidelines()] == ["1", "2"]


def test_a_lead_settles_only_after_a_blind_vote_and_never_sees_the_votes_before(
    desk: Served, places: tuple[Path, Path]
) -> None:
    ann, eva = desk.client("ann"), desk.client("eva")
    card = past_practice(ann)
    wrong = {"a": "b", "b": "a"}
    while card.is_card:  # against the label wherever one vote is all that is wanted
        card = ann.vote(card, wrong[card.right], ("comment", "seen by ann"))
    eva.enter()
    blind = eva.get("/settle")
    assert "seen by ann" not in blind.text
    assert "The dataset says" not in blind.text
    form, ticket = blind.field("form"), blind.field("ticket")
    early = [("form", form), ("ticket", ticket), ("verdict", "flip")]
    assert eva.post("/settled", early).status == 403
    open_ = eva.vote(blind, "tie", ("back", "/settle"))
    assert f"The dataset says that {blind.right.upper()} is better" in open_.text
    assert open_.prompt == blind.prompt
    assert open_.text.count("seen by ann") == 1
    ticket = [("form", form), ("ticket", open_.field("ticket")), ("verdict", "a")]
    assert eva.post("/vote", ticket).status == 403  # nobody votes blind who has seen the label
    following = eva.vote(open_, "flip", ("back", "/settle"))
    assert following.prompt != open_.prompt
    (said,) = [line for line in read_decisions(places[1]) if line.role == "adjudicate"]
    assert (said.verdict, said.reviewer) == ("flip", "eva")
    back = eva.followed(eva.post("/undo", [("form", form), ("back", "/settle")]))
    assert back.prompt == open_.prompt
    assert "The dataset says" in back.text
    eva.followed(eva.post("/undo", [("form", form), ("back", "/settle")]))
    stale = [("form", form), ("ticket", back.field("ticket")), ("verdict", "flip")]
    assert eva.post("/settled", stale).status == 409
    assert ann.get("/settle").status == ann.get("/export").status == 403
    lines = eva.get("/export").text.splitlines()
    assert len(lines) == len(read_decisions(places[1]))


def test_a_desk_goes_on_where_it_was_with_the_same_cookie_after_a_restart(
    places: tuple[Path, Path],
) -> None:
    with served(*places, *PEOPLE, people=3) as desk:
        ann, eva = desk.client("ann"), desk.client("eva")
        card = past_practice(ann)
        for _ in range(5):
            card = ann.vote(card, "a")
        eva.enter()
        port = ann.host.rpartition(":")[2]
        assert desk.stop() == 0
    options = ("--reviewer", "ann", "--reviewer", "eva", "--practice", "1", "--port", port)
    ann.close(), eva.close()
    with served(*places, *options, people=2):
        again = ann.get()
        assert again.prompt == card.prompt
        assert "5 by you" in again.text
        assert ann.vote(card, "b").status == 200  # the open form of before is still good
        assert len(votes(places[1])) == 6
        assert eva.get("/settle").status == 403  # no lead any more
    ann.close(), eva.close()
    with served(*places, "--reviewer", "bob", "--port", port):
        assert ann.get().status == 401  # not asked any more
        ann.close()


def test_reviewers_who_come_one_after_another_overlap_too(places: tuple[Path, Path]) -> None:
    for name in ("ann", "bob"):
        with served(*places, "--reviewer", name, "--practice", "0") as desk:
            client = desk.client(name)
            judge_all(client, client.enter())
    by = {name: {v.pair for v in votes(places[1]) if v.reviewer == name} for name in ("ann", "bob")}
    assert len(by["ann"]) == 30
    assert 0 < len(by["bob"]) < 30


def test_votes_that_another_process_takes_in_are_counted_at_once(
    desk: Served, places: tuple[Path, Path]
) -> None:
    client = desk.client("ann")
    card = past_practice(client)
    client.vote(card, "a")
    (line,) = votes(places[1])
    with Events(places[1]) as events:
        sent = [
            line.model_copy(
                update={
                    "id": f"sent {n}", "reviewer": "zoe", "packet": "p",
                    "pair": drawn["pair"], "pair_sha256": drawn["pair_sha256"],
                }
            )
            for n, drawn in enumerate(read_review(places[1]).sample[:20])
        ]  # fmt: skip
        events.append(sent)
    text = client.get().text
    shown = re.search(r"(\d+) by you · (\d+) of", text)
    assert shown is not None
    assert shown[1] == "1"
    assert int(shown[2]) in (20, 21)  # ann's pair is one of the twenty, and may be wanted twice


def test_a_review_of_other_rows_is_refused(tmp_path: Path, places: tuple[Path, Path]) -> None:
    other = make_review(tmp_path / "other", 20, 5)[0]
    refused = pytest.raises(AssertionError, match="is a review of pairs with other rows")
    with refused, served(other, places[1]):
        pass


def test_a_review_that_is_all_of_its_dataset_has_no_gold_and_no_practice(tmp_path: Path) -> None:
    dataset = open_dataset(make_review(tmp_path, 12, 2)[0], "pairs")
    review = review_of(dataset, tmp_path / "all", 12)
    with served(dataset.path, review) as desk:
        client = desk.client("r1")
        assert len(judge_all(client, client.enter(), "tie")) == 12
    assert {line.item for line in read_decisions(review)} == {"pair"}

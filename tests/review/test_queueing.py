"""Who gets which pair next, as which item, with which side left."""

from __future__ import annotations

from collections import Counter

from prefkit.reviews.queueing import RESERVED_S, Card, Entry, Queue, Rates
from prefkit.reviews.secrets import Secret
from prefkit.schema.decision_lines import Decision, Item

SECRET = Secret(b"k" * 32)
PLAIN = Rates(0.0, 0.0, 0.0)


def entries(count: int, item: Item = "pair", start: int = 0) -> list[Entry]:
    return [Entry(n, f"pair {n}", f"{n:064x}", item) for n in range(start, start + count)]


class Hall:
    """A queue, the votes so far, and a clock that is set by hand."""

    def __init__(self, items: list[Entry], rates: Rates, people: int, secret: Secret = SECRET):
        self.time = 0.0
        self.queue = Queue(items, secret, "sample", rates, clock=lambda: self.time)
        self.people = people
        self.lines: list[Decision] = []

    def look(self, reviewer: str) -> Card | None:
        return self.queue.next(reviewer, self.lines, self.people)

    def vote(self, card: Card, reviewer: str) -> None:
        self.lines.append(
            Decision(
                id=str(len(self.lines)), dataset="d", pair=card.entry.pair,
                pair_sha256=card.entry.pair_sha256, reviewer=reviewer, role="blind",
                item=card.item, left=card.left, verdict="a",
            )
        )  # fmt: skip
        self.queue.release(card.entry.pair_sha256, reviewer, card.item)

    def all_of(self, reviewer: str) -> list[Card]:
        cards = []
        while (card := self.look(reviewer)) is not None:
            cards.append(card)
            self.vote(card, reviewer)
        return cards


def row(card: Card | None) -> int:
    assert card is not None
    return card.entry.row


def test_a_look_again_shows_the_same_card() -> None:
    hall = Hall(entries(3), PLAIN, 1)
    assert [row(hall.look("ann")) for _ in range(3)] == [0, 0, 0]


def test_two_reviewers_never_get_the_same_pair_while_it_is_reserved() -> None:
    hall = Hall(entries(3), PLAIN, 2)
    assert (row(hall.look("ann")), row(hall.look("bob")), row(hall.look("cid"))) == (0, 1, 2)
    assert hall.look("dan") is None
    hall.time = RESERVED_S - 1
    assert hall.look("dan") is None
    hall.time = RESERVED_S
    assert row(hall.look("dan")) == 0
    assert row(hall.look("ann")) == 1  # hers has gone to somebody else


def test_each_pair_is_dealt_once_and_those_of_the_overlap_to_two() -> None:
    hall = Hall(entries(400), Rates(0.25, 0.0, 0.0), 3)
    open_ = True
    while open_:
        cards = [(name, hall.look(name)) for name in ("ann", "bob", "cid")]
        for name, card in cards:
            if card is not None:
                hall.vote(card, name)
        open_ = any(card is not None for _, card in cards)
    votes = Counter(line.pair_sha256 for line in hall.lines)
    assert len(votes) == 400
    assert set(votes.values()) == {1, 2}
    # 400 tosses with a chance of a quarter: 100, give or take four times 8.7.
    assert 65 <= sum(count == 2 for count in votes.values()) <= 135
    assert len({(line.reviewer, line.pair) for line in hall.lines}) == len(hall.lines)


def test_with_one_reviewer_nothing_overlaps() -> None:
    hall = Hall(entries(30), Rates(1.0, 0.0, 0.0), 1)
    assert [row(card) for card in hall.all_of("ann")] == list(range(30))


def test_repeats_come_back_to_the_same_reviewer_with_sides_exchanged() -> None:
    hall = Hall(entries(200), Rates(0.0, 0.05, 0.0), 1)
    cards = hall.all_of("ann")
    again = [card for card in cards if card.item == "repeat"]
    # 200 pairs and their repeats: one in each round of 20 that begins after the tenth card.
    assert len(again) == 10
    for card in again:
        place = cards.index(card)
        first = next(n for n, one in enumerate(cards) if one.entry == card.entry)
        assert place - first > 10
        assert {cards[first].left, card.left} == {"chosen", "rejected"}


def test_gold_and_repeats_come_at_places_that_differ_between_reviewers_and_reviews() -> None:
    items = [*entries(100), *entries(20, "gold", 1000)]

    def places(reviewer: str, secret: Secret) -> list[int]:
        hall = Hall(items, Rates(0.0, 0.05, 0.05), 1, secret)
        return [n for n, card in enumerate(hall.all_of(reviewer)) if card.item != "pair"]

    found = {
        tuple(places(name, Secret(key * 32))) for name in ("ann", "bob") for key in (b"a", b"b")
    }
    assert len(found) == 4
    hall = Hall(items, Rates(0.0, 0.05, 0.05), 1)
    assert Counter(card.item for card in hall.all_of("ann"))["gold"] == 5


def test_practice_comes_first_and_a_practised_pair_is_not_judged_by_the_same_person() -> None:
    told = Entry(1, "pair 1", f"{1:064x}", "practice")
    hall = Hall([*entries(3), told], PLAIN, 1)
    assert [(card.item, card.entry.row) for card in hall.all_of("ann")] == [
        ("practice", 1),
        ("pair", 0),
        ("pair", 2),
    ]


def test_an_undone_card_comes_up_again_whatever_it_was_and_then_the_open_one() -> None:
    for item in ("pair", "gold", "repeat", "practice"):
        rates = Rates(0.0, 0.2, 0.2)
        hall = Hall(
            [*entries(2, "practice", 500), *entries(40), *entries(9, "gold", 900)], rates, 1
        )
        while (card := hall.look("ann")) is not None and card.item != item:
            hall.vote(card, "ann")
        assert card is not None
        hall.vote(card, "ann")
        open_ = hall.look("ann")
        line = hall.lines.pop()
        hall.queue.keep(line.item, line.pair_sha256, "ann")
        assert hall.look("ann") == card
        hall.vote(card, "ann")
        assert hall.look("ann") == open_


def test_a_queue_that_was_stopped_goes_on_where_it_was() -> None:
    items = [*entries(60), *entries(9, "gold", 900)]
    rates = Rates(0.25, 0.05, 0.05)
    whole = Hall(items, rates, 1).all_of("ann")
    halted = Hall(items, rates, 1)
    first = []
    for _ in range(33):
        card = halted.look("ann")
        assert card is not None
        halted.vote(card, "ann")
        first.append(card)
    anew = Hall(items, rates, 1)
    anew.lines = halted.lines
    assert [*first, *anew.all_of("ann")] == whole


def test_sides_are_tossed_anew_for_each_pair_and_each_reviewer() -> None:
    lefts = [
        [SECRET.left("sample", f"{n:064x}", name) == "chosen" for n in range(1000)]
        for name in ("ann", "bob")
    ]
    for one in (*lefts, [a == b for a, b in zip(*lefts, strict=True)]):
        assert 437 <= sum(one) <= 563  # a thousand fair tosses, four standard deviations of 15.8


def test_what_is_sealed_opens_only_with_its_own_purpose_key_and_hidden_part() -> None:
    text = SECRET.signed("ticket", "x", "y", hidden=("gold",))
    assert SECRET.opened("ticket", text, ("gold",)) == ("x", "y")
    assert SECRET.opened("ticket", text, ("pair",)) is None
    assert SECRET.opened("ticket", text) is None
    assert SECRET.opened("form", text, ("gold",)) is None
    assert Secret(b"o" * 32).opened("ticket", text, ("gold",)) is None
    for broken in (
        "",
        ".",
        "a",
        text[:-1],
        text + "A",
        text.replace(".", "..", 1),
        "\u00e9.a",
        "=====",
    ):
        assert SECRET.opened("ticket", broken, ("gold",)) is None

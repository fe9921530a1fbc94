"""Which responses of a comparison a judge is shown together, and in which orders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple, Self

from prefkit.errors import SchemaError
from prefkit.judging.asking import asked
from prefkit.judging.framing import Shown, framed
from prefkit.judging.rubric import Rubric
from prefkit.judging.terms import Protocol
from prefkit.llm.records import Request
from prefkit.schema.ids import comparison_id, messages_digest
from prefkit.schema.records import Comparison

__all__ = [
    "Identity",
    "Missing",
    "Showing",
    "in_orders",
    "request_of",
    "showings_of",
    "why_none",
]


class Showing(NamedTuple):
    """One judgement to ask for: a rubric, and the responses in the order in which they stand."""

    rubric: Rubric
    places: tuple[int, ...]
    """Positions in `Comparison.responses`."""


class Missing(NamedTuple):
    """A judgement that gave no vote."""

    rubric: str
    """The label of the rubric."""
    order: tuple[int, ...] | None
    """The places that were to be shown; null: none fit the rubric, or nobody knows them yet."""
    draw: int | None
    """Null: one draw was wanted, or it was not asked at all."""
    reason: str
    """too_few_responses, too_many_responses, no_reference, same_text, unshowable, not_reached (a
    match of the bracket before it was not answered), or the `FailureKind` of the reply."""
    detail: str


class Identity(NamedTuple):
    """Names of a comparison and of its responses, the same however the responses are listed.

    What is decided by chance is drawn from these: the same again tomorrow, in another run, and on
    another machine, but another for each set of responses to one prompt.
    """

    whole: str
    responses: tuple[str, ...]

    @classmethod
    def of(cls, comparison: Comparison) -> Self:
        """The names, by content."""
        names = tuple(messages_digest(response.messages) for response in comparison.responses)
        prompt = messages_digest(comparison.prompt)
        return cls(comparison_id(prompt, comparison.tools, names), names)


def why_none(comparison: Comparison, rubric: Rubric, protocol: Protocol) -> Missing | None:
    """Why this comparison cannot be judged by this rubric at all; null if it can."""
    count = len(comparison.responses)
    if rubric.form != "pointwise" and count < 2:
        said = f"a {rubric.form} rubric compares two or more responses; there is {count}"
        return Missing(rubric.label, None, None, "too_few_responses", said)
    if rubric.form == "listwise" and count > protocol.most_listed:
        said = f"{count} responses; at most {protocol.most_listed} are ranked together"
        return Missing(rubric.label, None, None, "too_many_responses", said)
    if rubric.needs_reference and not _has_reference(comparison):
        said = "the rubric needs a reference, and the comparison has none"
        return Missing(rubric.label, None, None, "no_reference", said)
    return None


def showings_of(comparison: Comparison, rubric: Rubric, protocol: Protocol) -> Iterator[Showing]:
    """Everything to ask about a comparison that `why_none` lets through, every pair compared.

    With both orders every pair of responses stands in both relative orders, in a list too.
    """
    places = tuple(range(len(comparison.responses)))
    if rubric.form == "pointwise":
        yield from (Showing(rubric, (place,)) for place in places)
        return
    groups = combinations(places, 2) if rubric.form == "pairwise" else (places,)
    yield from in_orders(comparison, rubric, groups, protocol)


def in_orders(
    comparison: Comparison,
    rubric: Rubric,
    groups: Iterable[tuple[int, ...]],
    protocol: Protocol,
) -> Iterator[Showing]:
    """Responses that are shown together, group by group, in the orders that the protocol wants."""
    identity = Identity.of(comparison) if protocol.orders == "one" else None
    for group in groups:
        if identity is not None:
            yield Showing(rubric, _drawn(identity, rubric, group))
        else:
            yield Showing(rubric, group)
            yield Showing(rubric, group[::-1])


def request_of(
    comparison: Comparison, showing: Showing, protocol: Protocol, *, draw: int = 0, name: str = ""
) -> Request | Missing:
    """The request for one showing, or why it is not asked.

    The first draw is what a single judgement asks, so that more draws do not pay it again; equal
    seeds would give equal draws, so that every further one adds 1.

    Raises:
        ConfigError: the rubric's template is wrong for this comparison, or takes too long.
    """
    rubric, places = showing
    try:
        if len(places) > 1 and _same_text(comparison, places):
            said = "the responses are the same text: there is nothing to judge"
            return Missing(rubric.label, places, None, "same_text", said)
        how = protocol.how
        shown = Shown.of(comparison, places, reference=protocol.reference)
        seeded = how if how.seed is None or not draw else replace(how, seed=how.seed + draw)
        return asked(rubric, shown, seeded, draw=draw or None, name=name)
    except SchemaError as error:  # of one comparison, which shall not end a run over many
        return Missing(rubric.label, places, None, "unshowable", str(error))


def _has_reference(comparison: Comparison) -> bool:
    text = Shown.of(comparison, ()).reference
    return text is not None and bool(text.strip())


def _drawn(identity: Identity, rubric: Rubric, group: Sequence[int]) -> tuple[int, ...]:
    """One order by chance, from all that is shown and the rubric: no function of the prompt."""
    names = identity.responses
    shared = "\n".join((identity.whole, rubric.label, *sorted(names[place] for place in group)))

    def drawn(place: int) -> tuple[bytes, int]:
        return blake2b(f"{shared}\n{names[place]}".encode(), digest_size=16).digest(), place

    return tuple(sorted(group, key=drawn))


def _same_text(comparison: Comparison, places: Sequence[int]) -> bool:
    """Whether a judge would see no difference; what only the record knows is none."""
    turns = [comparison.responses[place].messages for place in places]
    said = {tuple((turn.role, turn.content) for turn in one) for one in turns}
    if len(said) > 1:
        return False
    if len(set(turns)) == 1:
        return True
    shown = framed(Shown.of(comparison, places), ("",) * len(places))
    return len(set(shown.responses)) == 1

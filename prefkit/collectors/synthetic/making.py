"""Drafts asked of several models side by side, prompt by prompt, in one round or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import tee

from prefkit.collectors.prompts import Prompt, Unused
from prefkit.collectors.synthetic.recipe import Draft, Made, Recipe
from prefkit.collectors.turns import UnusableError
from prefkit.errors import ConfigError
from prefkit.llm.client import Client
from prefkit.llm.errands import Asking
from prefkit.llm.names import plain_model
from prefkit.llm.records import Reply, Request
from prefkit.llm.side_by_side import begun
from prefkit.reader import Aside
from prefkit.schema.ids import messages_digest

__all__ = ["Work", "answered", "follows", "likely_works", "made_of", "requests_of", "works"]


@dataclass(slots=True)
class Work:
    """One source row on its way: what is asked for it, and what came back."""

    row: Prompt | Unused
    drafts: list[Draft] = field(default_factory=list)
    """Those of the round that is under way."""
    made: list[Made] = field(default_factory=list)
    """Of all rounds that are over."""
    aside: Aside | None = None
    """Why the row is no prompt, or none of this recipe."""

    @property
    def prompt(self) -> Prompt:
        """The row, where it is one."""
        assert isinstance(self.row, Prompt)  # noqa: S101, RUF100 - without an aside it is one
        return self.row


def works(
    recipe: Recipe, rows: Iterable[Prompt | Unused], models: int, limit: int | None
) -> Iterator[Work]:
    """The rows with their first drafts, up to a number of prompts.

    Raises:
        ConfigError: a draft of the recipe is no request and no text, or the options do not fit.
    """
    seen: dict[bytes, str] = {}
    """Where each prompt stands for which something is made."""
    left = limit
    for row in rows:
        digest = _digest(row)
        work = Work(row, aside=_why_none(row, None if digest is None else seen.get(digest)))
        if work.aside is None:
            _plan(work, partial(recipe.drafts, work.prompt, models), models)
        if work.aside is None and digest is not None:
            seen[digest] = f"{row.source}, {row.where}"
        yield work
        if work.aside is None and left is not None:
            left -= 1
            if not left:
                return


def _digest(row: Prompt | Unused) -> bytes | None:
    return bytes.fromhex(messages_digest(row.messages)) if isinstance(row, Prompt) else None


def _why_none(row: Prompt | Unused, earlier: str | None) -> Aside | None:
    """Why nothing is asked for a row: it is no prompt, or that of an earlier row."""
    if isinstance(row, Unused):
        return row.aside
    if earlier is None:
        return None
    # Its answers would be those of the earlier one: two comparisons with one id.
    return Aside("repeated", f"the prompt of {earlier} again", dict(row.row))


def _plan(work: Work, drafts: Callable[[], Iterable[Draft]], models: int) -> None:
    try:
        work.drafts = list(drafts())
    except UnusableError as problem:
        work.drafts, work.aside = [], problem.aside(dict(work.prompt.row))
    for draft in work.drafts:
        is_asked = draft.request is not None and draft.model is not None
        if is_asked == (draft.text is not None) or not 0 <= (draft.model or 0) < max(models, 1):
            raise ConfigError(f"a recipe made a draft that nobody can answer: {draft!r:.200}")


def follows(recipe: Recipe) -> bool:
    """Whether a recipe has a second round."""
    return type(recipe).follow is not Recipe.follow


def answered(
    recipe: Recipe, started: Iterable[Work], clients: Sequence[Client], totals: Sequence[int | None]
) -> Iterator[Work]:
    """The same rows, all their drafts asked; holds as many as the clients hold requests.

    A second round is asked while the first still is: its requests are made from answers as they
    come.

    Args:
        recipe: says what follows the first answers.
        started: rows with their first drafts.
        clients: the models; the same one may be asked in both rounds at once.
        totals: requests of the first round to each of them, for progress; null = not known.

    Raises:
        ConfigError, ClientError, BatchPending, OSError: as `Client.stream`.
    """
    first = _round(started, clients, "sample", totals)
    if not follows(recipe):
        return first
    second = (_followed(recipe, work, len(clients)) for work in first)
    return _round(second, clients, "follow", [None] * len(clients))


def _followed(recipe: Recipe, work: Work, models: int) -> Work:
    work.drafts = []
    if work.aside is None:
        _plan(work, partial(recipe.follow, work.prompt, tuple(work.made)), models)
    return work


_Planned = tuple[Work, list[Draft]]
"""A row, and the drafts of one round."""


class _Sent:
    """The requests to one model, made as they are needed."""

    def __init__(self, source: Iterable[_Planned], number: int) -> None:
        self._source = source
        self._number = number

    def __iter__(self) -> Iterator[Request]:
        for _, drafts in self._source:
            yield from requests_of(drafts, self._number)


class _Counted(_Sent):
    """The same, where it is known how many there are."""

    def __init__(self, source: Iterable[_Planned], number: int, total: int) -> None:
        super().__init__(source, number)
        self._total = total

    def __len__(self) -> int:
        return self._total


def requests_of(drafts: Iterable[Draft], number: int) -> Iterator[Request]:
    """What is asked of one model."""
    return (
        draft.request for draft in drafts if draft.model == number and draft.request is not None
    )


def _round(
    source: Iterable[Work], clients: Sequence[Client], stage: str, totals: Sequence[int | None]
) -> Iterator[Work]:
    """Every row of a round with its answers; all clients are asked at the same time."""
    # With its drafts of now: those of the next round may replace them before all clients come by.
    copies = tee(((work, work.drafts) for work in source), len(clients) + 1)
    sent = [
        _Sent(copy, number) if total is None else _Counted(copy, number, total)
        for number, (copy, total) in enumerate(zip(copies[1:], totals, strict=True))
    ]
    streams = begun(
        [
            partial(client.stream, one, stage=stage)
            for client, one in zip(clients, sent, strict=True)
        ]
    )
    for work, drafts in copies[0]:
        work.made += [_made(draft, clients, streams) for draft in drafts]
        yield work


def _made(draft: Draft, clients: Sequence[Client], streams: Sequence[Iterator[Reply]]) -> Made:
    if draft.model is None:
        return Made(draft, draft.text, model=draft.name)
    return made_of(draft, next(streams[draft.model]), clients[draft.model])


def made_of(draft: Draft, reply: Reply, client: Client) -> Made:
    """An answer as recipes see it."""
    model = plain_model(reply.model or client.desk.provider.model)
    failure = reply.failure
    if failure is not None:
        said = (failure.kind, failure.message)
        return Made(draft, None, None, reply.finish, model, reply.key, *said)
    return Made(draft, reply.text, reply.data, reply.finish, model, reply.key)


def likely_works(
    recipe: Recipe, started: Iterable[Work], clients: Sequence[Client]
) -> Iterator[tuple[Work, list[Draft]]]:
    """What will be asked, for an estimate: each row with its answers, and the drafts of all rounds.

    Answers are those of the journal, else as `Recipe.likely` says that they may look.
    """
    for work in started:
        drafts = list(work.drafts)
        work.made = [_likely(recipe, work.prompt, draft, clients) for draft in work.drafts]
        if work.aside is None and follows(recipe):
            work = _followed(recipe, work, len(clients))
            drafts += work.drafts
            work.made += [_likely(recipe, work.prompt, one, clients) for one in work.drafts]
        yield work, drafts


def _likely(recipe: Recipe, prompt: Prompt, draft: Draft, clients: Sequence[Client]) -> Made:
    if draft.model is None or draft.request is None:
        return Made(draft, draft.text, model=draft.name)
    client = clients[draft.model]
    known = Asking(draft.request, "estimate", client.desk).known()
    if known is None:
        return recipe.likely(prompt, draft)
    return made_of(draft, known, client)

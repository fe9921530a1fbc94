"""What was made for one prompt as a comparison, and what of it could not be used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Prompt, Unused
from prefkit.collectors.synthetic.equal_texts import merged
from prefkit.collectors.synthetic.making import Work
from prefkit.collectors.synthetic.recipe import Cast, Caster, Made, Merged, Missing, Recipe
from prefkit.collectors.turns import UnusableError
from prefkit.errors import SchemaError
from prefkit.reader import Aside
from prefkit.schema.records import Comparison, Vote

__all__ = ["Finished", "casts_of", "finished"]

_SHOWN = 2_000
"""Characters of an answer that are kept where it is no response."""


class Finished(NamedTuple):
    """One source row after all its drafts."""

    work: Work
    comparison: Comparison | None
    """Null if there is no response, or the row is no prompt; then `aside` says why."""
    aside: Aside | None
    unused: tuple[tuple[Made, Aside], ...]
    """Drafts that gave no response, and why."""
    missing: tuple[Missing, ...] = ()
    """What the recipe itself has no vote on."""

    def lines(self) -> Iterator[dict[str, Any]]:
        """What `set_aside.jsonl` says of it."""
        place = {"file": self.work.row.source, "where": self.work.row.where}
        for _, aside in self.unused:
            yield {**place, "part": True, **aside._asdict()}
        if self.aside is not None:
            yield {**place, "part": False, **self.aside._asdict()}


def finished(recipe: Recipe, work: Work) -> Finished:
    """The comparison of a row whose drafts are all made."""
    if isinstance(work.row, Unused):
        return Finished(work, None, work.aside, ())
    texts: list[tuple[str, Made]] = []
    unused: list[tuple[Made, Aside]] = []
    for made in work.made:
        found = _response(recipe, work.prompt, made)
        if isinstance(found, Aside):
            unused.append((made, found))
        elif found is not None:
            texts.append((found, made))
    if work.aside is not None:
        return Finished(work, None, work.aside, tuple(unused))
    if not texts:
        why = "no answer" if work.made else "the recipe makes nothing of it"
        aside = Aside("no response", why, _named(work.prompt))
        return Finished(work, None, aside, tuple(unused))
    several = merged(texts)
    try:
        said = tuple(recipe.votes(work.prompt, several))
    except UnusableError as problem:
        return Finished(work, None, problem.aside(_named(work.prompt)), tuple(unused))
    comparison = _comparison(recipe, work.prompt, several)._replace(
        votes=tuple(one for one in said if isinstance(one, Vote))
    )
    missing = tuple(one for one in said if isinstance(one, Missing))
    return Finished(work, comparison, None, tuple(unused), missing)


def _response(recipe: Recipe, prompt: Prompt, made: Made) -> str | Aside | None:
    """The response in an answer, or why there is none; null: it was none that was wanted."""
    said = {**_named(prompt), "model": made.model, "sampling": dict(made.draft.sampling)}
    if made.reason is not None:
        return Aside(made.reason, made.detail, said)
    if not made.draft.is_response:
        return None
    try:
        text = recipe.response(made)
        if text is None:
            raise UnusableError("unusable", "the answer holds no response")
        _check(text, made)
    except UnusableError as problem:
        return problem.aside({**said, "text": (made.text or "")[:_SHOWN]})
    return text


def _check(text: str, made: Made) -> None:
    if not text.strip():
        finish = "" if made.finish is None else f" (finish: {made.finish})"
        raise UnusableError("blank", f"the answer is empty{finish}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnusableError("bad value", "the answer holds half a character") from error


def _named(prompt: Prompt) -> dict[str, Any]:
    return {} if prompt.id is None else {"id": prompt.id}


def _comparison(recipe: Recipe, prompt: Prompt, several: list[Merged]) -> Comparison:
    return Comparison(
        prompt=prompt.messages,
        responses=tuple(one.response for one in several),
        votes=(),
        reference=prompt.reference,
        extra=prompt.extra,
        tags=tuple((dict(prompt.tags) | dict(recipe.tags(prompt, several))).items()),
    )


def casts_of(
    caster: Caster | None, rows: Iterable[Finished]
) -> Iterator[tuple[Finished, Cast | None]]:
    """Every row with what the caster said of its comparison; null where there is none.

    Raises:
        SchemaError: the caster said nothing of a comparison, or something of none.
    """
    if caster is None:
        yield from ((row, None) for row in rows)
        return
    waiting: deque[Finished] = deque()

    def comparisons() -> Iterator[Comparison]:
        for row in rows:
            waiting.append(row)
            _tell_of_unusable(caster, row)
            if row.comparison is not None:
                yield row.comparison

    for cast in caster.cast(comparisons()):
        yield from _without(waiting)
        if not waiting:
            raise SchemaError(f"{type(caster).__name__} voted on more than it was given")
        yield waiting.popleft(), cast
    yield from _without(waiting)
    if waiting:
        raise SchemaError(f"{type(caster).__name__} said nothing of {len(waiting)} comparisons")


def _tell_of_unusable(caster: Caster, row: Finished) -> None:
    lost = [made for made, _ in row.unused if made.reason is None]
    if lost and row.work.aside is None:
        caster.unusable(row.work.prompt, lost, row.comparison)


def _without(waiting: deque[Finished]) -> Iterator[tuple[Finished, None]]:
    """The rows in front that have no comparison to vote on."""
    while waiting and waiting[0].comparison is None:
        yield waiting.popleft(), None

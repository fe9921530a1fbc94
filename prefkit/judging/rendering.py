"""A rubric's templates as text: in the sandbox, strict, and without the texts that are judged.

A template sees places, not texts. What it made of them is cut at the places, and the marked texts
are put in afterwards: Jinja never reads other people's words, and a template cannot change, repeat
or leave out one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from prefkit.errors import ConfigError
from prefkit.judging.framing import Framed, Shown, framed
from prefkit.judging.rubric import LETTERS, Rubric
from prefkit.judging.wording import FAIRNESS, HEAD, MEANINGS, READING, REFERENCE
from prefkit.templates.sandbox import environment
from prefkit.templates.watch import Watch

if TYPE_CHECKING:
    import jinja2

__all__ = ["SECONDS", "Rendered", "names_of", "rendered"]

SECONDS = 2.0
"""How long a template may run: it makes a page of text, in about a millisecond."""

_MOST = 200_000  # characters that a template may make: more than any rubric says
_PLACE = re.compile("\x00([a-z]+[0-9]*)\x00")
_GLOBALS = ("namespace", "raise_exception", "range")
_BY_CHANCE = ("random", "shuffle")

_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(RuntimeError, SyntaxError, TypeError, ValueError),
)
"""What the code of a template can raise beside Jinja's own errors: it is Python's."""


class Rendered(NamedTuple):
    """What a judge is told and shown; how it is to answer comes after `user`."""

    system: str
    user: str
    framed: Framed


class _Shape(NamedTuple):
    """What a template can see of a judgement."""

    names: tuple[str, ...]
    reference: bool
    tools: bool


def names_of(rubric: Rubric, responses: int) -> tuple[str, ...]:
    """The letters of so many responses, in the order shown; a response judged alone has none.

    Raises:
        ConfigError: the rubric does not judge so many together.
    """
    fits = {"pairwise": (2, 2), "pointwise": (1, 1), "listwise": (2, len(LETTERS))}
    low, high = fits[rubric.form]
    if not low <= responses <= high:
        wanted = str(low) if low == high else f"{low} to {high}"
        raise ConfigError(
            f"the rubric {rubric.name} judges {wanted} responses at once, not {responses}",
            hint="prefkit catalog rubrics",
        )
    return ("",) if rubric.form == "pointwise" else tuple(LETTERS[:responses])


def rendered(rubric: Rubric, shown: Shown) -> Rendered:
    """The words for one judgement, the shown texts between marks.

    Raises:
        ConfigError: a template is wrong, leaves out a text, or the rubric does not fit what is
            shown: its number of responses, a reference that it needs.
        SchemaError: the extra of a turn is no JSON object.
    """
    if rubric.needs_reference and shown.reference is None:
        raise ConfigError(
            f"the rubric {rubric.name} needs a reference, and there is none",
            hint="judge rows that have one, or take another rubric: prefkit catalog rubrics",
        )
    names = names_of(rubric, len(shown.responses))
    frame = framed(shown, names)
    shape = _Shape(names, shown.reference is not None, shown.tools is not None)
    system, pieces = _words(rubric, shape)
    blocks = {
        "request": frame.block(frame.request),
        "reference": frame.block(frame.reference),
        "tools": frame.block(frame.tools),
        **{f"response{at}": frame.block(one) for at, one in enumerate(frame.responses)},
    }
    body = "".join(blocks[piece] if at % 2 else piece for at, piece in enumerate(pieces))
    return Rendered(system, f"{HEAD.format(code=frame.code)}\n\n{body}", frame)


@lru_cache(maxsize=256)
def _words(rubric: Rubric, shape: _Shape) -> tuple[str, tuple[str, ...]]:
    """The system turn; and the user turn as words and names of places by turns."""
    known: dict[str, Any] = {
        "form": rubric.form,
        "names": list(shape.names),
        "criteria": [one.model_dump() for one in rubric.criteria],
        "scale": [one.model_dump() for one in rubric.scale],
        "outcomes": list(rubric.outcomes),
    }
    own = _run(rubric, "system", rubric.system, known).strip()
    _check_complete(rubric, own)
    places = _places(shape)
    user = _run(rubric, "user", rubric.user, known | places).strip()
    pieces = tuple(_PLACE.split(user))
    if any("\x00" in words for words in (own, *pieces[::2])):
        raise ConfigError(f"the rubric {rubric.name}: a template takes a text apart")
    _check_places(rubric, pieces[1::2], shape)
    return "\n\n".join([own, *_standing(rubric, shape)]), pieces


def _places(shape: _Shape) -> dict[str, Any]:
    def place(name: str) -> str:
        return f"\x00{name}\x00"

    return {
        "request": place("request"),
        "reference": place("reference") if shape.reference else None,
        "tools": place("tools") if shape.tools else None,
        "responses": [
            {"name": name, "text": place(f"response{at}")} for at, name in enumerate(shape.names)
        ],
    }


def _standing(rubric: Rubric, shape: _Shape) -> list[str]:
    """The words that come with every rubric: how to read, how to judge, what may be said."""
    reading = f"{READING}\n{REFERENCE}" if shape.reference else READING
    if rubric.form == "pointwise":
        said = ["grade"]
    elif rubric.form == "listwise":
        said = ["rank", "rank_tie" if "tie" in rubric.outcomes else "rank_no_tie"]
    else:
        said = ["best", *rubric.outcomes, *([] if "tie" in rubric.outcomes else ["no_tie"])]
    return [reading, "\n".join([FAIRNESS, *(MEANINGS[word] for word in said)])]


def _check_complete(rubric: Rubric, system: str) -> None:
    """Hold that the judge is told every criterion and every grade."""
    told = " ".join(system.split())
    texts = {f"criterion {one.name}": one.text for one in rubric.criteria}
    texts |= {f"grade {one.grade}": one.text for one in rubric.scale}
    for what, text in texts.items():
        if " ".join(text.split()) not in told:
            raise ConfigError(
                f"the rubric {rubric.name}: its system template does not say the {what}",
                hint="{% for criterion in criteria %}{{ criterion.text }}{% endfor %}",
            )


def _check_places(rubric: Rubric, found: Sequence[str], shape: _Shape) -> None:
    """Hold that each text has one place, and that responses stand in the order shown."""
    wanted = ["request", *(f"response{at}" for at in range(len(shape.names)))]
    wanted += ["reference"] * shape.reference + ["tools"] * shape.tools
    for name in wanted:
        if (times := found.count(name)) != 1:
            raise ConfigError(
                f"the rubric {rubric.name}: its user template shows the text {name!r} "
                f"{times} times, or changes it: each text stands there once, as it is"
            )
    answers = [name for name in found if name.startswith("response")]
    if answers != wanted[1 : len(shape.names) + 1]:
        raise ConfigError(f"the rubric {rubric.name}: its user template changes the order shown")


def _run(rubric: Rubric, which: str, text: str, known: dict[str, Any]) -> str:
    made = _environment()
    from jinja2.exceptions import TemplateError as JinjaError

    where = f"the rubric {rubric.name}: its {which} template"
    if "\x00" in text:
        raise ConfigError(f"{where} holds a null character")
    try:
        with Watch(SECONDS) as watch:
            said: str = watch.run(lambda: made.from_string(text).render(known))
    except TimeoutError as error:
        raise ConfigError(f"{where} was stopped: {error}") from None
    except (JinjaError, *_FAULTS) as error:
        line = getattr(error, "lineno", None)
        place = f", line {line}" if line else ""
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"{where}{place}: {reason}", hint=f"it may use {', '.join(sorted(known))}"
        ) from error
    if len(said) > _MOST:
        raise ConfigError(f"{where} makes {len(said):,} characters; {_MOST:,} are allowed")
    return said


@cache
def _environment() -> jinja2.Environment:
    """The sandbox of chat templates, strict, and without what gives another text each time."""
    shared = environment()
    from jinja2 import StrictUndefined

    made = shared.overlay(undefined=StrictUndefined, autoescape=False)
    made.globals = {name: shared.globals[name] for name in _GLOBALS}
    made.filters = {
        name: filter_ for name, filter_ in shared.filters.items() if name not in _BY_CHANCE
    }
    return made

"""What a recipe makes and what a caster says: the frame of `prefkit collect synthetic`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from prefkit.collectors.prompts import Prompt, Prompts, Unused
from prefkit.collectors.sources.origins import Reading
from prefkit.collectors.sources.texts import Unit
from prefkit.llm.client import Client
from prefkit.llm.names import plain_spec
from prefkit.llm.records import Request, ScoreRequest
from prefkit.schema.records import Comparison, Response, Vote, to_json
from prefkit.step import Options

__all__ = [
    "Cast",
    "Caster",
    "Draft",
    "Made",
    "Merged",
    "Missing",
    "Recipe",
    "Rows",
    "Setting",
]


class Draft(NamedTuple):
    """One answer to be made: asked of a model, or there already."""

    model: int | None
    """Which of the verb's models is asked; null if none is."""
    request: Request | None
    """Equal requests are one paid answer: `Request.draw` tells draws apart. Null = no model."""
    sampling: Mapping[str, Any]
    """How it was made (temperature, seed, draw, system, part ...): becomes part of
    `Response.sampling`, and must be equal in every run."""
    text: str | None = None
    """The response itself where there is no request."""
    name: str | None = None
    """Who wrote `text`; null = not known."""
    is_response: bool = True
    """False: the answer is for `follow` alone, such as a list of ways to fail."""


class Made(NamedTuple):
    """A draft and what came back."""

    draft: Draft
    text: str | None
    """Null if there is no answer; then `reason` says why."""
    data: Any = None
    """The validated answer to a request with a schema."""
    finish: str | None = None
    """As in `Reply`; `length` marks a text that was cut."""
    model: str | None = None
    """Who answered, as its provider names it, without folders."""
    key: str = ""
    """Of the answer in the journal: what the record of a vote is."""
    reason: str | None = None
    """Kind of the failure: `budget`, `timeout` ...; null if there is an answer."""
    detail: str = ""


class Merged(NamedTuple):
    """One response, and every draft that gave its text."""

    response: Response
    made: tuple[Made, ...]


class Missing(NamedTuple):
    """What no vote says, and why; becomes a line of `set_aside.jsonl`."""

    reason: str
    """A word to count by: `infra`, `unsure`, `no_tests` ..."""
    detail: str
    place: int | None = None
    """The response that it is about, by its place in the comparison; null = the comparison."""


class Cast(NamedTuple):
    """What a caster said of one comparison."""

    votes: tuple[Vote, ...]
    missing: tuple[Missing, ...] = ()


class Setting(NamedTuple):
    """What a verb gives a caster."""

    name: str
    """For `Source.name` of votes: `synthetic:RECIPE`."""
    clients: Mapping[str, Client]
    """Those of `Recipe.asks`, by the spec given there; all spend from one ledger."""
    unsafe_exec: bool = False
    """The user agreed to run code without a sandbox."""
    workers: int | None = None
    """Null: one a core."""


class Rows(Protocol):
    """The prompts of a run: read anew, and equal, at every iteration."""

    def __iter__(self) -> Iterator[Prompt | Unused]:
        """Every row, or why it is no prompt."""
        ...

    def inputs(self) -> list[dict[str, Any]]:
        """The sources as a manifest lists them."""
        ...


class Caster:
    """Votes on responses. Entered once, after everything was agreed to; `cast` is called once."""

    def __enter__(self) -> Self:
        """Start what is needed: workers, files."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, whatever happened."""

    def unusable(self, prompt: Prompt, made: Sequence[Made], comparison: Comparison | None) -> None:
        """Be told of answers that came and are no response: blank, too long, without one in them.

        Called once a prompt that has such, before its comparison comes up in `cast`; null: none
        of its answers is a response, so that none does.
        """

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """One `Cast` for each comparison, in order; reads ahead as far as it has workers.

        Scores, labels, trials and orders stand in the order of `Comparison.responses`.

        Raises:
            PrefkitError: the run cannot go on; what concerns one response is a `Missing`.
        """
        raise NotImplementedError

    def requests(self, spec: str, comparisons: Iterable[Comparison]) -> Iterator[Request]:
        """What `cast` would ask of a client at most, for the estimate; nothing by default.

        Called before `__enter__`. Responses that nobody knows yet have texts of the length they
        can have.
        """
        del spec, comparisons
        return iter(())

    def scores(self, spec: str, comparisons: Iterable[Comparison]) -> Iterator[ScoreRequest]:
        """The same of what `cast` would have a client score."""
        del spec, comparisons
        return iter(())

    def facts(self) -> dict[str, Any]:
        """What the manifest says of all that was cast: equal for equal votes."""
        return {}

    def timings(self) -> dict[str, Any]:
        """What the run block of the manifest says: times, machines, levels of isolation."""
        return {}

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people: label and text."""
        return iter(())


def _listed(value: str | Sequence[str] | None) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value or ()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain_spec(one) for one in value]
    return None if value is None else plain_spec(value)


class Recipe(Options):
    """One way to get responses whose order is known; a frozen value whose fields are its options.

    All methods are pure: called again with equal arguments they give equal results, which is what
    makes a run repeatable from the journal.
    """

    models: ClassVar[tuple[int, int | None]] = (1, None)
    """How many models it takes, at least and at most (null = any number)."""

    clients: ClassVar[tuple[str, ...]] = ()
    """Options that name clients as `--model` takes them, one or several, for the caster."""

    def told(self) -> dict[str, Any]:
        """The options as a manifest holds them: no folder in the name of a client either."""
        options = super().told()
        for name in self.clients:
            options[name] = _plain(options[name])
        return options

    def rows(self, paths: Sequence[str], reading: Reading, texts: Unit = "line") -> Rows:
        """The prompts behind paths. By default rows of `prompt` or `messages`.

        Raises:
            ConfigError: a path matches nothing.
        """
        return Prompts(paths, reading, whole=True, texts=texts)

    def asks(self) -> tuple[str, ...]:
        """Clients that the caster needs, each once, as `--model` takes them."""
        given = [_listed(getattr(self, name)) for name in self.clients]
        return tuple(dict.fromkeys(spec for several in given for spec in several))

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """What is made first, for a number of models.

        Raises:
            ConfigError: the options fit neither this prompt nor any other.
            UnusableError: this row is no prompt of this recipe: it is set aside.
        """
        raise NotImplementedError

    def follow(self, prompt: Prompt, made: Sequence[Made]) -> Iterator[Draft]:
        """What is made from the first answers, failed ones among them; nothing by default."""
        del prompt, made
        return iter(())

    def likely(self, prompt: Prompt, draft: Draft) -> Made:
        """An answer as it may look, for the estimate of a second round.

        By default a text as long as it can be; a recipe that reads structured answers makes one.
        Texts of different drafts differ: equal ones would be one response, and less to judge.
        """
        del prompt
        most = 0 if draft.request is None else draft.request.max_tokens
        return Made(draft, f"{draft.model} {to_json(dict(draft.sampling))}{' word' * most}")

    def response(self, made: Made) -> str | None:
        """What of an answer is the response; null: it holds none, and is counted as `unusable`.

        Raises:
            UnusableError: it holds none, for this reason; the other answers stay.
        """
        return made.text

    def votes(self, prompt: Prompt, merged: Sequence[Merged]) -> Iterator[Vote | Missing]:
        """Votes by construction, in the order of `merged`, and what there is none on, and why.

        Raises:
            UnusableError: nothing of this prompt can be used: it is set aside.
        """
        del prompt, merged
        return iter(())

    def tags(self, prompt: Prompt, merged: Sequence[Merged]) -> tuple[tuple[str, str], ...]:
        """Further tags of the comparison, name and value; of equal names these count."""
        del prompt, merged
        return ()

    def caster(self, setting: Setting) -> Caster | None:
        """Who votes on the responses afterwards; null: nobody.

        Raises:
            ConfigError: the options do not fit, or no sandbox holds here.
        """
        del setting
        return None

    def warnings(self) -> Iterator[str]:
        """What in these options gives the label away, one sentence each."""
        return iter(())

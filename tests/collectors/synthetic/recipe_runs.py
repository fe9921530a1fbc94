"""A recipe from a row to its votes, with recorded answers of a `replay:` client for exact texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.prompts import Prompt, Prompts
from prefkit.collectors.sources.origins import Reading
from prefkit.collectors.synthetic.equal_texts import merged
from prefkit.collectors.synthetic.making import answered, works
from prefkit.collectors.synthetic.recipe import Draft, Made, Merged, Missing, Recipe
from prefkit.collectors.turns import UnusableError
from prefkit.llm.connect import connect
from prefkit.llm.records import Request
from prefkit.registry import load
from prefkit.schema.records import Comparison, Vote
from prefkit.schema.validate import check_comparison
from prefkit.step import make

Says = Callable[[Request], "str | dict[str, Any]"]
"""From a request to what is answered: a text, or a reply with its finish."""


class Run(NamedTuple):
    """What a recipe made of one row."""

    merged: tuple[Merged, ...]
    votes: tuple[Vote, ...]
    missing: tuple[Missing, ...]
    tags: tuple[tuple[str, str], ...]
    unusable: tuple[str, ...]
    """Why answers are no responses."""

    @property
    def texts(self) -> list[str]:
        return [one.response.messages[0].content or "" for one in self.merged]

    def drafts(self, place: int) -> list[dict[str, Any]]:
        """How a response was made, as it is stored."""
        found: list[dict[str, Any]] = json.loads(self.merged[place].response.sampling or "")[
            "draws"
        ]
        return found


def recipe_of(name: str, **options: Any) -> Any:
    return make(load("recipe", name), options, name)


def prompt_of(folder: Path, row: Mapping[str, Any]) -> Prompt:
    file = folder / "row.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (found,) = Prompts([str(file)], Reading(), whole=True)
    assert isinstance(found, Prompt), found
    return found


def run(
    recipe: Recipe, folder: Path, row: Mapping[str, Any], *says: Says, names: Sequence[str] = ()
) -> Run:
    """A recipe on one row; `says` are its models in their order, with these names."""
    prompt = prompt_of(folder, row)
    lines: list[list[dict[str, Any]]] = [[] for _ in says]
    first = _answered(recipe.drafts(prompt, len(says)), says, lines)
    _answered(recipe.follow(prompt, first), says, lines)
    called = names or [f"m{number}" for number in range(len(says))]
    files = [folder / f"{name}.jsonl" for name in called]
    for file, recorded in zip(files, lines, strict=True):
        file.write_text("".join(json.dumps(line) + "\n" for line in recorded), encoding="utf-8")
    clients = [connect(f"replay:{file}", cache=folder / "cache") for file in files]
    try:
        started = works(recipe, [prompt], len(clients), None)
        (work,) = answered(recipe, started, clients, [None] * len(clients))
    finally:
        for client in clients:
            client.close()
    assert work.aside is None, work.aside
    return _voted(recipe, prompt, work.made)


def _voted(recipe: Recipe, prompt: Prompt, made: Sequence[Made]) -> Run:
    texts: list[tuple[str, Made]] = []
    unusable = []
    for one in made:
        try:
            text = recipe.response(one)
        except UnusableError as problem:
            unusable.append(problem.reason)
        else:
            texts += [] if text is None else [(text, one)]
    several = merged(texts)
    said = list(recipe.votes(prompt, several))
    votes = tuple(one for one in said if isinstance(one, Vote))
    missing = tuple(one for one in said if isinstance(one, Missing))
    responses = tuple(one.response for one in several)
    check_comparison(Comparison(prompt.messages, responses, votes))
    tags = recipe.tags(prompt, several)
    return Run(tuple(several), votes, missing, tags, tuple(unusable))


def _answered(
    drafts: Any, says: Sequence[Says], lines: Sequence[list[dict[str, Any]]]
) -> list[Made]:
    found = []
    for draft in drafts:
        found.append(_made(draft, says, lines))
    return found


def _made(draft: Draft, says: Sequence[Says], lines: Sequence[list[dict[str, Any]]]) -> Made:
    if draft.request is None or draft.model is None:
        return Made(draft, draft.text, model=draft.name)
    reply = says[draft.model](draft.request)
    turns = [{"role": one.role, "content": one.content} for one in draft.request.messages]
    options = {} if draft.request.draw is None else {"draw": draft.request.draw}
    lines[draft.model].append({"request": {"messages": turns, **options}, "reply": reply})
    said = reply if isinstance(reply, dict) else {"text": reply}
    return Made(draft, said["text"], finish=said.get("finish"))


def between_marks(request: Request, text: str, before: str = "", behind: str = "") -> str:
    """A reply as it was asked for: the text between the marks of the new answer."""
    begin, end = re.findall(r"^=== \w+ (?:BEGIN|END) new answer ===$", told(request), re.MULTILINE)
    return f"{before}{begin}\n{text}\n{end}{behind}"


def told(request: Request) -> str:
    """What the user says last."""
    return request.messages[-1].content or ""


def is_rewriting(request: Request) -> bool:
    return "BEGIN new answer" in told(request)

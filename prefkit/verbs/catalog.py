"""`prefkit catalog`: what exists, by role."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field
from pydantic.fields import FieldInfo

from prefkit.errors import ConfigError
from prefkit.registry import ROLES, load, names, nearest, summary
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Catalog"]

_SCHEMA = "pipeline-schema"
_RUBRIC = "rubric"
_PLURALS = {"policies": "policy", **{f"{role}s": role for role in (*ROLES, _RUBRIC)}}
_ROW = 300  # characters of an example in the list; all of it stands with the reader's name


class Catalog(Verb):
    """List verbs, readers, recipes, policies, filters, rubrics and more, or show one of them."""

    positional: ClassVar[tuple[str, ...]] = ("role", "name")

    role: str | None = Field(
        None,
        description="verbs, readers, recipes, answers, policies, aggregations, filters, measures, "
        "repairs, writers, clients, rubrics, or pipeline-schema.",
    )
    name: str | None = Field(
        None, description="One name, for its options; of a rubric, or its file, for its words."
    )

    def __call__(self) -> Outcome:
        """Read the tables; only the classes asked for are imported.

        Raises:
            ConfigError: no such role or name.
        """
        if self.role == _SCHEMA:
            schema: dict[str, Any] = load("verb", "run").file_schema()
            return Outcome(schema, (("", json.dumps(schema, indent=2)),))
        if self.role is None:
            return _listing([*ROLES, _RUBRIC])
        role = _PLURALS.get(self.role, self.role)
        if role not in (*ROLES, _RUBRIC):
            known = [*ROLES, _RUBRIC, _SCHEMA]
            raise ConfigError(
                f"there is no role {self.role!r}{nearest(self.role, known)}; "
                f"the roles are {', '.join(known)}",
                hint="prefkit catalog",
            )
        if self.name is not None:
            return _rubric(self.name) if role == _RUBRIC else _details(role, self.name)
        return _readers() if role == "reader" else _listing([role])


def _readers() -> Outcome:
    """Every reader with its shapes, an example row of each, and what it was checked against."""
    facts: dict[str, Any] = {"reader": {}, "examples": {}}
    lines: list[tuple[str, str]] = []
    for name in names("reader"):
        facts["reader"][name] = text = summary("reader", name)
        facts["examples"][name] = found = _examples(load("reader", name))
        lines.append((f"reader {name}", text))
        for one in found:
            lines.append((f"  {one['shape']}", f"{_against(one)}\n{_shortened(one['rows'])}"))
    return Outcome(facts, tuple(lines))


def _examples(kind: Any) -> list[dict[str, Any]]:
    return [
        {"shape": one.shape, "confirmed": one.confirmed, "rows": one.rows, "joined": one.joined}
        | ({"options": dict(one.options)} if one.options else {})
        for one in kind.examples
    ]


def _against(example: dict[str, Any]) -> str:
    confirmed = example["confirmed"]
    return "unconfirmed: from documentation only" if confirmed is None else f"as in {confirmed}"


def _shortened(rows: str) -> str:
    """The first row of an example, cut to what fits a few lines."""
    first = rows.strip().partition("\n")[0]
    return first if len(first) <= _ROW else f"{first[:_ROW]}…"


def _listing(roles: list[str]) -> Outcome:
    facts = {role: _entries(role) for role in roles}
    lines = [
        (f"{role} {name}", text)
        for role, entries in facts.items()
        for name, text in entries.items()
    ]
    return Outcome(facts, tuple(lines))


def _entries(role: str) -> dict[str, str]:
    if role == _RUBRIC:
        from prefkit.judging.library import summaries

        return summaries()
    return {name: summary(role, name) for name in names(role)}


def _rubric(name: str) -> Outcome:
    """A rubric as a judge gets it, with its own example, and the answer it may give."""
    from prefkit.judging.asking import asked
    from prefkit.judging.library import example_of, load_rubric

    rubric = load_rubric(name)
    request = asked(rubric, example_of(rubric))
    turns = {turn.role: turn.content or "" for turn in request.messages}
    facts = {
        "role": _RUBRIC,
        "name": rubric.name,
        "label": rubric.label,
        "sha256": rubric.digest,
        "description": rubric.purpose,
        "rubric": rubric.model_dump(mode="json"),
        "example": turns,
        "answer": request.schema,
    }
    lines = [
        (f"rubric {rubric.name}", rubric.purpose),
        ("  label", rubric.label),
        ("  form", rubric.form),
        ("  votes", f"{rubric.criterion or 'overall'}, scale {rubric.vote_scale}"),
        *((f"  {role}", text) for role, text in turns.items()),
        ("  answer", json.dumps(request.schema, indent=2)),
    ]
    return Outcome(facts, tuple(lines))


def _details(role: str, name: str) -> Outcome:
    kind = load(role, name)
    text = inspect.getdoc(kind) or ""
    if role == "client":
        can = sorted(kind.can)
        facts = {"role": role, "name": name, "description": text, "can": can}
        return Outcome(facts, ((f"client {name}", text), ("  honours", ", ".join(can) or "-")))
    options = kind.model_json_schema().get("properties", {})
    facts = {"role": role, "name": name, "description": text, "options": options}
    lines = [(f"{role} {name}", text), *_options(kind.model_fields)]
    if role == "reader":
        facts["examples"] = _examples(kind)
        for one in facts["examples"]:
            options = f"\nwith the options {json.dumps(one['options'])}" if "options" in one else ""
            beside = f"\nwith --with a file of\n{one['joined'].strip()}" if one["joined"] else ""
            lines.append((one["shape"], f"{_against(one)}\n{one['rows'].strip()}{options}{beside}"))
    return Outcome(facts, tuple(lines))


def _options(fields: dict[str, FieldInfo]) -> Iterator[tuple[str, str]]:
    for option, field in fields.items():
        default = "needed" if field.is_required() else f"default {_shown(field.default)}"
        yield (f"  {option}", f"{field.description or ''} ({default})".lstrip())


def _shown(default: Any) -> str:
    """A default as a pipeline file would give it."""
    return default if isinstance(default, str) and default else json.dumps(default, default=str)

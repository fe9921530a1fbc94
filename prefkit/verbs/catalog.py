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


class Catalog(Verb):
    """List verbs, readers, policies, filters and writers, or the options of one of them."""

    positional: ClassVar[tuple[str, ...]] = ("role", "name")

    role: str | None = Field(
        None, description="verb, reader, policy, filter, writer, or pipeline-schema."
    )
    name: str | None = Field(None, description="One name, for its options.")

    def __call__(self) -> Outcome:
        """Read the tables; only the classes asked for are imported.

        Raises:
            ConfigError: no such role or name.
        """
        if self.role == _SCHEMA:
            schema: dict[str, Any] = load("verb", "run").file_schema()
            return Outcome(schema, (("", json.dumps(schema, indent=2)),))
        if self.role is None:
            return _listing(list(ROLES))
        if self.role not in ROLES:
            known = [*ROLES, _SCHEMA]
            raise ConfigError(
                f"there is no role {self.role!r}{nearest(self.role, known)}; "
                f"the roles are {', '.join(known)}",
                hint="prefkit catalog",
            )
        return _listing([self.role]) if self.name is None else _details(self.role, self.name)


def _listing(roles: list[str]) -> Outcome:
    facts = {role: {name: summary(role, name) for name in names(role)} for role in roles}
    lines = [
        (f"{role} {name}", text)
        for role, entries in facts.items()
        for name, text in entries.items()
    ]
    return Outcome(facts, tuple(lines))


def _details(role: str, name: str) -> Outcome:
    kind = load(role, name)
    text = inspect.getdoc(kind) or ""
    options = kind.model_json_schema().get("properties", {})
    facts = {"role": role, "name": name, "description": text, "options": options}
    lines = [(f"{role} {name}", text), *_options(kind.model_fields)]
    return Outcome(facts, tuple(lines))


def _options(fields: dict[str, FieldInfo]) -> Iterator[tuple[str, str]]:
    for option, field in fields.items():
        default = "needed" if field.is_required() else f"default {_shown(field.default)}"
        yield (f"  {option}", f"{field.description or ''} ({default})".lstrip())


def _shown(default: Any) -> str:
    """A default as a pipeline file would give it."""
    return default if isinstance(default, str) and default else json.dumps(default, default=str)

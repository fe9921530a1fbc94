"""`prefkit catalog`: what exists, by role."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from prefkit.registry import ROLES, load, names, summary
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
            return _schema()
        roles = list(ROLES) if self.role is None else [self.role]
        if self.role is not None and self.role not in ROLES:
            from prefkit.errors import ConfigError
            from prefkit.registry import nearest

            raise ConfigError(
                f"there is no role {self.role!r}{nearest(self.role, ROLES)}",
                hint=f"prefkit catalog, or one of {', '.join(ROLES)}, {_SCHEMA}",
            )
        if self.name is not None:
            return _details(roles[0], self.name)
        facts: dict[str, Any] = {
            role: {name: summary(role, name) for name in names(role)} for role in roles
        }
        lines = [
            (f"{role} {name}", text)
            for role, entries in facts.items()
            for name, text in entries.items()
        ]
        return Outcome(facts, tuple(lines))


def _details(role: str, name: str) -> Outcome:
    import inspect

    kind = load(role, name)
    fields = kind.model_fields
    facts = {
        "role": role,
        "name": name,
        "description": inspect.getdoc(kind),
        "options": kind.model_json_schema()["properties"] if fields else {},
    }
    lines = [(f"{role} {name}", (inspect.getdoc(kind) or "").replace("\n", " "))]
    for option, field in fields.items():
        default = "needed" if field.is_required() else f"default {field.default!r}"
        lines.append((f"  {option}", f"{field.description or ''} ({default})"))
    return Outcome(facts, tuple(lines))


def _schema() -> Outcome:
    """The JSON schema of a pipeline file, for editors."""
    schema: dict[str, Any] = load("verb", "run").file_schema()
    import json

    return Outcome(schema, (("", json.dumps(schema, indent=2)),))

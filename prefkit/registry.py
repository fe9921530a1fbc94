"""A name becomes a class; a wrong name is answered with the nearest right one.

Every room that can be extended keeps one table in its `__init__.py`: `TABLE = {"name":
"module:Class"}`. The values are strings, so listing names imports nothing. Other packages add
theirs through entry points in the group `prefkit.ROLE`. This module reads the tables by name and
imports no room itself.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from prefkit.errors import ConfigError

__all__ = ["ROLES", "load", "names", "nearest", "summary"]

ROLES = {
    "verb": "prefkit.verbs",
    "reader": "prefkit.collectors.human",
    "policy": "prefkit.pairing",
    "aggregation": "prefkit.pairing.aggregations",
    "filter": "prefkit.filters",
    "measure": "prefkit.filters.measures",
    "repair": "prefkit.filters.repairs",
    "writer": "prefkit.exporters",
    "client": "prefkit.llm.clients",
    "answer": "prefkit.judging.answers",
    "recipe": "prefkit.collectors.synthetic",
}


@cache
def _table(role: str) -> dict[str, str]:
    """Name to `module:Class` for one role, the project's own entries first."""
    table: dict[str, str] = dict(importlib.import_module(ROLES[role]).TABLE)
    for point in importlib.metadata.entry_points(group=f"prefkit.{role}"):
        if table.setdefault(point.name, point.value) != point.value:
            raise ConfigError(
                f"the entry point {point.name} = {point.value} would replace a {role} of that name",
                hint=f"rename it in the package that declares the group prefkit.{role}",
            )
    return table


def names(role: str) -> list[str]:
    """The names of one role in table order; imports none of the classes."""
    return list(_table(role))


def load(role: str, name: str) -> Any:
    """Import the class behind a name.

    Raises:
        ConfigError: the name is not in the table.
    """
    table = _table(role)
    if name not in table:
        raise ConfigError(
            f"there is no {role} named {name!r}{nearest(name, table)}",
            hint=f"prefkit catalog {role}",
        )
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest known name, or the empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f". Did you mean {close[0]!r}?" if close else ""


@cache
def summary(role: str, name: str) -> str:
    """First docstring line of the class behind a name, read from source without importing it."""
    module, _, attribute = _table(role)[name].partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ConfigError(f"the {role} {name} points at {module}, which is not installed")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""

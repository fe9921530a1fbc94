"""Options as people write them: text that becomes values, and entries that name something.

An entry is `length_ratio` or `{length_ratio: {max: 3}}`: a name of a registry, with options or
without. Filters, policies and readers are all given so, on the command line, in YAML and in Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

from prefkit.errors import ConfigError
from prefkit.registry import ROLES, load, names, nearest
from prefkit.step import Options, make
from prefkit.yaml import load_yaml

if TYPE_CHECKING:
    from prefkit.verbs.verb import Verb

__all__ = ["build", "check_names", "named", "parse_option", "resolve", "role_of", "told"]

OptionsT = TypeVar("OptionsT", bound=Options)


def parse_option(verb: type[Verb], name: str, value: Any) -> Any:
    """A command-line value as the field expects it: text stays text, structures are read as YAML.

    Raises:
        ConfigError: the text is no YAML.
    """
    annotation = verb.model_fields[name].annotation
    if isinstance(value, tuple):
        inner = (get_args(annotation) or (str,))[0]
        return tuple(_parsed(name, item, inner) for item in value)
    return _parsed(name, value, annotation)


def _parsed(name: str, value: Any, annotation: Any) -> Any:
    if not isinstance(value, str) or not _is_structured(annotation):
        return value
    return load_yaml(value, f"--{name.replace('_', '-')}")


def _is_structured(annotation: Any) -> bool:
    """Whether a type is more than text, a number, a path or a choice of words."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is Literal:
        return False
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_structured(part) for part in parts)
    return annotation not in (str, int, float, bool, Path)


def named(entry: Any, role: str) -> tuple[str, Mapping[str, Any]]:
    """Name and options of an entry.

    Raises:
        ConfigError: the entry has another shape.
    """
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, options),) = entry.items()
        if options is None or isinstance(options, Mapping):
            return str(name), options or {}
    raise ConfigError(
        f"a {role} is a name or one name with its options, not {entry!r}",
        hint=f"prefkit catalog {role}",
    )


def resolve(role: str, entry: Any, where: str) -> Any:
    """The step, policy or reader behind an entry.

    Raises:
        ConfigError: `where`, and what is wrong with the entry, its name or its options.
    """
    try:
        name, options = named(entry, role)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}", hint=error.hint) from error
    _check_name(role, name, where)
    hint = f"prefkit catalog {role} {shlex.quote(name)}"
    return build(load(role, name), name, options, where, hint)


def told(role: str, entry: Any, made: Options) -> Any:
    """An entry as a manifest holds it: as it was written, but for the places of files."""
    name, options = named(entry, role)
    shown = made.told()
    plain = {word: shown[word] for word in options if word in made.places}
    return {name: {**options, **plain}} if plain else entry


def build(
    kind: type[OptionsT], name: str, options: Mapping[str, Any], where: str, hint: str
) -> OptionsT:
    """An options model from what a person wrote.

    Raises:
        ConfigError: `where: NAME has no option 'mx'. Did you mean 'max'?`, or a wrong value.
    """
    for word in options:
        if word not in kind.model_fields:
            close = nearest(word, kind.model_fields)
            raise ConfigError(f"{where}: {name} has no option {word!r}{close}", hint=hint)
    try:
        return make(kind, options, f"{where}: {name}")
    except ConfigError as error:
        raise ConfigError(str(error), hint=error.hint or hint) from error


def role_of(verb: type[Verb], field: str) -> str | None:
    """The registry whose names an option takes: `filter`, `policy`, `reader`; null for others.

    `aggregate` names an aggregation; `format` a reader where the verb has options for readers, a
    writer where a writer is its default.
    """
    if field in ROLES:
        return field
    if field == "aggregate":
        return "aggregation"
    if field != "format":
        return None
    if "reader" in verb.model_fields:
        return "reader"
    return "writer" if verb.model_fields[field].default in names("writer") else None


def check_names(verb: Verb, where: str) -> None:
    """Hold every name that a verb's options give against its registry, and build what it names.

    Raises:
        ConfigError: the first that is wrong.
    """
    for field in type(verb).model_fields:
        role = role_of(type(verb), field)
        value = getattr(verb, field)
        if role is None:
            continue
        if field == "format":
            if value != "auto":
                _check_name(role, value, where)
            continue
        for entry in _entries(value):
            resolve(role, entry, where)


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from ({name: options} for name, options in value.items())
    elif isinstance(value, tuple):
        yield from value
    elif value is not None:
        yield value


def _check_name(role: str, name: str, where: str) -> None:
    known = names(role)
    if name not in known:
        raise ConfigError(
            f"{where}: there is no {role} {name!r}{nearest(name, known)}",
            hint=f"prefkit catalog {role}",
        )

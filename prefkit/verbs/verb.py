"""What a verb is: one frozen options model that can be called.

The Python signature, the command and the YAML key of a verb are all made from its model: a field is
an option, its description is the help, `positional` fields are arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Literal, NamedTuple, Union, get_args, get_origin

from prefkit.errors import ConfigError
from prefkit.step import Options, make, name_of
from prefkit.verbs.yaml import load_yaml

__all__ = ["Outcome", "Verb", "as_function", "listed", "named", "parse_option"]


class Outcome(NamedTuple):
    """What a verb did: `facts` for `--json`, `lines` (label, text) for people, the exit code."""

    facts: dict[str, Any]
    lines: tuple[tuple[str, str], ...] = ()
    exit_code: int = 0


class Verb(Options):
    """A command: its fields are its options, calling it does the work."""

    positional: ClassVar[tuple[str, ...]] = ()
    """Fields given by place on the command line."""

    consent: ClassVar[tuple[str, ...]] = ("force", "allow_code", "dry_run")
    """Fields that are taken from the command line or Python only, never from a file."""

    def __call__(self) -> Outcome:
        """Do the work.

        Raises:
            PrefkitError: see `prefkit.errors`; nothing half-written stays behind.
        """
        raise NotImplementedError


def as_function(verb: type[Verb]) -> Callable[..., Outcome]:
    """The verb as a Python function: positional fields by place, all others by keyword."""
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD
            if name in verb.positional
            else inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.is_required() else field.default,
            annotation=field.annotation,
        )
        for name, field in verb.model_fields.items()
    ]
    parameters.sort(key=lambda parameter: parameter.kind)
    signature = inspect.Signature(parameters, return_annotation=Outcome)

    def call(*arguments: Any, **options: Any) -> Outcome:
        bound = signature.bind(*arguments, **options)
        return make(verb, bound.arguments, name_of(verb))()

    call.__name__ = call.__qualname__ = name_of(verb)
    call.__doc__ = verb.__doc__
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


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


def named(entry: str | Mapping[str, Any], role: str) -> tuple[str, Mapping[str, Any]]:
    """Name and options of a step as written: `length_ratio` or `{length_ratio: {max: 3}}`.

    Raises:
        ConfigError: the entry has another shape.
    """
    if isinstance(entry, str):
        return entry, {}
    if len(entry) == 1:
        ((name, options),) = entry.items()
        if options is None or isinstance(options, Mapping):
            return str(name), options or {}
    raise ConfigError(
        f"a {role} is a name or one name with its options, not {dict(entry)!r}",
        hint=f"prefkit catalog {role}",
    )


def listed(counts: Mapping[str, int]) -> str:
    """Counts by reason, the largest first: `84 tie · 29 blank`."""
    return " · ".join(
        f"{n:,} {name}" for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    )

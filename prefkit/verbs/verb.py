"""What a verb is: one frozen options model that can be called.

The Python signature, the command and the YAML key of a verb are all made from its model: a field is
an option, its description is the help, `positional` fields are arguments.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import model_validator

from prefkit.step import Options, make, name_of
from prefkit.verbs.entries import check_names, named

__all__ = ["Outcome", "Verb", "as_function", "listed", "named"]


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

    limits: ClassVar[tuple[str, ...]] = ()
    """Fields that change how long or how dear the work is, not what comes of it."""

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, given: Any) -> Any:
        """Where several values are expected, one text or path is a list of one; paths are text."""
        if not isinstance(given, Mapping):
            return given
        several = {
            name
            for name, field in cls.model_fields.items()
            if get_origin(field.annotation) is tuple
        }
        return {name: _several(v) if name in several else v for name, v in given.items()}

    @classmethod
    def relocated(cls, options: Mapping[str, Any], find: Callable[[str], Path]) -> dict[str, Any]:
        """Those of a file's options that name files or folders, as `find` finds their texts."""
        return {
            name: find(value)
            for name, value in options.items()
            if isinstance(value, str) and _is_path(cls, name)
        }

    def beside(self) -> dict[str, tuple[Path, ...]]:
        """The files and folders that options name, by option; empty where they name none."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: (value,) for name, value in given.items() if isinstance(value, Path)}

    def check(self, where: str) -> None:
        """Look at what can be seen without reading data or running anyone's code.

        Raises:
            ConfigError: `where`, and which name or option of a named step, reader ... is wrong.
        """
        check_names(self, where)

    def __call__(self) -> Outcome:
        """Do the work.

        Raises:
            PrefkitError: see `prefkit.errors`; nothing half-written stays behind.
        """
        raise NotImplementedError


def _is_path(verb: type[Verb], name: str) -> bool:
    field = verb.model_fields.get(name)
    return field is not None and Path in (field.annotation, *get_args(field.annotation))


def _several(value: Any) -> Any:
    values = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(values, list | tuple):
        return value
    return tuple(os.fspath(one) if isinstance(one, os.PathLike) else one for one in values)


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


def listed(counts: Mapping[str, int]) -> str:
    """Counts by reason, the largest first: `84 tie · 29 blank`."""
    return " · ".join(
        f"{n:,} {name}" for name, n in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    )

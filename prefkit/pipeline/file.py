"""The pipeline file as people write it: read, changed by --set, checked, resolved to steps."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.sources.finding import expand
from prefkit.collectors.sources.hub import PREFIX, hub_path
from prefkit.errors import ConfigError
from prefkit.pipeline.changes import apply_change
from prefkit.registry import load, names, nearest
from prefkit.verbs.entries import build, named
from prefkit.verbs.verb import Verb
from prefkit.yaml import load_yaml

__all__ = [
    "CONSENT",
    "INPUTS",
    "MANAGED",
    "PATHS",
    "Document",
    "Planned",
    "beside",
    "needs",
    "plan",
    "read_document",
    "verbs",
]

INPUTS = ("dataset", "folder")
PATHS = ("paths", "with_files")
"""Options that name a folder to read."""

MANAGED = ("out", "workers", "pseudonym_key")
"""Options that are given to the run as a whole."""

CONSENT = ("force", "allow_code", "dry_run", "unsafe_exec", "yes", "host", "key_env")
_LOOKING = ("run", "show", "diff", "trace", "catalog", "doctor")
_KEYS = ("name", "description", "steps")
_NAME = re.compile(r"\w[\w .-]*")


class Document(NamedTuple):
    """A pipeline file: its path and text, the changes made to it, and what results from both."""

    file: Path
    text: str
    changes: tuple[str, ...]
    name: str
    steps: list[Any]


class Planned(NamedTuple):
    """One resolved step.

    `source` is the folder it reads, null where it reads files; `takes` names the step's folder that
    this is, null where the folder is none of this pipeline. `given` are the options of the file.
    """

    name: str
    verb: Verb
    out: Path | None
    source: Path | None
    takes: str | None
    given: Mapping[str, Any]


def verbs() -> list[str]:
    """The verbs that a pipeline can hold: those that make something, or check it."""
    return [name for name in names("verb") if name not in _LOOKING]


def read_document(file: Path, changes: Sequence[str]) -> Document:
    """Read a pipeline file and apply `--set` to it.

    Raises:
        ConfigError: it cannot be read, is no pipeline, or a change names nothing in it.
    """
    text = _read(file)
    content = load_yaml(text, str(file))
    if not isinstance(content, dict):
        raise ConfigError(f"{file} is no pipeline: it has no keys", hint=_SCHEMA_HINT)
    for word in content:
        if word not in _KEYS:
            raise ConfigError(
                f"{file}: there is no key {word!r}{nearest(word, _KEYS)}", hint=_SCHEMA_HINT
            )
    steps = content.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ConfigError(f"{file} has no list of steps", hint=_SCHEMA_HINT)
    name = content.get("name", file.stem)
    if not isinstance(name, str) or ("name" in content and not _NAME.fullmatch(name)):
        raise ConfigError(f"{file}: the name {name!r} is no plain name", hint=_SCHEMA_HINT)
    for change in changes:
        steps = apply_change(steps, change)
    return Document(file, text, tuple(changes), name, steps)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the pipeline {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read the pipeline {file}: it is not UTF-8") from error


_SCHEMA_HINT = "prefkit catalog pipeline-schema"


def plan(document: Document, out: Path, given: Mapping[str, Any]) -> list[Planned]:
    """Every step of a pipeline as a verb with all its options; `given` are the run's own options.

    Raises:
        ConfigError: with the place of the first step, verb, option or value that is wrong.
    """
    steps: list[Planned] = []
    for place, entry in enumerate(document.steps):
        where = f"{document.file}, steps[{place}]"
        name, options = _entry(entry, where)
        slot = _Slot(document.file, where, out / f"{place + 1}-{name.replace(' ', '-')}")
        steps.append(_planned(slot, name, options, given, steps))
    return steps


class _Slot(NamedTuple):
    """Where a step stands: its file, its place there for messages, the folder it may write."""

    file: Path
    where: str
    folder: Path


def _entry(entry: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    try:
        name, options = named(entry, "verb")
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}", hint=_SCHEMA_HINT) from error
    if name not in verbs():
        raise ConfigError(
            f"{where}: there is no verb {name!r}{nearest(name, verbs())}",
            hint="prefkit catalog verb",
        )
    return name, options


def _planned(
    slot: _Slot,
    name: str,
    options: Mapping[str, Any],
    given: Mapping[str, Any],
    before: Sequence[Planned],
) -> Planned:
    kind: type[Verb] = load("verb", name)
    _refuse_consent(kind, options, slot.where)
    resolved = dict(options) | _relocated(kind, options, slot, before)
    field = next((field for field in INPUTS if field in kind.model_fields), None)
    source, takes = None, None
    if field is not None:
        source, takes = _source(slot, options.get(field), before)
        resolved[field] = source
    for paths in PATHS:
        if paths in kind.model_fields and paths in options:
            made = _made(slot, options[paths], before)
            if made is None:
                resolved[paths] = _paths(slot, options[paths])
            else:
                source, takes = made, made.name
                resolved[paths] = (str(made),)
    makes = slot.folder if "out" in kind.model_fields else None
    if makes is not None:
        resolved |= {"out": makes, "force": True}
    for word, value in given.items():
        # a limit holds where rows come in, not again at every later step
        if word in kind.model_fields and value and not (word == "limit" and takes):
            resolved[word] = value
    hint = f"prefkit catalog verb {shlex.quote(name)}"
    verb = build(kind, name, resolved, slot.where, hint)
    verb.check(f"{slot.where}: {name}")
    _check_there(verb, slot, before)
    return Planned(f"{len(before) + 1} {name}", verb, makes, source, takes, options)


def _refuse_consent(kind: type[Verb], options: Mapping[str, Any], where: str) -> None:
    for word in options:
        if word in CONSENT or word in kind.consent:
            raise ConfigError(
                f"{where}: {word!r} is a consent, which never comes from a file",
                hint=f"give it on the command line: --{word.replace('_', '-')}",
            )
        if word in MANAGED:
            raise ConfigError(
                f"{where}: {word!r} holds for the whole run and is not given in a step",
                hint=f"give it on the command line: --{word.replace('_', '-')}",
            )


def _source(slot: _Slot, given: Any, before: Sequence[Planned]) -> tuple[Path, str | None]:
    """The folder a step reads, and its name if an earlier step writes it."""
    made = [step.out for step in before if step.out is not None]
    if given is None:
        if not made:
            raise ConfigError(
                f"{slot.where}: there is no step before it whose output it could take"
            )
        return made[-1], made[-1].name
    for folder in made:
        if folder.name == given:
            return folder, folder.name
    outside = slot.file.parent / str(given)
    if not outside.is_dir():
        close = nearest(str(given), [folder.name for folder in made])
        raise ConfigError(f"{slot.where}: there is no step or folder {given!r}{close}")
    return outside, None


def _made(slot: _Slot, given: Any, before: Sequence[Planned]) -> Path | None:
    """The folder of an earlier step that stands as a path; null if these are paths of inputs."""
    paths = [given] if isinstance(given, str) else given
    made = {step.out.name: step.out for step in before if step.out is not None}
    listed = paths if isinstance(paths, list) else []
    named = [path for path in listed if isinstance(path, str) and path in made]
    if not named:
        return None
    if len(paths) > 1:
        raise ConfigError(
            f"{slot.where}: {named[0]!r} is what a step writes, and there are other paths beside it"
        )
    return made[named[0]]


def _relocated(
    kind: type[Verb], options: Mapping[str, Any], slot: _Slot, before: Sequence[Planned]
) -> dict[str, Any]:
    """Options that name other files or folders; one with a step's name is what the step writes."""
    made = {step.out.name: step.out for step in before if step.out is not None}
    rest = {name: value for name, value in options.items() if name not in (*INPUTS, *MANAGED)}
    return kind.relocated(rest, lambda text: made.get(text, slot.file.parent / text))


def _check_there(verb: Verb, slot: _Slot, before: Sequence[Planned]) -> None:
    made = [step.out for step in before]
    for name, paths in beside(verb).items():
        for path in paths:
            if path not in made and not path.exists():
                close = nearest(path.name, [folder.name for folder in made if folder is not None])
                raise ConfigError(f"{slot.where}: {name}: there is no {path}{close}")


def beside(verb: Verb) -> dict[str, tuple[Path, ...]]:
    """What a step reads beside its rows, by option; it shapes what comes out."""
    known = (*INPUTS, *PATHS, *MANAGED, *verb.limits)
    return {name: paths for name, paths in verb.beside().items() if name not in known}


def needs(step: Planned) -> list[str]:
    """The names of folders that a step reads, those of its own pipeline among them."""
    taken = [] if step.takes is None else [step.takes]
    return taken + [path.name for several in beside(step.verb).values() for path in several]


def _paths(slot: _Slot, given: Any) -> Any:
    """Input paths as they are found from here; `-` would read what the run was given."""
    paths = [given] if isinstance(given, str) else given
    if not isinstance(paths, list):
        return given  # the verb says what is wrong with it
    if "-" in paths:
        raise ConfigError(f"{slot.where}: a pipeline does not read standard input; name a file")
    found = tuple(_from_here(slot.file.parent, str(path)) for path in paths)
    try:
        expand(path for path in found if not path.startswith(PREFIX))
        for path in found:
            if path.startswith(PREFIX):
                hub_path(path)
    except ConfigError as error:
        raise ConfigError(f"{slot.where}: {error}", hint=error.hint) from error
    return found


def _from_here(folder: Path, path: str) -> str:
    """A path as it is found from the pipeline's folder; names on the hub stand for themselves."""
    inner = path.removeprefix(PREFIX)
    if inner == path:
        return str(folder / path)
    return f"{PREFIX}{(folder / inner).absolute()}" if inner.startswith(".") else path

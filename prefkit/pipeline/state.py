"""What has run in a pipeline's folder: `pipeline.json`, written before and after every step.

A step is unchanged if its options, the contents of its inputs and the version of prefkit are those
of its last run, and its output is still what it wrote. All of `pipeline.json` but its `run` block
is the same for the same work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prefkit.collectors.people import key_fingerprint, load_key
from prefkit.collectors.sources.finding import expand
from prefkit.collectors.sources.hub import PREFIX, folder_digest, hub_path
from prefkit.dataset.folder import MANIFEST, write_file
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import ConfigError, PrefkitError
from prefkit.pipeline.file import CONSENT, INPUTS, MANAGED, PATHS, Document, Planned, beside
from prefkit.version import __version__

__all__ = ["State", "check_owner"]

_STATE = "pipeline.json"
_Stamp = list[int]  # bytes, time of change in ns


class _Begun(NamedTuple):
    """What a step was about to read when it began."""

    key: str
    inputs: dict[str, list[Any]]


def check_owner(out: Path, file: Path, *, force: bool) -> None:
    """Refuse to write into a folder that is not this pipeline's.

    Raises:
        ConfigError: `out` holds other files, or the outputs of another pipeline without `force`.
    """
    if not out.exists():
        return
    if not (out / _STATE).is_file():
        if not out.is_dir() or any(out.iterdir()):
            raise ConfigError(
                f"{out} exists and is no folder of a pipeline", hint="name another with --out"
            )
        return
    owner = _read(out / _STATE).get("file", {}).get("name", file.name)
    if owner != file.name and not force:
        raise ConfigError(
            f"{out} holds the outputs of {owner}",
            hint="name another folder with --out, or add --force to replace them",
        )


def _read(path: Path) -> dict[str, Any]:
    """The recorded state; one that does not parse only costs running again."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    parts = ("file", "steps", "run")
    sound = isinstance(state, dict) and all(isinstance(state.get(part), dict) for part in parts)
    return state if sound else {}


def _entries(
    state: dict[str, Any], part: str, names: Sequence[str], keys: set[str]
) -> dict[str, dict[str, Any]]:
    """The entries of today's steps that are whole."""
    found = ((name, state.get(part, {}).get(name)) for name in names)
    return {name: entry for name, entry in found if isinstance(entry, dict) and keys <= set(entry)}


class State:
    """The recorded state of one pipeline folder."""

    def __init__(self, out: Path, document: Document, steps: Sequence[Planned]) -> None:
        self._path = out / _STATE
        self._digests: dict[tuple[str, ...], str] = {}
        known = _read(self._path)
        names = [step.name for step in steps]
        self._steps = _entries(known, "steps", names, {"key", "options"})
        self._run = _entries(known, "run", names, {"inputs", "files"})
        self._head = {
            "prefkit": {"version": __version__},
            "set": list(document.changes),
            "file": {
                "name": document.file.name,
                "sha256": hashlib.sha256(document.text.encode()).hexdigest(),
                "text": document.text,
            },
        }

    def why(self, step: Planned, *, from_dates: bool = False) -> str | None:
        """Why a step must run, null if it is unchanged.

        With `from_dates` no input is read: a file with another size or date counts as changed.
        """
        known, run = self._steps.get(step.name), self._run.get(step.name)
        if not known or not run:
            return "not run before"
        if getattr(step.verb, "runs_code", False):
            return "it calls code whose changes are not seen"
        if _is_open(step):
            return "an hf: source names no commit, so it may have changed"
        if _stamps(step) != run["files"]:
            return (
                "its input changed" if step.out is None else "its output is not as it was written"
            )
        if known["options"] != _options(step):
            return "its options changed"
        if known["key"] != self._look(step, from_dates=from_dates).key:
            return "its input changed"
        return None if _same_people(step) else "the key of the pseudonyms changed"

    def begin(self, step: Planned) -> _Begun:
        """Note that a step's output is about to be replaced; look at what it will read."""
        self._steps.pop(step.name, None)
        self._run.pop(step.name, None)
        self._write()
        return self._look(step)

    def record(self, step: Planned, begun: _Begun) -> None:
        """Remember a step that has just run."""
        self._steps[step.name] = {"key": begun.key, "options": _options(step)}
        self._run[step.name] = {"inputs": begun.inputs, "files": _stamps(step)}
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        state = {**self._head, "steps": self._steps, "run": self._run}
        write_file(self._path, json.dumps(state, indent=2, sort_keys=True) + "\n")

    def _look(self, step: Planned, *, from_dates: bool = False) -> _Begun:
        """The key of a step: version, verb, options, contents of its inputs."""
        seen = self._run.get(step.name, {}).get("inputs", {})
        inputs = {}
        paths = _paths(step)
        hubs = {path: _hub_content(path) for path in paths if path.startswith(PREFIX)}
        files, folders = _beside(step)
        for file in [*expand(path for path in paths if path not in hubs), *files]:
            stamp = _stamp(Path(file))
            if from_dates:
                *was, digest = seen.get(str(Path(file).absolute()), [None])
                digest = digest if was == stamp else "another"
            else:
                digest = self._sha256(file, stamp)
            inputs[str(Path(file).absolute())] = [*stamp, digest]
        contents = [[Path(file).name, entry[-1]] for file, entry in inputs.items()]
        contents += [[path, content] for path, content in hubs.items()]
        contents += [[folder.name, _folder(folder)] for folder in folders]
        source = None if step.source is None else _digest(step.source)
        text = json.dumps(
            [__version__, step.name, _options(step), contents, source], sort_keys=True
        )
        return _Begun(hashlib.sha256(text.encode()).hexdigest(), inputs)

    def _sha256(self, file: str, stamp: _Stamp) -> str:
        """The digest of an input, computed once a run."""
        name = (file, *map(str, stamp))
        if name not in self._digests:
            with Path(file).open("rb") as stream:
                self._digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[name]


def _paths(step: Planned) -> list[str]:
    """All sources that a step reads from outside the pipeline."""
    paths = [path for name in PATHS for path in getattr(step.verb, name, ())]
    return [path for path in paths if step.source is None or path != str(step.source)]


def _beside(step: Planned) -> tuple[list[str], list[Path]]:
    """The files and the folders that other options of a step name, as far as they are there."""
    paths = [path for several in beside(step.verb).values() for path in several]
    files = [str(path) for path in paths if path.is_file()]
    return files, [path for path in paths if path.is_dir()]


def _folder(folder: Path) -> str | None:
    """What stands for a folder: its manifest; for a model, whose files are large, their dates."""
    if (folder / MANIFEST).is_file():
        return _digest(folder)
    stamps = {path.relative_to(folder).as_posix(): _stamp(path) for path in _files(folder)}
    return hashlib.sha256(json.dumps(stamps).encode()).hexdigest()


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _is_open(step: Planned) -> bool:
    """Whether a step reads a dataset from the hub without saying which commit of it."""
    places = [hub_path(path) for path in _paths(step) if path.startswith(PREFIX)]
    return any(place.folder is None and not place.pinned for place in places)


def _hub_content(path: str) -> str:
    """What stands for the content of an `hf:` source: a folder's digest, or the name and commit."""
    place = hub_path(path)
    return path if place.folder is None else folder_digest(place.folder)


def _options(step: Planned) -> dict[str, Any]:
    """The resolved options that shape the output; folders by the name of their step."""
    unseen = {*CONSENT, *MANAGED, *INPUTS, *step.verb.consent, *step.verb.limits}
    options = step.verb.model_dump(mode="json", exclude=unseen)
    places = (*PATHS, *beside(step.verb))
    options |= {name: step.given.get(name) for name in places if name in options}
    return options if step.source is None else {**options, "takes": step.takes or step.source.name}


def _stamp(path: Path) -> _Stamp:
    entry = path.stat()
    return [entry.st_size, entry.st_mtime_ns]


def _stamps(step: Planned) -> dict[str, _Stamp]:
    """Size and date of every file of the folder a step writes, or reads if it writes none."""
    folder = step.out or step.source
    if folder is None or not (folder / MANIFEST).is_file():
        return {}
    return {path.relative_to(folder).as_posix(): _stamp(path) for path in _files(folder)}


def _digest(folder: Path) -> str | None:
    """A digest of a folder's manifest without its run block; null where there is none."""
    try:
        manifest = read_manifest(folder)
    except PrefkitError:
        return None  # the step itself says what is wrong with it
    rest = {key: value for key, value in manifest.items() if key != "run"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _same_people(step: Planned) -> bool:
    """Whether the given key file, if any, is the one whose pseudonyms the output holds."""
    key: Path | None = getattr(step.verb, "pseudonym_key", None)
    if key is None or step.out is None:
        return True
    known = read_manifest(step.out).get("pseudonyms")
    return known is None or (key.is_file() and key_fingerprint(load_key(key)) == known)

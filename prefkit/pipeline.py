"""A pipeline file: the same verbs in order, nothing run twice.

    name: quickstart
    steps:
      - collect human: {paths: [samples/*.jsonl]}
      - pair: {policy: best_worst}
      - curate: {filter: [identical_sides, {length_ratio: {max: 3}}]}
      - export: {files: [jsonl, parquet]}

Paths are relative to the file. A step without a dataset takes the output of the step before it;
each step writes a folder of its own below `--out`. Consent (`force`, `allow_code`) never comes from
a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from prefkit import __version__
from prefkit.dataset.folder import MANIFEST, write_file
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import ConfigError, PrefkitError
from prefkit.registry import load, names, nearest
from prefkit.step import make
from prefkit.verbs.verb import Outcome, Verb, named
from prefkit.verbs.yaml import load_yaml

__all__ = ["Run"]

_STATE = "pipeline.json"
_INPUTS = ("dataset", "folder")
_MANAGED = ("out", "workers", "pseudonym_key")


class _Step(NamedTuple):
    """One resolved step: the verb to call, where it writes, the key that says whether it has run."""

    name: str
    verb: Verb
    out: Path | None
    given: Mapping[str, Any]


class Run(Verb):
    """Run a pipeline file; steps whose options and inputs are unchanged are not run again."""

    positional: ClassVar[tuple[str, ...]] = ("file",)

    file: Path = Field(description="A pipeline file in YAML.")
    out: Path | None = Field(None, description="Folder for the steps' outputs. Default: runs/NAME.")
    set: tuple[str, ...] = Field(
        (), description="Change an option: pair.tie=soft, curate.filter.1.length_ratio.max=2."
    )
    limit: int | None = Field(
        None, ge=1, description="Read this many source rows of each file at most."
    )
    pseudonym_key: Path | None = Field(None, description="Key file for pseudonyms.")
    workers: int | None = Field(None, ge=1, description="Processes; all cores by default.")
    allow_code: bool = Field(False, description="Let the python filter import and run a function.")
    dry_run: bool = Field(False, description="Check the file and say what would run; read no data.")
    force: bool = Field(False, description="Run every step again, unchanged or not.")

    def __call__(self) -> Outcome:
        """Check all steps, then run those that changed.

        Raises:
            ConfigError: the file, a verb or an option is wrong; nothing has run.
            PrefkitError: what a step raised, with the step named.
        """
        text, document = self._document()
        out = self.out or Path("runs") / str(document.get("name", self.file.stem))
        steps = self._steps(document, out)
        state = _State(out, text, self.file)
        done: list[dict[str, Any]] = []
        lines: list[tuple[str, str]] = []
        for step in steps:
            outcome = None
            if self.dry_run:
                status = "would run unless unchanged"
            elif state.is_done(step) and not self.force:
                status = "unchanged"
            else:
                outcome, status = self._run(step, state), "done"
            lines.append((step.name, status))
            lines += [
                (f"  {label}", text)
                for label, text in (outcome.lines if outcome else ())
                if label != "Next"
            ]
            done.append(_fact(step, status, outcome))
        lines += [("Folder", str(out))]
        return Outcome({"name": out.name, "out": str(out), "steps": done}, tuple(lines))

    def _run(self, step: _Step, state: _State) -> Outcome:
        try:
            outcome = step.verb()
        except PrefkitError as error:
            error.args = (f"{self.file}, step {step.name}: {error}",)
            error.hint = (
                error.hint or "run the same command again after mending it: finished steps are kept"
            )
            raise
        state.record(step)
        return outcome

    def _document(self) -> tuple[str, dict[str, Any]]:
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the pipeline {self.file}: {error}") from error
        document = load_yaml(text, str(self.file))
        if (
            not isinstance(document, dict)
            or not isinstance(document.get("steps"), list)
            or not document["steps"]
        ):
            raise ConfigError(
                f"{self.file} has no list of steps", hint="prefkit catalog pipeline-schema"
            )
        unknown = set(document) - {"name", "description", "steps"}
        if unknown:
            word = sorted(map(str, unknown))[0]
            raise ConfigError(
                f"{self.file}: there is no key {word!r}{nearest(word, ('name', 'description', 'steps'))}"
            )
        for change in self.set:
            _change(document["steps"], change)
        return text, document

    def _steps(self, document: Mapping[str, Any], out: Path) -> list[_Step]:
        steps: list[_Step] = []
        for place, entry in enumerate(document["steps"]):
            where = f"{self.file}, steps[{place}]"
            if not isinstance(entry, str | Mapping):
                raise ConfigError(f"{where} is no verb with its options")
            name, given = named(entry, "verb")
            if name not in names("verb") or name == "run":
                known = [verb for verb in names("verb") if verb != "run"]
                raise ConfigError(f"{where}: there is no verb {name!r}{nearest(name, known)}")
            steps.append(
                self._step(where, name, given, steps, out / f"{place + 1}-{name.replace(' ', '-')}")
            )
        return steps

    def _step(
        self, where: str, name: str, given: Mapping[str, Any], before: Sequence[_Step], out: Path
    ) -> _Step:
        kind: type[Verb] = load("verb", name)
        for word in (*kind.consent, *_MANAGED):
            if word in given:
                raise ConfigError(
                    f"{where}: {word!r} never comes from a file", hint="give it on the command line"
                )
        options: dict[str, Any] = dict(given)
        fields = kind.model_fields
        for field in _INPUTS:
            if field in fields:
                options[field] = self._input(where, options.get(field), before)
        if "paths" in fields and isinstance(options.get("paths"), list):
            options["paths"] = tuple(str(self.file.parent / str(path)) for path in options["paths"])
        if "out" in fields:
            options["out"] = out
            options["force"] = True
        for field in ("limit", "pseudonym_key", "workers", "allow_code"):
            value = getattr(self, field)
            if field in fields and value and not (field == "limit" and "dataset" in fields):
                options[field] = value
        return _Step(
            f"{len(before) + 1} {name}",
            make(kind, options, f"{where}: {name}"),
            options.get("out"),
            given,
        )

    def _input(self, where: str, given: Any, before: Sequence[_Step]) -> Path:
        outs = [step.out for step in before if step.out is not None]
        if given is None:
            if not outs:
                raise ConfigError(f"{where}: there is no step before it whose output it could take")
            return outs[-1]
        for out in outs:
            if out.name == given:
                return out
        return self.file.parent / str(given)

    @staticmethod
    def file_schema() -> dict[str, Any]:
        """The JSON schema of a pipeline file."""
        verbs = {name: _verb_schema(load("verb", name)) for name in names("verb") if name != "run"}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "prefkit pipeline",
            "type": "object",
            "required": ["steps"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "steps": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"enum": list(verbs)},
                            {
                                "type": "object",
                                "minProperties": 1,
                                "maxProperties": 1,
                                "additionalProperties": False,
                                "properties": verbs,
                            },
                        ]
                    },
                },
            },
        }


def _verb_schema(kind: type[Verb]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    hidden = (*kind.consent, *_MANAGED)
    schema["properties"] = {k: v for k, v in schema["properties"].items() if k not in hidden}
    schema["required"] = [k for k in schema.get("required", []) if k not in (*hidden, *_INPUTS)]
    schema.pop("title", None)
    if "filter" in schema["properties"]:
        options = {name: load("filter", name).model_json_schema() for name in names("filter")}
        schema["properties"]["filter"]["items"] = {
            "anyOf": [
                {"enum": list(options)},
                {
                    "type": "object",
                    "maxProperties": 1,
                    "additionalProperties": False,
                    "properties": options,
                },
            ]
        }
    return schema


def _change(steps: list[Any], change: str) -> None:
    """Apply `verb.option.path=value` to the first step of that verb; the value is YAML.

    Raises:
        ConfigError: the change names no step of the file.
    """
    path, equals, value = change.partition("=")
    verb, *keys = path.split(".")
    if not equals or not keys:
        raise ConfigError(f"--set {change!r} is not VERB.OPTION=VALUE", hint="--set pair.tie=soft")
    for place, entry in enumerate(steps):
        name, options = named(entry, "verb")
        if name.replace(" ", "_") != verb.replace(" ", "_"):
            continue
        target: Any = json.loads(json.dumps(dict(options)))
        steps[place] = {name: target}
        for key in keys[:-1]:
            target = _inside(target, key, change)
        if isinstance(target, list):
            target[int(keys[-1])] = load_yaml(value, f"--set {path}")
        else:
            target[keys[-1]] = load_yaml(value, f"--set {path}")
        return
    raise ConfigError(f"--set {change!r}: the pipeline has no step {verb!r}")


def _inside(target: Any, key: str, change: str) -> Any:
    try:
        return target[int(key)] if isinstance(target, list) else target.setdefault(key, {})
    except (ValueError, IndexError, AttributeError) as error:
        raise ConfigError(f"--set {change!r}: there is no {key!r} at that place") from error


def _fact(step: _Step, status: str, outcome: Outcome | None) -> dict[str, Any]:
    out = None if step.out is None else str(step.out)
    return {
        "step": step.name,
        "status": status,
        "out": out,
        "facts": outcome.facts if outcome else None,
    }


class _State:
    """What has run in a pipeline folder: `pipeline.json`, written after every step."""

    def __init__(self, out: Path, text: str, file: Path) -> None:
        self._path = out / _STATE
        self._head = {
            "prefkit": {"version": __version__},
            "file": {
                "name": file.name,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "text": text,
            },
        }
        try:
            self._steps: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))[
                "steps"
            ]
        except FileNotFoundError:
            self._steps = {}
        except (ValueError, KeyError, TypeError, OSError):
            self._steps = {}  # an unreadable state only costs running again

    def is_done(self, step: _Step) -> bool:
        """Whether this step ran with these options on these inputs and its output is still that one."""
        known = self._steps.get(step.name)
        if step.out is None or known is None or not (step.out / MANIFEST).is_file():
            return False
        return bool(known["key"] == _key(step) and known["output"] == _digest(step.out))

    def record(self, step: _Step) -> None:
        """Remember a step that has just run."""
        if step.out is None:
            return
        options = step.verb.model_dump(mode="json")
        self._steps[step.name] = {
            "key": _key(step),
            "output": _digest(step.out),
            "options": options,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(
            self._path,
            json.dumps({**self._head, "steps": self._steps}, indent=2, sort_keys=True) + "\n",
        )


def _key(step: _Step) -> str:
    """What decides whether a step must run again: version, verb, options, contents of its inputs."""
    options = step.verb.model_dump(
        mode="json", exclude={"out", "force", "workers", "dry_run", *_INPUTS}
    )
    inputs: list[str] = []
    if isinstance(options.get("paths"), list):
        from prefkit.collectors.human.files import expand

        for file in expand(options["paths"]):
            inputs.append(hashlib.sha256(Path(file).read_bytes()).hexdigest())
    for name in _INPUTS:
        folder = getattr(step.verb, name, None)
        if folder is not None and (Path(folder) / MANIFEST).is_file():
            inputs.append(_digest(Path(folder)))
    text = json.dumps([__version__, step.name, options, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(folder: Path) -> str:
    """A digest of a folder's manifest without its run block."""
    manifest = {key: value for key, value in read_manifest(folder).items() if key != "run"}
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()

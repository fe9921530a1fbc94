"""What every verb keeps to: command, function and YAML key are made from one model."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import pickle
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import prefkit
from prefkit.cli import run_command
from prefkit.registry import load, names, summary
from prefkit.verbs.catalog import Catalog
from prefkit.verbs.verb import Verb

CONSENT = {
    "allow_code",
    "base_url",
    "cancel_batch",
    "force",
    "forget_batch",
    "host",
    "key_env",
    "unsafe_exec",
    "yes",
}
"""What no file may ask for: docs/design.md, section 7."""

MANAGED = {"out", "workers", "pseudonym_key", "dry_run"}
"""What a pipeline decides for its steps."""

LOOKING = ("run", "diff")
"""What has an output and is no step of a pipeline."""

NEEDED: dict[str, Any] = {
    "dataset": Path("pairs"),
    "file": Path("pipeline.yaml"),
    "filter": ("turns",),
    "folder": Path("export"),
    "model": "openai:gpt-x",
    "new": Path("new"),
    "old": Path("old"),
    "out": Path("out"),
    "pair": "0" * 32,
    "paths": ("votes.jsonl",),
    "recipe": "sample",
    "rubric": ("helpfulness",),
    "sources": (Path("review"),),
}
"""A value for every option without a default."""

every_verb = pytest.mark.parametrize("name", names("verb"))
in_a_file = pytest.mark.parametrize(
    "name",
    [n for n in names("verb") if n not in LOOKING and "out" in load("verb", n).model_fields]
    + ["verify"],
)
"""What makes something can stand in a pipeline, and so can the check of it."""


def kind_of(name: str) -> type[Verb]:
    kind = load("verb", name)
    assert isinstance(kind, type)
    assert issubclass(kind, Verb)
    return kind


@cache
def help_of(name: str) -> str:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert run_command([*name.split(), "--help"]) == 0
    return shown.getvalue()


def steps_schema() -> dict[str, Any]:
    """The options of each verb that can stand in a pipeline file."""
    schema = Catalog(role="pipeline-schema")().facts
    return next(mappings(schema["properties"]["steps"], {"pair", "curate"}))


def mappings(schema: Any, wanted: set[str]) -> Iterator[dict[str, Any]]:
    """Every `properties` below a schema that has all the wanted names."""
    if isinstance(schema, dict):
        found = schema.get("properties")
        if isinstance(found, dict) and wanted <= set(found):
            yield found
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from mappings(part, wanted)


@every_verb
def test_it_is_documented(name: str) -> None:
    kind = kind_of(name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


@every_verb
def test_it_appears_in_the_catalog(name: str) -> None:
    assert Catalog(role="verb")().facts["verb"][name] == summary("verb", name) != ""
    assert set(Catalog(role="verb", name=name)().facts["options"]) == set(
        kind_of(name).model_fields
    )


@every_verb
def test_its_command_has_every_field_as_an_option_or_an_argument(name: str) -> None:
    kind, text = kind_of(name), help_of(name)
    usage = text.partition("\n\n")[0]
    for field in kind.model_fields:
        if field in kind.positional:
            assert re.search(rf"\b{field.upper()}\b", usage), f"{field} is no argument"
        else:
            known = kind.model_fields[field].json_schema_extra or {}
            flag = known.get("flag") or "--" + field.replace("_", "-").removesuffix("-in-full")
            assert re.search(rf"{flag}\b", text), f"{field} is no option"


@every_verb
def test_its_command_takes_the_options_that_all_commands_share(name: str) -> None:
    for flag in ("--json", "--quiet", "--verbose", "--debug"):
        assert flag in help_of(name)


@every_verb
def test_its_help_begins_with_its_documentation(name: str) -> None:
    words = help_of(name).split()
    first = summary("verb", name).split()
    assert any(words[start : start + len(first)] == first for start in range(len(words)))


@every_verb
def test_its_function_has_every_field_as_a_parameter(name: str) -> None:
    function = getattr(prefkit, name.replace(" ", "_"))
    signature = inspect.signature(function)
    kind = kind_of(name)
    assert set(signature.parameters) == set(kind.model_fields)
    by_place = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert sorted(by_place) == sorted(kind.positional)
    assert function.__doc__ == kind.__doc__


@every_verb
def test_it_pickles(name: str) -> None:
    kind = kind_of(name)
    options = [option for option, field in kind.model_fields.items() if field.is_required()]
    unknown = set(options) - set(NEEDED)
    assert not unknown, f"add a value for {unknown} to NEEDED in {Path(__file__).name}"
    verb = kind(**{option: NEEDED[option] for option in options})
    assert pickle.loads(pickle.dumps(verb)) == verb


@in_a_file
def test_the_schema_of_pipeline_files_has_its_options_and_no_consent(name: str) -> None:
    fields, schema = set(kind_of(name).model_fields), steps_schema()[name]
    listed = set(schema["properties"])
    assert listed & CONSENT == set()
    assert listed <= fields
    assert fields - listed <= CONSENT | MANAGED
    assert set(schema.get("required", [])) <= listed
    assert all(schema["properties"][option].get("description") for option in listed)


@every_verb
def test_whatever_gives_consent_is_declared_as_such(name: str) -> None:
    kind = kind_of(name)
    assert CONSENT & set(kind.model_fields) <= set(kind.consent)


@pytest.mark.parametrize(
    ("role", "verb", "field"),
    [
        ("filter", "curate", "filter"),
        ("policy", "pair", "policy"),
        ("reader", "collect human", "reader"),
        ("recipe", "collect synthetic", "recipe"),
    ],
)
def test_the_schema_of_pipeline_files_names_all_of_a_role_with_their_options(
    role: str, verb: str, field: str
) -> None:
    schema = steps_schema()[verb]["properties"][field]
    listed = next(mappings(schema, set(names(role))))
    assert set(listed) == set(names(role))
    for name in names(role):
        assert set(listed[name]["properties"]) == set(load(role, name).model_fields)


def test_the_schema_of_pipeline_files_is_json() -> None:
    schema = Catalog(role="pipeline-schema")().facts
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"

"""What every writer keeps to, whoever wrote it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from prefkit.errors import ConfigError
from prefkit.registry import load, names, summary
from prefkit.step import Writer, make
from prefkit.verbs.catalog import Catalog
from prefkit.verbs.yaml import load_yaml

OPTIONS: dict[str, dict[str, Any]] = {"trl": {"shape": "unpaired"}}
"""Options of writers that need some, or that do more with some."""

every_writer = pytest.mark.parametrize("name", names("writer"))


def made(name: str) -> Writer:
    kind = load("writer", name)
    try:
        writer = make(kind, OPTIONS.get(name, {}), name)
    except ConfigError as error:
        pytest.fail(f"{error}. Add one line for {name!r} to OPTIONS in {Path(__file__).name}")
    assert isinstance(writer, Writer)
    return writer


@every_writer
def test_its_options_survive_a_round_trip_through_yaml(name: str) -> None:
    writer = made(name)
    text = yaml.safe_dump(writer.model_dump(mode="json"))
    assert make(load("writer", name), load_yaml(text, name), name) == writer


@every_writer
def test_it_is_called_what_it_is_registered_as(name: str) -> None:
    assert made(name).name == name


@every_writer
def test_it_pickles(name: str) -> None:
    assert pickle.loads(pickle.dumps(made(name))) == made(name)


@every_writer
def test_it_is_documented(name: str) -> None:
    kind = load("writer", name)
    assert (kind.__doc__ or "").partition("\n")[0].endswith(".")
    assert [option for option, field in kind.model_fields.items() if not field.description] == []


@every_writer
def test_it_appears_in_the_catalog(name: str) -> None:
    listed = Catalog(role="writer")().facts["writer"]
    assert listed[name] == summary("writer", name) != ""
    details = Catalog(role="writer", name=name)().facts
    assert set(details["options"]) == set(load("writer", name).model_fields)


def test_no_options_are_kept_for_writers_that_are_gone() -> None:
    assert set(OPTIONS) <= set(names("writer"))

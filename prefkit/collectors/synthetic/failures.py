"""The recipe `failures`: answers that fail in the ways of a list, each beside a good one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from prefkit.collectors.synthetic.flaws import Flaw, words
from prefkit.collectors.synthetic.worsening import GOOD, Worsening
from prefkit.errors import ConfigError
from prefkit.step import make
from prefkit.yaml import load_yaml

__all__ = ["Failures"]

_OWN = "failures"


class Failures(Worsening):
    """A good answer beside one that fails in exactly one way, for every way of a list.

    The list is a YAML file or stands in the options: name, description and, if it helps, an
    example, `length` (same, shorter, longer), `least` and `most` words that differ. By default it
    is a list of six that comes with prefkit.
    """

    file: str | None = Field(None, description="YAML file: a list of ways to fail.")
    modes: tuple[Flaw, ...] = Field((), description="The same list, written here.")
    only: tuple[str, ...] = Field((), description="Names to take from the list; all by default.")

    places: ClassVar[tuple[str, ...]] = ("file",)

    @model_validator(mode="after")
    def _one_list(self) -> Failures:
        if self.file is not None and self.modes:
            raise ValueError("file and modes are one list in two ways: give one of them")
        _check_names(self.modes, "modes")
        return self

    def flaws(self) -> Sequence[Flaw]:
        """The list.

        Raises:
            ConfigError: the file is missing or no such list, or `only` names what it does not hold.
        """
        found = self.modes
        if self.file is not None:
            found = _listed(self._data, Path(self.file).name)
        elif not found:
            found = _flaws(words(_OWN), f"{_OWN}.yaml")
        if unknown := set(self.only) - {flaw.name for flaw in found}:
            known = ", ".join(flaw.name for flaw in found)
            raise ConfigError(f"failures: only: no {', '.join(sorted(unknown))} among {known}")
        return [flaw for flaw in found if not self.only or flaw.name in self.only]

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the list, where there is a file."""
        if self.file is None or not Path(self.file).expanduser().is_file():
            return {}
        return {"file": hashlib.sha256(self._data).hexdigest()}

    @cached_property
    def _data(self) -> bytes:
        """What the file holds, read once: all of a run goes by one list, and its hash is of it."""
        path = Path(self.file or "").expanduser()
        try:
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(path.name, error) from error


@cache
def _listed(data: bytes, name: str) -> tuple[Flaw, ...]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(name, error) from error
    return _flaws(load_yaml(text, name), name)


def _unreadable(name: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"failures: file: {name} cannot be read: {error}",
        hint="a YAML list with name, description and example of each way to fail",
    )


def _flaws(listed: Any, where: str) -> tuple[Flaw, ...]:
    if not isinstance(listed, list) or not listed:
        raise ConfigError(
            f"{where}: ways to fail are a list that is not empty",
            hint="- {name: vague_step, description: 'The answer stays general.'}",
        )
    for number, one in enumerate(listed, 1):
        if not isinstance(one, Mapping):
            raise ConfigError(f"{where}, entry {number}: not a mapping with name and description")
    found = tuple(make(Flaw, one, f"{where}, entry {n}") for n, one in enumerate(listed, 1))
    try:
        _check_names(found, where)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return found


def _check_names(flaws: Sequence[Flaw], where: str) -> None:
    names = [flaw.name for flaw in flaws]
    for name in names:
        if name == GOOD or names.count(name) > 1:
            problem = "is what the good answer is called" if name == GOOD else "stands there twice"
            raise ValueError(f"{where}: the name {name!r} {problem}")

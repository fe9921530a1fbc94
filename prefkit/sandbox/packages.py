"""Where the packages lie that candidates may import beside the standard library."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from prefkit.errors import ConfigError

__all__ = ["places"]


def places(names: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """The folder or file of each, and of the libraries that wheels keep beside it.

    Raises:
        ConfigError: one is not installed here.
    """
    for name in names:
        path = _place(name)
        if path is None:
            raise ConfigError(
                f"candidates may import {name}, which is not installed here",
                hint=f"pip install {name}",
            )
        yield path.name, path
        libraries = path.with_name(f"{name}.libs")
        if libraries.is_dir():
            yield libraries.name, libraries


def _place(name: str) -> Path | None:
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.has_location and spec.origin else None

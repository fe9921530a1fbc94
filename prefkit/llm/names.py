"""Who was asked, as records name it: a model by its own name, never by where it lies."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

from prefkit.llm.connect import split
from prefkit.step import plain_name

__all__ = ["plain_model", "plain_spec"]

_IN_PROCESS = ("vllm", "transformers", "replay")
_PLACE = re.compile(r"[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]|file:")


def plain_spec(spec: str) -> str:
    """A client as `connect` takes it, without the folders that its model or file lies in.

    Raises:
        ConfigError: the spec has no known form.
    """
    client, rest = split(spec)
    if client == "server":
        base, mark, model = rest.partition("#")
        return f"{base}{mark}{plain_model(model)}"
    if client in _IN_PROCESS and Path(rest).expanduser().exists():
        return f"{client}:{plain_name(rest)}"
    return f"{client}:{plain_model(rest)}"


def plain_model(name: str) -> str:
    """A model as a provider names it; a server may name it by its place on that machine."""
    if _PLACE.match(name) is None:
        return name
    return PureWindowsPath(name).name or name  # reads either kind of slash

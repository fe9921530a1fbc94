"""prefkit: construct and curate preference datasets that a training team can trust.

Every verb is a function here, with the options of its command: `prefkit.pair("comparisons",
out="pairs")`. They are loaded on first use; importing prefkit imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefkit.version import __version__

__all__ = ["__version__"]


def __getattr__(name: str) -> Callable[..., Any]:
    from prefkit.registry import load, names

    verbs = {verb.replace(" ", "_"): verb for verb in names("verb")}
    if name.startswith("_") or name not in verbs:
        raise AttributeError(f"prefkit has no verb {name!r}; it has {', '.join(verbs)}")
    from prefkit.verbs.verb import as_function

    return as_function(load("verb", verbs[name]))


def __dir__() -> list[str]:
    from prefkit.registry import names

    return ["__version__", *(verb.replace(" ", "_") for verb in names("verb"))]

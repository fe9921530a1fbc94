"""What is installed: versions, extras, prefkit's own parts and those of other packages."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any, NamedTuple

from prefkit.errors import PrefkitError
from prefkit.registry import ROLES, load, names
from prefkit.verbs.doctor_finding import Finding
from prefkit.version import __version__

__all__ = ["PURPOSES", "extras", "other_parts", "own_parts", "trainers", "versions"]

PURPOSES = {
    "answers": "compares formulas in LaTeX when answers are checked",
    "arrow": "writes exports as `datasets` saves them",
    "baselines": "finds what gives a label away without reading",
    "bench": "runs the benchmarks",
    "dev": "tests and checks prefkit itself",
    "language": "tells the language of a text",
    "llm": "asks OpenAI, Anthropic and self-hosted servers, and prices it",
    "noise": "adds cleanlab to what looks for wrong labels",
    "pages": "writes the report as a page",
    "re2": "runs declared regular expressions in linear time",
    "review": "serves the desk where people judge pairs blind",
    "templates": "renders chat templates and counts tokens",
    "train": "trains on an export with TRL; asks and scores with transformers in this process",
    "vllm": "asks and scores with vLLM in this process",
}
"""What an extra is for; one that is not named here is listed without a purpose."""

_DISTRIBUTION = "prefkit"
_SHOWN = ("pyarrow", "polars", "numpy")
_NEEDED_PYTHON = (3, 11)
_REQUIREMENT = re.compile(
    r"([\w.-]+)(?:\[[\w,. -]*\])?\s*\(?((?:[<>=!~]=?[^;)]*)?)\)?\s*(?:;(.*))?"
)
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


class _Requirement(NamedTuple):
    name: str
    at_least: str | None
    extra: str | None


def versions(*, show_paths: bool) -> Iterator[Finding]:
    """The versions that answers to questions begin with, and every dependency that is too old."""
    python = platform.python_version()
    place = f" ({sys.executable})" if show_paths else ""
    found = {name: _version(name) for name in _SHOWN}
    shown = " · ".join(f"{name} {version or 'missing'}" for name, version in found.items())
    yield Finding(
        "prefkit",
        "ok" if sys.version_info >= _NEEDED_PYTHON else "fail",
        f"{__version__} · Python {python}{place} · {shown}",
        values={"prefkit": __version__, "python": python, **found},
    )
    needed = [one for one in _requirements() if one.extra is None]
    if not needed:
        yield Finding(
            "Packages",
            "note",
            "prefkit runs without being installed, so its requirements and extras are not known",
            'pip install "prefkit"',
        )
        return
    wrong = [text for one in needed if (text := _lack(one)) is not None]
    if wrong:
        yield Finding("Packages", "fail", "; ".join(wrong), 'pip install --upgrade "prefkit"')
        return
    yield Finding("Packages", "ok", f"{len(needed)} of {len(needed)} required ones are there")


def extras() -> Iterator[Finding]:
    """Each extra: whether all of its packages are there, what it is for, how to get it."""
    by_extra: dict[str, list[_Requirement]] = {}
    for one in _requirements():
        if one.extra is not None:
            by_extra.setdefault(one.extra, []).append(one)
    for name, needed in sorted(by_extra.items()):
        lacking = [text for one in needed if (text := _lack(one)) is not None]
        purpose = PURPOSES.get(name, "")
        about = f": {purpose}" if purpose else ""
        values = {"extra": name, "installed": not lacking, "purpose": purpose, "lacking": lacking}
        if lacking:
            hint = f'pip install "prefkit[{name}]"'
            text = f"not installed{about} ({'; '.join(lacking)})"
            yield Finding(f"[{name}]", "note", text, hint, values)
        else:
            yield Finding(f"[{name}]", "ok", f"installed{about}", values=values)


def _requirements() -> list[_Requirement]:
    """What the installed package says it needs; nothing if it is not installed as a package."""
    try:
        listed = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for text in listed:
        match = _REQUIREMENT.match(text)
        if match is None:
            continue
        name, limits, marker = match.groups()
        least = re.search(r">=\s*([\w.]+)", limits or "")
        extra = _EXTRA.search(marker or "")
        found.append(_Requirement(name, least and least[1], extra and extra[1]))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _lack(needed: _Requirement) -> str | None:
    """What is wrong with one required package, null if nothing is."""
    version = _version(needed.name)
    if version is None:
        return f"{needed.name} is missing"
    if needed.at_least is not None and _numbers(version) < _numbers(needed.at_least):
        return f"{needed.name} is {version}, it must be {needed.at_least} or newer"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    """`2.4.0rc1` as (2, 4, 0): good enough for lower limits, and needs no further package."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def trainers() -> Iterator[Finding]:
    """Installed trainers that are newer than what prefkit knows of them."""
    from prefkit.templates.profile import profile_names

    newest: dict[str, str] = {}
    for name in profile_names():  # the newest of a trainer comes first
        package, _, version = name.partition("@")
        newest.setdefault(package, version)
    for package, known in newest.items():
        installed = _version(package)
        if installed is None:
            continue
        values = {"trainer": package, "version": installed, "profile": f"{package}@{known}"}
        text = f"{package} {installed}, the newest profile is {package}@{known}"
        if _numbers(installed)[: len(_numbers(known))] > _numbers(known):
            text += ": what is said about truncation and outdated options may not hold"
            yield Finding("Trainer", "warn", text, values=values)
        else:
            yield Finding("Trainer", "ok", text, values=values)


def own_parts() -> Iterator[Finding]:
    """Import everything that prefkit itself registers."""
    wrong, count = [], 0
    for role, room in ROLES.items():
        for name, place in importlib.import_module(room).TABLE.items():
            count += 1
            error = _failure(place)
            if error is not None:
                wrong.append(f"{role} {name}: {error}")
    if wrong:
        yield Finding(
            "Own parts", "fail", "\n".join(wrong), "pip install --force-reinstall prefkit"
        )
        return
    yield Finding("Own parts", "ok", f"{count} of {count} import")


def other_parts() -> Iterator[Finding]:
    """Import every entry point of other packages; whatever one of them raises becomes a line."""
    for role in ROLES:
        for point in metadata.entry_points(group=f"prefkit.{role}"):
            package = point.dist.name if point.dist is not None else "an unknown package"
            told = f"{role} {point.name} of {package}"
            values = {"role": role, "entry_point": point.name, "package": package}
            error = _failure(point.value) or _taken(role, point)
            if error is None:
                yield Finding("Added", "ok", told, values=values)
            else:
                hint = f"pip install --upgrade {package}, or pip uninstall {package}"
                yield Finding("Added", "warn", f"{told}: {error}", hint, values)


def _taken(role: str, point: Any) -> str | None:
    """Why an entry point that imports still cannot be used by its name."""
    try:
        if point.name in names(role):
            load(role, point.name)
    except PrefkitError as error:
        return str(error)
    return None


def _failure(place: str) -> str | None:
    """Why `module:attribute` cannot be imported, in one line."""
    module, _, attribute = place.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - other people's modules raise anything
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        return " ".join(text.split())[:300]
    return None

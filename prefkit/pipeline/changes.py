"""`--set STEP.OPTION=VALUE`: one option of a pipeline file changed from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefkit.errors import ConfigError
from prefkit.registry import nearest
from prefkit.verbs.entries import named
from prefkit.yaml import load_yaml

__all__ = ["apply_change"]


def apply_change(steps: Sequence[Any], change: str) -> list[Any]:
    """The steps with one option changed: `pair.tie=soft`, `curate.filter.length_ratio.max=2`.

    The step is named by its verb, or by its number where a verb comes several times; an item of a
    list by its number from 0, or by its name; the value is YAML. Options on the way that are not
    given yet are added.

    Raises:
        ConfigError: the change is written otherwise, or names nothing in the file.
    """
    path, equals, text = change.partition("=")
    step, *keys = path.split(".")
    if not equals or not keys or not all(keys):
        raise _wrong(change, "it is not STEP.OPTION=VALUE")
    value = load_yaml(text, f"--set {path}")
    place = _place(steps, step, change)
    name, options = named(steps[place], "verb")
    changed = {name: _changed(dict(options), keys, value, change)}
    return [*steps[:place], changed, *steps[place + 1 :]]


def _place(steps: Sequence[Any], wanted: str, change: str) -> int:
    written = [named(entry, "verb")[0].replace(" ", "_") for entry in steps]
    if wanted.isdecimal():
        if not 1 <= int(wanted) <= len(steps):
            raise _wrong(change, f"the pipeline has steps 1 to {len(steps)}")
        return int(wanted) - 1
    word = wanted.replace(" ", "_")
    if word not in written:
        raise _wrong(change, f"the pipeline has no step {wanted!r}{nearest(word, written)}")
    if written.count(word) > 1:
        numbers = [str(place) for place, name in enumerate(written, start=1) if name == word]
        raise _wrong(change, f"steps {' and '.join(numbers)} are {wanted}: name one by its number")
    return written.index(word)


def _changed(target: Any, keys: Sequence[str], value: Any, change: str) -> Any:
    """A copy of `target` in which the place that `keys` lead to holds `value`."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(target, list):
        place = _item(target, key, change)
        item = target[place]
        if item == key:  # a name without options gets some
            item = {key: {}}
        # a named item is entered by its name alone, by its number the name comes next
        inner = rest if key.isdecimal() else keys
        return [*target[:place], _changed(item, inner, value, change), *target[place + 1 :]]
    if isinstance(target, str) and target == key:
        target = {key: {}}
    if target is None:
        target = {}
    if not isinstance(target, dict):
        raise _wrong(change, f"there is no {key!r} in {target!r}")
    return {**target, key: _changed(target.get(key, {} if rest else None), rest, value, change)}


def _item(items: Sequence[Any], key: str, change: str) -> int:
    if key.isdecimal():
        if int(key) >= len(items):
            raise _wrong(change, f"the list has items 0 to {len(items) - 1}, not {key}")
        return int(key)
    written = [item if isinstance(item, str) else next(iter(item), "") for item in items]
    found = [place for place, name in enumerate(written) if name == key]
    if len(found) != 1:
        known = nearest(key, written) if not found else "; name it by its number from 0"
        raise _wrong(change, f"the list has {len(found) or 'no'} items named {key!r}{known}")
    return found[0]


def _wrong(change: str, why: str) -> ConfigError:
    return ConfigError(f"--set {change!r}: {why}", hint="--set curate.filter.length_ratio.max=2")

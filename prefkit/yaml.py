"""YAML read with care: plain data only, and nothing in it means something that it does not say.

Words are resolved as in YAML 1.2's core schema: `no` and `on` are texts, `010` is ten, dates and
`12:30` are texts. Keys are always text, as written. Tags, aliases and repeated keys are errors.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from prefkit.errors import ConfigError

__all__ = ["load_yaml"]

_MAX_CHARACTERS = 1_000_000
_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INT = re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_BASES = {"0o": 8, "0x": 16}


class _Loader(yaml.SafeLoader):
    """The safe loader without tags, aliases, merge keys and the words of YAML 1.1."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the base class declares it so

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases (a few nested ones unfold into gigabytes) and tags."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.events.AliasEvent):
            raise _wrong("aliases are not used here", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _wrong(f"tags are not used here: {event.tag}", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping with text keys; a repeated key is an error, not a replacement."""
        found: dict[Any, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong("a key must be a word", key.start_mark)
            if key.value in found:
                raise _wrong(f"the key {key.value!r} is given twice", key.start_mark)
            found[key.value] = self.construct_object(value, deep=deep)
        return found

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Build an integer, in tens unless it says `0o` or `0x`."""
        base = _BASES.get(node.value[:2], 10)
        try:
            return int(node.value, base)
        except ValueError as error:
            raise _wrong("the number has too many digits", node.start_mark) from error

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Build a number that is neither infinite nor none."""
        number = float(node.value)
        if not math.isfinite(number):
            raise _wrong(f"the number {node.value} is too large", node.start_mark)
        return number


def _wrong(reason: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, reason, mark)


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|)\Z"), ["~", "n", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", _BOOL, list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_yaml_int)
_Loader.add_constructor(f"{_TAG}float", _Loader.construct_yaml_float)


def load_yaml(text: str, where: str) -> Any:
    """Read one YAML document: null, booleans, finite numbers, texts, lists, dictionaries by text.

    Raises:
        ConfigError: with the place (`where`, line and column) and the reason.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError(f"{where} is too long for a configuration ({len(text):,} characters)")
    try:
        return yaml.load(text, _Loader)  # noqa: S506, RUF100 - _Loader is a SafeLoader
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"the character U+{ord(text[error.position]):04X} is not allowed"
        raise ConfigError(f"{where}, line {line}: {reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{where}{place}: {reason}") from error

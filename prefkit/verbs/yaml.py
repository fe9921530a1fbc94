"""YAML read with care: safe types only, a key given twice is an error, aliases have a limit."""

from __future__ import annotations

from typing import Any

import yaml

from prefkit.errors import ConfigError

__all__ = ["load_yaml"]

_MAX_CHARACTERS = 1_000_000


class _Loader(yaml.SafeLoader):
    """The safe loader, strict about keys and without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: a few nested ones unfold into gigabytes."""
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, "aliases are not used here", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; a repeated key is an error instead of a silent replacement."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a word", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(text: str, where: str) -> Any:
    """Read one YAML document.

    Raises:
        ConfigError: with the place (`where`, line and column) and the reason.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError(f"{where} is too long for a configuration ({len(text):,} characters)")
    try:
        return yaml.load(text, _Loader)  # noqa: S506, RUF100 - _Loader is a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error) or "nested too deeply"
        raise ConfigError(f"{where}{place}: {reason}") from error

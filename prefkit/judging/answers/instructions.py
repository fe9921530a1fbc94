"""Instructions whose following can be verified by looking at the response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from prefkit.judging.answers.checking import Checked, Checker, Unsure, shown
from prefkit.judging.answers.instruction_rules import RULES
from prefkit.judging.answers.reasoning import without_reasoning

__all__ = ["Instructions"]


class Instructions(Checker):
    """Check the verifiable instructions of IFEval: right if all are followed.

    The reference is a JSON object with `instruction_id_list` and `kwargs` (an object for each), as
    in IFEval's file. Wrong if one is not followed. An unknown instruction, missing arguments, and
    what depends on how one counts or reads (words, sentences, items) are unsure. Reasoning in
    `<think>` is not looked at. The language of a response needs the extra `language`.
    """

    def decide(self, response: str, reference: str) -> Checked:
        """Right if every instruction is followed."""
        not_followed, unknown = [], []
        instructions = _instructions(reference)
        said = without_reasoning(response)
        if not said.strip():
            raise Unsure("the response is reasoning alone")
        for name, arguments in instructions:
            try:
                followed = RULES[name](said, arguments)
            except (KeyError, TypeError):
                unknown.append(f"{name} (arguments)" if name in RULES else f"{name} (unknown)")
                continue
            if followed is None:
                unknown.append(f"{name} (depends on how one counts)")
            elif not followed:
                not_followed.append(name)
        if not_followed:
            return Checked("wrong", None, f"not followed: {', '.join(not_followed)}")
        if unknown:
            raise Unsure(f"cannot be told: {', '.join(unknown)}")
        return Checked("right", None, f"all {len(instructions)} followed")


def _instructions(reference: str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        value = orjson.loads(reference)
    except orjson.JSONDecodeError as error:
        raise Unsure(f"the reference is no JSON: {shown(reference)}") from error
    names = value.get("instruction_id_list") if isinstance(value, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise Unsure("the reference has no instruction_id_list")
    arguments = value.get("kwargs") or [{}] * len(names)
    is_list = isinstance(arguments, list) and all(isinstance(one, dict | None) for one in arguments)
    if not is_list or len(arguments) != len(names):
        raise Unsure("the reference has not one kwargs for each instruction")
    return [
        (name, {key: one for key, one in (given or {}).items() if one is not None})
        for name, given in zip(names, arguments, strict=True)
    ]

"""What came of one request to a candidate."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

__all__ = ["Answer", "AnswerKind"]

AnswerKind = Literal["value", "error", "timeout", "crash", "oversize", "protocol", "infra"]


class Answer(NamedTuple):
    """What came of one request; only `value` holds anything to compare."""

    kind: AnswerKind
    value: Any = None
    """Rebuilt from plain data, of builtins and fractions only; `Opaque` where it was another."""
    error: str = ""
    """`ZeroDivisionError: division by zero`, as the candidate told it, or what happened."""
    wall_s: float = 0.0
    """Between sending and receiving, by the parent's clock."""

"""How sure a judge is of each allowed letter: the log-probs of its first token."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from prefkit.llm.records import Token

__all__ = ["FirstToken", "first_token", "goes_on"]

_BLANKS = " \t\r\n\u2581\u0120\u010a"  # the last three: how some tokenizers write a blank or a line
_MOST = 1.001  # total probability: servers round
_END = re.compile(r"[ \t]*(?:$|[\r\n]|[.):;*\"'\]!]+(?:\s|$))")


class FirstToken(NamedTuple):
    """What the first token says of the letters."""

    logprobs: dict[str, float]
    """Natural log of each letter's probability; a letter that was not told is missing."""
    mass: float
    """Probability of all letters together, 0 to 1."""
    floor: float
    """No letter that is missing is likelier than this log-prob."""


def first_token(tokens: Sequence[Token], letters: Collection[str]) -> FirstToken | None:
    """The letters among the alternatives of the first token that is not blank.

    Tokens that differ from a letter by blanks or case are added to it; a blank token before the
    letter counts into its probability. Null: no token, no alternatives, or no true log-probs.
    """
    before = 0.0
    for token in tokens:
        if token.text.strip(_BLANKS):
            return _read(token, before, letters)
        before += token.logprob
    return None


def _read(token: Token, before: float, letters: Collection[str]) -> FirstToken | None:
    entries = list(token.top)
    if token.text not in [text for text, _ in entries]:
        entries.append((token.text, token.logprob))
    known = [(text, value) for text, value in entries if value != -math.inf]
    if not token.top or not known:
        return None
    values = [before, *(value for _, value in known)]
    if not all(math.isfinite(value) for value in values) or before > 0.001:
        return None
    if math.fsum(math.exp(min(value, 1.0)) for _, value in known) > _MOST:
        return None
    plain = {letter.casefold(): letter for letter in letters}
    shares: dict[str, list[float]] = {}
    for text, value in known:
        letter = plain.get(text.strip(_BLANKS).casefold())
        if letter is not None:
            shares.setdefault(letter, []).append(value + before)
    logprobs = {letter: _sum(values) for letter, values in shares.items()}
    mass = math.fsum(math.exp(value) for value in logprobs.values())
    floor = min(value for _, value in known) + before
    return FirstToken(logprobs, min(mass, 1.0), floor)


def _sum(values: list[float]) -> float:
    """Log of the sum of probabilities."""
    most = max(values)
    return most + math.log(math.fsum(math.exp(value - most) for value in values))


def goes_on(text: str, letters: Collection[str]) -> bool:
    """Whether an answer begins with a letter that is the start of something else: `A good`, `10`.

    An answer that begins otherwise was sampled from the rest of the probability.
    """
    said = text.lstrip(_BLANKS)
    if said[:1].casefold() not in {letter.casefold() for letter in letters}:
        return False
    return _END.match(said, 1) is None

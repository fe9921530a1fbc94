"""Flaws that are put into good answers: what they are, how they are asked for and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, StringConstraints

from prefkit.collectors.synthetic.construction import change_of
from prefkit.collectors.synthetic.marked_texts import asked, conversation
from prefkit.judging.framing import Part
from prefkit.schema.records import Message
from prefkit.step import Options
from prefkit.yaml import load_yaml

__all__ = ["Flaw", "Name", "asked_for", "label_of", "mismatch", "words"]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Flaw(Options):
    """One way in which an answer can be worse than a good one."""

    name: Name
    description: Text
    example: Text | None = None
    length: Literal["same", "shorter", "longer"] = Field(
        "same", description="What it does to the length of an answer; else length tells the label."
    )
    least: int = Field(1, ge=1, description="Words that differ at least; below, there is no flaw.")
    most: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of words that differ at most, but `least` always may; null = any.",
    )
    added: int | None = Field(
        None, ge=0, description="Words at most that it may add; null = any number."
    )


@cache
def words(name: str) -> Mapping[str, Any]:
    """The words of this room in the YAML file of that name."""
    path = Path(__file__).with_name(f"{name}.yaml")
    found: Mapping[str, Any] = load_yaml(path.read_text(encoding="utf-8"), path.name)
    return found


def asked_for(flaw: Flaw, prompt: tuple[Message, ...], good: str) -> tuple[Message, Message]:
    """The request to put a flaw into a good answer."""
    told = words("worsening")
    example = "" if flaw.example is None else f"\n\nFor example: {flaw.example}"
    # `replace`, not `format`: a description may hold braces.
    system = told["system"].replace("{length}", told["lengths"][flaw.length])
    system = system.replace("{flaw}", flaw.description + example)
    return asked(system, [*conversation(prompt), Part("good answer", good)], told["closing"])


def label_of(flaw: Flaw, way: str) -> str:
    """`NAME:HASH`, the first 12 digits of the sha256 of all that it is asked for with."""
    told = [flaw.model_dump(mode="json"), way, words("worsening") if way == "model" else None]
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return f"{flaw.name}:{hashlib.sha256(text).hexdigest()[:12]}"


def mismatch(flaw: Flaw, good: str, bad: str) -> tuple[str, str] | None:
    """Why a text is not the good one with this flaw: reason and detail; null if nothing shows it.

    Whether the flaw is there cannot be seen from here; that the text differs, how far, and whether
    it became shorter or longer as declared, can.
    """
    change = change_of(good, bad)
    if change.words < flaw.least:
        return "unchanged", f"{change.words} words differ, {flaw.name} needs {flaw.least}"
    # In an answer of a word or two the least change is a large share.
    if flaw.most is not None and change.share > flaw.most and change.words > flaw.least:
        return "too_different", f"{change.share:.0%} of the words differ, limit {flaw.most:.0%}"
    if flaw.added is not None and change.added > flaw.added:
        return "too_different", f"{change.added} words are new, {flaw.name} may add {flaw.added}"
    if (flaw.length == "shorter" and change.longer_by >= 0) or (
        flaw.length == "longer" and change.longer_by <= 0
    ):
        return "not_as_declared", f"{change.longer_by:+d} words, {flaw.name} makes it {flaw.length}"
    return None

"""Texts of others in a request to write, between marks that none of them can forge.

The answer is asked for between marks of its own, so that a greeting before it or a remark behind it
never becomes part of a response: such words would tell the two sides of a pair apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from prefkit.collectors.turns import UnusableError
from prefkit.judging.framing import Part, Shown, code_of, framed
from prefkit.judging.wording import BEGIN, END, HEAD
from prefkit.llm.records import Request
from prefkit.schema.records import Message

__all__ = ["ANSWER", "NONE", "asked", "conversation", "plain", "written"]

ANSWER = "new answer"
"""The label of what is to be written."""

NONE = "NONE"
"""What is written where the task cannot be done."""

# Words to whoever asked, before an answer without marks: they would tell which side was rewritten.
_LEAD_IN = re.compile(
    r"\W*(?:(?:sure|certainly|absolutely|of course|okay|ok|alright|got it|no problem)\b[^\n]{0,80}"
    r"|(?:here(?:'s|\u2019s| is| are)|below is|this is|the (?:new|revised|flawed))\b[^\n]{0,120}:)"
    r"[ \t*]*(?:\n|$)",
    re.IGNORECASE,
)
# With a reason behind it, too: `NONE: the request is about weapons.`
_DECLINED = re.compile(rf"[\W_]*{NONE}(?!\w)|[\W_]*(?i:{NONE})[\W_]*\Z")
_BEFORE = re.compile(r"\A(?:[^\S\n]*\n)*(?: {1,3}(?=\S))?")
_HEAD = re.compile("^" + re.escape(HEAD).replace(r"\{code\}", r"(\w+)") + "$", re.MULTILINE)


def asked(system: str, parts: Sequence[Part], closing: str) -> tuple[Message, Message]:
    """A request to write, the same for the same texts.

    Args:
        system: what is to be done; shared by many requests.
        parts: the material.
        closing: what stands behind it; where and how the answer is to be written follows.
    """
    code = code_of([part.text for part in parts])
    blocks = [f"{_begin(code, label)}\n{text}\n{_end(code, label)}" for label, text in parts]
    place = (
        f"Write it between these two lines, each on a line of its own:\n"
        f"{_begin(code, ANSWER)}\n{_end(code, ANSWER)}"
    )
    text = "\n\n".join([HEAD.format(code=code), *blocks, closing, place])
    return Message("system", system), Message("user", text)


def conversation(turns: Sequence[Message]) -> list[Part]:
    """The turns of a prompt as material, with tool calls; one turn of the user is the request."""
    return list(framed(Shown(prompt=tuple(turns), responses=()), ()).request)


def plain(text: str) -> str:
    """A text without blanks behind it, and before it without lines of them or up to three.

    A rewritten answer has none, so they would tell the sides of a pair apart; four are code.
    """
    return _BEFORE.sub("", text).rstrip()


def written(request: Request, reply: str, *, bare: bool) -> tuple[str, str]:
    """The new answer of a reply, and what stands before it.

    Args:
        request: as made of `asked`.
        reply: what the model wrote.
        bare: a reply without any mark is the answer as a whole, unless it begins with words to
            whoever asked, on a line of their own.

    Raises:
        UnusableError: there is no such answer, or the model declined to write one.
    """
    head = _HEAD.search(request.messages[-1].content or "")
    code = head[1] if head else ""
    parts = re.split(f"^{re.escape(_begin(code, ANSWER))}[ \t\r]*$", reply, flags=re.MULTILINE)
    if len(parts) == 1:
        if not bare or not code or code in reply or _LEAD_IN.match(reply):
            raise UnusableError("no_marks", "the answer does not stand between its marks")
        return _checked(reply), ""
    # A closing mark may be missing: a model that ends there was often stopped by its template.
    text = re.split(f"^{re.escape(_end(code, ANSWER))}[ \t\r]*$", parts[1], flags=re.MULTILINE)[0]
    if len(parts) > 2 or code in text:
        raise UnusableError("no_marks", "marks stand inside the answer, or twice")
    return _checked(text), parts[0].strip()


def _checked(text: str) -> str:
    found = plain(text)
    if not found:
        raise UnusableError("blank", "nothing stands between the marks")
    if _DECLINED.match(found):
        raise UnusableError("declined", f"the model wrote {NONE}: the task does not fit")
    return found


def _begin(code: str, label: str) -> str:
    return BEGIN.format(code=code, label=label)


def _end(code: str, label: str) -> str:
    return END.format(code=code, label=label)

"""A candidate cut out of what a model replied: the code, and how it was found."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from typing import Literal, NamedTuple

from prefkit.sandbox.syntax import LONGEST, defines, joined, parsed

__all__ = ["Extracted", "How", "extract", "extract_completion", "extract_program"]

How = Literal["fenced", "whole", "body", "prose", "too_long", "nothing"]

_FENCE = re.compile(r"[ \t]{0,40}(`{3,}|~{3,})(.*)")
_LEADING = re.compile(r"(?:import |from |def |async def |class |@|[A-Za-z_]\w* *=)")
_MARK = "\ufeff"  # of the byte order, at the beginning of some files
_MOST_CUTS = 400  # lines that are tried away at the end of a reply
_MOST_PARSED = 4_000_000  # characters, in all these tries
_STATEMENT_HEAD = 200  # characters of a line that show how a statement begins


class Extracted(NamedTuple):
    """A candidate, or that there is none."""

    code: str | None
    """Whole code, the prompt's imports and helpers before it; null if nothing was found."""
    how: How
    """`fenced`, `whole` and `prose` define the entry point themselves: in a fence, as they are, or
    between other words. `body` continues the prompt."""


def extract(reply: str, prompt: str, entry_point: str) -> Extracted:
    """The code of a reply that defines the entry point, or continues a prompt that does.

    The reply is parsed, never run. Code that no parser takes is still a candidate, one that fails:
    it is returned as it is, as far as it is clear where it begins.
    """
    if len(reply) > LONGEST:
        return Extracted(None, "too_long")
    reply = reply.removeprefix(_MARK).replace("\r\n", "\n")
    before = _before(prompt.replace("\r\n", "\n"))
    fenced = list(_fences(reply))
    for text in [*fenced[::-1], *_joined(fenced)]:
        if _defines(text, entry_point):
            return Extracted(_after(before, text), "fenced")
    if not fenced and _defines(reply, entry_point):
        return Extracted(_after(before, reply), "whole")
    for text in [*fenced, reply]:
        body = _body(prompt, text, entry_point)
        if body is not None:
            return Extracted(body, "body")
    # A reply may go on where the request had opened a fence already: then it only closes one
    return _from_prose([*fenced, reply], before, entry_point)


def extract_completion(completion: str, prompt: str) -> str:
    """A completion as the benchmarks take it: after the prompt, nothing searched and nothing cut.

    A whole function then defines the entry point once more, and what the prompt imports is there.
    """
    return prompt + completion


def extract_program(reply: str) -> Extracted:
    """The program of a reply: its longest fenced block, or all of it if that is a program."""
    if len(reply) > LONGEST:
        return Extracted(None, "too_long")
    reply = reply.removeprefix(_MARK).replace("\r\n", "\n")
    fenced = [one for one in _fences(reply) if one.strip()]
    if fenced:
        return Extracted(max(fenced, key=len), "fenced")
    if reply.strip() and parsed(reply) is not None:
        return Extracted(reply, "whole")
    return Extracted(None, "nothing")


def _fences(reply: str) -> Iterator[str]:
    """What stands in fenced blocks, without the indentation of the block; also in one left open."""
    held: list[str] = []
    fence = ""
    for line in reply.split("\n"):
        found = _FENCE.fullmatch(line)
        if not fence:
            fence = found[1] if found else ""
        elif found and found[1].startswith(fence) and not found[2].strip():
            yield textwrap.dedent("".join(held))
            held, fence = [], ""
        else:
            held.append(line + "\n")
    if fence:
        yield textwrap.dedent("".join(held))


def _joined(fenced: list[str]) -> list[str]:
    """Blocks as one: imports and helpers may stand in a block of their own."""
    return ["\n".join(fenced)] if len(fenced) > 1 else []


def _defines(text: str, entry_point: str) -> bool:
    tree = parsed(text)
    return tree is not None and not _returns(tree) and defines(tree, entry_point)


def _before(prompt: str) -> str:
    """What of a prompt goes before a whole function: all of it, as its helpers are there too."""
    for text in (prompt, f"{prompt.rstrip()}\n    pass\n"):
        if parsed(text) is not None and _LEADING.search(text):
            return text.rstrip()
    return ""


def _after(before: str, text: str) -> str:
    return joined(before, text.strip("\n")) + "\n"


def _body(prompt: str, text: str, entry_point: str) -> str | None:
    """The prompt continued by a body, as it is, with its first line or all lines moved in."""
    if not text.strip() or not _before(prompt):
        return None
    start = prompt.rstrip(" \t")
    start += "" if start.endswith("\n") else "\n"
    lines = text.strip("\n")
    variants = (lines, textwrap.indent(textwrap.dedent(lines), "    "), f"    {lines.lstrip()}")
    for body in variants if _looks_like_body(lines) else ():
        if not body.startswith((" ", "\t")):
            continue
        whole = _longest(start, body)
        if whole is not None and _defines(whole, entry_point):
            return whole
    return None


def _looks_like_body(text: str) -> bool:
    """Whether it begins as a statement does, and is no module that defines something else."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not _STATEMENT.match(first.strip()[:_STATEMENT_HEAD]):
        return False
    tree = parsed(text)
    return tree is None or _returns(tree) or not any(isinstance(one, _NAMED) for one in tree.body)


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _returns(tree: ast.Module) -> bool:
    """Whether it returns outside of any function: parsers let that pass, compilers do not."""
    return any(isinstance(one, ast.Return) for one in tree.body)


_STATEMENT = re.compile(
    r"""(?:return|for|while|if|try|with|def|class|import|from|raise|assert|pass|yield|global)\b"""
    r"""|(?:async|nonlocal|del|not|lambda|print)\b|[#"'@(\[{]"""
    r"""|[\w.\[\], ]+\s*(?:[-+*/%&|^]|//|\*\*|<<|>>)?=|[\w.]+\("""
)


def _longest(start: str, body: str) -> str | None:
    """The prompt with as many lines of a body as can be parsed, cut where the indentation ends."""
    lines = body.splitlines()
    least = 1
    for count, line in enumerate(lines[1:], 1):
        if line.strip() and not line.startswith((" ", "\t", "#", ")", "]", "}")):
            break
        least = count + 1
    for count in dict.fromkeys((len(lines), least)):
        whole = start + "\n".join(lines[:count]) + "\n"
        tree = parsed(whole)
        if tree is not None and not _returns(tree):
            return whole
    return None


def _from_prose(texts: list[str], before: str, entry_point: str) -> Extracted:
    """The lines around `def ENTRY_POINT(` that can be parsed, without the words around them."""
    head = re.compile(
        rf"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(entry_point)}\b", re.M
    )
    for text in texts:
        found = head.search(text)
        if found is None:
            continue
        lines = text.splitlines()
        place = text.count("\n", 0, found.start())
        for first in _beginnings(lines, place):
            cuts = min(_MOST_CUTS, 1 + _MOST_PARSED // (1 + len(text)))
            for last in range(len(lines), max(place, len(lines) - cuts), -1):
                code = textwrap.dedent("\n".join(lines[first:last]))
                if _defines(code, entry_point):
                    return Extracted(_after(before, code), "prose")
        return Extracted(_after(before, "\n".join(lines[place:])), "prose")
    return Extracted(None, "nothing")


def _beginnings(lines: list[str], place: int) -> list[int]:
    """Lines at which code may begin that leads to the definition: the earliest, then itself."""
    first = next((at for at in range(place) if _LEADING.match(lines[at])), place)
    return list(dict.fromkeys((first, place)))

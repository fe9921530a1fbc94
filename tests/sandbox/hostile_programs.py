"""Programs that do what they must not: what each is, how it is run, and what may come of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["PRELUDE", "RIGHT", "Hostile", "attack", "program", "solve"]

RIGHT = 42
"""What `solve(6)` should answer, and what a program should print; no sandbox is ever told."""

PRELUDE = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)

def attempt(action):
    "What an action managed; null if it was refused."
    try:
        found = action()
    except (OSError, ValueError, MemoryError, AttributeError, OverflowError):
        return None
    return repr(found)[:500]

def call(number, *arguments):
    "A system call by its number; null if it was refused."
    ctypes.set_errno(0)
    found = libc.syscall(ctypes.c_long(number), *arguments)
    return None if found < 0 else f"call {number} gave {found}"

def channels():
    "The sockets that this process holds: the channel to the parent is one of them."
    import stat
    found = []
    for one in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(one).st_mode):
                found.append(one)
        except OSError:
            pass
    return found

def say(raw):
    "Write raw bytes to the parent."
    for one in channels():
        os.write(one, raw)

def frame(text):
    body = text.encode()
    return len(body).to_bytes(4, "big") + body
"""


class Hostile(NamedTuple):
    """One program; `mode` says what is called and what would be a success of it."""

    name: str
    must_not: str
    mode: Literal["attack", "solve", "program"]
    """`attack(facts)` returns what it managed, null = nothing; `solve(6)` must not look right; a
    program must not print what is right."""
    kinds: frozenset[str]
    """The kinds of answer that are as they should be."""
    code: str


def attack(name: str, must_not: str, code: str, kinds: str = "value") -> Hostile:
    return Hostile(name, must_not, "attack", frozenset(kinds.split()), PRELUDE + code)


def solve(name: str, must_not: str, code: str, kinds: str) -> Hostile:
    return Hostile(name, must_not, "solve", frozenset(kinds.split()), PRELUDE + code)


def program(name: str, must_not: str, code: str, kinds: str) -> Hostile:
    return Hostile(name, must_not, "program", frozenset(kinds.split()), PRELUDE + code)

"""Attacks on the judge: answers that are broken, endless, or made to be slow to read."""

from __future__ import annotations

from hostile_programs import solve

__all__ = ["PROGRAMS"]

_LOOK_RIGHT = "look right"

PROGRAMS = [
    solve(
        "half an answer",
        "hold up the judge",
        """def solve(x):
    say(b"\\x00\\x00\\x00\\x20half")
    while True: pass
""",
        "timeout",
    ),
    solve(
        "an answer of four gigabytes announced",
        "make the parent take it",
        "def solve(x): say(b'\\xff\\xff\\xff\\xff')",
        "oversize",
    ),
    solve(
        "a channel that is flooded",
        "fill the parent's memory",
        "def solve(x):\n    while True: say(b'\\x00\\x10\\x00\\x00' + b'x' * 60000)",
        "oversize",
    ),
    solve(
        "a channel flooded with small answers",
        "fill the parent's memory, or be believed",
        """def solve(x):
    while True: say(frame('{"value":{"i":"2a"}}') * 1000)""",
        "protocol",
    ),
    solve(
        "a closed channel and a process that lives on",
        "hold up the judge, or be the machine's fault",
        """
def solve(x):
    os.closerange(3, 256)
    while True: pass
""",
        "protocol",
    ),
    solve(
        "a channel that is shut for answers",
        "hold up the judge, or be the machine's fault",
        """
import socket, time
def solve(x):
    for one in channels(): socket.socket(fileno=one).shutdown(socket.SHUT_RDWR)
    time.sleep(60)
""",
        "protocol",
    ),
    solve(
        "brackets a hundred thousand deep",
        "crash the parent",
        "def solve(x): say(frame('[' * 100_000))",
        "protocol",
    ),
    solve(
        "a decimal number that takes long to read",
        "hold up the parent",
        "def solve(x): say(frame('{\"value\":' + '9' * 900_000 + '}'))",
        "protocol",
    ),
    solve(
        "bytes that are no text",
        "crash the parent",
        "def solve(x): say(b'\\x00\\x00\\x00\\x04\\xff\\xfe\\x00\\x01')",
        "protocol",
    ),
    solve(
        "tags that nobody knows",
        "crash the parent",
        """
from prefkit.sandbox.inside import candidate
candidate.encode = lambda value: {"__reduce__": ["os.system", "true"]}
def solve(x): return 0
""",
        "protocol",
    ),
    solve(
        "a set that takes the square of its size",
        "hold up the parent",
        """
from prefkit.sandbox.inside import candidate
many = [{"i": f"{k * (2**61 - 1):x}"} for k in range(30_000)]
candidate.encode = lambda value: {"s": many}
def solve(x): return 0
""",
        "protocol",
    ),
    solve(
        "a fraction that takes long to reduce",
        "hold up the parent",
        """
from prefkit.sandbox.inside import candidate
candidate.encode = lambda value: {"q": ["f" * 400_000, "e" * 400_000]}
def solve(x): return 0
""",
        "protocol",
    ),
    solve(
        "a key without a hash",
        "crash the parent",
        """
from prefkit.sandbox.inside import candidate
candidate.encode = lambda value: {"d": [[{"l": []}, None]]}
def solve(x): return 0
""",
        "protocol",
    ),
    solve(
        "a list that holds itself",
        "crash the parent",
        "def solve(x):\n    a = []\n    a.append(a)\n    return a",
        "value",
    ),
    solve(
        "a list that doubles fifty times",
        "fill the parent's memory",
        "def solve(x):\n    a = []\n    for _ in range(50): a = [a, a]\n    return a",
        "timeout error crash oversize",
    ),
    solve(
        "a list that never ends",
        "hold up the judge",
        """
class Endless(list):
    def __iter__(self):
        while True: yield 1
def solve(x): return Endless()
""",
        "value",
    ),
    solve(
        "a generator that never ends",
        _LOOK_RIGHT,
        """
def solve(x):
    def endless():
        while True: yield 42
    return endless()
""",
        "value",
    ),
]

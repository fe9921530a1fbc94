"""The list of system calls: what is not on it is refused, whatever the number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callers import cannot

from prefkit.errors import ConfigError
from prefkit.sandbox.inside import syscalls
from prefkit.sandbox.levels import strongest_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.worker import Worker

SPECIAL = {56, 435, 62, 234, 157, 16, 72, 302, 53, 44}
"""Those that are allowed with certain arguments: tried by the hostile programs."""

EXEMPT = {335, 336}
"""uretprobe and uprobe: the kernel holds no filter against them, and they do nothing but from its
own trampolines."""

TRY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def made(numbers):
    found = []
    for number in numbers:
        ctypes.set_errno(0)
        if libc.syscall(ctypes.c_long(number), 0, 0, 0, 0, 0, 0) >= 0 or (
                ctypes.get_errno() not in (1, 38)):
            found.append(number)
    return found
"""


def test_every_call_that_is_not_on_the_list_is_refused() -> None:
    if not syscalls.is_known_machine():
        cannot("no list of system calls for this machine")
    allowed = set(syscalls._ALLOWED) | SPECIAL | EXEMPT
    numbers = (*range(1024), 2**30, 2**30 + 57, 2**31, 2**32 - 1)
    try:
        level = strongest_level()
    except ConfigError as error:
        cannot(str(error))
    with Worker(level, Limits(call_s=10.0), 7) as worker, worker.open(TRY) as candidate:
        answer = candidate.call("made", [[one for one in numbers if one not in allowed]])
    assert (answer.kind, answer.value) == ("value", [])


def test_the_numbers_are_those_of_the_kernel() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the header of system calls is not installed: numbers were NOT compared")
    known = dict(re.findall(r"__NR_(\w+) (\d+)", header.read_text()))
    words = syscalls._TABLE.split()
    assert {name: known[name] for name in words[::2]} == dict(
        zip(words[::2], words[1::2], strict=True)
    )


def test_a_filter_is_short_enough_for_its_jumps() -> None:
    lines = syscalls.program(1)
    assert len(lines) < 4096
    assert all(jump < 256 for line in lines for jump in line[1:3])

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


ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x50000, 0x80000000
LOAD, EQUAL, LEAST, SET = 0x20, 0x15, 0x35, 0x45
X86_64, I386 = 0xC000003E, 0x40000003
OWN = 77


def decided(number: int, *arguments: int, machine: int = X86_64) -> int:
    """What the filter of process 77 returns, as the kernel would follow it."""
    words = {0: number, 4: machine}
    for place, value in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        words[16 + 8 * place], words[20 + 8 * place] = value & 0xFFFFFFFF, value >> 32
    lines = syscalls.program(OWN)
    place = held = 0
    while True:
        code, yes, no, operand = lines[place]
        place += 1
        if code == LOAD:
            held = words[operand]
            continue
        if code not in (EQUAL, LEAST, SET):
            return operand
        holds = {EQUAL: held == operand, LEAST: held >= operand, SET: bool(held & operand)}
        place += yes if holds[code] else no


@pytest.mark.parametrize("number", range(0, 1024, 64))
def test_the_filter_decides_every_number_as_the_list_says(number: int) -> None:
    for one in range(number, number + 64):
        refused = ERRNO | (38 if one >= 424 else 1)
        expected = ALLOW if one in syscalls._ALLOWED else refused
        if one not in SPECIAL:
            assert decided(one, 1 << 40, 1 << 40, 0, 0, 1) == expected


@pytest.mark.parametrize(
    ("number", "arguments", "allowed"),
    [
        (56, (0x10000,), True),  # clone: a thread
        (56, (0x3D0F00,), True),
        (56, (17,), False),
        (56, (1 << 48,), False),  # the flag of a thread, in the half that the kernel does not read
        (62, (OWN, 9), True),
        (62, (OWN | 1 << 32, 9), True),  # the kernel reads a process id as 32 bits
        (62, (0, 9), False),
        (62, (0xFFFFFFFF, 9), False),
        (234, (OWN, 5, 9), True),
        (234, (1, OWN, 9), False),
        (157, (15,), True),  # a name
        (157, (1,), False),  # a signal at the parent's death
        (157, (38,), False),
        (16, (3, 0x5413), True),
        (16, (3, 0x5412), False),  # input to a terminal
        (72, (3, 4), True),
        (72, (3, 8), False),
        (302, (0, 9), True),
        (302, (OWN, 9), False),
        (53, (1, 1), True),
        (53, (2, 1), False),
        (44, (3, 0, 0, 0, 0), True),
        (44, (3, 0, 0, 0, 1), False),
        (44, (3, 0, 0, 0, 1 << 32), False),
    ],
)
def test_the_filter_reads_the_arguments_that_matter(
    number: int, arguments: tuple[int, ...], *, allowed: bool
) -> None:
    assert (decided(number, *arguments) == ALLOW) == allowed


def test_another_machine_and_numbers_beyond_the_table_are_refused() -> None:
    assert decided(0, machine=I386) == KILL_PROCESS
    assert {decided(2**30 + one) for one in (0, 57, 512)} == {ERRNO | 38}
    assert decided(2**32 - 1) == decided(435) == ERRNO | 38


def test_a_filter_is_short_enough_for_its_jumps() -> None:
    lines = syscalls.program(1)
    assert len(lines) < 4096
    assert all(jump < 256 for line in lines for jump in line[1:3])

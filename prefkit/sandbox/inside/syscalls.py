"""The system calls that foreign code may make: those on a list, some with certain arguments only.

Sources: the kernel's `seccomp_filter.rst` and the system call table of x86-64. A list of what is
allowed, not of what is forbidden: a call that a new kernel brings is refused until somebody has
thought about it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from functools import cache

__all__ = ["apply", "is_known_machine", "prepare", "program"]

_TABLE = """
futex 202 clock_gettime 228 read 0 write 1 mmap 9 munmap 11 mprotect 10 brk 12 mremap 25 madvise 28
nanosleep 35 clock_nanosleep 230 sched_yield 24 getpid 39 gettid 186 rt_sigaction 13
rt_sigprocmask 14 rt_sigreturn 15 sigaltstack 131 rseq 334 set_tid_address 218 set_robust_list 273
get_robust_list 274 recvfrom 45
close 3 fstat 5 stat 4 lstat 6 lseek 8 pread64 17 pwrite64 18 readv 19 writev 20 access 21
openat 257 open 2 newfstatat 262 statx 332 faccessat 269 faccessat2 439 readlink 89 readlinkat 267
getdents64 217 getcwd 79 fadvise64 221 statfs 137 fstatfs 138
dup 32 dup2 33 dup3 292 pipe 22 pipe2 293 close_range 436 poll 7 ppoll 271 select 23 pselect6 270
epoll_create 213 epoll_create1 291 epoll_wait 232 epoll_ctl 233 epoll_pwait 281 epoll_pwait2 441
eventfd 284 eventfd2 290 timerfd_create 283 timerfd_settime 286 timerfd_gettime 287
shutdown 48 getsockname 51 getpeername 52 getsockopt 55
getitimer 36 alarm 37 setitimer 38 pause 34 rt_sigpending 127 rt_sigtimedwait 128 rt_sigsuspend 130
getuid 102 getgid 104 geteuid 107 getegid 108 getppid 110 getpgrp 111 getgroups 115 getresuid 118
getresgid 120 getpgid 121 getsid 124 uname 63 gettimeofday 96 getrlimit 97 getrusage 98 sysinfo 99
times 100 getpriority 140 sched_getparam 143 sched_getscheduler 145 sched_get_priority_max 146
sched_get_priority_min 147 arch_prctl 158 time 201 sched_getaffinity 204 clock_getres 229
getcpu 309 getrandom 318 membarrier 324 msync 26 exit 60 exit_group 231
"""
_ALLOWED = tuple(int(word) for word in _TABLE.split()[1::2])
_CLONE, _CLONE3, _KILL, _TGKILL, _PRCTL, _IOCTL = 56, 435, 62, 234, 157, 16
_FCNTL, _PRLIMIT, _SOCKETPAIR, _SENDTO = 72, 302, 53, 44

_CLONE_THREAD = 0x10000
_NAMES = (15, 16)  # PR_SET_NAME, PR_GET_NAME
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, blocking, on exec
_FCNTLS = (0, 1, 2, 3, 4, 1030)  # dup, get and set flags: no owner for signals, no larger pipes
_AF_UNIX = 1
_OWN = 0  # as a process id, where it means the caller
_RECENT = 424
"""From here on calls are younger than Linux 5.1: a C library asks for another if there is none."""

_EPERM, _ENOTTY, _ENOSYS = 1, 25, 38
_ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
_LOAD, _EQUAL, _LEAST, _SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16

_SET_SECCOMP, _FILTER = 22, 2
_NOTHING = ctypes.c_ulong(0)

_ANY_PROCESS = 0x7FFFFFFF  # no process has this number
_CODE = ctypes.create_string_buffer(8 * 4096)
_PLACES: list[int] = []

# Looked up here, and not by every fork anew
_prctl = ctypes.CDLL(None, use_errno=True).prctl

_Line = tuple[int, int, int, int]


def is_known_machine() -> bool:
    """Whether the numbers here are those of this machine."""
    return platform.machine() == "x86_64" and struct.calcsize("P") == 8


def prepare() -> None:
    """Make the list ready, so that no fork has to.

    Raises:
        OSError: the machine is another.
    """
    if not is_known_machine():
        raise OSError(_ENOSYS, f"no list of system calls for {platform.machine()}")
    _prepare()


def apply(process: int) -> None:
    """Hold this process to the list, for good; `process` is its own id. After `prepare` only.

    Raises:
        OSError: the kernel refuses; nothing may run then.
    """
    length = _prepare()
    for place in _PLACES:
        struct.pack_into("=I", _CODE, place, process)
    head = struct.pack("HP", length, ctypes.addressof(_CODE))
    if _prctl(_SET_SECCOMP, ctypes.c_ulong(_FILTER), head, _NOTHING, _NOTHING):
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {os.strerror(code)}")


@cache
def _prepare() -> int:
    """The filter as bytes but for the process id, made once before a fork; gives its length."""
    lines = program(_ANY_PROCESS)
    for place, line in enumerate(lines):
        struct.pack_into("=HBBI", _CODE, 8 * place, *line)
        if line[3] == _ANY_PROCESS:
            _PLACES.append(8 * place + 4)
    return len(lines)


def program(process: int) -> list[_Line]:
    """The filter, an instruction a line: code, jump if true, jump if false, operand.

    A search by halves over ranges of numbers: the kernel follows the filter once for each number
    there is, whenever it is put on a process.
    """
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _ARCHITECTURE),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        *_search(_ranges(process)),
    ]


def _ranges(process: int) -> list[tuple[int, list[_Line]]]:
    """From which number on what is done, in order."""
    cases = _cases(process)
    found: list[tuple[int, list[_Line]]] = []
    for number in range(max(_RECENT, *_ALLOWED, *cases) + 2):
        refusal = _ENOSYS if number >= _RECENT else _EPERM
        done = [(_RETURN, 0, 0, _ALLOW if number in _ALLOWED else _ERRNO | refusal)]
        done = cases.get(number, done)
        if not found or found[-1][1] != done:
            found.append((number, done))
    return found


def _search(ranges: list[tuple[int, list[_Line]]]) -> list[_Line]:
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    low = _search(ranges[:middle])
    return [(_LEAST, len(low), 0, ranges[middle][0]), *low, *_search(ranges[middle:])]


def _cases(process: int) -> dict[int, list[_Line]]:
    """What is done for the calls that are allowed with certain arguments."""
    return {
        _CLONE: _if(0, _SET, [_CLONE_THREAD], _EPERM),
        # "No such call": the C library then asks by `clone`, whose flags can be read here
        _CLONE3: [(_RETURN, 0, 0, _ERRNO | _ENOSYS)],
        _KILL: _if(0, _EQUAL, [process], _EPERM),
        _TGKILL: _if(0, _EQUAL, [process], _EPERM),
        _PRCTL: _if(0, _EQUAL, _NAMES, _EPERM),
        _IOCTL: _if(1, _EQUAL, _IOCTLS, _ENOTTY),
        _FCNTL: _if(1, _EQUAL, _FCNTLS, _EPERM),
        # A program may lower its own limits, or raise its stack within them, never another's
        _PRLIMIT: _if(0, _EQUAL, [_OWN], _EPERM),
        _SOCKETPAIR: _if(0, _EQUAL, [_AF_UNIX], _EPERM),
        # With an address half of a pair would reach any socket of the machine that has a name
        _SENDTO: _if_null(4, _EPERM),
    }


def _if(place: int, test: int, values: Sequence[int], refusal: int) -> list[_Line]:
    """Allow if the low half of an argument passes a test; the kernel reads these as 32 bits."""
    count = len(values)
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * place),
        *((test, count - k, 0, value) for k, value in enumerate(values)),
        (_RETURN, 0, 0, _ERRNO | refusal),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _if_null(place: int, refusal: int) -> list[_Line]:
    """Allow if a pointer is null: both halves."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * place),
        (_EQUAL, 0, 2, 0),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * place + 4),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _ERRNO | refusal),
        (_RETURN, 0, 0, _ALLOW),
    ]

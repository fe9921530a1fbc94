"""How a process gives up, for good, what foreign code must not have."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from prefkit.sandbox.inside import landlock, syscalls

__all__ = ["Config", "Prepared", "become", "lock", "prepare", "undumpable"]

_KILLED = int(signal.SIGKILL)
_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38
_prctl = ctypes.CDLL(None, use_errno=True).prctl


@dataclass(frozen=True)
class Config:
    """What holds for every candidate of one runner; plain values, given as JSON."""

    memory_bytes: int
    cpu_s: int
    file_bytes: int
    open_files: int
    stack_bytes: int
    """Of the main thread; more than the usual 8 MiB, as deep recursion is legal."""
    processes: int | None
    """Processes and threads of the user; null = not limited."""
    readable: tuple[str, ...]
    modules: tuple[str, ...]
    """Imported once by the runner, so that no candidate waits for them."""
    paths: tuple[str, ...]
    """Folders of packages."""
    user: int | None
    """The user to become first; null = stay."""
    isolated: bool
    """False = limits on resources only, for somebody who is in a disposable place already."""
    least_landlock: int
    """The version of Landlock without which nothing runs."""

    @classmethod
    def read(cls, given: dict[str, Any]) -> Self:
        """From JSON values."""
        lists = {name: tuple(given[name]) for name in ("readable", "modules", "paths")}
        return cls(**{**given, **lists})


def become(user: int) -> None:
    """Turn into another user for good; as root, limits on processes count for nobody.

    Raises:
        OSError: not allowed.
    """
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def undumpable() -> None:
    """Nobody of the same user reads this process's memory."""
    _prctl(_SET_DUMPABLE, 0, 0, 0, 0)


class Prepared(NamedTuple):
    """What was made once by the runner, for `lock` in every fork of it."""

    rules: int | None
    """A descriptor of file rules; null where nothing is isolated."""
    limits: tuple[tuple[int, tuple[int, int]], ...]


def prepare(config: Config) -> Prepared:
    """Limit the runner, in what its forks may inherit and it does not need, and ready the rest.

    Raises:
        OSError: the kernel lacks something; nothing may run then.
    """
    limits = {
        resource.RLIMIT_FSIZE: config.file_bytes,
        resource.RLIMIT_NOFILE: config.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, most in limits.items():
        resource.setrlimit(which, _at_most(which, most))
    # The hard limit stays: a program may ask for more of its own memory
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if hard == resource.RLIM_INFINITY or hard >= config.stack_bytes:
        resource.setrlimit(resource.RLIMIT_STACK, (config.stack_bytes, hard))
    later = [(resource.RLIMIT_AS, _at_most(resource.RLIMIT_AS, config.memory_bytes))]
    later.append((resource.RLIMIT_CPU, (config.cpu_s, config.cpu_s + 1)))
    if config.processes is not None:
        later.append((resource.RLIMIT_NPROC, _at_most(resource.RLIMIT_NPROC, config.processes)))
    return Prepared(_rules(config) if config.isolated else None, tuple(later))


def _at_most(which: int, most: int) -> tuple[int, int]:
    hard = resource.getrlimit(which)[1]
    least = most if hard == resource.RLIM_INFINITY else min(most, hard)
    return least, least


def _rules(config: Config) -> int:
    if landlock.abi() < config.least_landlock:
        raise OSError(f"Landlock {config.least_landlock} is needed, this kernel has older")
    syscalls.prepare()
    if _prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):  # forks inherit it
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")
    return landlock.prepare(config.readable, ("/dev/null", "/dev/zero", "/dev/full"))


def lock(prepared: Prepared, parent: int) -> None:
    """Give up files, network, processes, signals and memory beyond the limits.

    Raises:
        OSError: something could not be given up; nothing may run then.
    """
    os.setsid()
    _prctl(_SET_PARENT_DEATH_SIGNAL, _KILLED, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was asked for
        os._exit(1)
    undumpable()
    for which, most in prepared.limits:
        resource.setrlimit(which, most)
    if prepared.rules is not None:
        landlock.restrict(prepared.rules)
        syscalls.apply(os.getpid())

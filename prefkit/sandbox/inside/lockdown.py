"""How a process gives up, for good, what foreign code must not have."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Any, Self

from prefkit.sandbox.inside import landlock, syscalls

__all__ = ["Config", "become", "lock", "prepare", "undumpable"]

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 1, 4, 38
_libc = ctypes.CDLL(None, use_errno=True)


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
    _libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def prepare(config: Config) -> int | None:
    """What `lock` needs, made once by the runner; null where nothing is isolated.

    Raises:
        OSError: the kernel lacks something; nothing may run then.
    """
    if not config.isolated:
        return None
    if landlock.abi() < config.least_landlock:
        raise OSError(f"Landlock {config.least_landlock} is needed, this kernel has older")
    syscalls.prepare()
    return landlock.prepare(config.readable, ("/dev/null", "/dev/zero", "/dev/full"))


def lock(config: Config, rules: int | None, parent: int) -> None:
    """Give up files, network, processes, signals and memory beyond the limits.

    Raises:
        OSError: something could not be given up; nothing may run then.
    """
    os.setsid()
    _libc.prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was asked for
        os._exit(1)
    undumpable()
    if rules is None:
        _limit(config)
        return
    _no_new_privileges()
    landlock.restrict(rules)
    _limit(config)
    syscalls.apply(os.getpid())


def _no_new_privileges() -> None:
    if _libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs is refused")


def _limit(config: Config) -> None:
    limits = {
        resource.RLIMIT_AS: config.memory_bytes,
        resource.RLIMIT_FSIZE: config.file_bytes,
        resource.RLIMIT_NOFILE: config.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if config.processes is not None:
        limits[resource.RLIMIT_NPROC] = config.processes
    for which, most in limits.items():
        hard = resource.getrlimit(which)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (least, least))
    resource.setrlimit(resource.RLIMIT_CPU, (config.cpu_s, config.cpu_s + 1))
    # The hard limit stays: a program may ask for more of its own memory
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if hard == resource.RLIM_INFINITY or hard >= config.stack_bytes:
        resource.setrlimit(resource.RLIMIT_STACK, (config.stack_bytes, hard))

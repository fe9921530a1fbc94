"""The command that starts a runner, by level of isolation.

`bubblewrap`: own pid, network, IPC and mount namespaces, and inside them Landlock, seccomp and
resource limits. `landlock`: the same without namespaces, where the machine refuses them: a slip of
the kernel is worse there, and names, sizes and times of files can be seen. `unsafe`: limits on
resources only, and never taken in place of another.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from prefkit.errors import ConfigError
from prefkit.sandbox.inside.landlock import LEAST_ABI
from prefkit.sandbox.limits import MODULES, Limits
from prefkit.sandbox.packages import places
from prefkit.sandbox.users import most_threads, user_of

__all__ = ["ENVIRONMENT", "Launch", "Level", "arguments", "launch"]

Level = Literal["bubblewrap", "landlock", "unsafe"]

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Each arena of the C library takes 64 MiB of address space, which is what is limited
    "MALLOC_ARENA_MAX": "1",
    # What a library calls is looked up once, and not by every fork
    "LD_BIND_NOW": "1",
}
"""All that a sandbox knows of the caller's environment: nothing."""

_INSIDE = Path(__file__).parent / "inside"
_APP, _PYTHON, _PACKAGES = "/app", "/py", "/site"
_SPARE_PROCESSES = 8
_STACK_BYTES = 64 << 20
# Empty packages stand for those above the folder: nothing else of prefkit is ever read inside
_START = """
import sys, types
for name, folder in (("prefkit", "/prefkit"), ("prefkit.sandbox", "/prefkit/sandbox")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [{app!r} + folder]
from prefkit.sandbox.inside.runner import main
main()
"""


class Launch(NamedTuple):
    """A command with its environment; the configuration and two descriptors come last."""

    command: list[str]
    environment: dict[str, str]
    config: dict[str, Any]
    level: Level


def launch(level: Level, limits: Limits, number: int) -> Launch:
    """How worker `number` of a level is started.

    Raises:
        ConfigError: the level cannot run here: a program is missing, or root may not use it, or
            a package that candidates may import is not installed.
    """
    packages = dict(places(limits.packages))
    if level != "bubblewrap":
        return _without_namespaces(level, limits, packages)
    program = shutil.which("bwrap")
    if program is None:
        raise ConfigError(
            "bubblewrap is not installed, so candidates cannot be isolated",
            hint="apt-get install bubblewrap",
        )
    root = os.geteuid() == 0
    inner = _interpreter()
    # No --die-with-parent: it fires when the thread ends that started a worker, does nothing for
    # root once the runner is another user, and the runner watches the caller itself
    command = [
        program,
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--as-pid-1", "--new-session", "--cap-drop", "ALL"),
        *(("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if root else ("--unshare-user",)),
        *_mounts(inner, packages),
        *("--hostname", "sandbox", "--chdir", "/", "--"),
        *_python(inner.program, _APP),
    ]
    readable = (inner.prefix, _APP, _PACKAGES, "/usr", "/lib", "/lib64", "/dev/urandom")
    config = _config(limits, readable, tuple(packages and [_PACKAGES])) | {
        "user": user_of(number) if root else None,
        "processes": limits.threads + _SPARE_PROCESSES,
    }
    return Launch(command, _environment(inner), config, level)


def _without_namespaces(level: Level, limits: Limits, packages: dict[str, Path]) -> Launch:
    if level == "landlock" and os.geteuid() == 0:
        raise ConfigError(
            "without namespaces nothing runs as root",
            hint="apt-get install bubblewrap, or run as an ordinary user",
        )
    site = sorted({str(path.parent) for path in packages.values()})
    inner = _interpreter()
    outside = inner._replace(prefix=inner.bound or inner.prefix)
    program = inner.program.replace(inner.prefix, outside.prefix, 1)
    readable = (outside.prefix, str(_INSIDE), *map(str, packages.values()), "/usr/lib", "/lib")
    config = _config(limits, (*readable, "/lib64", "/usr/lib64", "/dev/urandom"), tuple(site)) | {
        "isolated": level == "landlock",
        "least_landlock": LEAST_ABI,
        "processes": most_threads(limits.threads) if level == "landlock" else None,
    }
    command = _python(program, str(_INSIDE.parent.parent.parent))
    return Launch(command, _environment(outside), config, level)


def _python(program: str, application: str) -> list[str]:
    return [program, "-s", "-S", "-P", "-c", _START.format(app=application)]


def _environment(interpreter: _Interpreter) -> dict[str, str]:
    return {**ENVIRONMENT, "LD_LIBRARY_PATH": f"{interpreter.prefix}/lib"}


def _config(limits: Limits, readable: tuple[str, ...], paths: tuple[str, ...]) -> dict[str, Any]:
    return {
        "memory_bytes": limits.memory_mb << 20,
        "cpu_s": int(limits.total_s) + 2,
        "file_bytes": 8 << 20,
        "open_files": limits.open_files,
        "stack_bytes": _STACK_BYTES,
        "readable": readable,
        "modules": (*MODULES, *limits.packages),
        "paths": paths,
        "user": None,
        "isolated": True,
        "least_landlock": 1,
    }


class _Interpreter(NamedTuple):
    program: str
    """Inside."""
    prefix: str
    bound: str | None
    """The folder outside that is the prefix inside; null = it is part of /usr."""


def _interpreter() -> _Interpreter:
    """The interpreter that this environment was made from, as a sandbox sees it."""
    outside = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    prefix = os.path.realpath(sys.base_prefix)
    if prefix == "/usr" or outside.startswith("/usr/"):
        return _Interpreter(outside, prefix, None)
    relative = os.path.relpath(outside, prefix)
    if relative.startswith(".."):
        raise ConfigError(f"the interpreter {outside} does not lie in its own folder {prefix}")
    return _Interpreter(f"{_PYTHON}/{relative}", _PYTHON, prefix)


def _mounts(inner: _Interpreter, packages: dict[str, Path]) -> Iterator[str]:
    if inner.bound is None:
        yield from ("--ro-bind", "/usr", "/usr")
    else:
        yield from ("--ro-bind", inner.bound, inner.prefix, "--perms", "0755", "--dir", "/usr")
        yield from ("--ro-bind", "/usr/lib", "/usr/lib")
        yield from ("--ro-bind-try", "/usr/lib64", "/usr/lib64")
    for place in (Path("/lib"), Path("/lib64")):
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        else:
            yield from ("--ro-bind-try", str(place), str(place))
    yield from ("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache")
    folder = _APP
    for part in ("", "/prefkit", "/sandbox"):
        folder += part
        yield from ("--perms", "0755", "--dir", folder)
    yield from ("--ro-bind", str(_INSIDE), f"{folder}/inside")
    if packages:
        yield from ("--perms", "0755", "--dir", _PACKAGES)
    for name, path in packages.items():
        yield from ("--ro-bind", str(path), f"{_PACKAGES}/{name}")
    yield from ("--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/")


def arguments(launch: Launch, control: int, caller: int) -> list[str]:
    """The whole command line of a runner, with its control socket and the caller's pidfd."""
    return [*launch.command, json.dumps(launch.config), str(control), str(caller)]

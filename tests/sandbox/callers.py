"""Who calls a sandbox in these tests, and at which level: root and an ordinary user.

An ordinary user can seldom read the folder of root's interpreter, so that user is given a view of
it: a folder of links to, or copies of, the interpreter, numpy, prefkit and these tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

__all__ = ["WAYS", "Caller", "Way", "callers", "cannot"]

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_LEFT_OUT = ("site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*", "*.a")


class Way(NamedTuple):
    user: str
    level: str

    def __str__(self) -> str:
        return f"{self.user}-{self.level}"


WAYS = (Way("root", "bubblewrap"), Way("user", "bubblewrap"), Way("user", "landlock"))
"""As root nothing runs without namespaces."""


def cannot(why: str) -> NoReturn:
    """Say that a level was not tested: a failure in CI, a loud skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"the sandbox was NOT tested: {why}")
    pytest.skip(f"the sandbox was NOT tested: {why}")


class Caller(NamedTuple):
    """Starts Python as somebody."""

    program: str
    environment: dict[str, str]
    user: int | None

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """`python ARGUMENTS` with nothing but this environment."""
        other = {} if self.user is None else {"user": self.user, "group": self.user}
        groups: dict[str, Any] = {} if self.user is None else {"extra_groups": []}
        return subprocess.Popen(
            [self.program, "-B", *arguments],
            env=self.environment,
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            **other,
            **groups,
            **more,
        )


@pytest.fixture(scope="session")
def callers() -> Iterator[Callable[[Way], Caller]]:
    """The caller of a way, made once."""
    made: dict[str, Caller] = {}
    with ExitStack() as stack:

        def of(way: Way) -> Caller:
            if way.user not in made:
                made[way.user] = stack.enter_context(_caller_of(way))
            return made[way.user]

        yield of


@contextmanager
def _caller_of(way: Way) -> Iterator[Caller]:
    """The caller of a way; skips, or fails in CI, where there is no such user."""
    root = os.geteuid() == 0
    if way.user == "root" and not root:
        cannot("this needs root")
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PYTHONDONTWRITEBYTECODE": "1"}
    if way.user == "root" or not root:
        own = {**environment, "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_HERE)])}
        yield Caller(sys.executable, own, None)
        return
    view = Path(tempfile.mkdtemp(prefix="prefkit-view-"))
    try:
        program = _seen(view)
        places = [view / "app", view / "app" / "tests" / "sandbox", view / "site"]
        environment["PYTHONPATH"] = os.pathsep.join(map(str, places))
        # High, and this process's own: whatever is left of it at the end is found by its number
        yield Caller(program, environment, 50_000 + os.getpid() % 10_000)
    finally:
        shutil.rmtree(view)


def _seen(view: Path) -> str:
    """Fill the view; gives the interpreter in it."""
    view.chmod(0o755)
    for package in ("numpy", "numpy.libs"):
        for place in map(Path, sys.path):
            if (place / package).is_dir():
                _linked(place / package, view / "site" / package)
                break
    _linked(_ROOT / "prefkit", view / "app" / "prefkit", "__pycache__")
    _linked(_HERE, view / "app" / "tests" / "sandbox", "__pycache__")
    prefix = Path(sys.base_prefix).resolve()
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if prefix != Path("/usr"):
        _linked(prefix, view / "python", *_LEFT_OUT)
        program = view / "python" / program.relative_to(prefix)
    for folder in (view / "app", view / "app" / "tests", view / "site"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return str(program)


def _linked(source: Path, target: Path, *left_out: str) -> None:
    ignore = shutil.ignore_patterns(*left_out)
    shutil.copytree(source, target, ignore=ignore, symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(source, target)

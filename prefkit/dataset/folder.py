"""Folders that appear whole or not at all.

A folder is written beside its final place and moved there by one rename, so that a kill at any
moment leaves the old state or the new one. What a killed writer left behind is removed by the next
writer.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefkit.errors import ConfigError, DataError

__all__ = ["EVENTS", "MANIFEST", "atomic_folder", "check_target", "sync_tree", "write_file"]

MANIFEST = "manifest.json"
EVENTS = "events.sqlite"
"""What people decided, in the folder of a review: nothing ever replaces it."""
_WORK = ".tmp"
_LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_EXCHANGE = 2  # RENAME_EXCHANGE, renameat2(2)
_AT_FDCWD = -100


@contextmanager
def atomic_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an exception.

    Raises:
        ConfigError: `target` exists and `force` is off, or it is nothing that prefkit wrote.
        DataError: the disk is full or refuses otherwise.
    """
    target = target.absolute() if target.name != ".." else target.resolve()
    check_target(target, force=force)
    _make_parent(target)
    try:
        with _locked(target) as work:
            yield work
            sync_tree(work)
            check_target(target, force=force)
            _move(work, target)
    except OSError as error:
        own = str(error.filename or "").startswith(f"{target.parent}{os.sep}.{target.name}.")
        if error.errno not in _FULL and not own:
            raise  # not about this folder: what the block reads has its own errors
        raise DataError(f"cannot write {target}: {error.strerror}") from error


def _make_parent(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target.parent, target.name)
    except OSError as error:
        raise ConfigError(f"cannot write in {target.parent}: {error.strerror}") from error


@contextmanager
def _locked(target: Path) -> Iterator[Path]:
    """A work folder beside the target, and beside that a lock that says that its writer lives.

    The lock is there before the folder and goes after it, so a free lock means: no writer.
    """
    while True:
        work = target.with_name(f".{target.name}.{secrets.token_hex(6)}{_WORK}")
        path = work.with_suffix(_LOCK)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _names(path, lock.fileno()):
                continue  # another writer took it for a leftover before it was locked
            try:
                work.mkdir()
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
                path.unlink(missing_ok=True)
        return


def _names(path: Path, handle: int) -> bool:
    """Whether a path still is the opened file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def check_target(target: Path, *, force: bool, source: Path | None = None) -> None:
    """Refuse to write where something is, unless `force` and it is a prefkit folder.

    Raises:
        ConfigError: as above; neither a symlink nor the folder read from is ever replaced.
    """
    if target.is_symlink():
        raise ConfigError(f"{target} is a symbolic link; nothing is replaced through one")
    if not target.exists():
        return
    if source is not None and target.resolve() == source.resolve():
        raise ConfigError(f"{target} is the dataset itself; name another --out")
    if not force:
        raise ConfigError(
            f"{target} exists already", hint="add --force to replace it, or another --out"
        )
    if not (target.is_dir() and _is_manifest(target / MANIFEST)):
        raise ConfigError(f"{target} holds no prefkit manifest, so --force does not replace it")
    if (target / EVENTS).exists():
        raise ConfigError(
            f"{target} is a review that people have voted in, so --force does not replace it",
            hint="name another folder with --out",
        )


def write_file(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old content or the new one."""
    work = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with work.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    work.replace(path)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below `folder` to disk."""
    for place, _, files in os.walk(folder, topdown=False):
        for name in (*files, "."):
            handle = os.open(Path(place) / name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _is_manifest(path: Path) -> bool:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "prefkit" in manifest


def _move(work: Path, target: Path) -> None:
    if not target.exists():
        try:
            work.rename(target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise ConfigError(f"{target} was written by another process meanwhile") from error
            raise DataError(f"cannot move the result to {target}: {error}") from error
    else:
        _exchange(work, target)
        shutil.rmtree(work)
    sync_tree_entry(target.parent)


def sync_tree_entry(folder: Path) -> None:
    """Flush one folder's own entries (names), not its files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step where the system can (Linux), else in two renames."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(one), os.fsencode(other)
        if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) == 0:
            return
        if ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL):
            code = ctypes.get_errno()
            raise DataError(f"cannot replace {other}: {os.strerror(code)}")
    aside = one.with_name(f"{one.name}.old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _remove_leftovers(parent: Path, name: str) -> None:
    """Remove the work folders of `name` whose writer is gone: the lock is free."""
    pattern = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{12}}({_WORK}|{_LOCK})")
    found = {
        entry.with_suffix(_LOCK) for entry in parent.iterdir() if pattern.fullmatch(entry.name)
    }
    for path in sorted(found):
        with path.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(path.with_suffix(_WORK), ignore_errors=True)
            path.unlink(missing_ok=True)

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
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefkit.errors import ConfigError, DataError

__all__ = ["MANIFEST", "atomic_folder", "check_target", "sync_tree", "write_file"]

MANIFEST = "manifest.json"
_LOCK = ".lock"
_EXCHANGE = 2  # RENAME_EXCHANGE, renameat2(2)
_AT_FDCWD = -100


@contextmanager
def atomic_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `target` when the block ends without an exception.

    Raises:
        ConfigError: `target` exists and `force` is off, or it is nothing that prefkit wrote.
    """
    check_target(target, force=force)
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(parent, target.name)
    work = parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    work.mkdir()
    with (work / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield work
            (work / _LOCK).unlink()
            sync_tree(work)
            check_target(target, force=force)
            _move(work, parent / target.name)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


def check_target(target: Path, *, force: bool) -> None:
    """Refuse to write where something is, unless `force` and it is a prefkit folder.

    Raises:
        ConfigError: as above; a symlink is never replaced.
    """
    if target.is_symlink():
        raise ConfigError(f"{target} is a symbolic link; nothing is replaced through one")
    if not target.exists():
        return
    if not force:
        raise ConfigError(
            f"{target} exists already", hint="add --force to replace it, or another --out"
        )
    if not (target.is_dir() and _is_manifest(target / MANIFEST)):
        raise ConfigError(f"{target} holds no prefkit manifest, so --force does not replace it")


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
        return "prefkit" in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


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
    """Remove work folders of `name` whose writer is gone: its lock is free."""
    for work in parent.glob(f".{name}.*.tmp"):
        try:
            with (work / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(work)
        except FileNotFoundError:
            if work.is_dir() and not any(work.iterdir()):
                continue  # being created at this moment by another writer
            shutil.rmtree(work, ignore_errors=True)
        except BlockingIOError:
            continue

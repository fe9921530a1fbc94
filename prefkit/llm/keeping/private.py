"""Files that only their owner may read: 0600, in a folder made 0700, never through a link."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path

from prefkit.errors import DataError

__all__ = ["open_private", "sync_folder", "tighten"]

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_REASONS = {
    errno.ELOOP: "it is a symbolic link, and nothing private is written through one",
    errno.EISDIR: "it is a folder",
}
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
_OTHER_FOLDER = "name another folder for replies, on a disk of this machine"


def open_private(path: Path) -> int:
    """Open a file to read and append, made with its folder if missing; gives the handle.

    A folder that exists keeps its mode: it may hold other things. So does a file, until `tighten`.

    Raises:
        DataError: it cannot be opened, is no regular file, or the file system has no locks.
    """
    _make_folder(path.parent)
    try:
        handle = os.open(path, _FLAGS, 0o600)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror)
        raise DataError(f"cannot open {path}: {reason}", hint=_OTHER_FOLDER) from error
    try:
        _check(path, handle)
    except BaseException:
        os.close(handle)
        raise
    return handle


def tighten(path: Path, handle: int) -> None:
    """Take every right from everybody but the owner, whatever the umask was or the file had.

    Raises:
        DataError: the file belongs to somebody else.
    """
    if stat.S_IMODE(os.fstat(handle).st_mode) == 0o600:
        return
    try:
        os.fchmod(handle, 0o600)
    except OSError as error:
        raise DataError(
            f"cannot make {path} private: {error.strerror}", hint=_OTHER_FOLDER
        ) from error


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path) -> None:
    try:
        if folder.is_dir():
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)  # the umask may have taken the owner's own rights
        sync_folder(folder.parent)
    except OSError as error:
        raise DataError(
            f"cannot make the folder {folder}: {error.strerror}", hint=_OTHER_FOLDER
        ) from error


def _check(path: Path, handle: int) -> None:
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode):
        raise DataError(f"cannot open {path}: it is no regular file", hint=_OTHER_FOLDER)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_UN)
    except BlockingIOError:
        pass  # somebody writes: locks work
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        message = f"cannot share {path} safely: its file system has no file locks"
        raise DataError(message, hint=_OTHER_FOLDER) from error
    if not facts.st_size:
        sync_folder(path.parent)

"""Landlock: which files a process may open, whatever the file system shows it.

Source: the kernel's userspace API documentation, landlock.rst. Needs no privilege and no package.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

__all__ = ["LEAST_ABI", "abi", "prepare", "restrict"]

LEAST_ABI = 3
"""From here on files cannot be truncated behind its back."""

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_VERSION = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILES_V1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_syscall = ctypes.CDLL(None, use_errno=True).syscall


def abi() -> int:
    """The version that the kernel speaks; 0 = none."""
    found = int(_syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    return max(0, found)


def prepare(readable: Iterable[str], usable: Iterable[str]) -> int:
    """A descriptor of rules for `restrict`: made once, it serves every fork.

    They let a process open nothing but what lies below `readable`, and never to write; `usable` are
    devices that may be read and written (`/dev/null`). TCP, abstract sockets and signals out of the
    sandbox are refused where the kernel knows how.

    Raises:
        OSError: the kernel refuses; nothing may run then.
    """
    version = abi()
    files = _FILES_V1
    for least, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        files |= right if version >= least else 0
    net = _BIND_TCP | _CONNECT_TCP if version >= 4 else 0
    scope = _SCOPE_ABSTRACT | _SCOPE_SIGNAL if version >= 6 else 0
    attributes = struct.pack("=QQQ", files, net, scope)[: _size(version)]
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for path in readable:
        _allow(ruleset, path, _READ_FILE | _READ_DIR)
    for path in usable:
        _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
    return ruleset


def restrict(ruleset: int) -> None:
    """Hold this process to the rules, for good, and close the descriptor.

    Raises:
        OSError: the kernel refuses; nothing may run then.
    """
    _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def _size(version: int) -> int:
    return 8 if version < 4 else 16 if version < 6 else 24


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= ~_READ_DIR
        rule = struct.pack("=Qi", rights, place)
        _call(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    found = int(_syscall(number, *arguments))
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return found

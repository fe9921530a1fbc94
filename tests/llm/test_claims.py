"""One asks at a time, among clients and processes, and the dead hold nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import claims_child
import pytest

from prefkit.errors import DataError
from prefkit.llm.keeping.claims import Claims, lock_by_description, lock_by_process


@contextmanager
def opened(path: Path, lock: object = lock_by_description) -> Iterator[Claims]:
    assert callable(lock)
    claims = Claims(path, lock=lock)
    try:
        yield claims
    finally:
        claims.close()


@contextmanager
def holder(path: Path, *keys: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds these claims, if it could get them."""
    child = subprocess.Popen(
        [sys.executable, claims_child.__file__, str(path), *keys],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdin is not None
        try:
            yield child
        finally:
            child.kill()


def heard(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_claim_is_held_by_one_until_it_is_given_back(tmp_path: Path) -> None:
    with opened(tmp_path / "claims") as one, opened(tmp_path / "claims") as other:
        assert one.take("k")
        assert not other.take("k")
        assert other.take("another")
        one.give_back("k")
        assert other.take("k")
        assert not one.take("k")


def test_a_claim_that_this_client_holds_is_not_given_again(tmp_path: Path) -> None:
    with opened(tmp_path / "claims") as claims:
        assert claims.take("k")
        assert not claims.take("k")
        claims.give_back("k")
        assert claims.take("k")


def test_only_a_holder_can_give_back(tmp_path: Path) -> None:
    with opened(tmp_path / "claims") as one, opened(tmp_path / "claims") as other:
        assert one.take("k")
        other.give_back("k")
        assert not other.take("k")
        one.give_back("never taken")


def test_closing_gives_back_what_this_client_held_and_nothing_else(tmp_path: Path) -> None:
    with opened(tmp_path / "claims") as one, opened(tmp_path / "claims") as other:
        with opened(tmp_path / "claims") as third:
            assert (one.take("a"), third.take("b")) == (True, True)
        assert not other.take("a")
        assert other.take("b")


def test_two_processes_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "claims"
    with opened(path) as claims:
        assert claims.take("mine")
        with holder(path, "mine", "theirs") as child:
            assert heard(child) == "theirs"
            assert not claims.take("theirs")
            assert child.stdin is not None
            child.stdin.write("theirs\n")
            child.stdin.flush()
            assert heard(child) == "given back"
            assert claims.take("theirs")


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "claims"
    with opened(path) as claims, holder(path, "a", "b") as child:
        assert heard(child) == "a b"
        assert not claims.take("a")
        child.send_signal(signal.SIGKILL)
        assert child.wait(30) == -9
        assert (claims.take("a"), claims.take("b")) == (True, True)


def test_a_thousand_claims_are_held_at_once(tmp_path: Path) -> None:
    keys = [f"{number:064x}" for number in range(1000)]
    path = tmp_path / "claims"
    with opened(path) as claims, opened(path) as other:
        assert [key for key in keys if not claims.take(key)] == []
        with holder(path, *keys, "free") as child:
            assert heard(child) == "free"
        for key in keys[::2]:
            claims.give_back(key)
        assert [key for key in keys if other.take(key)] == keys[::2]


FORK = """
import os, signal, sys
from pathlib import Path
from prefkit.llm.keeping.claims import Claims

claims, other = (Claims(Path(sys.argv[1])) for _ in range(2))
assert claims.take("k")
read, write = os.pipe()
child = os.fork()
if not child:
    os.write(write, b"%d%d" % (claims.take("k"), claims.take("of the child")))
    signal.pause()
try:
    print("child:", os.read(read, 2).decode())
    print("other:", other.take("k"), other.take("of the child"))
    claims.close()
    print("other, the parent having closed while the child lives:", other.take("k"))
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def test_a_forked_child_neither_shares_nor_prolongs_the_claims_of_its_parent(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(tmp_path / "claims")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "child: 01",
        "other: False False",
        "other, the parent having closed while the child lives: True",
    ], done.stderr


def test_the_file_is_private_and_stays_empty(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "replies/claims") as claims:
            assert claims.take("k")
    finally:
        os.umask(before)
    assert (tmp_path / "replies").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "replies/claims").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "replies/claims").read_bytes()


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "claims").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"cannot open .*claims: it is a symbolic link"):
        Claims(tmp_path / "claims")


def test_a_lock_says_exactly_one_byte_to_the_kernel(tmp_path: Path) -> None:
    # Read back by the kernel's own list of locks: kind, inode, first and last byte.
    with opened(tmp_path / "claims") as claims:
        handle = os.open(tmp_path / "claims", os.O_RDWR)
        inode = os.fstat(handle).st_ino
        place = (1 << 61) + 12345
        lock_by_description(handle, place, fcntl.F_WRLCK)
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        mine = [fields for fields in locks if fields[-3].endswith(f":{inode}")]
        os.close(handle)
        assert [(fields[1], fields[3], *fields[-2:]) for fields in mine] == [
            ("OFDLCK", "WRITE", str(place), str(place))
        ]
        assert claims.take("k")


def test_without_the_better_locks_processes_still_exclude_each_other(tmp_path: Path) -> None:
    path = tmp_path / "claims"
    with opened(path, lock_by_process) as claims:
        assert claims.take("k")
        assert not claims.take("k")
        with holder(path, "k", "theirs") as child:
            assert heard(child) == "theirs"
            assert not claims.take("theirs")
            claims.give_back("k")
        with holder(path, "k") as child:
            assert heard(child) == "k"

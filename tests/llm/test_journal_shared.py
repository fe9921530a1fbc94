"""Several processes append to one journal, while others read or replace it."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journal_child import NAME, answer, keys, start

from prefkit.llm.keeping.journal import Journal

REPLY = b'{"text":"yes"}'
REQUEST = b'{"ask":1}'


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    journal = Journal(folder, NAME)
    try:
        yield journal
    finally:
        journal.close()


def test_refresh_shows_what_another_opening_added(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.put_all([("a", REPLY, REQUEST)])
        assert other.get("a") is None
        other.refresh()
        assert other.get("a") == REPLY
        other.put_all([("b", REPLY, REQUEST)])
        one.put_all([("c", REPLY, REQUEST)])  # sees, on the way, what lies before it
        assert [one.get(key) for key in "abc"] == [REPLY] * 3


def test_a_line_that_a_live_process_is_still_writing_is_no_damage(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put_all([("a", REPLY, REQUEST)])
        first = journal.path.stat().st_size
        journal.put_all([("c", REPLY, REQUEST)])
        line = journal.path.read_bytes()[first:]
        os.truncate(journal.path, first)
        writer = os.open(journal.path, os.O_RDWR | os.O_APPEND)
        fcntl.flock(writer, fcntl.LOCK_EX)
        os.write(writer, line[:40])
        journal.refresh()
        with opened(tmp_path) as late:
            assert (journal.damaged, late.damaged) == (0, 0)
            assert (len(journal), len(late)) == (1, 1)
            os.write(writer, line[40:])
            journal.refresh()
            late.refresh()
            assert (journal.get("c"), late.get("c")) == (REPLY, REPLY)
            assert (journal.damaged, late.damaged) == (0, 0)
        os.write(writer, line[:40])
        os.close(writer)  # it dies: nobody holds the lock, so the line will not get longer
        journal.refresh()
        assert journal.damaged == 1
        journal.put_all([("d", REPLY, REQUEST)])
        assert (journal.get("d"), journal.damaged) == (REPLY, 1)


def test_a_file_that_became_shorter_is_read_again(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put_all([("a", REPLY, REQUEST)])
        first = journal.path.stat().st_size
        journal.put_all([("b", REPLY, REQUEST)])
        os.truncate(journal.path, first)
        journal.refresh()
        assert (journal.get("a"), journal.get("b"), len(journal)) == (REPLY, None, 1)


def test_rewriting_leaves_only_what_is_kept_and_no_trace_of_the_rest(tmp_path: Path) -> None:
    with opened(tmp_path) as journal, opened(tmp_path) as other:
        journal.put_all([("a", b'{"text":"first"}', REQUEST), ("secret", REPLY, REQUEST)])
        journal.put_all([("a", REPLY, REQUEST)])
        with journal.path.open("ab") as stream:
            stream.write(b'{"prefkit":1,"key":"secret","torn\n')
        before = journal.entries()
        assert next(before).key == "secret"
        assert journal.rewrite(lambda key, reply, request: key != "secret") == 1
        assert [entry.key for entry in before] == ["a"]  # a look begun before goes on as it was
        text = journal.path.read_text()
        assert "secret" not in text
        assert "first" not in text
        assert (journal.get("a"), journal.get("secret"), journal.damaged) == (REPLY, None, 0)
        other.put_all([("b", REPLY, REQUEST)])  # its file is no longer the one of that name
        assert [other.get(key) for key in ("a", "b", "secret")] == [REPLY, REPLY, None]
        journal.refresh()
        assert journal.get("b") == REPLY
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.jsonl"]


def test_rewriting_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put_all([("a", REPLY, REQUEST)])
        before = journal.path.read_bytes()
        with pytest.raises(ZeroDivisionError):
            journal.rewrite(lambda key, reply, request: bool(1 / 0))
        assert journal.path.read_bytes() == before
        journal.put_all([("b", REPLY, REQUEST)])
        assert journal.get("b") == REPLY
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.jsonl"]


def test_no_entry_of_another_process_is_lost_while_the_file_is_replaced(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put_all([("goes", REPLY, REQUEST), ("stays", REPLY, REQUEST)])
        child = start("put", tmp_path, NAME, "c", 600, 10, 20_000)
        rewritten = 0
        while child.poll() is None:
            journal.rewrite(lambda key, reply, request: key != "goes")
            rewritten += 1
        said = child.communicate()[0].split()
        journal.refresh()
        assert child.returncode == 0
        assert rewritten > 2
        assert sorted(said) == sorted(keys("c", 600, 10, 20_000))
        assert [key for key in said if journal.get(key) != answer(key)[0]] == []
        assert (journal.get("goes"), journal.get("stays"), journal.damaged) == (None, REPLY, 0)
        assert len(journal) == 601


def test_two_processes_never_mix_what_they_append(tmp_path: Path) -> None:
    children = [start("put", tmp_path, NAME, prefix, 2000, 5000, 200_000) for prefix in "xy"]
    with opened(tmp_path) as journal:
        while any(child.poll() is None for child in children):
            journal.refresh()  # a reader meets half-written lines meanwhile
            assert journal.damaged == 0
            time.sleep(0.01)
        for child in children:
            assert child.communicate()[0].count("\n") == 2000
            assert child.returncode == 0
        journal.refresh()
        wanted = [key for prefix in "xy" for key in keys(prefix, 2000, 5000, 200_000)]
        assert len(journal) == len(wanted) == 4000
        assert [key for key in wanted if journal.get(key) != answer(key)[0]] == []
        assert journal.damaged == 0
        journal.path.unlink()  # hundreds of megabytes


HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the journal's lock until its input ends."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def test_who_has_the_lock_holds_up_what_is_put_and_not_the_event_loop(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "who")

    async def put_while_held(holder: subprocess.Popen[str]) -> tuple[float, bool, int]:
        puts = [asyncio.ensure_future(journal.put(f"k{n}", b"{}", b"{}")) for n in range(20)]
        longest, begun = 0.0, time.monotonic()
        while (before := time.monotonic()) - begun < 0.5:
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - before)
        waited = not any(put.done() for put in puts)
        assert holder.stdin is not None
        holder.stdin.close()
        puts += [asyncio.ensure_future(journal.put(f"k{n}", b"{}", b"{}")) for n in range(20, 40)]
        await asyncio.gather(*puts)
        return longest, waited, len(journal)

    with held(journal.path) as holder:
        longest, waited, kept = asyncio.run(put_while_held(holder))
    assert longest < 0.3
    assert (waited, kept) == (True, 40)
    journal.close()
    again = Journal(tmp_path, "who")
    assert [entry.key for entry in again.entries()] == [f"k{n}" for n in range(40)]
    assert again.damaged == 0
    again.close()


def test_closing_while_somebody_has_the_lock_ends_and_says_what_is_lost(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "who")

    async def put_and_close() -> None:
        puts = [asyncio.ensure_future(journal.put(key, b"{}", b"{}")) for key in "abc"]
        await asyncio.sleep(0.1)
        with pytest.raises(OSError, match="3 paid answers could not be written") as said:
            await asyncio.to_thread(journal.close)
        assert (said.value.errno, said.value.filename) == (errno.EBUSY, str(journal.path))
        told = await asyncio.gather(*puts, return_exceptions=True)
        assert [type(error) for error in told] == [OSError] * 3

    with held(journal.path):
        begun = time.monotonic()
        asyncio.run(put_and_close())
        assert time.monotonic() - begun < 8

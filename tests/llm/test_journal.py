"""Answers are on disk before they count, in a private file that is only ever appended to."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prefkit.errors import DataError
from prefkit.llm.keeping.entries import MOST_BYTES
from prefkit.llm.keeping.journal import Journal

REPLY = b'{"text":"yes"}'
REQUEST = b'{"messages":["yes or no?"]}'


@contextmanager
def opened(folder: Path, name: str = "who") -> Iterator[Journal]:
    journal = Journal(folder, name)
    try:
        yield journal
    finally:
        journal.close()


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o7777)


def put(journal: Journal, *keys: str) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(journal.put(key, REPLY, REQUEST) for key in keys))

    asyncio.run(all_of_them())


def test_what_was_put_is_there_at_once_and_after_opening_again(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        assert journal.get("k") is None
        put(journal, "k")
        assert journal.get("k") == REPLY
    with opened(tmp_path) as journal:
        assert journal.get("k") == REPLY
        assert (len(journal), journal.damaged) == (1, 0)
        assert list(journal.entries()) == [("k", REPLY, REQUEST)]


def test_the_later_of_two_answers_counts(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, "k", "other")
        journal.put_all([("k", b'{"text":"no"}', REQUEST)])
        assert journal.get("k") == b'{"text":"no"}'
    with opened(tmp_path) as journal:
        assert [(entry.key, entry.reply) for entry in journal.entries()] == [
            ("other", REPLY),
            ("k", b'{"text":"no"}'),
        ]


def test_every_line_is_json_for_other_tools(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, "one", "two")
        lines = [json.loads(line) for line in journal.path.read_text().splitlines() if line]
    assert [(line["key"], line["reply"], line["request"]) for line in lines] == [
        ("one", {"text": "yes"}, {"messages": ["yes or no?"]}),
        ("two", {"text": "yes"}, {"messages": ["yes or no?"]}),
    ]


def test_an_answer_is_in_the_file_before_its_sync_so_that_a_kill_cannot_lose_it(
    tmp_path: Path,
) -> None:
    async def look_while_it_waits(journal: Journal) -> bytes:
        task = asyncio.create_task(journal.put("k", REPLY, REQUEST))
        await asyncio.sleep(0)  # the task has run up to where it waits for the sync
        assert not task.done()
        text = journal.path.read_bytes()
        await task
        return text

    with opened(tmp_path) as journal:
        assert REPLY in asyncio.run(look_while_it_waits(journal))


def test_a_cancelled_put_is_kept_all_the_same(tmp_path: Path) -> None:
    async def cancel(journal: Journal) -> None:
        task = asyncio.create_task(journal.put("k", REPLY, REQUEST))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await journal.put("other", REPLY, REQUEST)

    with opened(tmp_path) as journal:
        asyncio.run(cancel(journal))
        assert journal.get("k") == REPLY


async def put_without_waiting(journal: Journal, key: str) -> None:
    task = asyncio.create_task(journal.put(key, REPLY, REQUEST))
    await asyncio.sleep(0)
    assert not task.done()


def test_what_waits_when_the_event_loop_ends_is_written_by_close(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        asyncio.run(put_without_waiting(journal, "k"))
    with opened(tmp_path) as journal:
        assert journal.get("k") == REPLY


def test_a_journal_serves_one_event_loop_after_another(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, "first")
        asyncio.run(put_without_waiting(journal, "second"))
        put(journal, "third")
        assert [journal.get(key) for key in ("first", "second", "third")] == [REPLY] * 3


@pytest.mark.parametrize("key", ["", "a b", 'a"b', "a\\b", "a\nb", "é", "k" * 201])
def test_a_key_that_would_break_the_line_is_refused(tmp_path: Path, key: str) -> None:
    with opened(tmp_path) as journal:
        with pytest.raises(ValueError, match="a key must be"):
            put(journal, key)
        with pytest.raises(ValueError, match="a key must be"):
            journal.put_all([(key, REPLY, REQUEST)])
        assert not journal.path.read_bytes()


@pytest.mark.parametrize("payload", [b"", b"{\n}", b'{"a":\t1}', b"\0"])
def test_a_payload_that_is_no_compact_json_is_refused(tmp_path: Path, payload: bytes) -> None:
    with opened(tmp_path) as journal:
        with pytest.raises(ValueError, match="a payload of k is no compact JSON"):
            journal.put_all([("k", payload, REQUEST)])
        with pytest.raises(ValueError, match="a payload of k is no compact JSON"):
            journal.put_all([("k", REPLY, payload)])


def test_an_entry_that_could_not_be_read_again_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        with pytest.raises(DataError, match="the answer and request of k are too long to keep"):
            journal.put_all([("k", b"[%s]" % (b"1" * MOST_BYTES), REQUEST)])
        assert len(journal) == 0


def test_a_long_entry_is_kept_like_any_other(tmp_path: Path) -> None:
    reply = b'{"text":"%s"}' % (b"long" * 5_000_000)
    with opened(tmp_path) as journal:
        journal.put_all([("before", REPLY, REQUEST), ("k", reply, REQUEST)])
        put(journal, "after")
    with opened(tmp_path) as journal:
        assert journal.get("k") == reply
        assert (len(journal), journal.damaged) == (3, 0)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b", "x" * 201])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a journal"):
        Journal(tmp_path, name)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277, 0o777])
def test_folder_and_file_are_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with opened(tmp_path / "replies") as journal:
            put(journal, "k")
            journal.rewrite(lambda key, reply, request: True)
    finally:
        os.umask(before)
    assert mode(tmp_path / "replies") == "0o700"
    assert mode(journal.path) == "0o600"


def test_a_file_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, "k")
    journal.path.chmod(0o644)
    tmp_path.chmod(0o755)
    with opened(tmp_path) as journal:
        assert journal.get("k") == REPLY
    assert mode(journal.path) == "0o600"
    assert mode(tmp_path) == "0o755"  # the folder was there before: it may hold other things


def make_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text("mine")
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_link, "it is a symbolic link"),
        (Path.mkdir, "it is a folder"),
        (os.mkfifo, "it is no regular file"),
    ],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    make(tmp_path / "who.jsonl")
    with pytest.raises(DataError, match=f"cannot open .*who.jsonl: {reason}") as caught:
        Journal(tmp_path, "who")
    assert caught.value.hint
    assert not (tmp_path / "elsewhere").exists() or (tmp_path / "elsewhere").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "replies").write_text("mine")
    with pytest.raises(DataError, match=r"cannot make the folder .*replies"):
        Journal(tmp_path / "replies", "who")
    assert (tmp_path / "replies").read_text() == "mine"


@pytest.mark.parametrize(
    "text", ["hello", "hello\n", '{"id":1}\n{"id":2}\n', "\n\n[1]\n", "\x7fELF\0\0", "x" * 300_000]
)
def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "who.jsonl"
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(DataError, match="is no journal of replies; nothing was changed") as caught:
        Journal(tmp_path, "who")
    assert caught.value.hint == f"mv {path} {path}.other"
    assert path.read_text() == text
    assert mode(path) == "0o644"


def test_a_file_that_took_the_place_of_the_journal_is_not_written_to(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, "k")
        (tmp_path / "other").write_text("mine\n")
        (tmp_path / "other").rename(journal.path)
        with pytest.raises(DataError, match="is no journal of replies"):
            put(journal, "later")
        with pytest.raises(DataError, match="is no journal of replies"):
            journal.refresh()
        assert journal.path.read_text() == "mine\n"


def test_a_journal_that_was_deleted_is_begun_again(tmp_path: Path) -> None:
    with opened(tmp_path / "replies") as journal:
        put(journal, "k")
        journal.path.unlink()
        (tmp_path / "replies").rmdir()
        put(journal, "later")
        assert (journal.get("k"), journal.get("later")) == (None, REPLY)
    assert mode(journal.path) == "0o600"


AS_NOBODY = """
import os, sys
from pathlib import Path
from prefkit.errors import DataError
from prefkit.llm.keeping.journal import Journal
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Journal(Path(sys.argv[1]), "who")
except DataError as error:
    print(error)
"""


def test_a_file_or_folder_without_permission_is_named(tmp_path: Path) -> None:
    with opened(tmp_path / "files") as journal:
        put(journal, "k")
    journal.path.chmod(0o000)
    (tmp_path / "closed").mkdir(mode=0o500)
    for folder in (tmp_path, tmp_path / "files"):
        folder.chmod(0o755)

    def said(folder: str) -> str:
        # A relative folder, for those above it are closed to others.
        command = [sys.executable, "-c", AS_NOBODY, folder]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()

    assert said("files") == "cannot open files/who.jsonl: Permission denied"
    assert said("closed/new") == "cannot make the folder closed/new: Permission denied"


LITTLE_ROOM = """
import asyncio, resource, sys
from pathlib import Path
from prefkit.llm.keeping.journal import Journal

reply = b'{"text":"%s"}' % (b"a" * 5000)
journal = Journal(Path(sys.argv[1]), "who")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (18_000, most))

async def put(*keys):
    puts = (journal.put(key, reply, b"{}") for key in keys)
    return await asyncio.gather(*puts, return_exceptions=True)

for result in asyncio.run(put("a", "b", "c", "d", "e")):
    print(result and (type(result).__name__, result.errno, result.filename == str(journal.path)))
journal.refresh()
print(len(journal), journal.damaged)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print(asyncio.run(put("f")), len(journal), journal.damaged)
journal.close()
"""


def test_a_full_disk_is_told_to_every_put_that_it_refuses_and_leaves_no_half_entry(
    tmp_path: Path,
) -> None:
    # A limit of the file's size takes a part of a write and refuses the rest, as a full disk does.
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_ROOM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        *["None"] * 3,  # entries of about 5,100 bytes: three fit in 18,000
        *[f"('OSError', {errno.EFBIG}, True)"] * 2,
        "3 0",
        "[None] 4 0",
    ], done.stderr
    with opened(tmp_path) as journal:
        assert [entry.key for entry in journal.entries()] == ["a", "b", "c", "f"]
        assert journal.damaged == 0

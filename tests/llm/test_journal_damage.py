"""Whatever happens to the file, an answer is given exactly as it was put, or not at all."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import DataError
from prefkit.llm.keeping.journal import Journal

REQUEST = b'{"ask":1}'
OLD = b'{"text":"old"}'
NEW = b'{"text":"new"}'


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    journal = Journal(folder, "who")
    try:
        yield journal
    finally:
        journal.close()


def journal_of(folder: Path, *entries: tuple[str, bytes]) -> Path:
    """A journal with these answers, each put alone."""
    with opened(folder) as journal:
        for key, reply in entries:
            journal.put_all([(key, reply, REQUEST)])
        return journal.path


def found(folder: Path, *keys: str) -> tuple[list[bytes | None], int]:
    """What a new opening answers, and how many damaged lines it counts."""
    with opened(folder) as journal:
        return [journal.get(key) for key in keys], journal.damaged


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    path.write_bytes(how(path.read_bytes()))


@pytest.mark.parametrize(
    "where", [b'"prefkit"', b'"key":"b', b'"text"', b"new", b"ask", b'"sum":"']
)
def test_a_flipped_byte_anywhere_in_a_line_takes_only_that_answer(
    tmp_path: Path, where: bytes
) -> None:
    path = journal_of(tmp_path, ("a", OLD), ("b", NEW), ("c", OLD))

    def flip(data: bytes) -> bytes:
        start = data.index(b'"key":"b"') - len(b'{"prefkit":1,')
        place = data.index(where, start) + len(where) - 1
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    change(path, flip)
    assert found(tmp_path, "a", "b", "c") == ([OLD, None, OLD], 1)


def test_a_damaged_later_answer_does_not_hide_a_whole_earlier_one(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("k", OLD), ("k", NEW))
    change(path, lambda data: data.replace(b"new", b"nEw"))
    assert found(tmp_path, "k") == ([OLD], 1)


def test_a_whole_later_answer_replaces_a_damaged_earlier_one(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("k", OLD))
    change(path, lambda data: data.replace(b"old", b"oLd"))
    journal_of(tmp_path, ("k", NEW))
    assert found(tmp_path, "k") == ([NEW], 1)


def test_what_is_damaged_after_opening_is_not_given_and_counted_once(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("k", OLD), ("other", OLD))
    with opened(tmp_path) as journal:
        with path.open("r+b") as stream:
            stream.seek(path.read_bytes().index(b"old"))
            stream.write(b"oLd")
        assert [journal.get("k"), journal.get("k"), journal.get("other")] == [None, None, OLD]
        assert (journal.damaged, len(journal)) == (1, 1)
        assert [entry.key for entry in journal.entries()] == ["other"]
        journal.put_all([("k", NEW, REQUEST)])
        assert journal.get("k") == NEW
    assert found(tmp_path, "k") == ([NEW], 1)


def test_a_torn_end_is_one_damaged_line_and_spoils_nothing_that_follows(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("a", OLD), ("b", OLD))
    whole = path.read_bytes()
    second = whole.rindex(b'{"prefkit"')
    for length in range(second + 1, len(whole)):
        path.write_bytes(whole[:length])
        assert found(tmp_path, "a", "b") == ([OLD, None], 1)
        # The next group gives back a line feed, which is all that the last of these lengths lacks.
        damaged = 0 if length == len(whole) - 1 else 1
        with opened(tmp_path) as journal:
            journal.put_all([("b", NEW, REQUEST)])
            assert (journal.get("b"), journal.damaged) == (NEW, damaged)
        assert found(tmp_path, "a", "b") == ([OLD, NEW], damaged)


@pytest.mark.parametrize("zeros", [1, 4096, 1 << 20])
@pytest.mark.parametrize("keys", ["", "a"])
def test_zeros_that_a_power_cut_leaves_are_damage(tmp_path: Path, zeros: int, keys: str) -> None:
    path = journal_of(tmp_path, *((key, OLD) for key in keys))
    os.truncate(path, path.stat().st_size + zeros)
    assert found(tmp_path, "a") == ([OLD if keys else None], 1)
    journal_of(tmp_path, ("b", NEW))
    assert found(tmp_path, "a", "b") == ([OLD if keys else None, NEW], 1)


def test_rubbish_appended_is_counted_by_lines(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("a", OLD))
    with path.open("ab") as stream:
        stream.write(b"\xff\xfe rubbish\n\n\n{}\nend")
    assert found(tmp_path, "a") == ([OLD], 3)
    journal_of(tmp_path, ("b", NEW))
    assert found(tmp_path, "a", "b") == ([OLD, NEW], 3)


def test_a_line_of_a_hundred_megabytes_is_skipped_without_holding_it(tmp_path: Path) -> None:
    path = journal_of(tmp_path, ("a", OLD))
    with path.open("ab") as stream:
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
        stream.write(b"\n")
    journal_of(tmp_path, ("b", NEW))
    tracemalloc.start()
    try:
        assert found(tmp_path, "a", "b") == ([OLD, NEW], 1)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_reading_many_entries_holds_few_of_them(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.put_all((f"{n:064x}", b"[%s]" % (b"1" * 5000), REQUEST) for n in range(4000))
    tracemalloc.start()
    try:
        with opened(tmp_path) as journal:
            held, most = tracemalloc.get_traced_memory()
            assert len(journal) == 4000
    finally:
        tracemalloc.stop()
    assert held < 4000 * 250  # 20 MB of entries
    assert most < 3_000_000


Damage = Callable[[bytes], bytes]
share = st.floats(0, 1)


def flip(at: float, bits: int) -> Damage:
    def damage(data: bytes) -> bytes:
        place = min(int(at * len(data)), len(data) - 1)
        return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]

    return damage


def cut(at: float, length: int) -> Damage:
    return lambda data: data[: int(at * len(data))] + data[int(at * len(data)) + length :]


def insert(at: float, what: bytes) -> Damage:
    return lambda data: data[: int(at * len(data))] + what + data[int(at * len(data)) :]


def copy(at: float, source: float, length: int) -> Damage:
    return lambda data: insert(at, data[int(source * len(data)) :][:length])(data)


def shorten(at: float) -> Damage:
    return lambda data: data[: int(at * len(data))]


damages = st.one_of(
    st.builds(flip, share, st.integers(1, 255)),
    st.builds(cut, share, st.integers(1, 300)),
    st.builds(insert, share, st.binary(max_size=50) | st.just(b"\n") | st.just(b"\0" * 200)),
    st.builds(copy, share, share, st.integers(1, 400)),
    st.builds(shorten, share),
)
texts = st.text('ab\\"{}[],:', max_size=30).map(lambda text: b'{"t":"%s"}' % text.encode())
entries = st.lists(st.tuples(st.sampled_from("abc"), texts, texts), min_size=1, max_size=8)


@given(entries, st.lists(damages, max_size=4))
def test_any_damage_leaves_each_answer_exact_or_absent(
    put: list[tuple[str, bytes, bytes]], how: list[Damage]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # What each line stands for is known from having written it, not from parsing it.
        written: dict[bytes, tuple[str, bytes, bytes]] = {}
        with opened(folder) as journal:
            for entry in put:
                before = journal.path.stat().st_size
                journal.put_all([entry])
                written[journal.path.read_bytes()[before:].strip(b"\n")] = entry
            data = journal.path.read_bytes()
            for damage in how:
                data = damage(data) if data else data
            journal.path.write_bytes(data)
            for key in "abc":  # in a journal that was open meanwhile
                assert journal.get(key) in [None, *(e[1] for e in put if e[0] == key)]
        lines = data.split(b"\n")[:-1]
        whole = {written[line][0]: written[line] for line in lines if line in written}
        try:
            journal = Journal(folder, "who")
        except DataError:
            assert not whole
            return
        try:
            assert {e.key: e for e in journal.entries()} == whole
            assert {key: journal.get(key) for key in "abc"} == {
                key: whole[key][1] if key in whole else None for key in "abc"
            }
            spoilt = [line for line in [*lines, data.split(b"\n")[-1]] if line not in written]
            assert journal.damaged >= len([line for line in spoilt if line])
            journal.put_all([("z", NEW, REQUEST)])
        finally:
            journal.close()
        assert found(folder, "z", *whole)[0] == [NEW, *(entry[1] for entry in whole.values())]

"""Folders appear whole or not at all, and replace only what prefkit wrote."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from prefkit.dataset.folder import MANIFEST, atomic_folder, check_target, sync_tree, write_file
from prefkit.errors import ConfigError, DataError


def make(target: Path, text: str, *, force: bool = False) -> None:
    with atomic_folder(target, force=force) as work:
        (work / MANIFEST).write_text(json.dumps({"prefkit": {}, "text": text}))


def text_of(target: Path) -> str:
    return str(json.loads((target / MANIFEST).read_text())["text"])


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_folder_is_there_with_all_that_was_written_and_nothing_beside_it(tmp_path: Path) -> None:
    make(tmp_path / "deep/out", "new")
    assert names(tmp_path / "deep") == {"out"}
    assert names(tmp_path / "deep/out") == {MANIFEST}


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with atomic_folder(target) as work:
        assert work.parent == tmp_path
        assert not target.exists()
    assert target.is_dir()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def write() -> None:
        with atomic_folder(tmp_path / "out") as work:
            (work / "file").write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert names(tmp_path) == set()


def test_an_exception_leaves_the_old_folder_as_it_was(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(ValueError, match="half"), atomic_folder(tmp_path / "out", force=True):
        raise ValueError("half")
    assert names(tmp_path) == {"out"}
    assert text_of(tmp_path / "out") == "old"


def test_an_existing_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(ConfigError, match="exists already") as error:
        make(tmp_path / "out", "new")
    assert error.value.hint == "add --force to replace it, or another --out"
    assert text_of(tmp_path / "out") == "old"


def test_force_replaces_the_whole_folder(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    (tmp_path / "out/other").write_text("x")
    make(tmp_path / "out", "new", force=True)
    assert names(tmp_path) == {"out"}
    assert names(tmp_path / "out") == {MANIFEST}
    assert text_of(tmp_path / "out") == "new"


@pytest.mark.parametrize("manifest", [None, "", "[]", "5", '["prefkit"]', '"prefkit"', '{"a": 1}'])
def test_force_does_not_replace_what_prefkit_did_not_write(
    tmp_path: Path, manifest: str | None
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    if manifest is not None:
        (target / MANIFEST).write_text(manifest)
    with pytest.raises(ConfigError, match="holds no prefkit manifest"):
        make(target, "new", force=True)
    assert (target / "thesis.txt").read_text() == "years of work"


def test_force_does_not_replace_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("text")
    with pytest.raises(ConfigError, match="holds no prefkit manifest"):
        make(tmp_path / "out", "new", force=True)


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_is_never_written_through(tmp_path: Path, there: bool) -> None:
    if there:
        make(tmp_path / "real", "old")
    (tmp_path / "out").symlink_to(tmp_path / "real", target_is_directory=True)
    with pytest.raises(ConfigError, match="symbolic link"):
        make(tmp_path / "out", "new", force=True)
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "real").exists() == there


def test_a_parent_may_be_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    make(tmp_path / "link/out", "new")
    make(tmp_path / "link/out", "newer", force=True)
    assert text_of(tmp_path / "real/out") == "newer"
    assert names(tmp_path / "real") == {"out"}


def test_a_link_that_comes_while_the_folder_is_written_is_not_replaced(tmp_path: Path) -> None:
    make(tmp_path / "real", "old")

    def write() -> None:
        with atomic_folder(tmp_path / "out", force=True) as work:
            (work / MANIFEST).write_text("{}")
            (tmp_path / "out").symlink_to(tmp_path / "real", target_is_directory=True)

    with pytest.raises(ConfigError, match="symbolic link"):
        write()
    assert names(tmp_path) == {"real", "out"}
    assert text_of(tmp_path / "real") == "old"


def test_of_two_writers_the_second_to_finish_is_refused(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_folder(tmp_path / "out") as work:
            (work / "mine").write_text("x")
            make(tmp_path / "out", "the other")  # does not touch the folder of a living writer
            assert (work / "mine").exists()

    with pytest.raises(ConfigError, match="exists already"):
        write()
    assert names(tmp_path) == {"out"}
    assert text_of(tmp_path / "out") == "the other"


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    for left in (".out.0123456789ab.tmp", ".out.ba9876543210.tmp", ".out.[1].0123456789ab.tmp"):
        (tmp_path / left / "rows").mkdir(parents=True)
    (tmp_path / ".out.0123456789ab.lock").touch()
    (tmp_path / ".out.111111111111.lock").touch()
    (tmp_path / ".outer.0123456789ab.tmp").mkdir()
    (tmp_path / ".out.notes.tmp").mkdir()
    make(tmp_path / "out", "new")
    others = {".outer.0123456789ab.tmp", ".out.notes.tmp", ".out.[1].0123456789ab.tmp"}
    assert names(tmp_path) == {"out"} | others
    make(tmp_path / "out.[1]", "new")
    assert names(tmp_path) == {"out", "out.[1]", ".outer.0123456789ab.tmp", ".out.notes.tmp"}


def test_the_folder_of_a_writer_that_lives_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".out.0123456789ab.tmp").mkdir()
    with (tmp_path / ".out.0123456789ab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(tmp_path / "out", "new")
    assert names(tmp_path) == {"out", ".out.0123456789ab.tmp", ".out.0123456789ab.lock"}


def test_dots_name_the_folder_they_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "out", "old")
    (tmp_path / "out/inside").mkdir()
    monkeypatch.chdir(tmp_path / "out/inside")
    make(Path(".."), "new", force=True)
    assert names(tmp_path) == {"out"}
    assert text_of(tmp_path / "out") == "new"


def test_a_parent_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"cannot write in .*file"):
        make(tmp_path / "file/out", "new")


def test_a_full_disk_is_said_and_other_failures_are_not_called_one(tmp_path: Path) -> None:
    full = OSError(28, os.strerror(28))
    with (
        pytest.raises(DataError, match=r"cannot write .*/out: No space left on device"),
        atomic_folder(tmp_path / "out"),
    ):
        raise full
    with pytest.raises(ConnectionResetError), atomic_folder(tmp_path / "out"):
        raise ConnectionResetError(104, os.strerror(104))
    assert names(tmp_path) == set()


def test_a_target_is_checked_without_being_touched(tmp_path: Path) -> None:
    check_target(tmp_path / "out", force=False)
    assert names(tmp_path) == set()


def test_a_single_file_is_replaced_at_once(tmp_path: Path) -> None:
    write_file(tmp_path / "a.json", "old")
    write_file(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").read_text() == "new"
    assert names(tmp_path) == {"a.json"}
    sync_tree(tmp_path)

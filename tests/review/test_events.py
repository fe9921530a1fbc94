"""The store of events: append-only, idempotent, undone by events, shared by processes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from prefkit.errors import DataError
from prefkit.reviews.events import FILE, Events, read_decisions
from prefkit.schema.decision_lines import Decision

AT = "2026-11-03T10:00:00.000+00:00"


def decision(name: str, **more: Any) -> Decision:
    about = {
        "id": name,
        "dataset": "sha256:0",
        "pair": f"pair {name}",
        "pair_sha256": "0" * 64,
        "reviewer": "ann",
        "role": "blind",
        "left": "chosen",
        "verdict": "a",
        "reasons": ["clearer"],
        "comment": "caf\u00e9 \U0001f600\n\x00 end",
        "strength": 2,
        "ms_visible": 1234,
        "guideline": "1",
        "at": AT,
    }
    return Decision(**about | more)


def ids(events: Events) -> list[str]:
    return [line.id for line in events.decisions()]


def test_a_decision_comes_back_as_it_was_and_is_there_for_the_next_who_opens(
    tmp_path: Path,
) -> None:
    line = decision("one")
    with Events(tmp_path) as events:
        assert events.append([line]) == [line]
        assert events.decisions("bob") == []
    assert read_decisions(tmp_path) == [line]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_line_sent_twice_is_written_once_and_a_changed_one_of_that_id_is_refused(
    tmp_path: Path,
) -> None:
    with Events(tmp_path) as events:
        events.append([decision("one")])
        fresh = events.append([decision("one"), decision("two"), decision("two")])
        assert [line.id for line in fresh] == ["two"]
        with pytest.raises(DataError, match="the decision one is there and says something else"):
            events.append([decision("three"), decision("one", verdict="b")])
        assert ids(events) == ["one", "two"]


def test_undo_of_any_depth_goes_back_one_decision_at_a_time(tmp_path: Path) -> None:
    with Events(tmp_path) as events:
        events.append([decision(name) for name in ("one", "two", "three")])
        events.append([decision("other", reviewer="bob"), decision("sent", packet="p")])
        gone = [events.undo("ann", ("blind",), AT) for _ in range(4)]
        assert [line and line.id for line in gone] == ["three", "two", "one", None]
        assert ids(events) == ["other", "sent"]
        assert events.holds("two")
        assert not events.holds("nine")


def test_a_line_that_replaces_another_is_the_one_that_counts(tmp_path: Path) -> None:
    with Events(tmp_path) as events:
        events.append([decision("one"), decision("two", verdict="b", supersedes="one")])
        assert ids(events) == ["two"]
        events.undo("ann", ("blind",), AT)
        assert ids(events) == []


def test_no_event_is_ever_changed_or_deleted(tmp_path: Path) -> None:
    with Events(tmp_path) as events:
        events.append([decision("one")])
        events.undo("ann", ("blind",), AT)
    base = sqlite3.connect(tmp_path / FILE)
    try:
        for query in ("UPDATE events SET verdict = 'b'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                base.execute(query)
        assert base.execute("SELECT kind FROM events ORDER BY number").fetchall() == [
            ("decision",),
            ("undo",),
        ]
        assert base.execute("SELECT count(*) FROM current").fetchone() == (0,)
    finally:
        base.close()


def test_an_edited_guideline_is_a_new_version_and_the_same_text_is_none(tmp_path: Path) -> None:
    with Events(tmp_path) as events:
        told = [events.tell(text, AT).version for text in ("be kind", "be kind", "be strict")]
        assert told == ["1", "1", "2"]
        assert [one.text for one in events.guidelines()] == ["be kind", "be strict"]


def test_what_another_process_wrote_is_seen_and_own_writing_is_no_news(tmp_path: Path) -> None:
    with Events(tmp_path) as here, Events(tmp_path) as there:
        before = here.version()
        here.append([decision("one")])
        assert here.version() == before
        there.append([decision("two")])
        assert here.version() != before
        assert ids(here) == ["one", "two"]


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from test_events import decision
from prefkit.reviews.events import Events
with Events(Path(sys.argv[1])) as events:
    for number in range(40):
        events.append([decision(f"{sys.argv[2]}-{number}")])
"""


def test_processes_that_open_and_write_a_new_store_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    running = [
        subprocess.Popen([*command, name, str(Path(__file__).parent)], stderr=subprocess.PIPE)
        for name in "abcd"
    ]
    assert [one.communicate(timeout=60)[1] for one in running] == [b""] * 4
    found = {line.id for line in read_decisions(tmp_path)}
    assert found == {f"{name}-{number}" for name in "abcd" for number in range(40)}


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be read" * 30)
    with pytest.raises(DataError, match=r"events\.sqlite: file is not a database"):
        read_decisions(tmp_path)


def test_no_store_means_no_decisions(tmp_path: Path) -> None:
    assert read_decisions(tmp_path) == []
    assert not (tmp_path / FILE).exists()

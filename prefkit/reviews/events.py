"""The events of a review: one append-only SQLite table that several reviewers write at once.

Nothing is ever changed or deleted, and triggers see to it; an undo is an event too. The views
`current` and `guidelines` tell the state, for anybody who opens the file with an SQL tool. A vote
is on the disk before it is acknowledged: write-ahead log, synced at every commit.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from uuid import uuid4

from prefkit.dataset.folder import EVENTS
from prefkit.errors import DataError
from prefkit.schema.decision_lines import Decision, Role, decision_of, line_of

__all__ = ["FILE", "Events", "Guideline", "read_decisions"]

FILE = EVENTS

_TEXTS = (
    *("id", "dataset", "sample", "pair", "pair_sha256", "reviewer", "role", "item", "left"),
    *("verdict", "comment", "guideline", "at", "supersedes", "packet"),
)
_NUMBERS = ("strength", "ms_visible")
_TABLE = f"""
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('decision', 'undo', 'guideline')),
  {", ".join(f'"{name}" TEXT' for name in _TEXTS)},
  {", ".join(f'"{name}" INTEGER' for name in _NUMBERS)},
  reasons TEXT, -- a JSON list
  UNIQUE (id)
);
CREATE INDEX IF NOT EXISTS events_superseded ON events (supersedes);
CREATE INDEX IF NOT EXISTS events_reviewer ON events (reviewer);
CREATE TRIGGER IF NOT EXISTS events_never_change BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER IF NOT EXISTS events_never_go BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE VIEW IF NOT EXISTS current AS SELECT * FROM events AS one
  WHERE kind = 'decision'
  AND NOT EXISTS (SELECT 1 FROM events AS later WHERE later.supersedes = one.id);
CREATE VIEW IF NOT EXISTS guidelines AS SELECT guideline, comment, at FROM events
  WHERE kind = 'guideline' ORDER BY number;
"""


class Guideline(NamedTuple):
    """A version of what reviewers are told; versions count from 1."""

    version: str
    text: str
    at: str | None


class Events:
    """The open store of one review; calls from several threads take turns."""

    def __init__(self, review: Path) -> None:
        """Open or make `REVIEW/events.sqlite`, readable by its owner only.

        Raises:
            DataError: it is no store of events, or the disk refuses.
        """
        self.path = review / FILE
        self._lock = threading.Lock()
        with self._told():
            if not self.path.exists():
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
            self._base = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute("PRAGMA busy_timeout = 5000")
            self._base.executescript(_TABLE)

    def __enter__(self) -> Events:
        """The store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; what was acknowledged is on the disk already."""
        with self._lock:
            self._base.close()

    def append(self, lines: Iterable[Decision]) -> list[Decision]:
        """Write lines that are not there yet, all or none; gives those that were written.

        Raises:
            DataError: a line of that id says something else, or the disk refuses.
        """
        fresh = []
        with self._writing() as base:
            for line in lines:
                if not self._is_new(base, line):
                    continue
                fresh.append(line)
                told = line_of(line)
                values = {name: told[name] for name in (*_TEXTS, *_NUMBERS)}
                _insert(base, {"kind": "decision", **values, "reasons": json.dumps(line.reasons)})
        return fresh

    def _is_new(self, base: sqlite3.Connection, line: Decision) -> bool:
        row = base.execute("SELECT * FROM events WHERE id = ?", (line.id,)).fetchone()
        if row is None:
            return True
        if row["kind"] != "decision" or _decision(row) != line:
            raise DataError(f"{self.path}: the decision {line.id} is there and says something else")
        return False

    def holds(self, name: str) -> bool:
        """Whether there is an event of that id, one that does not count any more included."""
        return bool(self._rows("SELECT 1 FROM events WHERE id = ?", (name,)))

    def undo(self, reviewer: str, roles: Sequence[Role], at: str) -> Decision | None:
        """Take back the reviewer's last decision that counts; null where there is none.

        What that decision had replaced does not come back: the pair is open again.

        Raises:
            DataError: the disk refuses.
        """
        marks = ", ".join("?" * len(roles))
        with self._writing() as base:
            row = base.execute(
                f"SELECT * FROM current WHERE reviewer = ? AND role IN ({marks})"
                " AND packet IS NULL ORDER BY number DESC LIMIT 1",
                (reviewer, *roles),
            ).fetchone()
            if row is None:
                return None
            last = _decision(row)
            values = {"reviewer": reviewer, "at": at, "supersedes": last.id, "pair": last.pair}
            _insert(base, {"kind": "undo", "id": uuid4().hex, **values})
        return last

    def tell(self, text: str, at: str) -> Guideline:
        """Add a version of the guideline, unless the last one says the same; gives the last.

        Raises:
            DataError: the disk refuses.
        """
        known = self.guidelines()
        if known and known[-1].text == text:
            return known[-1]
        made = Guideline(str(len(known) + 1), text, at)
        with self._writing() as base:
            values = {"guideline": made.version, "comment": text, "at": at}
            _insert(base, {"kind": "guideline", "id": uuid4().hex, **values})
        return made

    def guidelines(self) -> list[Guideline]:
        """Every version, the oldest first."""
        rows = self._rows("SELECT guideline, comment, at FROM guidelines")
        return [Guideline(row["guideline"], row["comment"], row["at"]) for row in rows]

    def decisions(self, reviewer: str | None = None) -> list[Decision]:
        """The decisions that count, of one reviewer or of all, in the order they came in."""
        which = "" if reviewer is None else " WHERE reviewer = ?"
        wanted = () if reviewer is None else (reviewer,)
        return [
            _decision(row)
            for row in self._rows(f"SELECT * FROM current{which} ORDER BY number", wanted)
        ]

    def version(self) -> int:
        """A number that changes when another process has written."""
        found: int = self._rows("PRAGMA data_version")[0][0]
        return found

    def _rows(self, query: str, values: Sequence[str] = ()) -> list[sqlite3.Row]:
        with self._lock, self._told():
            return self._base.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on the disk at the end, or nothing."""
        with self._lock, self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DataError(
                f"{self.path}: {error}; what was saved before stays",
                hint="make room on the disk, or check who may write there, and vote again",
            ) from error


def _insert(base: sqlite3.Connection, values: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" * len(values))
    base.execute(f"INSERT INTO events ({names}) VALUES ({marks})", tuple(values.values()))


def _decision(row: sqlite3.Row) -> Decision:
    told = {name: row[name] for name in (*_TEXTS, *_NUMBERS)}
    told |= {"schema": "prefkit.decision/1", "reasons": json.loads(row["reasons"])}
    return decision_of(told, f"event {row['number']}")


def read_decisions(review: Path) -> list[Decision]:
    """The decisions that count of a review, or none where nobody has begun.

    Raises:
        DataError: the store is damaged.
    """
    if not (review / FILE).exists():
        return []
    with Events(review) as events:
        return events.decisions()

"""Facts and documents in one SQLite file, found by their words (FTS5, ranked by BM25)."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from prefkit.errors import ConfigError, DataError

__all__ = ["Document", "KnowledgeBase"]

_MARK = 0x70_4B_42_31  # SQLite's application_id of such a file
_TABLE = (
    "CREATE VIRTUAL TABLE documents USING fts5"
    "(id UNINDEXED, text, tokenize = 'porter unicode61 remove_diacritics 2')"
)
_SHADOWS = {f"documents_{name}" for name in ("data", "idx", "content", "docsize", "config")}
_sound: set[tuple[int, ...]] = set()
"""Files that were read once by this process, as they were then."""

_TERM = re.compile(r"\w+")
_MOST_TERMS = 64  # of a query: what a sentence has, and no more work than that
_LONGEST = 100  # characters of a term
_COMMON = (
    "a an and are as at be been by for from had has have he her his i in is it its of on or she "
    "that the their there they this to was were which who will with you"
)
_HINT = "build it with KnowledgeBase.build(path, rows)"


class Document(NamedTuple):
    """A fact or a document."""

    id: str
    text: str
    score: float = 0.0
    """BM25 with its sign turned: higher is nearer; comparable within one search only."""


class KnowledgeBase:
    """One file of documents, opened for reading; use it in a `with`, and in one thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a file that `build` made.

        Raises:
            ConfigError: there is no such file.
            DataError: it is damaged, or another kind of file.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise ConfigError(f"there is no knowledge base {self.path}", hint=_HINT)
        address = f"file:{quote(str(self.path.resolve()))}?mode=ro&immutable=1"
        with _told(self.path):
            self._connection = sqlite3.connect(address, uri=True)
        try:
            with _told(self.path):
                self._check()
        except DataError:
            self.close()
            raise

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._connection.close()

    def _check(self) -> None:
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute("PRAGMA query_only = ON")
        (mark,) = self._connection.execute("PRAGMA application_id").fetchone()
        kinds = dict(self._connection.execute("SELECT name, sql FROM sqlite_master"))
        if mark != _MARK or kinds.pop("documents", None) != _TABLE or set(kinds) != _SHADOWS:
            raise DataError(f"{self.path} is no knowledge base of prefkit", hint=_HINT)
        stat = self.path.stat()
        known = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if known not in _sound:  # it reads the whole file
            (said,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise DataError(f"{self.path} is damaged: {said}", hint=_HINT)
            _sound.add(known)

    @classmethod
    def build(cls, path: str | os.PathLike[str], rows: Iterable[tuple[str, str]]) -> KnowledgeBase:
        """Write `(id, text)` rows into a new file and open it; ids are the caller's own.

        The file appears when it is whole.

        Raises:
            ConfigError: the file is already there, or a row is no two texts.
        """
        place = Path(path)
        if place.exists():
            raise ConfigError(f"{place} is already there", hint="give another path or remove it")
        beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
                _fill(connection, rows)
            beside.replace(place)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
        return cls(place)

    def search(self, claim: str, k: int = 5) -> list[Document]:
        """The k documents nearest to a claim, best first; none if they share no word with it.

        Any of the claim's words may occur; each is quoted, so that no sign in it is an operator.
        The most common English words count only if there are no others.

        Raises:
            DataError: the file is damaged.
        """
        terms = _terms(claim)
        if not terms or k < 1:
            return []
        query = " OR ".join(f'"{term}"' for term in terms)
        with _told(self.path):
            found = self._connection.execute(
                "SELECT id, text, -bm25(documents) FROM documents WHERE documents MATCH ? "
                "ORDER BY bm25(documents), rowid LIMIT ?",
                (query, k),
            ).fetchall()
        if not all(isinstance(part, str) for row in found for part in row[:2]):
            raise DataError(f"{self.path} holds a document that is no text", hint=_HINT)
        return [Document(*row) for row in found]

    def __len__(self) -> int:
        with _told(self.path):
            (count,) = self._connection.execute("SELECT count(*) FROM documents").fetchone()
        return int(count)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "fts5" in str(error).lower():
            raise ConfigError(
                "this Python's SQLite has no FTS5, which a knowledge base needs",
                hint="use a Python whose sqlite3 was built with it, as python.org's is",
            ) from error
        raise DataError(
            f"{path} cannot be read as a knowledge base: {error}", hint=_HINT
        ) from error
    except sqlite3.DatabaseError as error:
        raise DataError(
            f"{path} cannot be read as a knowledge base: {error}", hint=_HINT
        ) from error


def _fill(connection: sqlite3.Connection, rows: Iterable[tuple[str, str]]) -> None:
    with _told(Path("a new knowledge base")):
        connection.execute(f"PRAGMA application_id = {_MARK}")
        connection.execute(_TABLE)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO documents (id, text) VALUES (?, ?)", _checked(rows))
        connection.execute("INSERT INTO documents (documents) VALUES ('optimize')")
        connection.execute("COMMIT")


def _checked(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for number, row in enumerate(rows):
        if len(row) != 2 or not all(isinstance(part, str) for part in row) or not row[1].strip():
            raise ConfigError(f"row {number} of the knowledge base is no id with a text")
        try:
            "".join(row).encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"row {number} holds half a character") from error
        yield row[0], row[1].replace("\x00", " ")  # SQLite's text ends at one


def _terms(claim: str) -> list[str]:
    words = dict.fromkeys(word.lower()[:_LONGEST] for word in _TERM.findall(claim))
    rare = [word for word in words if word not in _COMMON.split()]
    return (rare or list(words))[:_MOST_TERMS]

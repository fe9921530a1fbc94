"""Files as people have them: paths, globs, folders, standard input, compressed or not.

A container gives source rows in blocks. A block of lines is raw bytes, so that decoding can happen
in another process; every other container gives decoded records.
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from prefkit.errors import ConfigError, DataError
from prefkit.step import Aside, Record

__all__ = ["Block", "Blocks", "expand", "read_blocks"]

_LINES_BYTES = 4_000_000
_RECORDS = 1_000
_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
_PACKED = (".gz", ".zst")


class Block(NamedTuple):
    """Consecutive source rows of one file: raw lines from `first` on, or decoded records."""

    first: int
    lines: bytes | None
    records: tuple[Record | tuple[str, Aside], ...] = ()


Blocks = Iterator[Block]


def expand(paths: Iterable[str]) -> list[str]:
    """The files behind paths, globs and folders, in order, each once; `-` is standard input.

    Raises:
        ConfigError: a path matches nothing.
    """
    found: dict[str, None] = {}
    for path in paths:
        for file in ["-"] if path == "-" else _matches(path):
            found.setdefault(str(file))
    return list(found)


def _matches(path: str) -> list[Path]:
    place = Path(path)
    if place.is_dir():
        files = sorted(
            file
            for file in place.rglob("*")
            if _is_data(file.relative_to(place)) and file.is_file()
        )
        if not files:
            raise ConfigError(f"the folder {path} holds no file ending in {', '.join(_SUFFIXES)}")
        return files
    if place.exists():
        return [place]
    if any(mark in path for mark in "*?["):
        anchor = Path(place.anchor) if place.is_absolute() else Path()
        files = sorted(
            file for file in anchor.glob(str(place.relative_to(place.anchor))) if file.is_file()
        )
        if files:
            return files
    raise ConfigError(f"there is no file {path}")


def _is_data(path: Path) -> bool:
    if any(part.startswith(".") for part in path.parts):
        return False
    suffixes = [suffix for suffix in path.suffixes if suffix not in _PACKED]
    return bool(suffixes) and suffixes[-1].lower() in _SUFFIXES


def read_blocks(file: str, *, encoding: str = "utf-8", sheet: str | None = None) -> Blocks:
    """The source rows of one file, in blocks.

    Raises:
        ConfigError: the file cannot be opened or its container is not known.
        DataError: the container breaks off or is damaged; the message says where.
    """
    try:
        with _opened(file) as stream:
            yield from _container(file, stream)(stream, encoding, sheet)
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{file}: the compressed file is damaged or cut off: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: byte {error.object[error.start]:#04x} is not {encoding}",
            hint="name the encoding it was saved with, for example --encoding cp1252",
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(f"{file} is a folder") from error


def _opened(file: str) -> IO[bytes]:
    """The decompressed bytes of a file, whatever its ending claims."""
    if file == "-":
        raw: IO[bytes] = io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer.raw))  # type: ignore[attr-defined]
    else:
        try:
            raw = Path(file).open("rb")  # noqa: SIM115 - closed by the reader of the stream
        except OSError as error:
            raise ConfigError(f"cannot open {file}: {error.strerror}") from error
    head = raw.peek(4)[:4] if isinstance(raw, io.BufferedReader) else b""
    if head[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if head == b"\x28\xb5\x2f\xfd":
        import zstandard

        stream = zstandard.ZstdDecompressor().stream_reader(
            raw, read_across_frames=True, closefd=True
        )
        return io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20)
    return raw


_Container = Callable[[IO[bytes], str, str | None], Blocks]


def _container(file: str, stream: IO[bytes]) -> _Container:
    from prefkit.collectors.human import containers

    name = Path(file).name.lower()
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    buffered = cast(io.BufferedReader, stream)
    head = buffered.peek(4096)[:4096]
    if head[:4] == b"PAR1" or name.endswith(".parquet"):
        return containers.parquet(file)
    if head[:4] == b"PK\x03\x04" or name.endswith(".xlsx"):
        return containers.spreadsheet(file)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if name.endswith((".csv", ".tsv")):
        return containers.delimited(file)
    if start == b"[" and not name.endswith((".jsonl", ".ndjson")):
        return containers.json_array(file)
    if name.endswith((".jsonl", ".ndjson")):
        return json_lines
    if start == b"{":
        return containers.json_objects(file)
    if name.endswith(".json"):
        raise DataError(f"{file} does not begin like JSON (an array or an object)")
    return containers.delimited(file)


def json_lines(stream: IO[bytes], encoding: str, sheet: str | None) -> Blocks:
    """Whole lines in blocks of about 4 MB; `encoding` and `sheet` do not apply: JSON is UTF-8."""
    del encoding, sheet
    first, rest = 1, b""
    while chunk := stream.read(_LINES_BYTES):
        block, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            rest += chunk
            continue
        lines = rest + block
        yield Block(first, lines)
        first += lines.count(b"\n") + 1
        rest = tail
    if rest:
        yield Block(first, rest)


def in_blocks(records: Iterable[Record | tuple[str, Aside]]) -> Blocks:
    """Decoded records, or places with the reason they could not be decoded, in blocks."""
    first, waiting = 1, []
    for record in records:
        waiting.append(record)
        if len(waiting) == _RECORDS:
            yield Block(first, None, tuple(waiting))
            first, waiting = first + len(waiting), []
    if waiting:
        yield Block(first, None, tuple(waiting))


def as_record(where: str, value: Any) -> Record | tuple[str, Aside]:
    """A decoded value as a record, or why it is none."""
    if isinstance(value, Mapping):
        return Record(where, value)
    return where, Aside("not an object", f"the row is {type(value).__name__}, not an object", value)

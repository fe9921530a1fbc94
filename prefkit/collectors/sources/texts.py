"""Files of plain text as rows of `prompt`: one a line, or one a paragraph."""

from __future__ import annotations

from codecs import lookup
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Literal

from prefkit.collectors.sources import limits
from prefkit.collectors.sources.files import Block, Item
from prefkit.collectors.sources.opening import opened, recoded
from prefkit.errors import ConfigError, DataError
from prefkit.reader import Record

__all__ = ["Unit", "is_text", "text_blocks"]

Unit = Literal["line", "paragraph"]
"""What one prompt is; paragraphs are told apart by blank lines."""

_PACKED = (".gz", ".zst")
_AT_ONCE = 1_000


def is_text(file: Path) -> bool:
    """Whether a file's name says that it holds plain text."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] == ".txt"


def text_blocks(file: str, *, encoding: str, unit: Unit) -> Generator[Block, None, None]:
    """The prompts of a file of text as rows; blank lines are none.

    Raises:
        ConfigError: the file cannot be opened, or there is no such encoding.
        DataError: it is damaged, or in another encoding.
    """
    with ExitStack() as stack:
        try:
            rows = _rows(_lines(file, stack, encoding), unit)
            while items := tuple(islice(rows, _AT_ONCE)):
                yield Block(1, None, items)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file}: byte {error.object[error.start]:#04x} is not {error.encoding}",
                hint="save it as UTF-8, or name its encoding: --encoding cp1252",
            ) from error
        except OSError as error:
            raise DataError(f"{file} cannot be read: {error.strerror or error}") from error


def _lines(file: str, stack: ExitStack, encoding: str) -> Iterator[bytes]:
    """Lines without their ends; of one beyond the limit of a row only a little more than that."""
    try:
        # A mark at the start is no part of the first prompt.
        known = "utf-8-sig" if lookup(encoding).name == "utf-8" else encoding
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"there is no encoding {encoding!r}", hint="for example utf-8, cp1252 or utf-16"
        ) from error
    stream = recoded(opened(file, stack), known)
    while line := stream.readline(limits.RECORD_BYTES + 1):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(limits.RECORD_BYTES)):
            pass  # the remainder of a line that is too long in any case
        yield line.rstrip(b"\r\n")


def _rows(lines: Iterable[bytes], unit: Unit) -> Iterator[Item]:
    held: list[bytes] = []
    size = 0
    for number, line in enumerate(lines, 1):
        is_blank = not line.strip()
        if held and (is_blank or unit == "line"):
            yield _row(number - len(held), held, size)
            held, size = [], 0
        if is_blank:
            continue
        size += len(line) + 1
        held.append(line if size <= limits.RECORD_BYTES else b"")
    if held:
        yield _row(number - len(held) + 1, held, size)


def _row(first: int, lines: list[bytes], size: int) -> Item:
    where = f"line {first}"
    if size > limits.RECORD_BYTES:
        return where, limits.too_long(size, lines[0])
    return Record(where, {"prompt": b"\n".join(lines).decode()})

"""How much a text repeats itself: lines and phrases that come again, a loop at the end."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

__all__ = ["repetition"]

_Numbers = np.ndarray[Any, Any]

_PHRASE = 10
"""Words in a phrase: the longest that Gopher's filters count (arXiv 2112.11446, table A1)."""

_UNIT = 8
"""Words and signs that must come back for the end to count as a loop."""

_LEAST = 80
"""Characters that a loop must cover: a burst of laughter is no fault."""

_RULER = 500
"""Characters up to which one sign in a row is a ruler, a row of dots or a line to sign on."""

_TAIL = 2_000
"""Characters at the end in which a loop is looked for."""

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_WORD = _UNSPACED + r"|[\p{L}\p{M}\p{N}_]+"
_WORD_OR_SIGN = _WORD + r"|\S"
"""In a script that is written without spaces each character is a word."""

_LEFT_OUT = (
    r"(?s)```.*?(?:```|\z)|~~~.*?(?:~~~|\z)|(?-s)https?://\S+|(?m)^(?:.*\|.*\|.*|[ \t]*<.*)$"
)
"""What repeats by nature: fenced code, addresses, rows of tables, lines of markup."""

_MARKER = r"^[ \t]*(?:[-*+•>#]+|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])[ \t]+"


def repetition(texts: pl.Series) -> dict[str, pl.Series]:
    """Three measures of each text, null where there is none.

    `lines` and `phrases` are the share of characters in lines, and in runs of ten words, that stood
    there before; fenced code, tables and addresses are left out. `loop` is how often the end says
    the same in a row, 0 for less than 80 characters.
    """
    prose = texts.str.replace_all(_LEFT_OUT, "")
    found = {
        "lines": _repeated_lines(prose),
        "phrases": _repeated_phrases(_words(prose, _WORD)),
        "loop": _last_loop(_words(texts.str.tail(_TAIL), _WORD_OR_SIGN)),
    }
    spoken = texts.is_not_null()
    return {
        name: pl.select(pl.when(spoken).then(values)).to_series() for name, values in found.items()
    }


def _repeated_lines(texts: pl.Series) -> pl.Series:
    """Share of characters in lines of eight or more that stood there before."""
    rows = pl.DataFrame({"line": texts.fill_null("").str.split("\n")}).with_row_index("row")
    line = pl.col("line").str.replace(_MARKER, "").str.strip_chars().str.to_lowercase()
    size = pl.col("line").str.len_chars()
    again = ~pl.struct("row", "line").is_first_distinct() & (size >= 8)
    shares = (
        rows.explode("line", empty_as_null=False)
        .with_columns(line)
        .group_by("row", maintain_order=True)
        .agg(pl.when(again).then(size).otherwise(0).sum() / size.sum().clip(1))
    )
    return shares["line"]


class _Words(NamedTuple):
    """The words of all texts one after the other: text, hash, characters; and how many texts."""

    text: _Numbers
    code: _Numbers
    size: _Numbers
    texts: int


def _words(texts: pl.Series, pattern: str) -> _Words:
    found = texts.fill_null("").str.to_lowercase().str.extract_all(pattern)
    counts = found.list.len().to_numpy()
    words = found.explode(empty_as_null=False)
    return _Words(
        np.repeat(np.arange(len(texts)), counts),
        words.hash(seed=0).to_numpy(),
        words.str.len_chars().to_numpy().astype(np.int64),
        len(texts),
    )


def _repeated_phrases(words: _Words) -> pl.Series:
    """Share of characters in phrases that stood there before."""
    again = _previous(words, _PHRASE) >= 0
    edges = np.zeros(len(words.text) + 1, dtype=np.int64)
    edges[: len(again)] += again
    edges[_PHRASE : _PHRASE + len(again)] -= again
    covered = np.cumsum(edges)[:-1] > 0
    repeated = np.bincount(words.text, words.size * covered, words.texts)
    total = np.bincount(words.text, words.size, words.texts)
    return pl.Series(repeated / np.maximum(total, 1))


def _last_loop(words: _Words) -> pl.Series:
    """How often the end says the same in a row; the very last word may be cut short."""
    counts = np.bincount(words.text, minlength=words.texts)
    ends = np.cumsum(counts) - 1
    previous = _previous(words, _UNIT)
    texts = np.flatnonzero(counts > _UNIT)
    texts = texts[previous[ends[texts] - _UNIT] >= 0]
    times = np.zeros(words.texts)
    for text in texts:  # the few whose last words stood there before, one at a time
        end = int(ends[text])
        lag = end - _UNIT - int(previous[end - _UNIT])
        codes = words.code[end - counts[text] + 1 : end]
        differs = np.flatnonzero(codes[lag:] != codes[:-lag])
        begin = int(differs[-1]) + 1 if len(differs) else 0
        sizes = words.size[end - len(codes) + begin : end]
        one_sign = lag == 1 and sizes[-1] == 1
        if sizes.sum() >= (_RULER if one_sign else _LEAST):
            times[text] = len(sizes) / lag
    return pl.Series(times)


def _previous(words: _Words, length: int) -> _Numbers:
    """Where the `length` words from each word on stood before in its text; -1 where nowhere."""
    windows = max(len(words.text) - length + 1, 0)
    key = words.text[:windows].astype(np.uint64)
    for place in range(length):
        key *= np.uint64(0x9E3779B97F4A7C15)
        key += words.code[place : place + windows]
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    previous = np.full(windows, -1, dtype=np.int64)
    previous[order[1:][same]] = order[:-1][same]
    previous[words.text[:windows] != words.text[length - 1 :]] = -1
    return previous

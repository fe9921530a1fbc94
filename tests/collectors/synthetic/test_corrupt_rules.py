"""What rules make of any text: less of it, or more, and never anything else."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.collectors.synthetic.corrupt_rules import padded, with_a_sentence_less
from prefkit.collectors.synthetic.flaws import words
from prefkit.judging.answers.sentences import sentences

PADDING = words("corrupt")["padding"]
LINES = st.sampled_from(
    [*("Yes. No. Maybe.", "- A point. Another.", "1. Step one.", "```", "~~~", "x = 1.", ""),
     *("# Title", "> Said so.", "| a | b |", "Hm ...", "“Quoted.” He left!", "e.g. this. And.")]
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=12).map("\n".join) | st.text(max_size=200)


def is_part_of(part: str, whole: str) -> bool:
    """Whether a text is the other with signs left out."""
    rest = iter(whole)
    return all(sign in rest for sign in part)


@given(TEXTS, st.integers(0, 2**128))
def test_omission_only_leaves_out(text: str, draw: int) -> None:
    found = with_a_sentence_less(text, draw)
    if found is not None:
        assert is_part_of(found, text)
        assert len(found) < len(text)
        assert found.strip()


@given(TEXTS, st.integers(0, 2**128))
def test_padding_only_adds_its_own_sentences(text: str, draw: int) -> None:
    found = padded(text, draw, PADDING)
    if found is None:
        return
    every = [one for group in PADDING.values() for one in group]
    added = [one for one in every if one in found]
    assert len(added) >= 3  # before, behind and between
    for one in added:
        found = found.replace(one, "", 1)
    assert "".join(found.split()) == "".join(text.split())


@pytest.mark.real
def test_most_real_answers_can_be_corrupted_by_rule(real_data: Path) -> None:
    file = real_data / "dpo" / "llamafactory" / "dpo_en_demo.json.gz"
    answers = [row["chosen"]["value"] for row in json.loads(gzip.decompress(file.read_bytes()))]
    omitted = [(text, with_a_sentence_less(text, 7)) for text in answers]
    done = [(text, found) for text, found in omitted if found is not None]
    assert len(answers) == 300
    assert len(done) > 240
    for text, found in done:
        before, after = Counter(sentences(text)), Counter(sentences(found))
        assert not after - before
        assert (before - after).total() == 1
    assert sum(padded(text, 7, PADDING) is not None for text in answers) > 240

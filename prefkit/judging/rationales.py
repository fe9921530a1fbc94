"""Which response a judge's own rationale names as the better one, where that is beyond doubt.

A rationale that says "A" beside a verdict for B is a judge to look at; a rationale that was misread
would accuse an honest one. So nothing is read out of quotations, questions, conditions, other
people's claims or one aspect ("better formatted"), and what contradicts itself says nothing unless
its last word is a conclusion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from prefkit.judging.unquoted import unquoted

__all__ = ["named_place", "named_places"]

_MOST = 4_000  # characters, from the end: a last word is there
_MOST_IN_ONE = 20  # statements in a sentence: more is no sentence, and is looked through for each

_NOUN = r"(?:response|output|answer|assistant|model|completion|reply)"
_BARE = r"(?-i:[A-H])"
_NAME = (
    rf"(?:\b(?:the\s+)?{_NOUN}\s*\#?\s*(?:\([a-h]\)|(?:[a-h]|[1-8])\b)|\([a-h]\)|\b{_BARE}\b"
    rf"|\bthe\s+(?:first|second)\s+(?:one|{_NOUN})\b)(?:'s\s+{_NOUN})?"
)
_ADVERBS = (
    r"(?:(?:clearly|overall|definitely|therefore|thus|generally|slightly|much|significantly|far|"
    r"marginally|simply|also|still|obviously|ultimately|by\s+far|the|a|considered|judged|indeed|"
    r"somewhat|considerably|substantially|plainly|certainly)\s+){0,4}"
)
_DENIAL = r"(?:(?:not|n't|no)\s+)?"  # matched, so that a denial is seen and not passed over
_BETTER = (
    r"(?:(?:better|best|superior|preferred|stronger|winning)\s+"
    r"(?:one|choice|option|response|output|answer|completion|of\s+the\s+two)"
    r"|better|best|superior|preferable|preferred|winner)\b"
)
_IS = r"(?:is|was|seems|appears|remains|seems\s+to\s+be|appears\s+to\s+be|would\s+be)"
_WILL = r"(?:(?:would|will|must|therefore|thus|clearly|strongly)\s+)*"
_CHOOSE = r"(?:prefer|choose|pick|select|favou?r|go\s+with|vote\s+for)"

# What may follow: the end, the loser, a reason. "better formatted" and "better at" are no verdict.
_STOP = r"\s*(?:[.!?,;:)\n]|$)"
_REASON = r"\s+(?:because|since|as|due)\b"
_END = (
    rf"(?={_STOP}|{_REASON}|\s*\u2014|\s+-\s|\s+(?:than|over|overall|here|and|but|so|by\s+far|"
    rf"of\s+the\s+two)\b|\s+to\s+{_NAME})"
)
_WORDS_OF_BETTER = (
    "better", "best", "superior", "prefer", "stronger", "winning", "winner",
)  # fmt: skip
# Each with the words of which it needs one: to search for a word is a hundred times faster.
_STATEMENTS = tuple(
    (words, re.compile(f"(?i){pattern}"))
    for words, pattern in (
        (_WORDS_OF_BETTER,
         rf"(?P<name>{_NAME})\s*,?\s*{_IS}\s+{_DENIAL}{_ADVERBS}{_BETTER}{_END}"),
        (("wins",), rf"(?P<name>{_NAME})\s+(?:(?:clearly|easily)\s+)?wins\b{_END}"),
        (("outperforms", "beats"),
         rf"(?P<name>{_NAME})\s+(?:(?:clearly|easily)\s+)?(?:outperforms|beats)\s+{_NAME}{_END}"),
        (_WORDS_OF_BETTER,
         rf"{_BETTER}(?:\s+overall)?\s*(?:{_IS}\s*:?|:)\s*{_DENIAL}(?P<name>{_NAME})"
         rf"(?={_STOP}|{_REASON})"),
        (("prefer", "choose", "pick", "select", "favor", "favour", "go with", "vote for"),
         rf"\b(?:i|we)\s+{_WILL}{_CHOOSE}\s+(?P<name>{_NAME})"
         rf"(?={_STOP}|{_REASON}|\s+(?:over|to|here)\b)"),
        (("verdict", "winner", "decision", "conclusion", "preference"),
         rf"\b(?:verdict|winner|decision|conclusion|preference)\s*(?:is\s*:?|:)\s*"
         rf"(?P<name>{_NAME})(?={_STOP})"),
    )
)  # fmt: skip
_MARK = re.compile(r"\[\[(?P<name>[A-H])\]\]")
_MAY = (  # in lower case
    r"better|best|superior|prefer|winner|stronger|winning|wins\b|outperform|beats|choose|pick|"
    r"select|favou?r|vote for|go with|verdict|decision|conclusion|\[\["
)
_TELLING = re.compile(_MAY)

_ASPECT = re.compile(
    rf"(?i)\s*(?:overall\s+)?(?:(?:than|over|to)\s+(?:{_NAME}|[\w\s]{{1,40}}?)\s+)?"
    r"(?:in\s+(?:terms|its|style|this|that|only|some|certain|part)\b|at\b|only\b|when\b|with\b|"
    r"regarding\b|for\b)"
)
_NO = r"(?:n't|n\u2019t|\b(?:not|no|never|neither|nor|hardly|barely|cannot))\b"
_NEGATED = re.compile(rf"(?i){_NO}|\b(?:nothing|nobody|none)\b")
_UNSURE = re.compile(
    r"(?i)\b(?:if|unless|whether|suppose|supposing|assuming|imagine|could|might|may|perhaps|"
    r"possibly|maybe|would\s+have|had\s+it|otherwise|almost|nearly|doubt\w*|depend\w*|"
    r"although|though|while|whereas|even|despite|either|initially|at\s+first|first\s+glance|"
    r"pretend\w*|instead)\b"
)
_REPORTED = re.compile(
    r"(?i)\b(?:say|says|said|saying|claim\w*|stat(?:es|ed|ing)|assert\w*|insist\w*|"
    r"argu(?:es|ed|ing)|suggest\w*|tell|tells|told|writes|wrote|instruct\w*|asks?|asked|asking|"
    r"declar\w*|contain\w*|reads|phrase|sentence|quot\w*|according|injection|prompt|ignore|some|"
    r"others|users?|people|repeat\w*|begins?|ends?\s+with|includ\w*|text)\b"
)
_BELIEF = re.compile(
    rf"(?i){_NO}\s+(?:\w+\s+){{0,2}}?(?:(?:think|believe|say|agree|claim|mean|suggest|conclude|"
    r"follow|imply|consider|convinced|way|reason|evidence)\w*|"
    r"(?:clear|true|case|sure|obvious|evident|certain|correct|right)\s*(?:that|to)\b)"
)
_CONDITION = re.compile(r"(?i)\b(?:if|unless|except)\b")
_CLAUSE = re.compile(
    r"(?i)[,:;()\u2014]|\s-\s|\b(?:so|but|thus|hence|therefore|making|and|because|as)\b"
)
_CONCLUDES = re.compile(
    r"(?i)\b(?:overall|therefore|thus|hence|in\s+conclusion|in\s+summary|to\s+sum\s+up|ultimately|"
    r"finally|final|all\s+in\s+all|on\s+balance|in\s+the\s+end|verdict)\b"
)
_JOINED = re.compile(rf"(?i){_NAME}\s*(?:and|or|nor|/|&)\s*$|\b(?:or|nor)\s*$")
# "Plan A is better" and "vitamin C is best" are about what the responses say.
_BEFORE_BARE = re.compile(
    r"(?i)(?:^|[^\w\s]|\b(?:so|and|but|thus|therefore|hence|that|overall|think|believe|because|as|"
    r"since|is|conclude|clearly|then))\s*$"
)
_SPACES = re.compile(r"[^\S\n]{2,}")
_SENTENCE = re.compile(r"(?<=[.!?])[\s)]+|\n+|;")
_TOLD = re.compile(r"(?i)\b(first|second|[a-h1-8])\b")
_ORDINALS = {"first": 0, "second": 1}


class _Statement(NamedTuple):
    """What one statement names (null: it denies, doubts or limits what it says)."""

    place: int | None
    concludes: bool


def named_places(rationales: pl.Series) -> pl.Series:
    """`named_place` of each; only texts with a telling word are looked at one by one."""
    may = rationales.str.to_lowercase().str.contains(_MAY).fill_null(value=False)
    found = iter([named_place(text) for text in rationales.filter(may).to_list()])
    return pl.Series([next(found) if each else None for each in may.to_list()], dtype=pl.Int8)


def named_place(rationale: str) -> int | None:
    """The place (0 = shown first) of the response that the last clear statement calls better.

    Null where there is none, where it is taken back, where two responses are called better and
    the last is no conclusion, and where it cannot be told what is quoted. A mark (`[[A]]`) is the
    verdict, not a reason: it counts only where no words do, and one that is repeated must agree.
    """
    plain = unquoted(rationale)
    if plain is None:
        return None
    plain = _SPACES.sub(" ", plain[-_MOST:])
    sentences = [each for each in _SENTENCE.split(plain) if _TELLING.search(each.lower())]
    last: _Statement | None = None
    for each in _backwards(sentences):
        if last is None:
            last = each
            if each.concludes or each.place is None:
                return each.place
        elif each.place not in (None, last.place):
            return None
    return last.place if last is not None else _marked(sentences)


def _marked(sentences: Sequence[str]) -> int | None:
    marks = [(sentence, match) for sentence in sentences for match in _MARK.finditer(sentence)]
    named = {_place(match["name"]) if _clear(each, match) else None for each, match in marks}
    return named.pop() if len(named) == 1 else None


def _backwards(sentences: Sequence[str]) -> Iterator[_Statement]:
    """Every statement about which response is better, the last one first."""
    for sentence in reversed(sentences):
        lower = sentence.lower()
        matches = [
            match
            for words, pattern in _STATEMENTS
            if any(word in lower for word in words)
            for match in pattern.finditer(sentence)
        ]
        if len(matches) > _MOST_IN_ONE:
            yield _Statement(None, concludes=False)
            continue
        concludes = _CONCLUDES.search(sentence) is not None
        for match in sorted(matches, key=lambda each: each.start(), reverse=True):
            yield _Statement(_place(match["name"]) if _clear(sentence, match) else None, concludes)


def _clear(sentence: str, match: re.Match[str]) -> bool:
    """Whether a match is the judge's own, unconditional word about the whole."""
    before, after = sentence[: match.start()], sentence[match.end() :]
    clause = _CLAUSE.split(before)[-1] + match[0]
    bare = match.re is not _MARK and len(match["name"]) == 1 and match[0].startswith(match["name"])
    return not (
        "?" in sentence
        or any(found.search(before) for found in (_BELIEF, _REPORTED, _JOINED))
        or _NEGATED.search(clause)
        or _UNSURE.search(before + match[0])
        or _ASPECT.match(after)
        or _CONDITION.search(after)
        or (bare and not _BEFORE_BARE.search(before))
    )


def _place(name: str) -> int:
    """Of the letter, number or ordinal that a name ends with."""
    told = _TOLD.findall(name)[-1].lower()
    if told in _ORDINALS:
        return _ORDINALS[told]
    return int(told) - 1 if told.isdigit() else ord(told) - ord("a")

"""The verifiable instructions of IFEval (Zhou et al. 2023, arXiv 2311.07911), a function for each.

A rule gets the response and the instruction's arguments, and says whether it is followed; null
where that depends on how one counts. Arguments are named as in IFEval's own file.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

from prefkit.errors import MissingExtra
from prefkit.judging.answers.sentences import sentence_bounds

__all__ = ["RULES", "Rule"]

Arguments = Mapping[str, Any]
Rule = Callable[[str, Arguments], bool | None]

_WORD = re.compile(r"\w+")
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]{1,200}\]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_BULLET = re.compile(r"^[ \t]*(?:\*(?!\*)|-)[ \t]*\S", re.MULTILINE)
_SURE_BULLET = re.compile(r"^[ \t]*[*-][ \t]+\S", re.MULTILINE)
_BULLET_MARK = re.compile(r"^[ \t]*\*[ \t]+", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*\*[^*\n]*\*\*|\*[^*\n]*\*")
_TITLE = re.compile(r"<<([^<>\n]+)>>")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_EDGE = " \t\n\"'“”‘’.,;:!?*_()[]"  # noqa: RUF001
_CHOICES = ("my answer is yes.", "my answer is no.", "my answer is maybe.")
_PART = 2_000  # characters at either end whose language is looked at
_SURE = 0.8  # confidence of the detector


def _number(arguments: Arguments, name: str) -> int:
    value = arguments[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value):
        raise TypeError(name)
    return int(value)


def _text(arguments: Arguments, name: str) -> str:
    value = arguments[name]
    if not isinstance(value, str) or not value.strip():
        raise TypeError(name)
    return value.strip()


def _texts(arguments: Arguments, name: str) -> list[str]:
    values = arguments[name]
    if not isinstance(values, list) or not values:
        raise TypeError(name)
    return [_text({name: value}, name) for value in values]


def _related(bounds: tuple[int, int], relation: str, wanted: int) -> bool | None:
    """Whether a count within bounds stands in the relation; null if that depends on the count."""
    if relation not in ("less than", "at least"):
        raise TypeError(relation)
    told = {count >= wanted for count in bounds}
    if len(told) > 1:
        return None
    return told == {relation == "at least"}


def _no_comma(text: str, _: Arguments) -> bool:
    return "," not in text


def _words(text: str, arguments: Arguments) -> bool | None:
    counts = [len(text.split()), len(_WORD.findall(text))]
    if unspaced := len(_UNSPACED.findall(text)):
        counts.append(unspaced + len(_WORD.findall(_UNSPACED.sub(" ", text))))
    bounds = (min(counts), max(counts))
    return _related(bounds, _text(arguments, "relation"), _number(arguments, "num_words"))


def _same_form(text: str) -> str:
    """With single blanks for lines' ends, and letters with their accents as one."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _sentences(text: str, arguments: Arguments) -> bool | None:
    wanted = _number(arguments, "num_sentences")
    return _related(sentence_bounds(text), _text(arguments, "relation"), wanted)


def _forbidden(text: str, arguments: Arguments) -> bool:
    return not any(_has_word(text, word) for word in _texts(arguments, "forbidden_words"))


def _has_word(text: str, word: str) -> bool:
    sought = re.escape(_same_form(word))
    return re.search(rf"(?<!\w){sought}(?!\w)", _same_form(text), re.IGNORECASE) is not None


def _existence(text: str, arguments: Arguments) -> bool:
    plain = _same_form(text).casefold()
    return all(_same_form(word).casefold() in plain for word in _texts(arguments, "keywords"))


def _frequency(text: str, arguments: Arguments) -> bool | None:
    keyword = _same_form(_text(arguments, "keyword")).casefold()
    count = _same_form(text).casefold().count(keyword)
    return _related((count, count), _text(arguments, "relation"), _number(arguments, "frequency"))


def _letters(text: str, arguments: Arguments) -> bool | None:
    text = unicodedata.normalize("NFC", text)
    letter = unicodedata.normalize("NFC", _text(arguments, "letter").lower())
    if len(letter) != 1:
        raise TypeError("letter")
    count = text.lower().count(letter)
    relation = _text(arguments, "let_relation")
    return _related((count, count), relation, _number(arguments, "let_frequency"))


def _highlights(text: str, arguments: Arguments) -> bool | None:
    """The asterisk of a list item begins no highlight, though a reader of signs may think so."""
    counts = [
        sum(bool(part.strip("* \t")) for part in _HIGHLIGHT.findall(one))
        for one in (text, _BULLET_MARK.sub("", text))
    ]
    wanted = _number(arguments, "num_highlights")
    return _related((min(counts), max(counts)), "at least", wanted)


def _bullets(text: str, arguments: Arguments) -> bool | None:
    """Null where a line may be an item or not: `---`, `-5 degrees`, `*emphasis*`."""
    wanted = _number(arguments, "num_bullets")
    told = {len(kind.findall(text)) == wanted for kind in (_BULLET, _SURE_BULLET)}
    return told.pop() if len(told) == 1 else None


def _placeholders(text: str, arguments: Arguments) -> bool:
    return len(_PLACEHOLDER.findall(text)) >= _number(arguments, "num_placeholders")


def _title(text: str, _: Arguments) -> bool:
    return any(found.strip() for found in _TITLE.findall(text))


def _sections(text: str, arguments: Arguments) -> bool | None:
    """Null where they are written in other case, or some of them stand within a line."""
    mark = re.escape(_text(arguments, "section_spliter"))  # their spelling
    fewest = len(re.findall(rf"^[ \t#*_>]*{mark}[ \t]?\d", text, re.MULTILINE))
    most = len(re.findall(rf"(?<!\w){mark}[ \t]?\d", text, re.IGNORECASE))
    return _related((fewest, max(fewest, most)), "at least", _number(arguments, "num_sections"))


class _NoNumber(Exception):
    """NaN or infinity, which JSON has not and Python reads."""


def _refused(word: str) -> NoReturn:
    raise _NoNumber(word)


def _json(text: str, _: Arguments) -> bool | None:
    plain = text.strip()
    if plain.startswith("```"):
        plain = plain.partition("\n")[2].removesuffix("```")
    try:
        json.loads(plain, parse_int=len, parse_constant=_refused)
    except (RecursionError, _NoNumber):
        return None
    except ValueError:
        return False
    return True


def _choice(text: str, _: Arguments) -> bool:
    return any(choice in text.casefold() for choice in _CHOICES)


def _paragraphs(text: str, arguments: Arguments) -> bool:
    """Between lines of three asterisks; an empty one at either end is none."""
    parts = [part.strip() for part in text.split("***")]
    if len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    if len(parts) > 1 and not parts[-1]:
        parts = parts[:-1]
    return all(parts) and len(parts) == _number(arguments, "num_paragraphs")


def _first_word(text: str, arguments: Arguments) -> bool:
    """Of the paragraph at this place, counted from 1, where blank lines part paragraphs."""
    parts = [part for part in _BLANK_LINE.split(text) if part.strip()]
    place = _number(arguments, "nth_paragraph")
    if len(parts) != _number(arguments, "num_paragraphs") or not 1 <= place <= len(parts):
        return False
    first = parts[place - 1].split()[0].strip(_EDGE)
    return first.casefold() == _text(arguments, "first_word").strip(_EDGE).casefold()


def _quoted(text: str, _: Arguments) -> bool:
    plain = text.strip()
    return len(plain) > 1 and plain[0] in '"“' and plain[-1] in '"”'


def _end(text: str, arguments: Arguments) -> bool | None:
    """Null where it ends within a word, or in marks of emphasis."""
    ending = _text(arguments, "end_phrase").strip('"').casefold()
    plain = text.strip().strip('"').casefold()
    if not plain.endswith(ending):
        return None if plain.rstrip('*_"”’ ').endswith(ending) else False  # noqa: RUF001
    before = plain[: -len(ending)][-1:]
    return None if before.isalnum() and ending[0].isalnum() else True


def _postscript(text: str, arguments: Arguments) -> bool:
    """Blanks within the mark do not count, and neither does case."""
    letters = [re.escape(letter) for letter in _text(arguments, "postscript_marker")]
    mark = r"[ \t]?".join(letter for letter in letters if letter.strip("\\ "))
    behind = r"(?!\w)" if letters[-1][-1].isalnum() else ""
    return re.search(rf"(?<!\w){mark}{behind}", text, re.IGNORECASE) is not None


def _repeated(text: str, arguments: Arguments) -> bool:
    wanted = " ".join(_text(arguments, "prompt_to_repeat").casefold().split())
    plain = " ".join(text.casefold().split())
    goes_on = wanted[-1].isalnum() and plain[len(wanted) :][:1].isalnum()
    return plain.startswith(wanted) and not goes_on


def _two(text: str, _: Arguments) -> bool:
    parts = [part.strip() for part in text.split("******")]
    return len(parts) == 2 and all(parts) and parts[0] != parts[1]


def _lower(text: str, _: Arguments) -> bool:
    return text.islower()


def _upper(text: str, _: Arguments) -> bool:
    return text.isupper()


def _capitals(text: str, arguments: Arguments) -> bool | None:
    counts = [sum(map(str.isupper, words)) for words in (_WORD.findall(text), text.split())]
    relation = _text(arguments, "capital_relation")
    bounds = (min(counts), max(counts))
    return _related(bounds, relation, _number(arguments, "capital_frequency"))


def _language(text: str, arguments: Arguments) -> bool | None:
    wanted = _text(arguments, "language").partition("-")[0].lower()
    told = set()
    for part in {text[:_PART], text[-_PART:]}:
        code, confidence = _detector().classify(part)
        told.add(None if confidence < _SURE else bool(code == wanted))
    return told.pop() if len(told) == 1 else None


@cache
def _detector() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise MissingExtra("telling languages apart", "language") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


RULES: dict[str, Rule] = {
    "punctuation:no_comma": _no_comma,
    "length_constraints:number_words": _words,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:nth_paragraph_first_word": _first_word,
    "keywords:forbidden_words": _forbidden,
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:letter_frequency": _letters,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:title": _title,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:constrained_response": _choice,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "combination:repeat_prompt": _repeated,
    "combination:two_responses": _two,
    "startend:quotation": _quoted,
    "startend:end_checker": _end,
    "change_case:english_lowercase": _lower,
    "change_case:english_capital": _upper,
    "change_case:capital_word_frequency": _capitals,
    "language:response_language": _language,
}
"""Of `english_lowercase` and `english_capital` the case is looked at, not the language."""

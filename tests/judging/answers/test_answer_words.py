"""Exact words, letters, patterns; where an answer stands."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.errors import ConfigError, MissingExtra
from prefkit.judging.answers.checking import check
from prefkit.judging.answers.choice import Choice
from prefkit.judging.answers.exact import Exact
from prefkit.judging.answers.marks import EXPLICIT, cuts
from prefkit.judging.answers.number import Number
from prefkit.judging.answers.regex import Regex

_LONG = 200_000  # characters
WHOLE = Exact(marks=("whole",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#### 18", [("hashes", "18")]),
        ("####18\n#### 19\n", [("hashes", "18"), ("hashes", "19")]),
        ("a\nA: x\n", [("answer_line", "x")]),
        ("**Final answer:** _x_", [("answer_line", "x")]),
        ("Data: x", []),
        ("The answer is: x. And more.", [("answer_is", "x")]),
        ("The answer is 3.5. And more", [("answer_is", "3.5")]),
        ("the answer isn't x", []),
        ("\\boxed{\\frac{1}{2}} and {x}", [("boxed", "\\frac{1}{2}")]),
        ("\\boxed{a \\boxed{b} c}", [("boxed", "a \\boxed{b} c")]),
        ("\\boxed{\\{1\\}}", [("boxed", "\\{1\\}")]),
        ("\\boxed{ never closed", []),
        ("A: $x^2$.", [("answer_line", "x^2")]),
        ("A: \\(x\\)", [("answer_line", "x")]),
        ("####\n", []),
        ("#### Step 1\nAdd.", []),
        ("#### 1\n\n#### 2 \n \n", [("hashes", "1"), ("hashes", "2")]),
        ("so #### 5", [("hashes", "5")]),
        ("A: x\nB: y", []),
        ("**Answer:** x\nB: y", [("answer_line", "x")]),
        ("If the answer is x, go", []),
        ("It isn't so. The answer is x", [("answer_is", "x")]),
        ("The answer is J. K. Rowling.", [("answer_is", "J. K. Rowling")]),
        ("The answer is Dr. Smith. He", [("answer_is", "Dr. Smith")]),
        ("The answer is B. He", [("answer_is", "B")]),
        ("plain", []),
    ],
)
def test_answers_stand_behind_marks(text: str, found: list[tuple[str, str]]) -> None:
    assert cuts(text, EXPLICIT) == found


def test_the_first_mark_in_order_decides() -> None:
    text = "A: 1\n#### 2"
    assert [cut.text for cut in cuts(text, ("answer_line", "hashes"))] == ["1"]
    assert [cut.text for cut in cuts(text, EXPLICIT)] == ["2"]


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "#### 1\n",
            "\\boxed{",
            "{",
            "}",
            "####",
            "ab A. ",
            "A. A",
            "the answer is ab A. ",
            "<think>",
            "</think>",
            "#### ",
            "A:",
            "A: \n",
            "the answer is ",
            "answer is\n",
            " ",
        ),
        *(
            "**",
            "\n ",
            "> ",
            "1 ",
            "1,",
            "$",
            "```\n",
            "```json\n",
            "(",
            "A. ",
            "-",
            "9.",
            "é",
            "[ ",
        ),
    ],
)
def test_long_hostile_texts_take_linear_time(unit: str) -> None:
    text = (unit * _LONG)[:_LONG]
    start = time.process_time()
    for checker in (Number(), Number(marks=("last_number",)), WHOLE, Choice(), Exact()):
        for response in (text, f"{text[:-9]}\nA: 18"):
            assert check(checker, response, "18").outcome in ("right", "wrong", "unsure")
    assert time.process_time() - start < 10, "seconds; in quadratic time it would be minutes"


def test_ten_million_characters_are_not_looked_at() -> None:
    found = check(Number(), "#### 18\n" + "x" * 10_000_000, "18")
    assert found == ("unsure", None, "the response has more than 1000000 characters")
    assert check(Number(), "#### 18", "1" * 1_000_001).outcome == "unsure"


@pytest.mark.parametrize(
    ("response", "reference", "reason"),
    [
        ("", "18", "the response is empty"),
        (" \n\t", "18", "the response is empty"),
        ("A: 18", None, "there is no reference"),
        ("A: 18", " ", "there is no reference"),
        ("A: \ud800", "18", "the response holds half a character"),
        ("A: 18", "\ud800", "the reference holds half a character"),
    ],
)
def test_what_cannot_be_looked_at_is_unsure(
    response: str, reference: str | None, reason: str
) -> None:
    assert check(Number(), response, reference) == ("unsure", None, reason)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ("Paris", "right"),
        ("  paris.\n", "right"),
        ("\uff30aris", "right"),  # a wide P
        ("Par\u00adis", "wrong"),  # a soft hyphen is a character
        ("Lyon", "wrong"),
        ("It is Paris", "wrong"),
    ],
)
def test_words_are_compared_without_case_and_ends(response: str, outcome: str) -> None:
    assert check(WHOLE, response, "Paris").outcome == outcome


def test_options_say_what_does_not_count() -> None:
    strict = Exact(marks=("whole",), case="keep", punctuation="keep")
    assert check(strict, "paris", "Paris").outcome == "wrong"
    assert check(strict, "Paris.", "Paris").outcome == "wrong"
    loose = Exact(marks=("whole",), articles="ignore", punctuation="ignore")
    assert check(loose, "the U-boat", "U boat").outcome == "right"
    assert check(WHOLE, "the boat", "boat").outcome == "wrong"
    assert check(WHOLE, "caf\u0065\u0301", "caf\u00e9").outcome == "right"
    assert check(WHOLE, "Straße", "STRASSE").outcome == "right"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        *(("-5", "5"), ("50%", "50"), ("C#", "C"), (".5", "5"), ("x²", "x2"), ("²", "2")),
        *(("George W. Bush", "George"), ("U.S. dollars", "U.S")),
    ],
)
def test_signs_that_mean_something_are_kept(answer: str, reference: str) -> None:
    assert check(Exact(), f"Answer: {answer}", reference).outcome == "wrong"
    assert check(Exact(), f"Answer: ({answer})!", answer).outcome == "right"


def test_a_name_that_a_full_stop_may_end_is_unsure() -> None:
    found = check(Exact(), "The answer is George W. Bush. He won.", "George W. Bush")
    assert found.reason == "the response gives different answers"


def test_an_article_is_one_only_before_a_word() -> None:
    loose = Exact(articles="ignore")
    assert check(loose, "Answer: the Beatles", "Beatles").outcome == "right"
    assert check(loose, "Answer: vitamin A", "vitamin").outcome == "wrong"
    assert check(loose, "Answer: The", "a").outcome == "wrong"


@pytest.mark.parametrize("checker", [Exact(), Number(), Choice()])
def test_a_reference_of_signs_alone_is_unsure(checker: Exact | Number | Choice) -> None:
    assert check(checker, "Answer: B", "**").outcome == "unsure"


def test_without_a_mark_there_is_no_exact_answer() -> None:
    assert check(Exact(), "Paris", "Paris").reason == "no answer was found"
    assert check(Exact(), "The answer is Paris.", "Paris").outcome == "right"
    assert check(Exact(), "A: Lyon", "Paris").reason == "'Lyon' is not 'paris'"


@given(st.text(min_size=1, max_size=40))
def test_any_text_is_itself(text: str) -> None:
    assert check(WHOLE, text, text).outcome in ("right", "unsure")


@pytest.mark.parametrize(
    "response",
    [
        *("B", "b", "(B)", "B.", "B)", "**B**", "B: Paris", "(B) Paris", "[B]", "Option B"),
        *("Answer: B", "The answer is (B).", "The answer is **B**.", "\\boxed{B}", "#### B"),
        *("\\boxed{\\text{B}}", "the answer is option (B) Paris", "Thinking of A.\nAnswer: B"),
        *("The answer is B", "The answer is (B), as said in (A)", "A: B", "$\\boxed{B}$"),
    ],
)
def test_a_letter_is_read_in_many_forms(response: str) -> None:
    assert check(Choice(letters="ABCD"), response, "B").outcome == "right"
    assert check(Choice(letters="ABCD"), response, "(C)").outcome == "wrong"


@pytest.mark.parametrize(
    "response",
    [
        *("The answer is A good thing", "The answer is B or C", "(B) and (C)", "B, C", "B/C"),
        *("Answer: B\nAnswer: C", "\\boxed{B} \\boxed{C}", "The answer is not B", "F", "Both"),
        *("A. Paris\nB. Lyon", "I do not know", "Answer: none of these", "B-52s", "C'est la vie"),
        *("The answer is (B) is wrong", "Answer: (B)? No, (C).", "Answer: (B)(C)", "Answer: B;C"),
        *("(B) ... is wrong, so C", "B. Incorrect", "B: wrong. C: right", "(B) no (c) yes"),
        *("B. No, C", "B, but C is possible", "(B) Lyon is not right.", "Answer: (B) is incorrect"),
        *("(A) is wrong", "(A) Paris, not (B)", "(B) " + "word " * 100, "B. Is it? (C)"),
    ],
)
def test_two_letters_or_none_are_unsure(response: str) -> None:
    assert check(Choice(letters="ABCD"), response, "B").outcome == "unsure"


def test_a_reference_that_is_no_letter_is_unsure() -> None:
    assert check(Choice(), "B", "Paris").reason.startswith("the reference is no letter")


def test_a_pattern_without_a_group_is_a_condition() -> None:
    ends = Regex(pattern=r"(?i)yours sincerely,?\s*$")
    assert check(ends, "Dear you\nYours sincerely,").outcome == "right"
    assert check(ends, "Bye") == ("wrong", None, "the pattern does not match")
    assert check(Regex(pattern="a+", where="whole"), "aaab").outcome == "wrong"


def test_a_pattern_with_a_group_cuts_the_answer_out() -> None:
    cut = Regex(pattern=r"<a>(.*?)</a>")
    assert check(cut, "<a> x </a>", "x").outcome == "right"
    assert check(cut, "<a>y</a>", "x").reason == "'y' is not 'x'"
    assert check(cut, "none", "x").reason == "the pattern finds no answer"
    assert check(cut, "<a>x</a><a>y</a>", "x").reason == "different answers"
    assert check(cut, "<a>x</a>").reason == "there is no reference"


def test_a_reference_can_be_the_pattern() -> None:
    assert check(Regex(), "18 eggs", r"^\d+ eggs$").outcome == "right"
    assert "is a pattern with groups" in check(Regex(), "18", r"(\d+)").reason
    assert "the reference is no pattern" in check(Regex(), "18", "(").reason
    assert "the reference is no pattern" in check(Regex(), "18", r"(?=x)").reason


def test_a_wrong_pattern_of_ones_own_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no regular expression"):
        check(Regex(pattern="("), "x", "y")
    with pytest.raises(ConfigError, match="has 2 groups"):
        check(Regex(pattern="(a)(b)"), "x", "y")


def test_patterns_that_explode_elsewhere_take_linear_time() -> None:
    text = "a" * 500_000 + "!"
    assert check(Regex(pattern=r"^(?:a+)+$"), text).outcome == "wrong"
    assert check(Regex(pattern=r"(?:a|aa)+$"), text).outcome == "wrong"


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    for checker, reference in ((Regex(pattern="only here 1"), ""), (Regex(), "only here 2")):
        with pytest.raises(MissingExtra) as raised:
            check(checker, "x", reference)
        assert raised.value.hint == 'pip install "prefkit[re2]"'

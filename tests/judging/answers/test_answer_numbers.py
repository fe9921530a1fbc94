"""Numbers: whatever their notation, exactly; what can be read in two ways is unsure."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefkit.judging.answers.checking import Unsure, check
from prefkit.judging.answers.number import Number
from prefkit.judging.answers.numerals import read_number
from prefkit.judging.answers.units import unit_of


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("18", "18", ""),
        ("-1,234.50", "-2469/2", ""),
        ("$1,234", "1234", "$"),
        ("-$5", "-5", "$"),
        ("$-5", "-5", "$"),
        ("US$5", "5", "$"),
        ("5 €", "5", "€"),
        ("\u22125", "-5", ""),
        ("18%", "18", "%"),
        ("18\\%", "18", "%"),
        ("3/4", "3/4", ""),
        ("-5/6", "-5/6", ""),
        ("1 3/4", "7/4", ""),
        ("3 and 1/2", "7/2", ""),
        ("1½", "3/2", ""),
        ("½", "1/2", ""),
        ("\\frac{3}{4}", "3/4", ""),
        ("1\\dfrac{3}{4}", "7/4", ""),
        ("\\tfrac34", "3/4", ""),
        ("1e5", "100000", ""),
        ("2.5E-3", "1/400", ""),
        ("3 x 10^5", "300000", ""),
        ("3\\times 10^{-5}", "3/100000", ""),
        ("3×10⁻⁵", "3/100000", ""),  # noqa: RUF001
        ("10²", "100", ""),
        ("10^{-2}", "1/100", ""),
        ("1\u202f000\u202f000", "1000000", ""),
        ("1{,}234", "1234", ""),
        ("1,\\!234 ", "1234", ""),
        ("1'000", "1000", ""),
        (".5", "1/2", ""),
        ("18.", "18", ""),
        ("١٨", "18", ""),
        ("１８", "18", ""),  # noqa: RUF001
        ("𝟏𝟖", "18", ""),  # noqa: RUF001
        ("x = 18", "18", ""),
        ("3 + 4 = 7 apples", "7", "apples"),
        ("about 5 km/h", "5", "km/h"),
        ("5 m²", "5", "m^2"),
        ("5\\text{ cm}^2", "5", "cm^2"),
        ("1.5 million dollars", "1500000", "dollars"),
        ("18 because 3 + 4 is 7", "18", ""),
        ("18 eggs a day", "18", "eggs"),
        ("**18**", "18", ""),
    ],
)
def test_a_number_is_read_exactly(text: str, value: str, unit: str) -> None:
    assert read_number(text) == (Fraction(value), unit)


@pytest.mark.parametrize(
    "text",
    [
        *("1,23", "1,2345", "1 000", "18.5.3", "1.2.3", "3/4/2024", "18:30", "3:4"),
        *("5 or 6", "5-6", "5 to 6", "1, 2", "5 ± 1", "5 < 6", "x >= 5"),
        *("3 + 4", "2x", "2\\pi", "2\\sqrt{2}", "2^10", "2(3)", "0.(3)", "5 ft 3 in", "18k", "5M"),
        *(
            "18!",
            "5 dozen",
            "5 hundredths",
            "5 bn",
            "5 K",
            "5 squared",
            "5 divided by 3",
            "5 or more",
        ),
        *("10_{2}", "0.\\overline{3}", "0.3...", "1\u066c000", "1\u066b5", "5*3", "2 and a half"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(Unsure, match=r"more than one way|no number begins"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("eighteen", "no number begins 'eighteen'"),
        ("18/0", "divides by zero"),
        ("1e999999999", "the exponent of '1e999999999' is too large"),
        ("10^999", "the exponent of '10^999' is too large"),
        ("9" * 200, "too many digits"),
        ("9" * 1_000_000, "too many digits"),
        ("1" + "+1" * 300 + " = 301", "more than 400 characters"),
    ],
)
def test_what_is_no_number_says_why(text: str, reason: str) -> None:
    with pytest.raises(Unsure, match=reason.replace("^", "\\^")):
        read_number(text)


def test_a_decimal_comma_is_an_option() -> None:
    assert read_number("1.234,56", "comma").value == Fraction(123456, 100)
    assert read_number("0,5", "comma").value == Fraction(1, 2)
    assert check(Number(decimal="comma"), "A: 1.234", "1234").outcome == "right"


@given(st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6))
def test_every_fraction_comes_back(value: Fraction) -> None:
    assert read_number(str(value)).value == value


@given(st.integers(-(10**15), 10**15), st.integers(0, 99))
def test_every_number_with_separators_comes_back(whole: int, cents: int) -> None:
    text = f"{whole:,}.{cents:02d}"
    sign = -1 if whole < 0 else 1
    assert read_number(text).value == whole + sign * Fraction(cents, 100)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_unsure(text: str) -> None:
    assert check(Number(marks=("whole",)), text, "18").outcome in ("right", "wrong", "unsure")


@pytest.mark.parametrize(
    ("response", "reference", "outcome"),
    [
        ("Long talk.\n#### 18", "18", "right"),
        ("Long talk.\nA: 18", "... so\n#### 18", "right"),
        ("**Answer:** $18.00", "18", "right"),
        ("I think the answer is 18.", "18", "right"),
        ("so \\boxed{18}", "18", "right"),
        ("so \\boxed{\\frac{36}{2}}", "18", "right"),
        ("A: 17", "18", "wrong"),
        ("A: 18 dollars", "18", "right"),
        ("A: 50%", "50", "right"),
        ("A: 50%", "0.5", "right"),
        ("A: 50%", "5", "wrong"),
        ("A: 0.5", "50%", "right"),
        ("A: 50", "50%", "unsure"),
        ("A: 5000 m", "5 km", "right"),
        ("A: 5000 m", "5 miles", "wrong"),
        ("A: 5 kg", "5 km", "unsure"),
        ("A: 5", "5 km", "unsure"),
        ("A: 36 km/h", "10 m/s", "right"),
        ("A: 1 square foot", "144 square inches", "right"),
        ("A: 250 cents", "$2.50", "right"),
        ("A: 18", "18 eggs", "right"),
        ("A: 18 egg", "18 eggs", "right"),
        ("A: 18 ducks", "18 eggs", "unsure"),
        ("18", "18", "unsure"),
        ("There are 18 eggs.", "18", "unsure"),
        ("A: eighteen", "18", "unsure"),
        ("A: 18", "many", "unsure"),
        ("A: 17\nA: 18", "18", "unsure"),
        ("A: 18\nA: 18.0", "18", "right"),
        ("#### 17\nthe answer is 18", "18", "right"),
        ("#### 1. First step\nAdd.\nA: 18", "18", "right"),
        ("#### 1. First step\nAdd.", "18", "unsure"),
        ("A: 5\nB: 18\nThe answer is 18.", "18", "right"),
        ("A: 18\nB: 5", "18", "unsure"),
        ("I do not think that the answer is 18.", "18", "unsure"),
        ("I doubt it. The answer is 18.", "18", "right"),
        ("A: 17\n\\boxed{18}", "18", "right"),
        ("First I said the answer is 17. Now the answer is 18.", "17", "unsure"),
        ("The answer is not 17. The answer is 18.", "18", "right"),
        ("It is false that the answer is 18.", "18", "unsure"),
        ("One might say the answer is 18, but it is 17.", "18", "unsure"),
        ("The answer is 18, but that is wrong.", "18", "unsure"),
        ("The answer is 18? No.", "18", "unsure"),
        ("\\boxed{18}. Wait, that is wrong.", "18", "unsure"),
        ("A: 17\nWait, no.\nA: 18", "18", "right"),
        ("<think>The answer is 17.</think>The answer is 18.", "18", "right"),
        ("<think>\\boxed{18}</think>The answer is 17.", "18", "wrong"),
        ("the answer is 17?</think>\nA: 18", "18", "right"),
        ("<think>The answer is 18.", "18", "unsure"),
        ("The `<think>` mark. The answer is 18.", "18", "right"),
        ("A: 5 mg", "5 Mg", "unsure"),
        ("A: 5 MM", "5 mm", "unsure"),
        ("A: 5 Km", "5 km", "right"),
        ("A: 18", "*", "unsure"),
    ],
)
def test_a_response_is_held_against_its_reference(
    response: str, reference: str, outcome: str
) -> None:
    found = check(Number(), response, reference)
    assert found.outcome == outcome
    assert found.reason


def test_reasons_name_what_was_compared() -> None:
    assert check(Number(), "A: $17", "18").reason == "17 $ is not 18"
    assert check(Number(), "no mark, 18", "18").reason == "no answer was found"
    assert check(Number(), "A: 5", "5 km").reason == ("the answer has no unit, the reference 'km'")
    assert check(Number(), "A: 5 kg", "5 km").reason == "'kg' against 'km'"


def test_tolerances_are_exact_limits() -> None:
    assert check(Number(), "A: 0.333", "1/3").outcome == "wrong"
    assert check(Number(absolute=0.5), "A: 18.5", "18").outcome == "right"
    assert check(Number(absolute=0.5), "A: 18.51", "18").outcome == "wrong"
    assert check(Number(relative=0.25), "A: 15", "12").outcome == "right"
    assert check(Number(relative=0.25), "A: 15.1", "12").outcome == "wrong"


def test_the_last_number_counts_only_if_it_is_asked_for() -> None:
    guess = Number(marks=("hashes", "last_number"))
    assert check(guess, "She has 3 and 15, so 18 eggs.", "18").outcome == "right"
    assert check(guess, "#### 17\n", "18").outcome == "wrong"
    assert check(guess, "#### 17\nor 18", "18").outcome == "right", "a heading is no answer"
    assert check(guess, "It is 2 * 9", "9").outcome == "unsure"
    assert check(guess, "It is 2^10", "10").outcome == "unsure"
    assert check(guess, "none", "9").reason == "no answer was found"


def test_several_answers_may_be_settled_by_the_last() -> None:
    last = Number(several="last")
    assert check(last, "A: 17\nNo.\nA: 18", "18").outcome == "right"


def test_units_are_exact_and_strangers_are_none() -> None:
    inch, foot = unit_of("inches"), unit_of("feet")
    assert inch is not None
    assert foot is not None
    assert inch.factor == Fraction(254, 10_000)
    assert foot.factor == 12 * inch.factor
    gallon = unit_of("gallons")
    assert gallon is not None
    assert gallon.factor == Fraction("3.785411784")
    assert unit_of("furlongs") is None
    assert unit_of("km/h/s") is None


def test_a_reading_is_ignored_where_units_are() -> None:
    assert check(Number(units="ignore"), "A: 5 kg", "5 km").outcome == "right"

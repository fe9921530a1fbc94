"""Verifiable instructions: followed, not followed, or not to be told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prefkit.judging.answers.checking import check
from prefkit.judging.answers.instruction_rules import RULES
from prefkit.judging.answers.instructions import Instructions

MORE: dict[str, Any] = {"relation": "at least"}
LESS: dict[str, Any] = {"relation": "less than"}


def reference(*instructions: tuple[str, dict[str, Any] | None]) -> str:
    return json.dumps(
        {
            "instruction_id_list": [name for name, _ in instructions],
            "kwargs": [arguments for _, arguments in instructions],
        }
    )


CASES: list[tuple[str, dict[str, Any], str, str]] = [
    ("punctuation:no_comma", {}, "No sign.", "One, two."),
    ("length_constraints:number_words", {**MORE, "num_words": 3}, "one two three", "one two"),
    ("length_constraints:number_words", {**LESS, "num_words": 3}, "one two", "one two three"),
    (
        "length_constraints:number_sentences",
        {**MORE, "num_sentences": 2},
        "One two. Three four.",
        "One two.",
    ),
    (
        "length_constraints:number_sentences",
        {**LESS, "num_sentences": 2},
        "One two.",
        "One two. Three four.",
    ),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}, "a\n***\nb", "a\n\nb"),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "weekend"},
        "One.\n\n*Weekend* plans.",
        "Weekend.\n\nTwo.",
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "Concatenate", "The Cat."),
    ("keywords:existence", {"keywords": ["a+b", "Cat"]}, "A+B and cats", "a and cats"),
    ("keywords:frequency", {**MORE, "keyword": "flesh", "frequency": 2}, "Flesh flesh", "flesh"),
    (
        "keywords:letter_frequency",
        {"letter": "I", "let_frequency": 2, "let_relation": "less than"},
        "Hi",
        "Hi it",
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        "*one* and **two**",
        "*one* ** ** and *",
    ),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* a\n - b", "* a\n* b\n- c"),
    ("detectable_format:title", {}, "<<My title>>\nText", "<< >> text"),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        "SECTION 1\na\nSECTION 2\nb",
        "SECTION 1\nSECTIONS",
    ),
    ("detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"),
    ("detectable_format:constrained_response", {}, "My answer is yes.", "Yes."),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        "[name] at [address]",
        "[name] []",
    ),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, "Bye.\np. s. X", "Bye."),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, "P.P.S. X", "P.S. X"),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Say  this."},
        "say this. Done.",
        "Done. Say this.",
    ),
    ("combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"),
    ("startend:quotation", {}, ' "All of it" ', '"Part" of it'),
    ("startend:end_checker", {"end_phrase": "Is there more?"}, 'x. "Is there more?"', "More?"),
    ("change_case:english_lowercase", {}, "all low 1", "Not low"),
    ("change_case:english_capital", {}, "ALL BIG 1", "ALL bIG"),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        "BIG and BOLD",
        "BIG and bold",
    ),
    (
        "language:response_language",
        {"language": "de"},
        "Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter von gestern.",
        "This is a perfectly ordinary English sentence about the weather of yesterday.",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "good", "bad"), CASES)
def test_an_instruction_is_followed_or_not(
    name: str, arguments: dict[str, Any], good: str, bad: str
) -> None:
    wanted = reference((name, arguments))
    assert check(Instructions(), good, wanted) == ("right", None, "all 1 followed")
    assert check(Instructions(), bad, wanted) == ("wrong", None, f"not followed: {name}")


def test_every_rule_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(RULES)
    assert len(RULES) == 25


@pytest.mark.parametrize(
    ("response", "name", "arguments"),
    [
        ("don't go", "length_constraints:number_words", {**MORE, "num_words": 3}),
        ("Mr. X", "length_constraints:number_sentences", {**MORE, "num_sentences": 2}),
        ("[" * 100_000, "detectable_format:json_format", {}),
        ("NaN", "detectable_format:json_format", {}),
        ("你好世界", "length_constraints:number_words", {**MORE, "num_words": 4}),
        ("* *a* x", "detectable_format:number_highlighted_sections", {"num_highlights": 1}),
        ("---\n- b", "detectable_format:number_bullet_lists", {"num_bullets": 1}),
        ("-5 degrees", "detectable_format:number_bullet_lists", {"num_bullets": 1}),
        (
            "Part 1\nas Part 1 said",
            "detectable_format:multiple_sections",
            {"section_spliter": "Part", "num_sections": 2},
        ),
        (
            "PART 1",
            "detectable_format:multiple_sections",
            {"section_spliter": "Part", "num_sections": 1},
        ),
        ("The weekend", "startend:end_checker", {"end_phrase": "end"}),
        ("**The end.**", "startend:end_checker", {"end_phrase": "The end."}),
        (
            "DON'T",
            "change_case:capital_word_frequency",
            {"capital_frequency": 2, "capital_relation": "at least"},
        ),
        (
            "The cat sat on the mat. " * 100 + "Der Hund lief durch den Wald. " * 100,
            "language:response_language",
            {"language": "en"},
        ),
        ("ok 1 2", "language:response_language", {"language": "en"}),
    ],
)
def test_a_count_that_depends_on_the_counter_is_unsure(
    response: str, name: str, arguments: dict[str, Any]
) -> None:
    found = check(Instructions(), response, reference((name, arguments)))
    assert found == ("unsure", None, f"cannot be told: {name} (depends on how one counts)")


@pytest.mark.parametrize(
    ("response", "name", "arguments", "outcome"),
    [
        ("ice\ncream", "keywords:forbidden_words", {"forbidden_words": ["ice cream"]}, "wrong"),
        ("a caf\u00e9", "keywords:existence", {"keywords": ["cafe\u0301"]}, "right"),
        ("see ps5", "detectable_content:postscript", {"postscript_marker": "PS"}, "wrong"),
        ("Do item", "combination:repeat_prompt", {"prompt_to_repeat": "Do it"}, "wrong"),
        ("9" * 5000, "detectable_format:json_format", {}, "right"),
        ("<think>so, so</think>yes", "punctuation:no_comma", {}, "right"),
        ("<think>so", "punctuation:no_comma", {}, "unsure"),
    ],
)
def test_forms_that_mislead(
    response: str, name: str, arguments: dict[str, Any], outcome: str
) -> None:
    assert check(Instructions(), response, reference((name, arguments))).outcome == outcome


def test_one_that_is_not_followed_decides_and_unknown_ones_are_named() -> None:
    unknown = ("keywords:rhymes", {})
    comma = ("punctuation:no_comma", None)
    found = check(Instructions(), "No sign", reference(comma, unknown))
    assert found == ("unsure", None, "cannot be told: keywords:rhymes (unknown)")
    found = check(Instructions(), "A, b", reference(comma, unknown))
    assert found == ("wrong", None, "not followed: punctuation:no_comma")


@pytest.mark.parametrize(
    "arguments",
    [None, {}, {"keyword": "x"}, {"keyword": 3, "frequency": 1, **MORE},
     {"keyword": "x", "frequency": "1", **MORE}, {"keyword": "x", "frequency": True, **MORE},
     {"keyword": "x", "frequency": 1, "relation": "about"}, {"keyword": None}],
)  # fmt: skip
def test_wrong_arguments_are_unsure(arguments: dict[str, Any] | None) -> None:
    found = check(Instructions(), "x", reference(("keywords:frequency", arguments)))
    assert found == ("unsure", None, "cannot be told: keywords:frequency (arguments)")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no", "the reference is no JSON"),
        ("[]", "has no instruction_id_list"),
        ('{"instruction_id_list": []}', "has no instruction_id_list"),
        ('{"instruction_id_list": [1]}', "has no instruction_id_list"),
        ('{"instruction_id_list": ["a"], "kwargs": [{}, {}]}', "not one kwargs for each"),
        ('{"instruction_id_list": ["a"], "kwargs": [3]}', "not one kwargs for each"),
    ],
)
def test_a_reference_that_cannot_be_read_is_unsure(text: str, reason: str) -> None:
    found = check(Instructions(), "x", text)
    assert found.outcome == "unsure"
    assert reason in found.reason


@pytest.mark.parametrize(
    "unit", ["*", "[", "<<", "***", "\n* ", "a. ", "P.", "******", "\n\n", "SECTION "]
)
def test_every_rule_takes_linear_time(unit: str) -> None:
    arguments = {key: value for _, given, *_ in CASES for key, value in given.items()}
    every = reference(*((name, arguments) for name in RULES))
    assert check(Instructions(), (unit * 100_000)[:100_000] + "x", every).outcome == "wrong"

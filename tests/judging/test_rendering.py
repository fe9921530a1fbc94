"""A rubric's templates are strict, harmless, and cannot touch the texts that are judged."""

from __future__ import annotations

import time
from typing import Any

import pytest

from prefkit.errors import ConfigError
from prefkit.judging.asking import How, asked
from prefkit.judging.framing import Shown, cut
from prefkit.judging.library import example_of, load_rubric
from prefkit.judging.rendering import SECONDS, names_of, rendered
from prefkit.judging.rubric import Rubric
from prefkit.schema.records import Message

SYSTEM = "{% for one in criteria %}{{ one.text }}{% endfor %}"
USER = "{{ request }}{% for one in responses %}{{ one.text }}{% endfor %}"


def rubric(**fields: Any) -> Rubric:
    given = {
        "name": "mine",
        "version": 1,
        "form": "pairwise",
        "purpose": "To try.",
        "criteria": [{"name": "good", "text": "It is good."}],
        "system": SYSTEM,
        "example": {"request": "Q", "responses": ["one", "two"]},
    }
    return Rubric.model_validate(given | fields)


def user_of(template: str) -> str:
    made = rubric(user=template)
    return rendered(made, example_of(made)).user


@pytest.mark.parametrize(
    "text",
    [
        "{{ critera }}",
        "{{ criteria[0].weigth }}",
        "{{ criteria[9].text }}",
        "{% if nothing %}x{% endif %}",
        "{% for one in nothing %}x{% endfor %}",
        "{{ request }}",  # the system turn is the same for all rows
        "{{ responses }}",
        "{{ strftime_now('%Y') }}",  # another text tomorrow is another request
        "{{ criteria | random }}",
        "{{ lipsum() }}",
        "{% include 'other' %}",
        "{% for %}",
        "{{ criteria.append(1) }}",
        "{{ criteria[0].update({'text': 'x'}) }}",
        "{{ criteria.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{{ 'a' * 999999999 }}",
        "{{ 1 / 0 }}",
        "{{ raise_exception('no') }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
)
def test_a_template_that_is_wrong_or_reaches_out_is_a_configuration_error(text: str) -> None:
    made = rubric(system=SYSTEM + text)
    with pytest.raises(ConfigError) as caught:
        rendered(made, example_of(made))
    assert str(caught.value).startswith("the rubric mine: its system template")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    made = rubric(system="{{ critera }}")
    with pytest.raises(ConfigError, match="'critera' is undefined") as caught:
        rendered(made, example_of(made))
    assert caught.value.hint == "it may use criteria, form, names, outcomes, scale"


def test_a_template_without_end_is_stopped() -> None:
    loops = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    made = rubric(system=SYSTEM + loops)
    start = time.monotonic()
    with pytest.raises(ConfigError, match="was stopped: it ran for more than"):
        rendered(made, example_of(made))
    assert time.monotonic() - start < SECONDS + 5


def test_a_template_that_makes_a_book_is_refused() -> None:
    made = rubric(system=SYSTEM + "{{ 'abcde' * 100000 }}")
    with pytest.raises(ConfigError, match="200,000 are allowed"):
        rendered(made, example_of(made))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("nothing", "shows the text 'request' 0 times"),
        ("{{ request }}" + USER, "shows the text 'request' 2 times"),
        ("{{ request | upper }}" + USER[13:], "takes a text apart"),
        ("{{ request[:-1] }} " + USER[13:], "takes a text apart"),
        (USER + "{{ request[3:] }}", "takes a text apart"),
        ("{{ request | reverse }}" + USER[13:], "shows the text 'request' 0 times"),
        ("{{ request }}{{ responses[0].text }}", "shows the text 'response1' 0 times"),
        (
            "{{ request }}{% for one in responses | reverse %}{{ one.text }}{% endfor %}",
            "changes the order shown",
        ),
        ("{{ '%crequest%c' % (0, 0) }}" + USER, "shows the text 'request' 2 times"),
        ("{{ request }}\x00request\x00" + USER[13:], "holds a null character"),
        (USER + "{{ responses[2].text }}", "its user template"),
    ],
)
def test_a_template_can_place_each_text_once_and_in_order_only(template: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        user_of(template)
    assert reason in str(caught.value)


def test_a_template_of_ones_own_says_how_the_texts_follow() -> None:
    text = (
        "{% for one in responses %}Now {{ one.name }}:\n{{ one.text }}\n{% endfor %}{{ request }}"
    )
    made = user_of(text)
    code = made.split("\n")[0].split()[-1].rstrip(".")
    assert made == (
        f"The code of the marks in this task is {code}.\n\n"
        f"Now A:\n=== {code} BEGIN response A ===\none\n=== {code} END response A ===\n"
        f"Now B:\n=== {code} BEGIN response B ===\ntwo\n=== {code} END response B ===\n"
        f"=== {code} BEGIN request ===\nQ\n=== {code} END request ==="
    )


def test_a_reference_that_is_given_has_to_be_shown() -> None:
    made = rubric(user=USER)
    with pytest.raises(ConfigError, match="shows the text 'reference' 0 times"):
        rendered(made, Shown(**(_fields(example_of(made)) | {"reference": "R"})))


def _fields(shown: Shown) -> dict[str, Any]:
    return {"prompt": shown.prompt, "responses": shown.responses, "tools": shown.tools}


def test_a_reference_is_explained_only_where_there_is_one() -> None:
    made = load_rubric("helpfulness")
    plain = example_of(made)
    with_one = Shown(**(_fields(plain) | {"reference": "R"}))
    assert "marked as reference" not in rendered(made, plain).system
    assert "marked as reference" in rendered(made, with_one).system
    both = rendered(made, with_one)
    assert cut(both.user, "reference", both.framed.code) == "R"


def test_a_rubric_that_needs_a_reference_judges_nothing_without() -> None:
    made = load_rubric("factuality")
    bare = Shown(**_fields(example_of(made)))
    with pytest.raises(ConfigError, match="needs a reference, and there is none"):
        rendered(made, bare)


def test_markup_is_not_escaped_and_not_read() -> None:
    made = rubric(criteria=[{"name": "good", "text": "It's <b> & {{ 1 }} {% x %}."}])
    shown = Shown(
        prompt=(Message("user", "{{ 7 * 7 }} <&>"),),
        responses=((Message("assistant", "{% raw %}"),), (Message("assistant", "{# #}"),)),
    )
    said = rendered(made, shown)
    assert said.system.startswith("It's <b> & {{ 1 }} {% x %}.\n")
    assert "\n{{ 7 * 7 }} <&>\n" in said.user
    assert "\n{% raw %}\n" in said.user
    assert "\n{# #}\n" in said.user


def test_a_system_template_has_to_say_every_criterion_and_grade() -> None:
    made = rubric(system="Judge well.")
    with pytest.raises(ConfigError, match="does not say the criterion good"):
        rendered(made, example_of(made))
    scale = [{"grade": 1, "text": "Bad."}, {"grade": 2, "text": "Not bad at all, but fine."}]
    made = rubric(
        form="pointwise",
        scale=scale,
        system=SYSTEM + "{{ scale[0].text }}",
        example={"request": "Q", "responses": ["one"]},
    )
    with pytest.raises(ConfigError, match="does not say the grade 2"):
        rendered(made, example_of(made))


def test_letters_name_the_responses_in_the_order_shown() -> None:
    assert names_of(load_rubric("overall_ranking"), 4) == ("A", "B", "C", "D")
    assert names_of(load_rubric("helpfulness_rating"), 1) == ("",)


@pytest.mark.parametrize(
    ("name", "count", "wanted"),
    [
        ("overall", 3, "2 responses at once, not 3"),
        ("helpfulness_rating", 2, "1 responses at once, not 2"),
        ("overall_ranking", 1, "2 to 26 responses at once, not 1"),
        ("overall_ranking", 27, "2 to 26 responses at once, not 27"),
    ],
)
def test_a_rubric_judges_as_many_as_its_form_says(name: str, count: int, wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        names_of(load_rubric(name), count)


def test_equal_judgements_are_equal_requests_and_thousands_are_made_in_seconds() -> None:
    made = load_rubric("overall")
    shown = example_of(made)
    assert asked(made, shown).facts() == asked(made, shown).facts()
    start = time.monotonic()
    for number in range(2000):
        asked(made, shown, How(way="first_token"), draw=number)
    assert time.monotonic() - start < 10

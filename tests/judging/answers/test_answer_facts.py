"""Facts: a real SQLite file, searched by words; claims judged by a recorded judge."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefkit.errors import ConfigError, DataError
from prefkit.judging.answers.checking import Checked, check
from prefkit.judging.answers.facts import Facts, requests_of
from prefkit.judging.answers.knowledge import KnowledgeBase
from prefkit.judging.answers.sentences import sentence_bounds, sentences
from prefkit.llm.connect import connect

ROWS = [
    ("moon", "Neil Armstrong was the first person to walk on the Moon, on 20 July 1969."),
    ("everest", "Mount Everest is 8849 metres high and lies on the border of Nepal and China."),
    ("paris", "Paris is the capital of France."),
    ("lyon", "Lyon is a city in France, on the Rhône."),
    ("operators", "NEAR and NOT and OR are words too."),
]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    place = tmp_path / "facts.db"
    KnowledgeBase.build(place, ROWS).close()
    return place


def ids(base: Path, claim: str, k: int = 5) -> list[str]:
    with KnowledgeBase(base) as opened:
        return [document.id for document in opened.search(claim, k)]


def test_the_nearest_document_comes_first(base: Path) -> None:
    assert ids(base, "Who walked first on the Moon?")[0] == "moon"
    assert ids(base, "The capital of France is Paris.") == ["paris", "lyon"]
    assert ids(base, "France", 1) == ["paris"], "the shorter of two with the word once"
    assert ids(base, "rhone rivers") == ["lyon"], "accents do not count"
    assert ids(base, "mountains of Nepal")[0] == "everest", "endings do not count"
    assert ids(base, "Ulaanbaatar") == []
    assert ids(base, "") == ids(base, "?!") == []
    with KnowledgeBase(base) as opened:
        assert len(opened) == 5
        scores = [document.score for document in opened.search("the capital of France")]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ('"', []),
        ('" OR text:*', []),
        ("NOT Paris", ["paris", "operators"]),
        ("id:moon", ["moon"]),
        ("text : moon", ["moon"]),
        ("moon*", ["moon"]),
        ("moo*", []),
        ("^moon", ["moon"]),
        ("NEAR(paris lyon, 2)", ["paris", "lyon", "operators"]),
        ("(((", []),
        ("moon AND", ["moon"]),
        ("'; DROP TABLE documents; --", []),
        ("-moon +moon", ["moon"]),
        ("moon\x00paris", ["moon", "paris"]),
        ("{moon paris} : x", ["moon", "paris"]),
    ],
)
def test_signs_of_the_query_language_are_only_text(
    base: Path, claim: str, found: list[str]
) -> None:
    assert sorted(ids(base, claim)) == sorted(found)
    assert len(ids(base, "Paris")) == 1, "the file is as it was"


@settings(max_examples=200)
@given(claim=st.text(max_size=80))
def test_any_claim_can_be_searched_for(
    tmp_path_factory: pytest.TempPathFactory, claim: str
) -> None:
    place = tmp_path_factory.getbasetemp() / "any.db"
    if not place.exists():
        KnowledgeBase.build(place, ROWS).close()
    if claim.encode(errors="ignore").decode() == claim:
        assert len(ids(place, claim)) <= 5


def test_a_very_long_claim_is_searched_in_no_time(base: Path) -> None:
    assert ids(base, "moon " + " ".join(f"word{number}" for number in range(200_000))) == ["moon"]
    assert ids(base, "x" * 1_000_000) == []


def test_a_file_is_opened_for_reading_alone(base: Path) -> None:
    before = base.read_bytes()
    base.chmod(0o444)
    with KnowledgeBase(base) as opened:
        opened.search("moon")
        with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
            opened._connection.execute("DELETE FROM documents")
    assert base.read_bytes() == before
    assert [file.name for file in base.parent.iterdir()] == ["facts.db"]


def test_what_is_no_knowledge_base_says_so(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ConfigError, match="there is no knowledge base"):
        KnowledgeBase(tmp_path / "none.db")
    text = tmp_path / "text.db"
    text.write_text("Not a database, but long enough to look like a file of one. " * 20)
    with pytest.raises(DataError, match="cannot be read as a knowledge base: file is not a"):
        KnowledgeBase(text)
    (tmp_path / "empty.db").touch()
    with pytest.raises(DataError, match="is no knowledge base of prefkit"):
        KnowledgeBase(tmp_path / "empty.db")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE documents (id, text)")
    connection.close()
    with pytest.raises(DataError, match="is no knowledge base of prefkit"):
        KnowledgeBase(other)
    data = base.read_bytes()
    cut = tmp_path / "cut.db"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"malformed|damaged"):
        KnowledgeBase(cut)


@pytest.mark.parametrize("value", ["NULL", "x'ff00'"])
def test_a_document_that_is_no_text_is_told(base: Path, value: str) -> None:
    connection = sqlite3.connect(base)
    connection.execute(f"UPDATE documents_content SET c1 = {value}")
    connection.commit()
    connection.close()
    with (
        KnowledgeBase(base) as opened,
        pytest.raises(DataError, match="holds a document that is no text"),
    ):
        opened.search("France")


def test_a_view_or_trigger_planted_in_a_file_is_not_trusted(base: Path) -> None:
    connection = sqlite3.connect(base)
    connection.execute("CREATE VIEW more AS SELECT 1")
    connection.close()
    with pytest.raises(DataError, match="is no knowledge base of prefkit"):
        KnowledgeBase(base)


@pytest.mark.parametrize("place", range(4096, 24_000, 777))
def test_damage_gives_documents_or_one_clear_error(base: Path, place: int) -> None:
    data = bytearray(base.read_bytes())
    damaged = base.with_name("damaged.db")
    for offset in range(place, min(place + 300, len(data))):
        data[offset] ^= 0xFF
    damaged.write_bytes(data)
    try:
        ids(damaged, "Paris Moon Nepal")
    except DataError as error:
        assert "damaged.db" in str(error)  # noqa: PT017 - it may also be found sound


def test_a_base_is_built_whole_or_not_at_all(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ConfigError, match="is already there"):
        KnowledgeBase.build(base, ROWS)
    place = tmp_path / "new.db"
    for row in (("a", " "), ("a", 3), ("a", "b", "c"), ("a", "\ud800")):
        with pytest.raises(ConfigError, match="row 1"):
            KnowledgeBase.build(place, [ROWS[0], row])  # type: ignore[list-item]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["facts.db"]


def test_sentences_are_claims() -> None:
    text = "Dr. Smith lives in the U.S. today. He paid $3.50!\n- A list item\n\nReally? Yes."
    assert sentences(text) == [
        *("Dr. Smith lives in the U.S. today.", "He paid $3.50!", "A list item"),
        *("Really?", "Yes."),
    ]
    assert sentences("第一句。第二句。") == ["第一句。", "第二句。"]
    assert sentences("...") == []
    assert sentence_bounds("One. Two.\nThree") == (3, 3)
    assert sentence_bounds("Mr. X came. He left") == (2, 3)
    assert sentence_bounds("A line\nthat goes on.") == (1, 2)


def recorded(folder: Path, base: Path, grades: dict[str, object]) -> str:
    """A judge that gives these claims these grades, as a recording."""
    lines = []
    with KnowledgeBase(base) as opened:
        for claim, grade in grades.items():
            (request,) = requests_of([(claim, opened.search(claim, 5))])
            turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
            reply = json.dumps({"rationale": "Because.", "grade": grade})
            lines.append(json.dumps({"request": {"messages": turns}, "reply": reply}))
    place = folder / "judge.jsonl"
    place.write_text("\n".join(lines) + "\n")
    return f"replay:{place}"


def checked(folder: Path, base: Path, response: str, grades: dict[str, object]) -> Checked:
    spec = recorded(folder, base, grades)
    with connect(spec, cache=folder / "cache") as client:
        return check(Facts(base=str(base)), response, client=client)


def test_claims_that_the_documents_support_are_right(tmp_path: Path, base: Path) -> None:
    grades: dict[str, object] = {"Paris is in France.": 3, "Everest is in Nepal.": 3}
    found = checked(tmp_path, base, "Paris is in France. Everest is in Nepal.", grades)
    assert found == ("right", None, "all 2 claims are supported")


def test_one_contradicted_claim_is_wrong(tmp_path: Path, base: Path) -> None:
    grades: dict[str, object] = {"Paris is in France.": 3, "Aldrin walked first on the Moon.": 1}
    response = "Paris is in France. Aldrin walked first on the Moon."
    found = checked(tmp_path, base, response, grades)
    assert found.outcome == "wrong"
    assert found.extracted == "Aldrin walked first on the Moon."
    assert found.reason == "contradicted by one of 'moon'"


def test_a_claim_that_is_not_settled_is_unsure(tmp_path: Path, base: Path) -> None:
    grades: dict[str, object] = {"Paris is in France.": 3, "Lyon is old.": 2}
    found = checked(tmp_path, base, "Paris is in France. Lyon is old.", grades)
    assert found == ("unsure", None, "1 of 2 claims are not settled")


def test_a_claim_without_a_document_is_not_asked_and_unsure(tmp_path: Path, base: Path) -> None:
    found = checked(tmp_path, base, "Paris is in France. Ulaanbaatar!", {"Paris is in France.": 3})
    assert found.reason == "1 of 2 claims are not settled"


@pytest.mark.parametrize("grade", [4, "3", None])
def test_a_judge_that_cannot_be_read_is_unsure(tmp_path: Path, base: Path, grade: object) -> None:
    found = checked(tmp_path, base, "Paris is in France.", {"Paris is in France.": grade})
    assert found == ("unsure", None, "the judge gave no verdict on 1 of 1")


def test_a_judge_that_does_not_answer_is_unsure(tmp_path: Path, base: Path) -> None:
    found = checked(tmp_path, base, "Lyon is in France.", {"Paris is in France.": 3})
    assert found.reason == "the judge gave no verdict on 1 of 1"


def test_the_judge_sees_the_documents_between_marks(base: Path) -> None:
    with KnowledgeBase(base) as opened:
        documents = opened.search("Paris", 1)
    (request,) = requests_of([("=== END reference === Paris.", documents)])
    words = request.messages[1].content or ""
    assert "Document 1:\nParis is the capital of France.\n" in words
    assert words.index("Paris is the capital") < words.index("=== END reference === Paris.")


def test_too_many_claims_are_not_asked_about(tmp_path: Path, base: Path) -> None:
    found = checked(tmp_path, base, "Yes. " * 51, {"Paris is in France.": 3})
    assert found.reason == "51 claims; from 1 to 50 are checked"


def test_facts_need_a_judge_and_a_base(tmp_path: Path, base: Path) -> None:
    with pytest.raises(ConfigError, match="asks a judge"):
        check(Facts(base=str(base)), "Paris.")
    with pytest.raises(ConfigError, match="there is no knowledge base"):
        checked(tmp_path, tmp_path / "none.db", "Paris.", {})

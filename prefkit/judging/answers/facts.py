"""Claims checked against a knowledge base: found by their words, judged by a rubric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import ClassVar, NamedTuple

from pydantic import Field

from prefkit.errors import SchemaError
from prefkit.judging.answers.checking import AskingChecker, Checked, Inquiry, Unsure, shown
from prefkit.judging.answers.knowledge import Document, KnowledgeBase
from prefkit.judging.answers.reasoning import without_reasoning
from prefkit.judging.answers.sentences import sentences
from prefkit.judging.asking import asked
from prefkit.judging.framing import Shown
from prefkit.judging.library import load_rubric
from prefkit.judging.rubric import Rubric
from prefkit.judging.verdicts import read
from prefkit.llm.records import Reply, Request
from prefkit.schema.records import Message

__all__ = ["Facts", "requests_of"]

_RUBRIC = "factuality_rating"
_REQUEST = "Check this claim."
_CONTRADICTED, _SUPPORTED = 1, 3  # grades of the rubric
_MOST_SHOWN = 4_000  # characters of a document


class _Claim(NamedTuple):
    text: str
    documents: Sequence[Document]


class Facts(AskingChecker):
    """Check each sentence of a response against the documents nearest to it; asks a judge.

    Sentences are the claims: simple, and told. Wrong if the documents contradict one, right if
    they support all, else unsure: a claim for which there is no document or no verdict, or which
    is not settled. Asks once for each claim, by the rubric `factuality_rating`. A reference is not
    needed. Needs the extra `llm`.
    """

    base: str = Field(description="The file, made by `KnowledgeBase.build`.")
    k: int = Field(5, ge=1, le=50, description="Documents shown with a claim.")
    most_claims: int = Field(50, ge=1, description="A response with more is unsure, and not asked.")

    places: ClassVar[tuple[str, ...]] = ("base",)
    needs_reference: ClassVar[bool] = False

    def inquiry(self, response: str, reference: str) -> Inquiry:
        """One request for each claim that there are documents for."""
        claims = self._claims(response)
        told = [claim for claim in claims if claim.documents]
        requests = requests_of([(claim.text, claim.documents) for claim in told])
        return Inquiry(tuple(requests), partial(_settled, told, len(claims)))

    def _claims(self, response: str) -> list[_Claim]:
        """Every claim with its documents.

        Raises:
            Unsure: there are none, or too many: then nobody is asked.
        """
        found = sentences(without_reasoning(response))
        if not 0 < len(found) <= self.most_claims:
            raise Unsure(f"{len(found)} claims; from 1 to {self.most_claims} are checked")
        with KnowledgeBase(self.base) as base:
            claims = [_Claim(text, base.search(text, self.k)) for text in found]
        return claims


@cache
def _rubric() -> Rubric:
    return load_rubric(_RUBRIC)


def _settled(told: Sequence[_Claim], count: int, replies: Sequence[Reply]) -> Checked:
    """Right if the documents support every one of `count` claims."""
    rubric = _rubric()
    grades = [read(rubric, reply).scores[0] for reply in replies]
    for claim, grade in zip(told, grades, strict=True):
        if grade == _CONTRADICTED:
            ids = ", ".join(document.id for document in claim.documents)
            return Checked("wrong", claim.text, f"contradicted by one of {shown(ids)}")
    if None in grades:
        raise Unsure(f"the judge gave no verdict on {grades.count(None)} of {count}")
    if open_claims := count - grades.count(_SUPPORTED):
        raise Unsure(f"{open_claims} of {count} claims are not settled")
    return Checked("right", None, f"all {count} claims are supported")


def requests_of(claims: Sequence[tuple[str, Sequence[Document]]]) -> list[Request]:
    """What a judge is asked about claims, each with its documents.

    Raises:
        Unsure: a text cannot be shown.
    """
    rubric = _rubric()
    try:
        return [asked(rubric, _shown(text, documents)) for text, documents in claims]
    except SchemaError as error:
        raise Unsure(f"a claim cannot be shown: {error}") from error


def _shown(claim: str, documents: Sequence[Document]) -> Shown:
    parts = [
        f"Document {number}:\n{document.text[:_MOST_SHOWN]}"
        for number, document in enumerate(documents, start=1)
    ]
    return Shown(
        prompt=(Message("user", _REQUEST),),
        responses=((Message("assistant", claim),),),
        reference="\n\n".join(parts),
    )

"""What a judge said as a vote: who, by which rubric, in which order, for how much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from prefkit.judging.showings import Showing
from prefkit.judging.verdicts import Verdict
from prefkit.llm.client import Client
from prefkit.llm.names import plain_model, plain_spec
from prefkit.llm.records import Reply, Usage
from prefkit.schema.records import Source, Vote, to_json

__all__ = ["Heard", "Judge", "vote_of"]


@dataclass(frozen=True, slots=True)
class Judge:
    """Who judges, as its votes name it; no name says where a model or a file lies."""

    source: str
    """The client: `openai:MODEL`."""
    model: str
    """For providers that do not say which model answers."""
    revision: str | None
    """Null = not pinned."""
    bill: Callable[[Usage], float | None]
    """Dollars for one answer; null if there is no price or no usage."""

    @classmethod
    def of(cls, client: Client, revision: str | None) -> Judge:
        """The judge that a client asks.

        Raises:
            ConfigError: the client's name has no known form.
        """
        desk = client.desk
        return cls(plain_spec(desk.who), plain_model(desk.provider.model), revision, desk.bill)

    def by(self, reply: Reply) -> str:
        """MODEL, or MODEL@REVISION if it was pinned; the model as the reply names it."""
        model = plain_model(reply.model) if reply.model else self.model
        return model if self.revision is None else f"{model}@{self.revision}"


class Heard(NamedTuple):
    """What came back of one showing."""

    showing: Showing
    draw: int | None
    """Null if one draw is wanted."""
    verdict: Verdict
    reply: Reply


def vote_of(judge: Judge, heard: Heard, responses: int) -> Vote:
    """A verdict on what was shown as a vote on a comparison of so many responses.

    The cost is what the answer was billed for, by whichever run: that of a vote stays the same when
    its answer comes from the journal. Not for a verdict `infra`: nobody judged.
    """
    showing, draw, verdict, reply = heard
    scores: list[float | None] = [None] * responses
    for place, score in zip(showing.places, verdict.scores, strict=True):
        scores[place] = score
    return Vote(
        kind="judge",
        outcome=verdict.outcome,
        scores=tuple(scores),
        scale=verdict.scale,
        source=Source(judge.source, reply.key),
        by=judge.by(reply),
        draw=draw,
        criterion=showing.rubric.criterion,
        order=showing.places,  # of one judged alone too: a failed vote names nobody else
        rationale=verdict.rationale,
        rubric=showing.rubric.label,
        seconds=reply.seconds,
        cost_usd=judge.bill(reply.usage),
        raw=_raw(verdict, reply),
    )


def _raw(verdict: Verdict, reply: Reply) -> str:
    said: dict[str, Any] = {
        "text": verdict.raw,
        "finish": reply.finish,
        "label": verdict.label,
        "reason": verdict.reason,
        "message": verdict.message,
        "probability": verdict.probability,
        "logit": verdict.logit,
        "probabilities": verdict.probabilities,
        "mass": verdict.mass,
        "expected": verdict.expected,
        "fingerprint": reply.revision,
    }
    return to_json({name: value for name, value in said.items() if value is not None})

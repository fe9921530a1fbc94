"""Responses ranked by a reward model: one logit each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from prefkit.collectors.synthetic.own_answers import OwnAnswers
from prefkit.collectors.synthetic.recipe import Cast, Caster, Missing
from prefkit.errors import ConfigError
from prefkit.llm.client import Client
from prefkit.llm.names import plain_model, plain_spec
from prefkit.llm.records import Score, ScoreRequest
from prefkit.schema.ids import messages_digest
from prefkit.schema.records import Comparison, Source, Vote, to_json

__all__ = ["ByReward"]

_AT_ONCE = 256
"""Responses that are scored together: their texts are held."""

_REVISION = 12  # digits of a model's digest in the name of who voted


class ByReward(Caster):
    """Scores every response by itself, as one conversation by the model's own chat template.

    One vote of kind `reward` a comparison, on the scale `logit`.
    """

    def __init__(self, name: str, client: Client) -> None:
        """Take the name of votes' source, and the model.

        Raises:
            ConfigError: the client gives no scores.
        """
        provider = client.desk.provider
        if not {"score", "reward"} & provider.can:
            raise ConfigError(
                f"reward: {plain_spec(client.desk.who)} gives no scores",
                hint="name a sequence classifier: transformers:PATH or vllm:PATH",
            )
        self._name = name
        self._client = client
        self._model = plain_model(provider.model)
        self._own = OwnAnswers([self._model])
        self._scored: Counter[str] = Counter()

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """One vote for each comparison of which a response was scored.

        Raises:
            ConfigError: the model cannot be loaded.
            ClientError, OSError: as `Client.score`.
        """
        for several in _chunks(comparisons):
            requests = [one for comparison in several for one in self._requests(comparison)]
            scores = iter(self._client.score(requests, stage="reward"))
            for comparison in several:
                self._own.add(comparison)
                count = 0 if comparison.tools is not None else len(comparison.responses)
                yield self._cast(comparison, [next(scores) for _ in range(count)])

    def scores(self, spec: str, comparisons: Iterable[Comparison]) -> Iterator[ScoreRequest]:
        """Every response."""
        del spec
        return (one for comparison in comparisons for one in self._requests(comparison))

    def facts(self) -> dict[str, Any]:
        """Who scored, how many, and whether it ranked its own."""
        return {
            "reward": plain_spec(self._client.desk.who),
            "scored": dict(sorted(self._scored.items())),
            "own_answers": self._own.facts(),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        said = ", ".join(f"{count:,} {name}" for name, count in sorted(self._scored.items()))
        yield "Rewards", said or "none"
        if (own := self._own.told()) is not None:
            yield "Own answers", own

    def _requests(self, comparison: Comparison) -> Iterator[ScoreRequest]:
        if comparison.tools is not None:
            return
        for place, response in enumerate(comparison.responses):
            turns = (*comparison.prompt, *response.messages)
            yield ScoreRequest(messages=turns, name=f"response {place}")

    def _cast(self, comparison: Comparison, scores: Sequence[Score]) -> Cast:
        if comparison.tools is not None:
            self._scored["unsupported"] += len(comparison.responses)
            said = "a reward model is not shown the tools that could be called"
            return Cast((), (Missing("unsupported", said),))
        missing = [
            Missing(score.failure.kind, score.failure.message, place)
            for place, score in enumerate(scores)
            if score.failure is not None
        ]
        self._scored.update(one.reason for one in missing)
        self._scored["scored"] += len(scores) - len(missing)
        if len(missing) == len(scores):
            return Cast((), tuple(missing))
        return Cast((self._vote(comparison, scores),), tuple(missing))

    def _vote(self, comparison: Comparison, scores: Sequence[Score]) -> Vote:
        model = next((one.model for one in scores if one.model), None)
        bills = [self._client.desk.bill(one.usage) for one in scores if one.failure is None]
        known = [bill for bill in bills if bill is not None]
        ids = [messages_digest(response.messages) for response in comparison.responses]
        return Vote(
            kind="reward",
            outcome="scored",
            scores=tuple(None if one.failure is not None else one.value for one in scores),
            scale="logit",
            source=Source(self._name, _record(ids, scores)),
            by=self._by(plain_model(model) if model else self._model),
            seconds=sum(one.seconds for one in scores if one.failure is None),
            cost_usd=sum(known) if len(known) == len(bills) else None,
            raw=to_json({"keys": dict(zip(ids, [one.key for one in scores], strict=True))}),
        )

    def _by(self, model: str) -> str:
        """MODEL@REVISION: the one that was named, else the digest of the model's files."""
        known = self._client.desk.provider.identity()
        revision = self._client.desk.settings.revision
        if revision is None and known.get("digest"):
            revision = str(known["digest"])[:_REVISION]
        return model if revision is None else f"{model}@{revision}"


def _chunks(comparisons: Iterable[Comparison]) -> Iterator[list[Comparison]]:
    held: list[Comparison] = []
    count = 0
    for comparison in comparisons:
        held.append(comparison)
        count += len(comparison.responses)
        if count >= _AT_ONCE:
            yield held
            held, count = [], 0
    if held:
        yield held


def _record(ids: Sequence[str], scores: Sequence[Score]) -> str:
    """The same for the same scores of the same responses, in whatever order these stand."""
    said = sorted(f"{name} {one.key} {one.value}" for name, one in zip(ids, scores, strict=True))
    return blake2b("\n".join(said).encode(), digest_size=16).hexdigest()

"""A canary set: comparisons that a judge judged once, and judges again to show that it drifted.

Any comparisons that `collect judge` wrote are one: the verdicts of a judge by a rubric are its
baseline. The same showings, in the same orders, are asked anew, and each verdict is held against
the one that was given then; `drift` says how.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import orjson

from prefkit.errors import ConfigError
from prefkit.judging.asking import How, asked
from prefkit.judging.drift import Answer, Asked, Drift, compared, word_of
from prefkit.judging.framing import Shown
from prefkit.judging.protocol import Protocol
from prefkit.judging.rubric import Rubric
from prefkit.judging.verdicts import read
from prefkit.llm.names import plain_model
from prefkit.llm.records import Reply, Request
from prefkit.schema.ids import prompt_cluster
from prefkit.schema.records import Comparison, Vote

__all__ = ["Canary"]

_CLUSTER_DIGITS = 15  # hexadecimal: 60 bits, which a signed integer holds
_LISTED = 8  # judges of a set that are named in an error
_NOT_JUDGED = ("skip", "infra")


class _Place(NamedTuple):
    """One showing of one comparison, by the position of the comparison in the set."""

    comparison: int
    rubric: str
    places: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Canary:
    """The showings of a baseline, and what the judge said of each."""

    judge: str
    """The baseline's judge, as its votes name it."""
    how: How
    reference: bool
    rubrics: Mapping[str, Rubric]
    comparisons: Mapping[int, Comparison]
    baseline: Mapping[_Place, tuple[Vote, ...]]
    """Of each showing its votes by draw, the first draw first."""
    left_out: Mapping[str, int]
    """Votes of this judge that cannot be asked again, by reason."""

    @classmethod
    def of(
        cls, comparisons: Iterable[Comparison], protocol: Protocol, names: Collection[str]
    ) -> Self:
        """The baseline of a judge in a canary set.

        Args:
            comparisons: the set, with its votes; read once.
            protocol: by which rubrics, and in which way, is asked now.
            names: how the judge may be called: models, with or without `@REVISION` (which is not
                compared), and clients as the source of a vote names them (`openai:MODEL`).

        Raises:
            ConfigError: the set holds no verdict of this judge by one of these rubrics.
        """
        wanted = {_model(name) for name in names} | set(names)
        rubrics = {rubric.label: rubric for rubric in protocol.rubrics}
        held: Counter[tuple[str, str]] = Counter()
        kept: dict[int, Comparison] = {}
        found: dict[str, list[tuple[_Place | str, Vote]]] = defaultdict(list)
        for number, comparison in enumerate(comparisons):
            for vote in comparison.votes:
                if vote.kind != "judge":
                    continue
                held[(vote.by or "no name", vote.rubric or "no rubric")] += 1
                if vote.rubric in rubrics and not wanted.isdisjoint(_names_of(vote)):
                    kept[number] = comparison._replace(votes=())
                    place = _place(number, vote, rubrics[vote.rubric], protocol.how)
                    found[vote.by or vote.source.name].append((place, vote))
        if not any(isinstance(place, _Place) for votes in found.values() for place, _ in votes):
            raise _no_baseline(held, rubrics, names)
        return cls._chosen(protocol, rubrics, kept, found)

    @classmethod
    def _chosen(
        cls,
        protocol: Protocol,
        rubrics: Mapping[str, Rubric],
        kept: Mapping[int, Comparison],
        found: Mapping[str, list[tuple[_Place | str, Vote]]],
    ) -> Self:
        """The name with most votes: two versions of one model are no draws of each other."""
        judge = max(found, key=lambda name: (len(found[name]), name))
        left_out = Counter("of another version" for name in found if name != judge
                           for _ in found[name])  # fmt: skip
        baseline: dict[_Place, list[Vote]] = defaultdict(list)
        for place, vote in found[judge]:
            if isinstance(place, _Place):
                baseline[place].append(vote)
            else:
                left_out[place] += 1
        used = {place.comparison for place in baseline}
        return cls(
            judge=judge,
            how=protocol.how,
            reference=protocol.reference,
            rubrics=rubrics,
            comparisons={number: kept[number] for number in used},
            baseline={
                place: tuple(sorted(votes, key=lambda vote: vote.draw or 0))
                for place, votes in sorted(baseline.items())
            },
            left_out=dict(left_out),
        )

    def requests(self, stamp: int) -> list[Request]:
        """Every showing once more, in the order in which `drift` takes the replies.

        Args:
            stamp: a number that no run used before, such as the seconds since 1970: it is the draw
                of the requests, so that no kept answer is taken for a new one.
        """
        return [
            asked(
                self.rubrics[place.rubric],
                Shown.of(
                    self.comparisons[place.comparison], place.places, reference=self.reference
                ),
                self.how,
                draw=stamp,
                name=f"canary {place.comparison}",
            )
            for place in self.baseline
        ]

    def drift(self, replies: Iterable[Reply]) -> Drift:
        """The replies to `requests` beside the baseline; see `judging.drift` for when it drifted.

        Raises:
            ValueError: there are more or fewer replies than requests.
        """
        pairs = [
            Asked(
                was=tuple(_then(vote, place.places) for vote in votes),
                now=self._now(place, reply),
                alone=len(place.places) == 1,
                cluster=self._cluster(place),
            )
            for (place, votes), reply in zip(self.baseline.items(), replies, strict=True)
        ]
        return compared(
            pairs, judge=self.judge, temperature=self.how.temperature, left_out=self.left_out
        )

    def _now(self, place: _Place, reply: Reply) -> Answer:
        verdict = read(self.rubrics[place.rubric], reply, self.how, responses=len(place.places))
        return Answer(
            word=word_of(verdict.outcome, verdict.scores),
            logit=verdict.logit,
            model=plain_model(reply.model) if reply.model else None,
            build=reply.revision,
        )

    def _cluster(self, place: _Place) -> int:
        prompt = self.comparisons[place.comparison].prompt
        return int(prompt_cluster(prompt)[:_CLUSTER_DIGITS], 16)


def _model(name: str) -> str:
    return name.partition("@")[0]


def _names_of(vote: Vote) -> set[str]:
    return {vote.source.name} if vote.by is None else {vote.source.name, _model(vote.by)}


def _place(number: int, vote: Vote, rubric: Rubric, how: How) -> _Place | str:
    """What was shown for a vote, or why that cannot be asked again and compared."""
    if vote.outcome in _NOT_JUDGED:
        return "not judged then"
    by_token = how.way == "first_token" and rubric.form == "pairwise"
    if vote.scale != ("probability" if by_token else rubric.vote_scale):
        return "asked in another way"
    if vote.order is not None:
        return _Place(number, rubric.label, vote.order)
    scored = tuple(place for place, score in enumerate(vote.scores) if score is not None)
    if rubric.form == "pointwise" and len(scored) == 1:
        return _Place(number, rubric.label, scored)
    return "what was shown is not known"


def _then(vote: Vote, places: Sequence[int]) -> Answer:
    raw = _object(vote.raw)
    logit, build = raw.get("logit"), raw.get("fingerprint")
    return Answer(
        word=word_of(vote.outcome, [vote.scores[place] for place in places]),
        logit=logit if isinstance(logit, float) and math.isfinite(logit) else None,
        model=vote.by,
        build=build if isinstance(build, str) else None,
    )


def _object(text: str | None) -> dict[str, Any]:
    """The JSON object that a vote kept of its reply; a vote from elsewhere may hold anything."""
    try:
        value = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _no_baseline(
    held: Mapping[tuple[str, str], int], rubrics: Collection[str], names: Collection[str]
) -> ConfigError:
    listed = [f"{count:,} of {by} by {rubric}" for (by, rubric), count in sorted(held.items())]
    more = f" and of {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    holds = f"verdicts: {', '.join(listed[:_LISTED])}{more}" if listed else "no verdict of a judge"
    return ConfigError(
        f"the canary set has no baseline of {' or '.join(sorted(names))}, asked in this way, by "
        f"{' or '.join(sorted(rubrics))}; it holds {holds}",
        hint="prefkit collect judge CANARY_SRC --model CLIENT --rubric NAME --out CANARY",
    )

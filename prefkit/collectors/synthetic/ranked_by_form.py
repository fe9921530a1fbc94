"""Responses ranked by rules of form: the share of rules that hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from typing import Any

from prefkit.collectors.synthetic.form_rules import FormRules, Held
from prefkit.collectors.synthetic.recipe import Cast, Caster, Missing
from prefkit.collectors.synthetic.response_texts import text_of
from prefkit.judging.showings import Identity
from prefkit.schema.records import Comparison, Source, Vote, to_json
from prefkit.version import __version__

__all__ = ["ByForm"]


class ByForm(Caster):
    """One vote of kind `rule` a comparison, about the criterion `form`, on the scale `pass_share`.

    Labels name the rules that a response breaks; `raw` says by
    response what was measured.
    """

    def __init__(self, name: str, rules: FormRules) -> None:
        """Take the name of votes' source, and the rules."""
        self._name = name
        self._rules = rules
        digest = sha256(to_json(rules.told()).encode()).hexdigest()[:12]
        self._label = f"form:{digest}"
        self._broken: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._responses = self._comparisons = self._even = 0

    def cast(self, comparisons: Iterable[Comparison]) -> Iterator[Cast]:
        """One vote for each comparison with a response that a rule says anything of.

        Raises:
            ConfigError, MissingExtra: a format cannot be checked.
        """
        return map(self._cast, comparisons)

    def facts(self) -> dict[str, Any]:
        """How often each rule was broken, or could not be told; `even`: all scores are equal."""
        return {
            "rules": self._label,
            "responses": self._responses,
            "comparisons": self._comparisons,
            "even": self._even,
            "broken": dict(sorted(self._broken.items())),
            "untold": dict(sorted(self._untold.items())),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The same for people."""
        said = ", ".join(f"{name} {count:,}" for name, count in self._broken.most_common())
        yield "Broken rules", f"{said or 'none'} (of {self._responses:,} responses)"
        if self._even:
            yield "Even", f"{self._even:,} of {self._comparisons:,} comparisons: no pair"

    def _cast(self, comparison: Comparison) -> Cast:
        texts = [text_of(response) for response in comparison.responses]
        found = self._rules.of(texts, comparison.responses)
        self._comparisons += 1
        self._responses += len(found)
        for one in (one for held in found for one in held):
            self._broken.update([one.rule] if one.holds is False else ())
            self._untold.update([one.rule] if one.holds is None else ())
        scores = [_share(held) if text else None for held, text in zip(found, texts, strict=True)]
        known = {score for score in scores if score is not None}
        self._even += len(known) < 2
        missing = tuple(
            Missing("unsure", _why_none(text), place)
            for place, (score, text) in enumerate(zip(scores, texts, strict=True))
            if score is None
        )
        if not known:
            return Cast((), missing)
        return Cast((self._vote(comparison, scores, found),), missing)

    def _vote(
        self,
        comparison: Comparison,
        scores: Sequence[float | None],
        found: Sequence[Sequence[Held]],
    ) -> Vote:
        ids = Identity.of(comparison)
        record = blake2b(f"{ids.whole}\n{self._label}".encode(), digest_size=16).hexdigest()
        broken = ("+".join(one.rule for one in held if one.holds is False) for held in found)
        measured = {
            name: {one.rule: one.seen for one in held}
            for name, held in zip(ids.responses, found, strict=True)
        }
        return Vote(
            kind="rule",
            outcome="scored",
            scores=tuple(scores),
            scale="pass_share",
            source=Source(self._name, record),
            by=f"rule:form@{__version__}",
            labels=tuple(label or "ok" for label in broken),
            criterion="form",
            rubric=self._label,
            raw=to_json(measured),
        )


def _share(held: Sequence[Held]) -> float | None:
    told = [one.holds for one in held if one.holds is not None]
    return sum(told) / len(told) if told else None


def _why_none(text: str) -> str:
    return "no rule says anything of it" if text else "the response has no text"

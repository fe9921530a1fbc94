"""What `pair` counts while it pairs, and what it says of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefkit.pairing.calibrating import Curves, SourceCurve
from prefkit.pairing.pairs import Batch, Plan
from prefkit.pairing.posteriors import Posteriors
from prefkit.verbs.verb import Outcome, listed

__all__ = ["Counts"]

_LOG = logging.getLogger("prefkit.pair")
_MOST_SOURCES = 8


class Counts:
    """What was paired so far; `gold` names the dataset that a first pass took for gold."""

    def __init__(self, plan: Plan, gold: dict[str, str] | None) -> None:
        self._curves: Curves | None = plan.curves
        self._posteriors: Posteriors | None = plan.posteriors
        self._gold = gold
        self._by_kind: Counter[str] = Counter()
        self._sources: Counter[str] = Counter()
        self._beyond: Counter[str] = Counter()
        self.comparisons = self.paired = self.pairs = 0
        self.marked = self.contradicting = self.capped = 0
        self.reasons: Counter[str] = Counter()

    def add(self, batch: Batch) -> None:
        """Count a batch of pairs."""
        self.comparisons += batch.paired + len(batch.aside)
        self.paired += batch.paired
        self.pairs += len(batch.pairs)
        self.marked += len(batch.pairs) - batch.pairs["dropped"].null_count
        if self._posteriors is not None:
            self._by_kind.update(kind or "none" for kind in batch.pairs["p_kind"].to_pylist())
        self.reasons.update(reason for _, reason in batch.aside)
        for key, pairs, beyond in batch.sources:
            self._sources[key] += pairs
            self._beyond[key] += beyond
        _LOG.info("%s comparisons paired", f"{self.comparisons:,}", extra={"progress": True})

    def facts(self, plan: Plan, said: str | None) -> dict[str, Any]:
        """What the manifest says of the pairing."""
        return {
            "counts": {
                "comparisons": self.comparisons,
                "paired": self.paired,
                "set_aside": self.comparisons - self.paired,
                "reasons": dict(sorted(self.reasons.items())),
                "pairs": self.pairs,
                "marked_below_half": self.marked,
                "contradicting": self.contradicting,
                "beyond_cap": self.capped,
            },
            "policies": {plan.policy_hash: plan.resolved},
            "note": said,
            **_found(plan),
            **self._aggregation(),
            **self._calibration(),
        }

    def _aggregation(self) -> dict[str, Any]:
        """What was learnt of judges or responses, and how many pairs have which probability."""
        found = self._posteriors
        if found is None:
            return {}
        gold = {} if self._gold is None else {"gold_dataset": self._gold}
        kinds = dict(sorted(self._by_kind.items()))
        return {"aggregation": {"name": found.name, **found.facts, **gold, "pairs": kinds}}

    def _aggregation_lines(self) -> Iterator[tuple[str, str]]:
        if self._posteriors is None:
            return
        yield from self._posteriors.lines
        others = {kind: n for kind, n in self._by_kind.items() if kind != self._posteriors.name}
        if others:
            yield ("Probability", listed(self._by_kind))

    def _calibration(self) -> dict[str, Any]:
        """Of every source its curve or why it has none; nothing without --calibrate."""
        if self._curves is None:
            return {}
        sources = [
            {**one.facts(), "pairs": pairs, "beyond_gold": self._beyond[key]}
            for key, one, pairs in self._used()
        ]
        kind = self._curves.kind
        return {"calibration": {"kind": kind, "gold": self._gold, "sources": sources}}

    def _used(self) -> list[tuple[str, SourceCurve, int]]:
        """The sources of the pairs, the largest first."""
        if self._curves is None:
            return []
        several = sorted(self._sources.items(), key=lambda entry: (-entry[1], entry[0]))
        return [(key, self._curves.of(key), pairs) for key, pairs in several]

    def _calibration_lines(self) -> Iterator[tuple[str, str]]:
        used = self._used()
        if self._curves is not None and not used:
            yield ("Calibrated", "nothing: no pair has a margin without a probability")
        for key, one, pairs in used[:_MOST_SOURCES]:
            beyond = f" · {self._beyond[key]:,} beyond its gold" if self._beyond[key] else ""
            label = "Uncalibrated" if one.reason else "Calibrated"
            yield (
                label,
                f"{one.source.name}: {one.said} · {pairs:,} pair{'s' * (pairs != 1)}{beyond}",
            )
        if used[_MOST_SOURCES:]:
            yield ("Sources", f"{len(used) - _MOST_SOURCES} more are in the manifest")

    def outcome(
        self, out: Path, plan: Plan, said: str | None, manifest: dict[str, Any] | None
    ) -> Outcome:
        """The facts and lines of the verb; no manifest for a dry run."""
        facts = {
            **self.facts(plan, said)["counts"],
            "policy": plan.resolved,
            "dry_run": manifest is None,
            **_found(plan),
            **self._aggregation(),
            **self._calibration(),
        }
        aside = self.comparisons - self.paired
        lines = [
            ("Comparisons", f"{self.comparisons:,} = {self.paired:,} paired + {aside:,} set aside"),
            (
                "Policy",
                f"{_named(plan.resolved['policy'])}, {_named(plan.resolved['aggregation'])}"
                f"{f', {said}' if said else ''}",
            ),
        ]
        if self.reasons:
            lines.append(("Set aside", listed(self.reasons)))
        lines.append(("Pairs", f"{self.pairs:,}"))
        lines += plan.policy.lines()
        lines += self._aggregation_lines()
        if self.marked + self.contradicting + self.capped:
            marks = (
                f"{self.marked:,} against their votes"
                f" · {self.contradicting:,} contradict another row"
                f" · {self.capped:,} beyond the cap of their prompt"
            )
            lines.append(("Marked", marks))
        lines += self._calibration_lines()
        if manifest is None:
            return Outcome(facts, (*lines, ("Dry run", "nothing was written")))
        facts |= {"out": str(out), "content_hash": manifest["content_hash"]}
        lines.append(("Wrote", f"{out}  {manifest['content_hash'][:19]}…"))
        lines.append(("Next", f"prefkit curate {out} --out CURATED --filter identical_sides"))
        return Outcome(facts, tuple(lines))


def _named(entry: str | dict[str, Any]) -> str:
    """The name of a policy or an aggregation, given with options or without."""
    return entry if isinstance(entry, str) else next(iter(entry))


def _found(plan: Plan) -> dict[str, Any]:
    """What a policy that looked at all comparisons first found there; nothing for the others."""
    facts = plan.policy.facts()
    return {"policy_found": facts} if facts else {}

"""Which labels of a dataset of pairs look wrong, on what evidence, and how far that can be trusted.

Nothing is flipped and nothing dropped: the pairs go to a reviewer. Who drops what a judge disputes
makes data that agree with that judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from prefkit.dataset import Dataset
from prefkit.dataset.lineage import known_lineage
from prefkit.errors import MissingExtra
from prefkit.judging.numbers import Number, missing, number, rounded
from prefkit.reports.noise_evidence import Witness, label_kinds, own_votes, witnesses
from prefkit.reports.noise_groups import groups
from prefkit.reports.noise_pairs import NoisePairs, noise_pairs, texts_at
from prefkit.reports.suspects import Ranked, ranked
from prefkit.statistics.bootstrap import Estimate
from prefkit.statistics.confident import confident_flags, require_cleanlab
from prefkit.statistics.detection import detection_limit
from prefkit.statistics.label_noise import label_noise
from prefkit.statistics.prediction import Ints
from prefkit.statistics.ranks import Floats
from prefkit.statistics.rates import rate
from prefkit.statistics.suspicion import (
    SHARE,
    Material,
    Odds,
    Planted,
    odds_of,
    one_vote_out,
    self_test,
)
from prefkit.statistics.word_model import word_matrix

__all__ = ["FEWEST", "MOST_TEXTS", "Noise", "noise_of"]

FEWEST = 100
"""Pairs below which nothing is fitted to labels: a fifth of them scores the rest at random."""

MOST_TEXTS = 50_000
"""Pairs whose texts the text model reads, drawn by the seed if there are more."""


_PRUNED = "-1 where it would prune the label"

Flag = Callable[[Floats], Floats]


class Noise(NamedTuple):
    """The section of the document, and the queue that is written beside it."""

    facts: dict[str, Any]
    queue: Ranked


class _Case(NamedTuple):
    """The pairs with everything that is known of them."""

    pairs: NoisePairs
    votes: pl.DataFrame
    witnesses: list[Witness]
    material: Material
    silent: dict[str, str]
    """Evidence that could not be had, and why."""


def noise_of(
    dataset: Dataset, comparisons: Dataset, duels: pl.DataFrame, *, most: int, seed: int = 0
) -> Noise:
    """Look at every kept pair of two sides; reads the pairs twice.

    Args:
        dataset: pairs.
        comparisons: what they were made of, whose votes are the evidence.
        duels: the votes of `comparisons`.
        most: how many pairs the queue holds at most.
        seed: draws folds, the texts that are read, the self-test and the intervals.
    """
    case = _case(dataset, comparisons, duels, seed)
    count = case.pairs.frame.height
    noise = label_noise(*_people(case))
    ready = count >= FEWEST
    odds = odds_of(case.material, np.ones(count)) if ready else _none(count)
    flag = _flagged(case) if ready else None
    flagged = None if flag is None else Witness("cleanlab", None, _PRUNED, flag(odds.together))
    queue = ranked(case.pairs, case.votes, _evidence(case, odds, flagged), odds.together, most)
    facts = {
        "pairs": count,
        "left_out": case.pairs.left_out,
        "rate": {name: number(one) for name, one in noise.items()},
        "evidence": [one.facts() for one in _evidence(case, odds, flagged)],
        "not_had": case.silent,
        "self_test": _self_test(case, flag, noise, seed) if ready else _too_few(count),
        "suspects": queue.facts(),
        "groups": groups(case.pairs, queue.suspect),
    }
    return Noise(facts, queue)


def _case(dataset: Dataset, comparisons: Dataset, duels: pl.DataFrame, seed: int) -> _Case:
    pairs = noise_pairs(dataset, comparisons)
    made_of = label_kinds(pairs, duels, _policies(dataset))
    found = witnesses(pairs, duels, made_of)
    silent: dict[str, str] = {}
    lost = pairs.frame["a"].null_count()
    if lost:
        silent["votes"] = f"of {lost:,} pairs: one side is no response, or both are one"
    values = [one.values for one in found]
    columns = np.column_stack(values) if values else np.zeros((pairs.frame.height, 0))
    material = _with_words(Material(columns, pairs.clusters, seed=seed), pairs, dataset, silent)
    return _Case(pairs, own_votes(pairs, duels, made_of), found, material, silent)


def _policies(dataset: Dataset) -> dict[str, Mapping[str, Any]]:
    """The policies by their hash, from the manifests of the dataset and of what it was made of."""
    chain = [dataset, *known_lineage(dataset)[0]]
    return {
        name: found
        for one in chain
        for name, found in (one.manifest.get("policies") or {}).items()
        if isinstance(found, Mapping)
    }


def _with_words(
    material: Material, pairs: NoisePairs, dataset: Dataset, silent: dict[str, str]
) -> Material:
    """The material with a text model, or why it has none."""
    count = pairs.frame.height
    if count < FEWEST:
        silent["text"] = f"{count:,} pairs, {FEWEST} are needed"
        return material
    drawn = np.sort(np.random.default_rng(material.seed).permutation(count)[:MOST_TEXTS])
    texts = texts_at(dataset, pairs.frame["row"].to_numpy()[drawn])
    try:
        found = word_matrix(texts.chosen, texts.rejected)
    except MissingExtra as error:
        silent["text"] = f"{error}: {error.hint}"
        return material
    if found is None:
        silent["text"] = "no word is in five answers"
        return material
    return material._replace(words=found.difference, worded=drawn)


def _none(count: int) -> Odds:
    return Odds(np.full(count, np.nan), np.zeros(count))


def _flagged(case: _Case) -> Flag | None:
    """Cleanlab's flags, -1 and 1, from the odds of all witnesses together; null without it."""
    try:
        require_cleanlab()
    except MissingExtra as error:
        case.silent["cleanlab"] = f"{error}: {error.hint}"
        return None
    count = len(case.material.clusters)
    turned = np.random.default_rng(case.material.seed).choice([-1.0, 1.0], count)
    return lambda together: np.where(confident_flags(together, turned), -1.0, 1.0)


def _evidence(case: _Case, odds: Odds, flagged: Witness | None) -> list[Witness]:
    """All witnesses, in one order."""
    text = Witness("text", None, "held-out log-odds of the label", odds.words)
    more = [text] if case.material.words is not None else []
    return [*case.witnesses, *more, *([flagged] if flagged is not None else [])]


def _people(case: _Case) -> tuple[Ints, Ints, Any]:
    """People for and against each label that they made, and its prompt cluster."""
    known = case.votes["ahead"].is_not_null().to_numpy()
    ahead, behind = (
        case.votes[name].fill_null(0).to_numpy().astype(np.int64)[known]
        for name in ("ahead", "behind")
    )
    return ahead, behind, case.pairs.clusters[known]


def _too_few(count: int) -> dict[str, Any]:
    return {"reason": f"{count:,} pairs, {FEWEST} are needed", "evidence": []}


def _self_test(
    case: _Case, flag: Flag | None, noise: Mapping[str, Estimate], seed: int
) -> dict[str, Any]:
    """What was found of labels that were turned round in secret, beside what could be found."""
    found = self_test(case.material, flag)
    label, vote = noise["label_error"], noise["vote_error"]
    return {
        "reason": None,
        "share": SHARE,
        "runs": found.runs,
        "flipped": found.flipped,
        "limit": _limit(label),
        "evidence": list(_tested(case, found, label)),
        "together": _numbers(found.together),
        "votes": {
            **_numbers(one_vote_out(*_people(case), seed=seed)),
            "limit": _limit(vote),
            "said": "one of a pair's votes taken for its label, looked for by the others",
        },
    }


def _tested(case: _Case, found: Planted, noise: Estimate) -> Iterator[dict[str, Any]]:
    for one, tested in zip(case.witnesses, found.witnesses, strict=True):
        known = np.isfinite(one.values)
        agrees = (np.sign(one.values[known]) + 1) / 2
        share = rate(agrees, case.pairs.clusters[known], seed=case.material.seed)
        yield {
            "evidence": one.evidence, "by": one.by, **_numbers(tested), "agrees": number(share),
            "accuracy": _accuracy(share, noise),
        }  # fmt: skip
    if case.material.words is not None:
        yield {"evidence": "text", "by": None, **_numbers(found.words), "agrees": None,
               "accuracy": None}  # fmt: skip
    if found.flags is not None:
        yield {"evidence": "cleanlab", "by": None, **_numbers(found.flags), "agrees": None,
               "accuracy": None}  # fmt: skip


def _accuracy(agrees: Estimate, noise: Estimate) -> float | None:
    """How often a witness knows the truth, if it errs independently of the labels."""
    if agrees.value is None or noise.value is None or noise.value >= 0.5:
        return None
    return rounded(min(1.0, max(0.0, (agrees.value - noise.value) / (1 - 2 * noise.value))))


def _limit(noise: Estimate) -> dict[str, Any]:
    """What nothing that knows the truth exceeds, with the ends that those of the noise make."""
    if noise.value is None:
        reason = f"how many labels were wrong before is not known: {noise.reason}"
        return {"auc": missing(reason), "precision": missing(reason)}
    ends = [
        None if end is None else detection_limit(1.0, end, SHARE)
        for end in (noise.value, noise.high, noise.low)
    ]
    found = {}
    for name in ("auc", "precision"):
        value, low, high = (None if end is None else float(getattr(end, name)) for end in ends)
        found[name] = number(noise._replace(value=value, low=low, high=high))
    return found


def _numbers(found: Mapping[str, Estimate]) -> dict[str, Number]:
    return {name: number(one) for name, one in found.items()}

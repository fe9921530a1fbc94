"""What `pair` is asked to do, as a plan: everything that the policy hash covers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from prefkit.dataset import Dataset
from prefkit.errors import ConfigError
from prefkit.pairing.aggregation import Aggregation
from prefkit.pairing.ballots import Selection, criteria_of
from prefkit.pairing.pairs import Plan
from prefkit.registry import load, nearest
from prefkit.step import make
from prefkit.verbs.verb import named

if TYPE_CHECKING:
    from prefkit.verbs.pair import Pair

__all__ = ["Planned", "planned"]

_MAJORITY = "majority"


class Planned(NamedTuple):
    """`said`: a sentence about a criterion that was taken because it is the only one, or null."""

    plan: Plan
    aggregation: Aggregation
    said: str | None


def planned(options: Pair, parent: Dataset, gold: Dataset | None) -> Planned:
    """Resolve the names and the criterion.

    Raises:
        ConfigError: no such name, option or criterion, or options that do not go together.
    """
    name, given = named(options.policy, "policy")
    policy = make(load("policy", name), given, f"policy {name}")
    criterion, said = _criterion(options.criterion, parent)
    mean_of: tuple[str, ...] = ()
    if criterion is not None and criterion.startswith("mean:"):
        mean_of = tuple(part.strip() for part in criterion.removeprefix("mean:").split(","))
    aggregation, aggregated = _aggregation(options)
    if aggregation.looks_first:
        _check_learning(options, aggregation, name, by_votes=policy.by_votes)
        _check_gold(options, aggregation, itself=_hash(gold) == parent.content_hash)
    elif gold is not None and options.calibrate is None:
        raise ConfigError(
            "--gold is what --calibrate fits margins to, or what anchors an --aggregate that"
            " learns, and there is neither",
            hint="add --calibrate platt, or --aggregate dawid_skene",
        )
    resolved: dict[str, Any] = {
        "policy": {name: policy.model_dump(mode="json")},
        "aggregation": aggregated,
        "criterion": criterion,
        "kind": list(options.kind),
        "tie": options.tie,
        "weight": options.weight,
        **_passes(options, aggregation, gold),
    }
    text = orjson.dumps(resolved, option=orjson.OPT_SORT_KEYS)
    selection = Selection(None if mean_of else criterion, mean_of, options.kind)
    digest = hashlib.sha256(text).hexdigest()[:16]
    return Planned(
        Plan(policy, digest, selection, options.tie, criterion, resolved), aggregation, said
    )


def _aggregation(options: Pair) -> tuple[Aggregation, Any]:
    """The aggregation, and how a manifest names it."""
    name, given = named(options.aggregate, "aggregation")
    found = make(load("aggregation", name), given, f"aggregation {name}")
    return found, name if name == _MAJORITY else {name: found.model_dump(mode="json")}


def _check_learning(
    options: Pair, aggregation: Aggregation, policy: str, *, by_votes: bool
) -> None:
    """Refuse what does not go with an aggregation that learns."""
    if not by_votes:
        raise ConfigError(
            f"the policy {policy} does not choose by what votes say of two responses, so"
            f" {aggregation.name} has no say in it",
            hint="--aggregate majority, or --policy as_voted",
        )
    if options.calibrate is not None:
        raise ConfigError(
            f"--calibrate makes margins probabilities, and {aggregation.name} gives probabilities"
            " by itself",
            hint="leave --calibrate out, or --aggregate majority --calibrate platt",
        )


def _hash(gold: Dataset | None) -> str | None:
    return None if gold is None else gold.content_hash


def _check_gold(options: Pair, aggregation: Aggregation, *, itself: bool) -> None:
    """Refuse gold that cannot anchor, or that is the very votes which it would anchor."""
    if options.gold is not None and not aggregation.takes_gold:
        raise ConfigError(
            f"--gold says which side is better, and {aggregation.name} learns strengths of"
            " responses: it can anchor none of them",
            hint="leave --gold out, or --aggregate dawid_skene",
        )
    people = not options.kind or not {"human", "label"}.isdisjoint(options.kind)
    if itself and people:
        raise ConfigError(
            "--gold is the dataset itself, and people's votes in it are among those to aggregate:"
            " they would confirm themselves",
            hint="name another dataset, or aggregate machines only: --kind judge",
        )


def _passes(options: Pair, aggregation: Aggregation, gold: Dataset | None) -> Mapping[str, Any]:
    """What a first pass reads, where there is one: the gold, and how many comparisons."""
    read: dict[str, Any] = {} if gold is None else {"gold": gold.content_hash}
    if options.limit is not None:
        read["limit"] = options.limit
    if options.calibrate is not None:
        return {"calibration": {"kind": options.calibrate, **read}}
    return {"learnt_from": read} if aggregation.looks_first and read else {}


def _criterion(wanted: str | None, parent: Dataset) -> tuple[str | None, str | None]:
    """The criterion to pair by: as asked for, overall votes, or the only one there is.

    Raises:
        ConfigError: a name that no vote has, or several criteria and no overall vote.
    """
    counts: Counter[str | None] = Counter()
    for table in parent.batches(["votes"]):
        for name, votes in criteria_of(table).iter_rows():
            counts[name] += votes
    known = sorted(name for name in counts if name is not None)
    shown = ", ".join(f"{name} ({counts[name]:,} votes)" for name in known)
    if wanted is not None:
        for name in (
            wanted.removeprefix("mean:").split(",") if wanted.startswith("mean:") else [wanted]
        ):
            if name.strip() not in counts:
                raise ConfigError(
                    f"no vote has the criterion {name.strip()!r}{nearest(name, known)}; "
                    f"there are: {shown or 'none'}"
                )
        return wanted, None
    if counts[None] or not known:
        return None, None
    if len(known) == 1:
        return known[0], f"by {known[0]}, the only criterion"
    raise ConfigError(
        f"the votes are on several criteria and none is overall: {shown}",
        hint=f"--criterion {known[0]}, or --criterion mean:{','.join(known)}",
    )

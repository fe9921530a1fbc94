"""Votes that came home from an annotation tool, as decisions of the review that sent its sample.

The tasks of `prefkit export --review` name their pair and the order of their answers, and the
collected votes keep both. Which answer is the chosen one is looked up here, by its content.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from prefkit.dataset import Dataset, open_dataset
from prefkit.dataset.manifest import read_manifest
from prefkit.dataset.taking import rows_at
from prefkit.errors import ConfigError
from prefkit.reviews.entries import sample_name
from prefkit.reviews.folder import read_review
from prefkit.schema.decision_lines import LONGEST_COMMENT, Decision, Side, Verdict, decision_of
from prefkit.schema.digests import digests_of

__all__ = ["Voted", "is_voted", "read_votes"]

_OUTCOMES: dict[str, Verdict] = {
    "tie": "tie",
    "both_good": "tie",
    "both_bad": "both_bad",
    "skip": "unsure",
}
_LONGEST_NAME = 200


class Voted(NamedTuple):
    """The decisions, and the votes that are none with `file`, `line` (the row) and `reason`."""

    lines: list[Decision]
    refused: list[dict[str, Any]]


class _Drawn(NamedTuple):
    """A pair of the sample: its hash, and the digest of the side that its dataset calls chosen."""

    pair_sha256: str
    chosen: str


def is_voted(folder: Path) -> bool:
    """Whether a folder holds comparisons, as `collect human` writes them."""
    return bool(read_manifest(folder).get("kind") == "comparisons")


def read_votes(folder: Path, review: Path, pairs: Path) -> Voted:
    """The votes of people on tasks that were made of the sample of a review.

    Args:
        folder: what `collect human` made of the tool's export.
        review: the review.
        pairs: its dataset.

    Raises:
        ConfigError: the review is of another dataset.
        DataError: a file is damaged.
    """
    planned = read_review(review)
    dataset = open_dataset(pairs, "pairs")
    if planned.plan["dataset"]["content_hash"] != dataset.content_hash:
        raise ConfigError(
            f"{review} is a review of other rows than those of {pairs}, so its sample does not say "
            "which side is the chosen one",
            hint="name the dataset that the review was planned for",
        )
    drawn = _drawn(planned.sample, dataset)
    about = {"dataset": dataset.content_hash, "sample": sample_name(planned)}
    found = Voted([], [])
    for number, row in enumerate(_rows(folder), start=1):
        pair, place = _pair(row), {"file": folder.resolve().name, "line": number}
        if pair not in drawn:
            found.refused.append(place | {"reason": "not a task of the review's sample"})
            continue
        for one in drawn[pair]:
            for vote in row["votes"]:
                made = _decision(vote, pair, one, about)
                if isinstance(made, str):
                    found.refused.append(place | {"reason": made})
                else:
                    found.lines.append(made)
    return found


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for table in open_dataset(folder, "comparisons").batches(("votes", "extra")):
        yield from table.to_pylist()


def _drawn(sample: list[dict[str, Any]], dataset: Dataset) -> dict[str, list[_Drawn]]:
    """Pairs of the sample by their id, which two with opposite labels share."""
    lines = {int(line["row"]): line for line in sample}
    rows = sorted(lines)
    chosen = digests_of(rows_at(dataset, rows, ["chosen"])["chosen"])
    found: dict[str, list[_Drawn]] = {}
    for row, digest in zip(rows, chosen, strict=True):
        line = lines[row]
        found.setdefault(line["pair"], []).append(_Drawn(line["pair_sha256"], digest or ""))
    return found


def _pair(row: Mapping[str, Any]) -> str:
    """The pair that a task was about; an empty text if it was about none."""
    extra = orjson.loads(row["extra"] or "null")
    task = extra.get("task") if isinstance(extra, dict) else None
    return str(task.get("pair")) if isinstance(task, dict) else ""


def _decision(
    vote: Mapping[str, Any], pair: str, drawn: _Drawn, about: Mapping[str, str]
) -> Decision | str:
    """The decision that a vote of a person is, or why it is none."""
    order = vote["order"] or []
    if vote["kind"] != "human":
        return f"a vote of a {vote['kind']}, not of a person"
    verdict, left = _verdict(vote) if len(order) == 2 else None, _left(order, drawn)
    if left is None:
        return "it does not say in which order the answers of the pair were shown"
    if verdict is None:
        return f"the outcome {vote['outcome']!r} does not say which answer is better"
    seconds = vote["seconds"]
    line = {
        "id": _own_id(vote, drawn, verdict),
        "pair": pair,
        "pair_sha256": drawn.pair_sha256,
        "reviewer": None if vote["by"] is None else vote["by"][:_LONGEST_NAME],
        "role": "blind",
        "left": left,
        "verdict": verdict,
        "comment": (vote["rationale"] or "")[:LONGEST_COMMENT],
        "ms_visible": None if seconds is None else round(seconds * 1000),
        "at": None if vote["at"] is None else vote["at"][:40],
    }
    return decision_of({**about, **line}, f"the vote {vote['source']['record']}")


def _verdict(vote: Mapping[str, Any]) -> Verdict | None:
    """What was said of the answers in the order shown."""
    if vote["outcome"] != "scored":
        return _OUTCOMES.get(vote["outcome"])
    names, scores = sorted(vote["order"]), vote["scores"]  # responses are stored by their ids
    given = dict(zip(names, scores, strict=True))
    first, second = (given[name] for name in vote["order"])
    if first is None or second is None or first == second:
        return None
    return "a" if first > second else "b"


def _left(order: list[str], drawn: _Drawn) -> Side | None:
    if drawn.chosen not in order:
        return None
    return "chosen" if order[0] == drawn.chosen else "rejected"


def _own_id(vote: Mapping[str, Any], drawn: _Drawn, verdict: Verdict) -> str:
    """The same for the same vote, however often it is read; a vote that was changed is another.

    All that a decision holds of it is in it, since a store refuses two that differ under one id.
    """
    source = vote["source"]
    said = [verdict, vote["order"], vote["rationale"], vote["seconds"], vote["at"]]
    parts = [source["name"], source["record"], vote["by"], drawn.pair_sha256, *said]
    return f"voted:{sha256(orjson.dumps(parts)).hexdigest()[:32]}"

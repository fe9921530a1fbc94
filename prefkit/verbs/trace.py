"""`prefkit trace`: everything that is known about one pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from prefkit.dataset import Dataset, open_dataset
from prefkit.dataset.lineage import lineage
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import ConfigError
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Trace"]

_SHORTEST = 6


class Trace(Verb):
    """Answer an audit about one pair: its votes, who cast them, every check, every step it went through."""

    positional: ClassVar[tuple[str, ...]] = ("pair", "folder")

    pair: str = Field(description="A pair's id, or its first characters.")
    folder: Path = Field(description="A dataset of pairs, or an export.")
    parent: tuple[Path, ...] = Field(
        (), description="Where to look for parents, beside the folder's siblings."
    )

    def __call__(self) -> Outcome:
        """Walk from the folder up to the comparisons and collect what each knows.

        Raises:
            ConfigError: no such pair, the id is ambiguous, or a parent is not found.
        """
        if len(self.pair) < _SHORTEST:
            raise ConfigError(
                f"{self.pair!r} is too short for an id: give at least {_SHORTEST} characters"
            )
        manifest = read_manifest(self.folder)
        ancestors = lineage(self.folder, self.parent)
        own = [open_dataset(self.folder)] if manifest["kind"] == "pairs" else []
        datasets = [d for d in (*own, *ancestors) if d.kind == "pairs"]
        if not datasets:
            raise ConfigError(
                f"{self.folder} holds {manifest['kind']}, and no pairs are known of it"
            )
        pairs = _rows(datasets[0], "id", self.pair)
        _one_of(pairs, self.pair, self.folder)
        origin = next((d for d in ancestors if d.kind == "comparisons"), None)
        if origin is None:
            raise ConfigError(f"the comparisons that {self.folder} came from are not known")
        found = [_fact(row, origin) for row in pairs]
        policies = datasets[0].manifest.get("policies", {})
        facts = {
            "pairs": found,
            "policy": policies.get(pairs[0]["policy"]),
            "lineage": [_step(dataset) for dataset in (*own, *ancestors)],
        }
        if manifest["kind"] == "export":
            facts["exported"] = _exported(self.folder, pairs[0]["id"])
        return Outcome(facts, tuple(_lines(facts)))


def _rows(dataset: Dataset, column: str, start: str) -> list[dict[str, Any]]:
    """Rows whose `column` begins with `start`; the texts are read for matching row groups only."""
    found: list[dict[str, Any]] = []
    for number, table in enumerate(dataset.batches([column])):
        hit = pc.starts_with(table[column], start)
        if pc.any(hit).as_py():
            found += _group(dataset, number).filter(hit).to_pylist()
    return [{**row, "tags": dict(row["tags"])} for row in found]


def _group(dataset: Dataset, number: int) -> pa.Table:
    for place, table in enumerate(dataset.batches()):
        if place == number:
            return table
    raise ConfigError(f"{dataset.path} changed while it was read")


def _one_of(pairs: Sequence[dict[str, Any]], start: str, folder: Path) -> None:
    ids = {row["id"] for row in pairs}
    if not ids:
        raise ConfigError(f"{folder} has no pair {start!r}", hint=f"prefkit show {folder} --rows 3")
    if len(ids) > 1:
        raise ConfigError(f"{start!r} begins {len(ids)} ids: {', '.join(sorted(ids)[:4])} …")


def _fact(row: dict[str, Any], origin: Dataset) -> dict[str, Any]:
    (comparison,) = _rows(origin, "id", row["comparison"]) or [None]
    return {"pair": row, "comparison": comparison}


def _step(dataset: Dataset) -> dict[str, Any]:
    manifest = dataset.manifest
    keys = ("kind", "verb", "options", "content_hash", "inputs", "steps", "pseudonyms")
    return {"folder": dataset.path.name, **{key: manifest[key] for key in keys if key in manifest}}


def _exported(folder: Path, pair: str) -> dict[str, Any] | None:
    with (folder / "meta.jsonl").open("rb") as lines:
        for line in lines:
            if pair.encode() in line:
                meta: dict[str, Any] = orjson.loads(line)
                if meta.get("id") == pair:
                    return meta
    return None


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for entry in facts["pairs"]:
        pair, comparison = entry["pair"], entry["comparison"]
        lines += [
            ("Pair", pair["id"]),
            ("State", f"dropped, {pair['dropped']}" if pair["dropped"] else "kept"),
            (
                "Votes",
                f"{pair['n_votes']} counted, agreement {pair['agreement']}, p_chosen {pair['p_chosen']}",
            ),
            ("Prompt", _text(pair["prompt"])),
            ("Chosen", _text(pair["chosen"])),
            ("Rejected", _text(pair["rejected"])),
        ]
        lines += [
            ("Check", f"{c['check']} = {c['value']}  {c['note'] or ''}") for c in pair["checks"]
        ]
        for vote in comparison["votes"] if comparison else []:
            who = vote["by"] or "not identified"
            shown = (
                "order not known"
                if vote["order"] is None
                else f"shown {', '.join(o[:8] for o in vote['order'])}"
            )
            place = f"{vote['source']['name']}, {vote['source']['record']}"
            lines.append(
                (
                    "Vote",
                    f"{vote['kind']} {who}: {vote['outcome']} {vote['scores']} on {vote['scale']}, {shown}; {place}",
                )
            )
    lines.append(("Policy", orjson.dumps(facts["policy"]).decode()))
    lines += [
        ("Step", f"{step['folder']}: {step['verb']}  {step['content_hash'][:19]}…")
        for step in facts["lineage"]
    ]
    return lines


def _text(messages: list[dict[str, Any]] | None) -> str:
    if messages is None:
        return "(none: an unpaired row)"
    return " ¶ ".join(f"{m['role']}: {(m['content'] or '')[:300]}" for m in messages)

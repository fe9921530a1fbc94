"""`prefkit trace`: everything that is known about one pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from prefkit.dataset import Dataset, open_dataset
from prefkit.dataset.lineage import lineage, rows_starting
from prefkit.dataset.manifest import read_manifest
from prefkit.errors import ConfigError, DataError
from prefkit.verbs.trace_lines import lines_of
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Trace"]

_SHORTEST = 6
_STEP = ("kind", "verb", "options", "content_hash", "inputs", "steps", "pseudonyms", "models")


class Trace(Verb):
    """Answer an audit about one pair: who voted how, every check, the policy, every step."""

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
            DataError: a folder on the way is damaged.
        """
        if len(self.pair) < _SHORTEST:
            raise ConfigError(
                f"{self.pair!r} is too short for an id: give at least {_SHORTEST} characters",
                hint=f"prefkit show {self.folder} --rows 3",
            )
        kind = read_manifest(self.folder).get("kind")
        if kind not in ("pairs", "export"):
            raise ConfigError(
                f"{self.folder} holds {kind}; a pair is traced in pairs or an export",
                hint="prefkit trace --help",
            )
        chain = lineage(self.folder, self.parent)
        if kind == "pairs":
            chain.insert(0, open_dataset(self.folder))
        facts = self._facts(chain)
        if kind == "export":
            facts["exported"] = _exported(self.folder, facts["pairs"][0]["pair"]["id"])
        return Outcome(facts, tuple(lines_of(facts)))

    def _facts(self, chain: Sequence[Dataset]) -> dict[str, Any]:
        kinds = [dataset.kind for dataset in chain]
        if not kinds or kinds[0] != "pairs" or kinds[-1] != "comparisons":
            raise ConfigError(
                f"{self.folder} does not say which comparisons it came from ({kinds})",
                hint=f"prefkit show {self.folder}",
            )
        pairs = rows_starting(chain[0], "id", self.pair)
        _one_of(pairs, self.pair, self.folder)
        policies = chain[0].manifest.get("policies", {})
        found = [
            {
                "pair": row,
                "comparison": next(iter(rows_starting(chain[-1], "id", row["comparison"])), None),
                "policy": policies.get(row["policy"]),
                **_curve(row, chain),
            }
            for row in pairs
        ]
        return {"pairs": found, "lineage": [_step(dataset) for dataset in chain]}


def _curve(row: dict[str, Any], chain: Sequence[Dataset]) -> dict[str, Any]:
    """What the manifest of the pairing says of the margin's source; nothing without curves."""
    names = [check["note"] for check in row["checks"] if check["check"] == "calibration"]
    for dataset in chain:
        for source in dataset.manifest.get("calibration", {}).get("sources", ()):
            if source["source"] in names:
                return {"calibration": source}
    return {}


def _one_of(pairs: Sequence[dict[str, Any]], start: str, folder: Path) -> None:
    """Refuse none and several; two rows of one id contradict each other and are both shown."""
    ids = sorted({row["id"] for row in pairs})
    if not ids:
        raise ConfigError(f"{folder} has no pair {start!r}", hint=f"prefkit show {folder} --rows 3")
    if len(ids) > 1:
        more = " …" if len(ids) > 4 else ""
        raise ConfigError(
            f"{len(ids)} ids begin with {start!r}: {', '.join(ids[:4])}{more}",
            hint=f"prefkit trace {ids[0]} {folder}",
        )


def _step(dataset: Dataset) -> dict[str, Any]:
    manifest = dataset.manifest
    return {"folder": dataset.path.name} | {key: manifest[key] for key in _STEP if key in manifest}


def _exported(folder: Path, pair: str) -> list[dict[str, Any]]:
    """The lines of the export's `meta.jsonl` about a pair: none if it was left out."""
    path = folder / "meta.jsonl"
    try:
        with path.open("rb") as stream:
            found = [orjson.loads(line) for line in stream if pair.encode() in line]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", hint=f"prefkit verify {folder}") from error
    return [line for line in found if isinstance(line, dict) and line.get("id") == pair]

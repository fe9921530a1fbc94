"""A dataset folder held against its manifest and itself: files, rows, ids and content hash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from prefkit.dataset import SET_ASIDE
from prefkit.dataset.content import combined, row_digests
from prefkit.dataset.folder import MANIFEST
from prefkit.dataset.rows import ROWS, read_rows
from prefkit.errors import DataError
from prefkit.exporters.claims import Claim, check_files, claims_of
from prefkit.exporters.problems import Problems
from prefkit.exporters.sources import SourceError, lines_of
from prefkit.schema.arrow import SCHEMAS
from prefkit.schema.columns import one_chunk, own_offsets
from prefkit.schema.digests import digests_of
from prefkit.schema.ids import comparison_id, pair_id

__all__ = ["check_dataset"]


def check_dataset(folder: Path, manifest: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Look at every file and every row; what differs is added to `problems`. Return the counts."""
    kind = str(manifest["kind"])
    listed = claims_of(manifest, problems, hashed=False)
    claims = [claim._replace(name=f"{ROWS}/{claim.name}") for claim in listed]
    names = check_files(folder, claims, {SET_ASIDE}, problems)
    if any("/" in claim.name.removeprefix(f"{ROWS}/") for claim in claims):
        problems.add(MANIFEST, "names a row file that is not directly in rows/")
    _check_set_aside(folder, problems)
    rows, digests = 0, []
    try:
        for table in _tables(folder, kind, problems):
            digests.append(row_digests(table))
            for number, wrong in _wrong_ids(table, kind):
                problems.add(f"{ROWS}/, row {rows + number}", wrong)
            rows += len(table)
    except DataError as error:
        problems.add(ROWS, str(error))
        return {}
    _check_counts(manifest, claims, rows, combined(digests), problems)
    return {"rows": rows, "files": len(names), "content_hash": combined(digests)}


def _tables(folder: Path, kind: str, problems: Problems) -> Iterator[pa.Table]:
    for table in read_rows(folder):
        if not table.schema.equals(SCHEMAS[kind]):
            problems.add(ROWS, f"a file does not have the schema of {kind}")
            return
        if len(table):
            yield table


def _check_counts(
    manifest: Mapping[str, Any], claims: list[Claim], rows: int, found: str, problems: Problems
) -> None:
    if manifest.get("rows") != rows:
        problems.add(MANIFEST, f"says {manifest.get('rows')!r} rows, the files hold {rows:,}")
    listed = sum(claim.rows or 0 for claim in claims)
    if listed != rows:
        problems.add(
            MANIFEST, f"its files have {listed:,} rows together, the folder holds {rows:,}"
        )
    if manifest.get("content_hash") != found:
        problems.add(MANIFEST, f"its content hash is not that of the rows, {found}")


def _check_set_aside(folder: Path, problems: Problems) -> None:
    if not (folder / SET_ASIDE).is_file():
        problems.add(SET_ASIDE, "is missing")
        return
    try:
        for place in lines_of(folder, "jsonl", [SET_ASIDE]):
            orjson.loads(place.text)
    except SourceError as error:
        problems.add(error.where, str(error))
    except orjson.JSONDecodeError as error:
        problems.add(SET_ASIDE, f"holds a line that does not parse: {error}")


def _wrong_ids(table: pa.Table, kind: str) -> Iterator[tuple[int, str]]:
    """Row number and complaint for each id that is not the hash of what it names."""
    ids = table["id"].to_pylist()
    for number, (name, wanted) in enumerate(zip(ids, _ids(table, kind), strict=True)):
        if wanted is None:
            yield number, f"a response of {name} does not have the id of its messages"
        elif name != wanted:
            yield number, f"its id is {name}, its content has {wanted}"


def _ids(table: pa.Table, kind: str) -> Iterator[str | None]:
    prompts = (digest or "" for digest in digests_of(table["prompt"]))
    if kind == "pairs":
        sides = zip(digests_of(table["chosen"]), digests_of(table["rejected"]), strict=True)
        for prompt, both, about in zip(prompts, sides, table["criterion"].to_pylist(), strict=True):
            yield pair_id(prompt, both, about)
        return
    parts = zip(prompts, table["tools"].to_pylist(), _responses(table), strict=True)
    for prompt, tools, responses in parts:
        names = [name for name, _ in responses]
        right = all(name.partition("-")[0] == digest for name, digest in responses)
        yield comparison_id(prompt, tools, names) if right else None


def _responses(table: pa.Table) -> Iterator[list[tuple[str, str]]]:
    """Id and recomputed digest of each response of each comparison."""
    responses = one_chunk(table["responses"])
    flat = responses.flatten()
    digests = digests_of(pc.struct_field(flat, "messages"))
    names = pc.struct_field(flat, "id").to_pylist()
    pairs = [(name, digest or "") for name, digest in zip(names, digests, strict=True)]
    ends = own_offsets(responses).to_pylist()
    for start, end in pairwise(ends):
        yield pairs[start:end]

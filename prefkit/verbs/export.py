"""`prefkit export`: split, write for a trainer, prove it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from prefkit.errors import NothingUsable
from prefkit.registry import load
from prefkit.step import make
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.exporters.folder import Written
    from prefkit.exporters.split import Split
    from prefkit.exporters.survey import Survey

__all__ = ["Export"]


class Export(Verb):
    """Write the kept pairs for a trainer: split by prompt, with hashes that `verify` checks."""

    positional: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: Path = Field(description="Folder of pairs.")
    out: Path = Field(description="Folder to write.")
    format: str = Field("trl", description="Who reads it; see `prefkit catalog writer`.")
    shape: Literal["preference", "unpaired"] = Field(
        "preference", description="Rows of two sides, or one-sided rows with a label."
    )
    files: tuple[Literal["jsonl", "parquet", "arrow"], ...] = Field(
        ("jsonl", "parquet"), min_length=1, description="Kinds of files; all hold the same rows."
    )
    validation: float = Field(0.05, ge=0, lt=1, description="Share of the rows for validation.")
    test: float = Field(0.05, ge=0, lt=1, description="Share of the rows for test.")
    seed: int = Field(0, description="Another seed gives another split.")
    stratify: tuple[str, ...] = Field(
        (), description="Tags to balance over the splits, beside source and direction."
    )
    min_rows: int = Field(1, ge=1, description="Fail with fewer rows than this.")
    write_dropped: bool = Field(False, description="Write dropped rows to dropped.jsonl.")
    limit: int | None = Field(None, ge=1, description="Look at the first rows only, for a trial.")
    dry_run: bool = Field(False, description="Say what would be written, write nothing.")
    force: bool = Field(False, description="Replace an export that is there.")

    def __call__(self) -> Outcome:
        """Look at every row, deal them to splits, write.

        Raises:
            NothingUsable: no kept row has the wanted shape.
            GateFailed: too few rows, or rows that no trainer should see are not marked.
            ConfigError: the dataset is none of pairs, the output exists, the shares make no sense.
        """
        from prefkit.dataset import open_dataset
        from prefkit.dataset.folder import check_target
        from prefkit.dataset.manifest import Gate, check_gates
        from prefkit.engines.local import in_threads
        from prefkit.exporters.split import Shares, assign
        from prefkit.exporters.survey import COLUMNS, survey

        dataset = open_dataset(self.dataset, "pairs")
        Shares(self.validation, self.test).checked()
        if not self.dry_run:
            self._check_out(check_target)
        writer = make(load("writer", self.format), {"shape": self.shape}, "export")
        found = survey(dataset.batches(COLUMNS, self.limit), writer, self.stratify, in_threads)
        if not found.counts["exported"]:
            raise NothingUsable(_nothing(found, self.shape), hint=f"prefkit show {self.dataset}")
        gates = check_gates([Gate("rows", found.counts["exported"], self.min_rows)])
        shares = Shares(self.validation, self.test)
        split = assign(found.clusters, found.prompts, found.strata, shares, self.seed)
        if self.dry_run:
            facts = {"dry_run": True, "counts": found.counts, "split": split.proof}
            return Outcome(facts, _lines(found, split))
        return self._write(dataset, writer, found, split, gates)

    def _check_out(self, check_target: Any) -> None:
        check_target(self.out, force=self.force, source=self.dataset)
        if "arrow" in self.files:
            from prefkit.exporters.arrow_folder import require_datasets

            require_datasets()

    def _write(
        self,
        dataset: Dataset,
        writer: Any,
        found: Survey,
        split: Split,
        gates: list[dict[str, Any]],
    ) -> Outcome:
        from prefkit.dataset.folder import atomic_folder
        from prefkit.dataset.manifest import write_manifest
        from prefkit.exporters.folder import READ, write_folder
        from prefkit.exporters.seal import folder_digest

        with atomic_folder(self.out, force=self.force) as work:
            written = write_folder(
                dataset.batches(READ, self.limit), work, writer, found, split, self.files,
                dropped=self.write_dropped,
            )  # fmt: skip
            manifest = self._manifest(dataset, found, split, written) | {"gates": gates}
            write_manifest(work, manifest)
        digest = folder_digest(manifest)
        facts = {
            "out": str(self.out),
            "counts": found.counts,
            "split": split.proof,
            "files": [file["name"] for file in written.files],
            "content_hash": written.content_hash,
            "digest": digest,
        }
        names = [str(file["name"]) for file in written.files]
        wrote = ("Wrote", f"{self.out}: {_names(names)}")
        verify = ("Verify", f"prefkit verify {self.out} --digest {digest}")
        return Outcome(facts, (*_lines(found, split), wrote, verify))

    def _manifest(
        self, dataset: Dataset, found: Survey, split: Split, written: Written
    ) -> dict[str, Any]:
        from prefkit.dataset.manifest import new_manifest

        shown = ("format", "shape", "files", "validation", "test", "seed", "stratify", "min_rows",
                 "write_dropped", "limit")  # fmt: skip
        options = self.model_dump(mode="json", include=set(shown))
        layout = found.layout
        return new_manifest("export", "export", options) | {
            "columns": list(layout.columns),
            "json_columns": [*sorted(layout.raw), *layout.json_columns],
            "rows": found.counts["exported"],
            "counts": found.counts,
            "content_hash": written.content_hash,
            "parent": {"kind": dataset.kind, "content_hash": dataset.content_hash},
            "split": split.proof | {"notes": list(split.notes)},
            "files": written.files,
        }


def _nothing(found: Survey, shape: str) -> str:
    counts = found.counts
    reasons = ", ".join(f"{name} {n:,}" for name, n in counts["dropped"].items()) or "none"
    left = ", ".join(f"{name} {n:,}" for name, n in counts["left_out"].items())
    return (
        f"no row to export with shape {shape}: {counts['rows']:,} rows, {counts['kept']:,} kept "
        f"(dropped: {reasons}; left out: {left})"
    )


def _lines(found: Survey, split: Split) -> tuple[tuple[str, str], ...]:
    counts, proof = found.counts, split.proof
    rows = " · ".join(f"{name} {n:,}" for name, n in proof["rows"].items())
    lines = [
        (
            "Rows",
            f"{counts['rows']:,} in · {counts['kept']:,} kept · {counts['exported']:,} exported",
        ),
        ("Split", f"{rows}   grouped by prompt, stratified by source and direction"),
        ("Leakage", f"prompts in two splits {proof['prompts_in_two_splits']} · "
                    f"clusters in two splits {proof['clusters_in_two_splits']}"),
    ]  # fmt: skip
    for name, n in counts["dropped"].items():
        lines.append(("Dropped", f"{n:,} by {name}"))
    for name, n in counts["left_out"].items():
        if n:
            lines.append(
                ("Left out", f"{n:,} {name} rows, which this shape cannot hold ({_OTHER[name]})")
            )
    lines += [("Note", note) for note in split.notes]
    return tuple(lines)


_OTHER = {"unpaired": "--shape unpaired writes them", "paired": "--shape preference writes them"}


def _names(names: list[str]) -> str:
    shown = [name for name in names if not name.startswith("arrow/")]
    if len(shown) < len(names):
        shown.append("arrow/")
    return " ".join([*shown, "manifest.json"])

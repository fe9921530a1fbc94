"""`prefkit export`: split, write for a trainer, prove it; or tasks for an annotation tool."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from prefkit.errors import ConfigError, GateFailed, NothingUsable
from prefkit.registry import load
from prefkit.step import make
from prefkit.verbs.export_lines import file_names, lines_of, nothing, unsaid_reasons
from prefkit.verbs.export_tasks import check_options, export_tasks
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.exporters.folder import Written
    from prefkit.exporters.halves import Deal
    from prefkit.exporters.split import Split
    from prefkit.exporters.survey import Survey
    from prefkit.exporters.writer import RowWriter

__all__ = ["Export"]

_BATCH = 8_192
"""Rows at a time: fewer than a row group holds, so that memory is used again while it is warm."""


class Export(Verb):
    """Write the kept pairs for a trainer: split by prompt, with hashes that `verify` checks.

    The formats of annotation tools get tasks instead: comparisons that wait for votes, or the
    sample of a review, which come home by `collect human` with their ids.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)

    dataset: Path = Field(description="Folder of pairs; for tasks also of comparisons.")
    out: Path = Field(description="Folder to write.")
    format: str = Field("trl", description="Who reads it; see `prefkit catalog writer`.")
    shape: Literal["preference", "unpaired", "kto", "reward"] = Field(
        "preference",
        description="Rows of two sides; the one-sided ones with a label; a labelled row for each "
        "side, mixed; or rows for a reward model.",
    )
    form: str | None = Field(
        None, description="How the writer puts a row; see `prefkit catalog writer NAME`."
    )
    margin: Literal["margin", "logit"] | None = Field(
        None, description="Margin beside reward rows: the pair's own, or the logit of p_chosen."
    )
    margin_kind: str | None = Field(
        None, description="The margin_kind that you declare to be in logits."
    )
    files: tuple[Literal["jsonl", "parquet", "arrow"], ...] = Field(
        ("jsonl", "parquet"), min_length=1, description="Kinds of files; all hold the same rows."
    )
    validation: float = Field(0.05, ge=0, lt=1, description="Share of the rows for validation.")
    test: float = Field(0.05, ge=0, lt=1, description="Share of the rows for test.")
    seed: int = Field(
        0, description="Another seed gives another split, and tasks with other sides first."
    )
    stratify: tuple[str, ...] = Field(
        (), description="Tags to balance over the splits, beside source and direction."
    )
    min_rows: int = Field(1, ge=1, description="Fail with fewer rows than this.")
    max_unsaid: float = Field(
        0, ge=0, le=1,
        description="Fail if form or margin leave out more than this share of the rows.",
    )  # fmt: skip
    max_null_auc: float | None = Field(
        None,
        ge=0.5,
        le=1,
        description="Fail if length, markdown, position, generator, refusals or words predict the "
        "label better than this area under the curve; 1 only measures.",
    )
    write_dropped: bool = Field(False, description="Write dropped rows to dropped.jsonl.")
    which: Literal["unvoted", "no_human", "all"] = Field(
        "unvoted",
        description="Tasks: comparisons without votes, without votes of people, or all of them.",
    )
    review: Path | None = Field(
        None, description="Tasks: the sample of this review of the dataset, without its labels."
    )
    limit: int | None = Field(None, ge=1, description="Look at the first rows only, for a trial.")
    dry_run: bool = Field(False, description="Say what would be written, write nothing.")
    force: bool = Field(False, description="Replace an export that is there.")

    def __call__(self) -> Outcome:
        """Look at every row, deal them to splits, write.

        Raises:
            NothingUsable: no kept row has the wanted shape.
            GateFailed: too few rows, rows that no trainer should see are not marked, rows that the
                form cannot say, margins of several units, or a null baseline predicts the label
                too well.
            ConfigError: the dataset is none of pairs, the output exists, the shares make no sense,
                the writer does not have the shape or the form.
        """
        from prefkit.dataset import open_dataset
        from prefkit.dataset.folder import check_target
        from prefkit.engines.local import in_threads
        from prefkit.exporters.halves import deal
        from prefkit.exporters.split import Shares
        from prefkit.exporters.survey import COLUMNS, survey
        from prefkit.exporters.task_writer import TaskWriter

        kind = load("writer", self.format)
        for_people = issubclass(kind, TaskWriter)
        check_options(self, for_people)
        if for_people:
            return export_tasks(self, make(kind, {}, "export"))
        dataset = open_dataset(self.dataset, "pairs")
        Shares(self.validation, self.test).checked()
        if not self.dry_run:
            self._check_out(check_target)
        writer = self._writer()
        found = survey(
            dataset.batches(COLUMNS, self.limit, _BATCH), writer, self.stratify, in_threads
        )
        if not found.counts["exported"]:
            raise NothingUsable(nothing(found, self.shape), hint=f"prefkit show {self.dataset}")
        gates = self._gates(found)
        nulls = self._null_baselines(dataset, found)
        gates += nulls.pop("gates", [])
        shares = Shares(self.validation, self.test)
        dealt = deal(found, writer, shares, self.seed)
        told = {**({"labels": dealt.labels} if dealt.labels else {}), "losses": found.losses}
        if self.dry_run:
            facts = {"dry_run": True, "counts": found.counts, "split": dealt.split.proof}
            return Outcome({**facts, **told, **nulls}, lines_of(found, dealt, writer, nulls))
        return self._write(dataset, writer, found, dealt, {"gates": gates, **nulls, **told})

    def _writer(self) -> RowWriter:
        """The writer with those of its options that were given."""
        from prefkit.exporters.writer import OPTIONS, RowWriter

        options = {name: getattr(self, name) for name in OPTIONS}
        given = {name: value for name, value in options.items() if value is not None}
        writer = make(load("writer", self.format), given, "export")
        if not isinstance(writer, RowWriter):
            raise ConfigError(f"the writer {self.format} does not write rows")
        return writer

    def _gates(self, found: Survey) -> list[dict[str, Any]]:
        from prefkit.dataset.manifest import Gate, check_gates

        rows = Gate("rows", found.counts["exported"], self.min_rows)
        if not found.unsaid:
            return check_gates([rows])
        share = found.unsaid / (found.unsaid + found.counts["exported"])
        unsaid = Gate("unsaid", share, self.max_unsaid, "<=")
        try:
            return check_gates([rows, unsaid])
        except GateFailed as error:
            if unsaid.passed:
                raise
            reasons = unsaid_reasons(found.counts["left_out"])
            least = math.ceil(share * 10_000) / 10_000
            hint = f"another --form or --margin, or --max-unsaid {least:g}"
            told = f"rows that the form or the margin cannot say: {reasons}"
            raise GateFailed(f"{error} ({told})", hint=hint) from error

    def _null_baselines(self, dataset: Dataset, found: Survey) -> dict[str, Any]:
        """What gives the label away (`null_baselines`) and the gates; empty if not asked for."""
        if self.max_null_auc is None:
            return {}
        from prefkit.exporters.null_baselines import check_baselines, measure_baselines

        facts = measure_baselines(
            dataset, found.exported, found.clusters, seed=self.seed, limit=self.limit
        )
        gates = check_baselines(facts, self.max_null_auc)
        return {"null_baselines": facts, "gates": gates}

    def _check_out(self, check_target: Any) -> None:
        check_target(self.out, force=self.force, source=self.dataset)
        if "arrow" in self.files:
            from prefkit.exporters.arrow_folder import require_datasets

            require_datasets()

    def _write(
        self,
        dataset: Dataset,
        writer: RowWriter,
        found: Survey,
        dealt: Deal,
        checked: dict[str, Any],
    ) -> Outcome:
        from prefkit.dataset.folder import atomic_folder
        from prefkit.dataset.manifest import write_manifest
        from prefkit.engines.local import in_threads
        from prefkit.exporters.documents import documented, preflight_line
        from prefkit.exporters.folder import READ, write_folder
        from prefkit.exporters.seal import folder_digest
        from prefkit.exporters.survey import COLUMNS

        with atomic_folder(self.out, force=self.force) as work:
            written = write_folder(
                dataset.batches(READ, self.limit, _BATCH, trusted=COLUMNS),
                work, writer, found, dealt, self.files, dropped=self.write_dropped,
            )  # fmt: skip
            manifest = self._manifest(dataset, found, dealt.split, written) | checked
            manifest = documented(work, dataset, manifest, found, in_threads)
            write_manifest(work, manifest)
        digest = folder_digest(manifest)
        facts = {
            "out": str(self.out),
            "counts": found.counts,
            "split": dealt.split.proof,
            "files": [str(file["name"]) for file in manifest["files"]],
            "preflight": manifest["preflight"],
            "content_hash": written.content_hash,
            "digest": digest,
            **{name: value for name, value in checked.items() if name != "gates"},
        }
        wrote = f"{self.out}: {file_names(facts['files'])}"
        last = {"Preflight": preflight_line(manifest["preflight"]), "Wrote": wrote,
                "Verify": f"prefkit verify {self.out} --digest {digest}"}  # fmt: skip
        lines = (*lines_of(found, dealt, writer, checked), *last.items())
        return Outcome(facts, lines, 3 if manifest["preflight"]["failed"] else 0)

    def _manifest(
        self, dataset: Dataset, found: Survey, split: Split, written: Written
    ) -> dict[str, Any]:
        from prefkit.dataset.manifest import new_manifest

        shown = ("format", "shape", "form", "margin", "margin_kind", "files", "validation", "test",
                 "seed", "stratify", "min_rows", "max_unsaid", "max_null_auc", "write_dropped",
                 "limit")  # fmt: skip
        options = self.model_dump(mode="json", include=set(shown))
        return new_manifest("export", "export", options) | {
            "columns": list(written.layout.columns),
            "json_columns": [*sorted(written.layout.raw), *written.layout.json_columns],
            "rows": len(split.rows),
            "counts": found.counts,
            "content_hash": written.content_hash,
            "parent": {"kind": dataset.kind, "content_hash": dataset.content_hash},
            "split": split.proof | {"notes": list(split.notes)},
            "files": written.files,
        }

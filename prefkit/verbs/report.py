"""`prefkit report`: what the judges of a dataset are worth, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from prefkit.errors import ConfigError, GateFailed
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.judging.certificate import Certificate

__all__ = ["Report"]


class Report(Verb):
    """Report on a dataset's judges: bias, errors, money, and how far they agree with people.

    Every number has its interval and its rows, or the reason why there is none. A judge without
    gold is uncalibrated, and said to be.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)
    consent: ClassVar[tuple[str, ...]] = ("force", "document")

    dataset: Path = Field(description="Comparisons, or pairs whose comparisons lie beside them.")
    gold: Path | None = Field(
        None, description="Comparisons whose human votes are the gold, instead of the dataset's."
    )
    thresholds: Path | None = Field(None, description="A YAML file of what a certificate needs.")
    require_certificate: bool = Field(
        False, description="Exit with 3 if a judge has no certificate."
    )
    published: Path | None = Field(
        None, description="A file of published numbers to recompute and contradict."
    )
    half_width: float = Field(
        0.05, gt=0, lt=0.5, description="Plan the human labels for a win rate this precise."
    )
    seed: int = Field(0, ge=0, description="Another seed draws other prompts for intervals.")
    document: Path | None = Field(
        None, description="Write the document to this JSON file.",
        json_schema_extra={"flag": "--out"},
    )  # fmt: skip
    force: bool = Field(False, description="Replace a file that is there.")

    def __call__(self) -> Outcome:
        """Audit every judge, certify, estimate; a report is given whatever it says.

        Raises:
            ConfigError: no such dataset, thresholds that are wrong, or the file exists.
            DataError: a file is damaged, or a published number is out of range.
        """
        from prefkit.dataset import open_dataset
        from prefkit.judging.thresholds import load_thresholds
        from prefkit.reports.document import Asked, report_of
        from prefkit.reports.lines import lines_of

        if self.document is not None:
            self._check_file(self.document)
        dataset = open_dataset(self.dataset)
        gold = None if self.gold is None else open_dataset(self.gold, "comparisons")
        asked = Asked(
            gold=gold,
            thresholds=load_thresholds(self.thresholds),
            published=self.published,
            half_width=self.half_width,
            seed=self.seed,
        )
        found = report_of(dataset, asked)
        facts = dict(found.document)
        refused = self._refused(found.certificates)
        if self.require_certificate:
            facts["refused"] = refused
        lines = list(lines_of(facts))
        if self.document is not None:
            _write(self.document, facts)
            lines.append(("Wrote", str(self.document)))
        return Outcome(facts, tuple(lines), 0 if refused is None else GateFailed.exit_code)

    def _refused(self, certificates: Sequence[Certificate]) -> str | None:
        """Why the gate does not open; the report is shown all the same, so this is no error."""
        from prefkit.judging.certificate import required

        if not self.require_certificate:
            return None
        try:
            required(certificates)
        except GateFailed as error:
            return str(error)
        return None

    def _check_file(self, path: Path) -> None:
        if path.is_symlink() or path.is_dir():
            raise ConfigError(f"{path} is no plain file; name another --out")
        if path.resolve().is_relative_to(self.dataset.resolve()):
            raise ConfigError(f"{path} is inside the dataset; name another --out")
        if path.exists() and not self.force:
            raise ConfigError(
                f"{path} exists already", hint="add --force to replace it, or another --out"
            )
        if not path.absolute().parent.is_dir():
            raise ConfigError(f"there is no folder {path.absolute().parent} for --out")


def _write(path: Path, facts: dict[str, Any]) -> None:
    import json

    from prefkit.dataset.folder import write_file

    write_file(path, json.dumps(facts, indent=1, sort_keys=True, allow_nan=False) + "\n")

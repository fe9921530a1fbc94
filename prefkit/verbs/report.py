"""`prefkit report`: what the judges of a dataset are worth, in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from prefkit.errors import ConfigError, GateFailed
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.judging.certificate import Certificate
    from prefkit.reports.contradictions import Contradictions
    from prefkit.reports.document import Report as Found

__all__ = ["Report"]


class Report(Verb):
    """Report on a dataset's judges: bias, errors, money, and how far they agree with people.

    Every number has its interval and its rows, or the reason why there is none. A judge without
    gold is uncalibrated, and said to be.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)
    consent: ClassVar[tuple[str, ...]] = ("force", "document", "suspects", "contradictions")

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
    suspects: Path | None = Field(
        None, description="Write the pairs whose labels look wrong to this file, for review."
    )
    most_suspects: int = Field(500, ge=1, description="At most so many pairs in --suspects.")
    contradictions: Path | None = Field(
        None, description="Write every contradiction with the votes behind it to this JSONL file."
    )
    review: Path | None = Field(
        None, description="A review of these pairs: is chosen really better, and what to do next."
    )
    document: Path | None = Field(
        None, description="Write FILE.html and the document beside it, or FILE.json alone.",
        json_schema_extra={"flag": "--out"},
    )  # fmt: skip
    no_text: bool = Field(False, description="No texts of pairs in the page: numbers only.")
    names: bool = Field(False, description="Reviewers with their names, not numbered.")
    baseline: Path | None = Field(
        None, description="An earlier report.json: the page shows what changed since."
    )
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

        for path in self._files():
            self._check_file(path, "--out")
        dataset = open_dataset(self.dataset)
        if self.contradictions is not None:
            self._check_contradictions(self.contradictions, dataset)
        if self.suspects is not None:
            self._check_suspects(self.suspects, dataset)
        gold = None if self.gold is None else open_dataset(self.gold, "comparisons")
        asked = Asked(
            gold=gold,
            thresholds=load_thresholds(self.thresholds),
            published=self.published,
            half_width=self.half_width,
            seed=self.seed,
            suspects=None if self.suspects is None else self.most_suspects,
        )
        found = report_of(dataset, asked)
        facts = dict(found.document) | self._parts(dataset, found)
        refused = self._refused(found.certificates)
        if self.require_certificate:
            facts["refused"] = refused
        lines = (*lines_of(facts), *self._written(facts, found, dataset))
        return Outcome(facts, lines, GateFailed.exit_code if self._fails(facts) else 0)

    def _files(self) -> list[Path]:
        """The page, if one was asked for, and the document."""
        from prefkit.verbs.report_page import is_page

        if self.document is None:
            return []
        page = is_page(self.document)
        return [self.document, self.document.with_suffix(".json")] if page else [self.document]

    def _parts(self, dataset: Dataset, report: Found) -> dict[str, Any]:
        """What a review found, and what the page shows beside it."""
        from prefkit.reports.page_parts import parts_of
        from prefkit.verbs.report_page import found_in

        if self.review is not None and dataset.kind != "pairs":
            raise ConfigError(f"{self.dataset} holds comparisons; a review is of pairs")
        if self.review is None and self.document is None:
            return {}
        found = None
        if self.review is not None:
            found = found_in(self.review, dataset, names=self.names, seed=self.seed)
        return parts_of(dataset, found, suspects=report.suspects, seed=self.seed)

    def _fails(self, facts: dict[str, Any]) -> bool:
        """Whether a gate stays shut: a certificate that was required, a review that says no."""
        review = facts.get("review")
        shipped = review is None or review["verdict"]["verdict"] == "Ship"
        return facts.get("refused") is not None or not shipped

    def _written(
        self, facts: dict[str, Any], found: Found, dataset: Dataset
    ) -> Iterator[tuple[str, str]]:
        """Write every file that was asked for, and say which."""
        from prefkit.reports.suspects import write_suspects
        from prefkit.verbs.report_page import PageOptions, review_lines, write_page

        if facts.get("review") is not None:
            yield from review_lines(facts["review"])
        options = PageOptions(not self.no_text, self.names, self.baseline)
        files = self._files()
        for document in files[-1:]:
            _write(document, facts)
            yield ("Wrote", str(document))
        for page in files[:-1]:
            yield from write_page(page, facts, dataset, options)
        if self.suspects is not None and found.suspects is not None:
            head = {"dataset": dataset.content_hash, "of": dataset.rows, "seed": self.seed}
            write_suspects(self.suspects, found.suspects, head)
            yield ("Wrote", str(self.suspects))
        if self.contradictions is not None and found.contradictions is not None:
            _write_lines(self.contradictions, found.contradictions, dataset)
            yield ("Wrote", str(self.contradictions))

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

    def _check_suspects(self, path: Path, dataset: Dataset) -> None:
        if dataset.kind != "pairs":
            raise ConfigError(
                f"{self.dataset} holds comparisons; --suspects looks for wrong labels among pairs",
                hint=f"prefkit pair {self.dataset} --out PAIRS",
            )
        if self.gold is not None:
            raise ConfigError(
                "--suspects reads the votes that made the labels, and --gold replaces them; "
                "give one of the two"
            )
        self._check_votes(dataset, "--suspects")
        self._check_file(path, "--suspects")
        if self.document is not None and path.absolute() == self.document.absolute():
            raise ConfigError(f"--out and --suspects are both {path}; name another file")

    def _check_contradictions(self, path: Path, dataset: Dataset) -> None:
        self._check_votes(dataset, "--contradictions")
        self._check_file(path, "--contradictions")
        others = {"--out": self.document, "--suspects": self.suspects}
        for name, other in others.items():
            if other is not None and path.absolute() == other.absolute():
                raise ConfigError(f"{name} and --contradictions are both {path}; name another file")

    def _check_votes(self, dataset: Dataset, option: str) -> None:
        from prefkit.dataset.lineage import known_lineage

        _, missing = known_lineage(dataset) if dataset.kind == "pairs" else ((), None)
        if missing is not None:
            raise ConfigError(
                f"{option} reads the votes of the comparisons that {self.dataset} was made of, "
                f"and they were not found: {missing}; put their folder beside it"
            )

    def _check_file(self, path: Path, option: str) -> None:
        if path.is_symlink() or path.is_dir():
            raise ConfigError(f"{path} is no plain file; name another {option}")
        if path.resolve().is_relative_to(self.dataset.resolve()):
            raise ConfigError(f"{path} is inside the dataset; name another {option}")
        if path.exists() and not self.force:
            raise ConfigError(
                f"{path} exists already", hint=f"add --force to replace it, or another {option}"
            )
        if not path.absolute().parent.is_dir():
            raise ConfigError(f"there is no folder {path.absolute().parent} for {option}")


def _write_lines(path: Path, found: Contradictions, dataset: Dataset) -> None:
    """First a line about the file, then one for each contradiction."""
    from prefkit.dataset.folder import write_file
    from prefkit.schema.records import to_json

    head = {"schema": "prefkit.contradictions/1", "dataset": dataset.content_hash}
    write_file(path, "".join(f"{to_json(one)}\n" for one in [head, *found.entries()]))


def _write(path: Path, facts: dict[str, Any]) -> None:
    import json

    from prefkit.dataset.folder import write_file

    write_file(path, json.dumps(facts, indent=1, sort_keys=True, allow_nan=False) + "\n")

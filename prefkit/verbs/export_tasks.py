"""`prefkit export --format label_studio`: tasks for people instead of rows for a trainer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefkit.errors import ConfigError, NothingUsable
from prefkit.verbs.verb import Outcome

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.exporters.task_writer import Page, TaskWriter
    from prefkit.exporters.tasks import Found
    from prefkit.schema.tasks import Task
    from prefkit.verbs.export import Export

__all__ = ["check_options", "export_tasks"]

_FOR_TASKS = ("which", "review")
_FOR_BOTH = {"dataset", "out", "format", "seed", "limit", "dry_run", "force"}


def check_options(verb: Export, tasks: bool) -> None:
    """Refuse options that the format does nothing with.

    Raises:
        ConfigError: there is one.
    """
    given = verb.model_fields_set - _FOR_BOTH
    lost = sorted(name for name in given if (name in _FOR_TASKS) != tasks)
    if lost:
        what = "tasks for people" if tasks else "rows for a trainer"
        option = f"--{lost[0].replace('_', '-')}"
        raise ConfigError(
            f"the format {verb.format} writes {what}: {option} does nothing with it",
            hint=f"leave {option} out, or see: prefkit catalog writer",
        )


def export_tasks(verb: Export, writer: TaskWriter) -> Outcome:
    """Write comparisons that wait for people, or the pairs of a review's sample.

    Raises:
        ConfigError: the dataset is of the wrong kind, the review of another dataset, or the output
            exists.
        NothingUsable: there is nothing to ask.
        DataError: a file is damaged.
    """
    from prefkit.dataset.folder import atomic_folder, check_target
    from prefkit.dataset.manifest import new_manifest, write_manifest
    from prefkit.exporters.seal import folder_digest
    from prefkit.exporters.task_folder import KIND, TaskFolder
    from prefkit.exporters.tasks import Found

    if not verb.dry_run:
        check_target(verb.out, force=verb.force, source=verb.dataset)
    found = Found()
    dataset, tasks = _tasks(verb, found)
    page = _page(verb, dataset)
    if verb.dry_run:
        count = sum(1 for _ in tasks)
        return Outcome({"dry_run": True, "tasks": count, **_counts(found)}, _lines(found, count))
    folder = TaskFolder(writer, page)
    with atomic_folder(verb.out, force=verb.force) as work:
        files = folder.write(work, tasks)
        if not folder.rows:
            raise _nothing(verb, found)
        manifest = new_manifest(KIND, "export", _options(verb)) | {
            "rows": folder.rows,
            "counts": _counts(found),
            "content_hash": folder.content_hash,
            "parent": {"kind": dataset.kind, "content_hash": dataset.content_hash},
            "files": files,
        }
        write_manifest(work, manifest)
    digest = folder_digest(manifest)
    facts = {"out": str(verb.out), "tasks": folder.rows, **_counts(found), "digest": digest,
             "files": [str(file["name"]) for file in files],
             "content_hash": folder.content_hash}  # fmt: skip
    out = shlex.quote(str(verb.out))
    last = (
        ("Wrote", f"{verb.out}: {' '.join(facts['files'])} manifest.json"),
        ("Verify", f"prefkit verify {out} --digest {digest}"),
        ("Next", f"{verb.out}/README.md says how to import them and how to read them back"),
    )  # fmt: skip
    return Outcome(facts, (*_lines(found, folder.rows), *last))


def _tasks(verb: Export, found: Found) -> tuple[Dataset, Iterator[Task]]:
    from prefkit.dataset import open_dataset
    from prefkit.exporters.tasks import (
        COMPARISON_COLUMNS,
        PAIR_COLUMNS,
        tasks_of_comparisons,
        tasks_of_pairs,
    )

    dataset = open_dataset(verb.dataset)
    if verb.review is None:
        if dataset.kind != "comparisons":
            raise ConfigError(
                f"{verb.dataset} holds pairs: people are asked about comparisons, or about the "
                "pairs of a review's sample",
                hint=f"prefkit review {shlex.quote(str(verb.dataset))} --plan --out REVIEW, then "
                "add --review REVIEW",
            )
        tables = dataset.batches(COMPARISON_COLUMNS, verb.limit)
        return dataset, tasks_of_comparisons(tables, verb.which, verb.seed, found)
    if dataset.kind != "pairs":
        raise ConfigError(f"{verb.dataset} holds {dataset.kind}, and a review is about pairs")
    sample = _sample(verb.review, dataset)[: verb.limit]
    return dataset, tasks_of_pairs(dataset.batches(PAIR_COLUMNS), sample, verb.seed, found)


def _sample(review: Path, dataset: Dataset) -> list[dict[str, Any]]:
    from prefkit.reviews.folder import read_review

    planned = read_review(review)
    about = planned.plan["dataset"]
    if about["content_hash"] != dataset.content_hash:
        raise ConfigError(
            f"{review} is a review of {about['name']} with other rows "
            f"({about['content_hash'][:19]}, not {dataset.content_hash[:19]})",
            hint=f"prefkit review {shlex.quote(str(dataset.path))} --plan --out NEW",
        )
    return planned.sample


def _page(verb: Export, dataset: Dataset) -> Page:
    from prefkit.errors import DataError
    from prefkit.exporters.task_writer import Page
    from prefkit.schema.tasks import GUIDE

    guide = GUIDE
    own = None if verb.review is None else verb.review / "guideline.md"
    if own is not None and own.is_file():
        try:
            guide = own.read_text(encoding="utf-8").strip() or GUIDE
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {own}: {error}") from error
    return Page(f"prefkit-{dataset.content_hash.rpartition(':')[2][:8]}", guide)


def _options(verb: Export) -> dict[str, Any]:
    shown = {"format", "which", "seed", "limit"}
    options = verb.model_dump(mode="json", include=shown)
    return options | {"review": None if verb.review is None else verb.review.resolve().name}


def _counts(found: Found) -> dict[str, Any]:
    return {"rows": found.rows, "left_out": dict(sorted(found.left_out.items()))}


def _lines(found: Found, tasks: int) -> tuple[tuple[str, str], ...]:
    left = [("Left out", f"{count:,} {why}") for why, count in sorted(found.left_out.items())]
    return (("Tasks", f"{found.rows:,} rows, {tasks:,} tasks"), *left)


def _nothing(verb: Export, found: Found) -> NothingUsable:
    why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(found.left_out.items()))
    voted = any("votes" in reason for reason in found.left_out)
    hint = "add --which all" if voted else f"prefkit show {shlex.quote(str(verb.dataset))}"
    return NothingUsable(
        f"nothing to ask: {found.rows:,} rows ({why or 'there are none'})", hint=hint
    )

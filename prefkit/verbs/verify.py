"""`prefkit verify`: check an export, tasks, a dataset or replies from the folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from prefkit.errors import GateFailed
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Verify"]

_LOOKED = {"replies": "file, line and count", "tasks": "file, task and id"}


class Verify(Verb):
    """Check a folder from itself alone: hashes, counts, every row, no prompt in two splits."""

    positional: ClassVar[tuple[str, ...]] = ("folder",)
    consent: ClassVar[tuple[str, ...]] = ()

    folder: Path = Field(description="An export (also of tasks), a dataset or replies.")
    digest: str | None = Field(
        None, description="The digest that `export` printed, given elsewhere."
    )

    def __call__(self) -> Outcome:
        """Look at every file and every row; report all that differs at once.

        Raises:
            GateFailed: something differs; the message lists up to 20 places.
            ConfigError: there is no such folder, or no manifest in it.
        """
        from prefkit.exporters.check_dataset import check_dataset
        from prefkit.exporters.check_export import check_export
        from prefkit.exporters.check_replies import check_replies
        from prefkit.exporters.check_tasks import check_tasks
        from prefkit.exporters.claims import load_manifest
        from prefkit.exporters.problems import Problems
        from prefkit.exporters.seal import folder_digest
        from prefkit.schema.arrow import SCHEMAS

        manifest = load_manifest(self.folder)
        problems = Problems()
        digest = folder_digest(manifest)
        if self.digest is not None and self.digest.strip() not in (
            digest,
            digest.partition(":")[2],
        ):
            problems.add("manifest.json", f"the folder's digest is {digest}, not the one given")
        kind = manifest.get("kind")
        if kind == "export":
            counts = check_export(self.folder, manifest, problems)
        elif isinstance(kind, str) and kind in SCHEMAS:
            counts = check_dataset(self.folder, manifest, problems)
        elif kind == "replies":
            counts = check_replies(self.folder, manifest, problems)
        elif kind == "tasks":
            counts = check_tasks(self.folder, manifest, problems)
        else:
            raise GateFailed(
                f"{self.folder} is of the kind {str(kind)[:40]!r}, which verify does not know"
            )
        problems.raise_if_any(str(self.folder))
        facts = {
            "folder": str(self.folder),
            "kind": kind,
            "verified": True,
            "digest": digest,
            **counts,
        }
        return Outcome(facts, self._lines(str(kind), digest, counts))

    def _lines(
        self, kind: str, digest: str, counts: dict[str, object]
    ) -> tuple[tuple[str, str], ...]:
        looked = _LOOKED.get(kind, "file, row and split")
        given = "as given" if self.digest is not None else "compare it with the one you were given"
        return (
            (
                "Verified",
                f"{self.folder}: {kind}, {counts['rows']:,} rows, every {looked}",
            ),
            ("Digest", f"{digest} ({given})"),
        )

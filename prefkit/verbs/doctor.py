"""`prefkit doctor`: whether this installation can work, and what it cannot do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.verbs.doctor_finding import Finding
from prefkit.verbs.verb import Outcome, Verb

__all__ = ["Doctor"]


class Doctor(Verb):
    """Diagnose the installation: versions, extras, other packages' parts, configuration, machine.

    It changes nothing and prints no key; folders of yours are shown as such only with --paths.
    """

    positional: ClassVar[tuple[str, ...]] = ()
    consent: ClassVar[tuple[str, ...]] = ()

    disk: Path | None = Field(None, description="Say how much room there is for this folder.")
    paths: bool = Field(False, description="Show where the installation and the key file are.")
    sandbox: bool = Field(
        False, description="Look at the sandbox alone; the exit code is 1 where none can be had."
    )

    def __call__(self) -> Outcome:
        """Look at everything; each finding is ok, note, warn or fail.

        Returns:
            The findings; the exit code is 1 if one of them says that prefkit cannot work.
        """
        from prefkit.verbs.doctor_sandbox import sandbox

        if self.sandbox:
            found = list(sandbox())
            holds = all(finding.state in ("ok", "note") for finding in found)
            return _outcome(found, holds, "it can run programs" if holds else "no sandbox")
        from prefkit.verbs.doctor_install import (
            extras,
            other_parts,
            own_parts,
            trainers,
            versions,
        )
        from prefkit.verbs.doctor_machine import (
            configuration,
            disk_space,
            encodings,
            machine,
            pseudonym_key,
        )

        findings = [
            *versions(show_paths=self.paths),
            *extras(),
            *own_parts(),
            *other_parts(),
            *trainers(),
            configuration(show_paths=self.paths),
            pseudonym_key(),
            *(disk_space(self.disk) if self.disk is not None else ()),
            *encodings(),
            *machine(),
            *sandbox(),
        ]
        counts = Counter(finding.state for finding in findings)
        return _outcome(findings, not counts["fail"], _verdict(counts))


def _outcome(findings: Sequence[Finding], usable: bool, verdict: str) -> Outcome:
    facts: dict[str, Any] = {
        "usable": usable,
        "counts": dict(sorted(Counter(finding.state for finding in findings).items())),
        "findings": [finding.facts() for finding in findings],
    }
    lines = [line for finding in findings for line in finding.lines()]
    return Outcome(facts, (*lines, ("Verdict", verdict)), 0 if usable else 1)


def _verdict(counts: Counter[str]) -> str:
    if counts["fail"]:
        return f"prefkit cannot work here: {counts['fail']} of these must be put right"
    if counts["warn"]:
        return f"usable, with {counts['warn']} to look at"
    return "usable"

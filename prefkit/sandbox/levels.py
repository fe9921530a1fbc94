"""Which level of isolation this machine gives: the strongest whose probes were all seen refused."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from prefkit.errors import ConfigError
from prefkit.sandbox.launch import Level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.probes import PROBES
from prefkit.sandbox.worker import SandboxError, Worker

__all__ = ["Checked", "check_level", "strongest_level"]

_PROBING = Limits(call_s=5.0, total_s=20.0)

_STRONGEST_FIRST: tuple[Level, ...] = ("bubblewrap", "landlock")
"""`unsafe` is not among them: it is never chosen by anything but its name."""


class Checked(NamedTuple):
    """What came of one level here."""

    level: Level
    refused: tuple[str, ...]
    """Probes that managed nothing."""
    managed: tuple[str, ...]
    """Probes that managed something, and what."""
    failed: str | None
    """Why it could not be tried at all; null if it could."""

    @property
    def holds(self) -> bool:
        """Whether the level may be claimed."""
        return self.failed is None and not self.managed and len(self.refused) == len(PROBES)

    @property
    def why_not(self) -> str:
        """In words; empty if it holds."""
        if self.failed is not None:
            return self.failed
        return f"a probe managed to {'; '.join(self.managed)}" if self.managed else ""


def check_level(level: Level) -> Checked:
    """Start a sandbox of a level and try everything that it must refuse; takes about 0.2 s."""
    refused: list[str] = []
    managed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="prefkit-probe-") as folder:
        place = Path(folder) / "caller"
        place.write_text("what only the caller may read")
        place.chmod(0o644)
        place.parent.chmod(0o755)
        try:
            with Worker(level, _PROBING, number=255) as worker:
                for name, code in PROBES.items():
                    with worker.open(code) as candidate:
                        answer = candidate.call("probe", [str(place)])
                    if answer.kind == "value" and answer.value is None:
                        refused.append(name)
                    else:
                        managed.append(f"{name} ({answer.error or answer.value})")
        except (ConfigError, SandboxError, OSError) as error:
            return Checked(level, tuple(refused), tuple(managed), str(error))
    return Checked(level, tuple(refused), tuple(managed), None)


@cache
def strongest_level() -> Level:
    """The strongest level that holds here, found anew by every process.

    Raises:
        ConfigError: none does; it says why of each.
    """
    found = []
    for level in _STRONGEST_FIRST:
        checked = check_level(level)
        if checked.holds:
            return checked.level
        found.append(f"{level}: {checked.why_not}")
    raise ConfigError(
        f"no sandbox can be had here ({'; '.join(found)})",
        hint="apt-get install bubblewrap, or allow user namespaces",
    )

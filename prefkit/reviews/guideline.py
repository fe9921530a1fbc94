"""What reviewers are told: `REVIEW/guideline.md`, every version of it an event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prefkit.errors import DataError
from prefkit.reviews.events import Events, Guideline

__all__ = ["FILE", "now", "told_guideline"]

FILE = "guideline.md"

_DEFAULT = (
    "Which answer serves the person who asked better? Judge what is written, not how long it is. "
    "*Tie* means that you would use either; *both bad* that you would use neither."
)


def told_guideline(review: Path, events: Events) -> Guideline:
    """The guideline as it is now; a text that changed since is a new version.

    Raises:
        DataError: the file cannot be read, or the disk refuses the event.
    """
    path = review / FILE
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else _DEFAULT
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the guideline {path}: {error}") from error
    return events.tell(text.strip(), now())


def now() -> str:
    """The time as decisions tell it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

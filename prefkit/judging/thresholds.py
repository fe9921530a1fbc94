"""What a judge must reach to get a certificate: limits from a YAML file, each said to be needed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import Field, StringConstraints, model_validator

from prefkit.errors import ConfigError
from prefkit.step import Options, make
from prefkit.yaml import load_yaml

__all__ = ["READINGS", "Thresholds", "TieLimits", "load_thresholds"]

READINGS = {"ties_as_class": "class", "ties_dropped": "dropped", "ties_half": "half"}
"""The sections of a file, and the reading of ties (`statistics.agreement.TIES`) of each."""

Count = Annotated[int, Field(strict=True, ge=1)]
Share = Annotated[float, Field(strict=True, ge=0, le=1)] | None
Coefficient = Annotated[float, Field(strict=True, ge=-1, le=1)] | None

_USUAL = Path(__file__).with_name("thresholds.yaml")


class TieLimits(Options):
    """The least agreement with the gold in one reading of ties; null = not required."""

    accuracy: Share = None
    kappa: Coefficient = Field(None, description="Cohen's.")
    ac: Coefficient = Field(None, description="Gwet's AC1, or AC2 with ties at half credit.")
    share_of_ceiling: Annotated[float, Field(strict=True, gt=0, le=2)] | None = Field(
        None, description="Of the agreement of two humans on the same pairs."
    )


class Thresholds(Options):
    """The limits of a certificate. Each holds for the end of the interval against the judge."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    fewest_pairs: Count = Field(description="Gold pairs with a readable verdict of the judge.")
    fewest_clusters: Count = Field(description="Prompts that these pairs are from.")
    ties_as_class: TieLimits
    ties_dropped: TieLimits
    ties_half: TieLimits
    without_ceiling: Literal["leave_out", "refuse"] = Field(
        description="A `share_of_ceiling` where no two humans judged the same pair."
    )
    swap_consistency: Share = Field(description="At least; the same answer in both orders.")
    length_lean: Share = Field(description="At most, either way; beyond the humans' own rate.")
    unreadable: Share = Field(description="At most; the share of verdicts that are unreadable.")

    @model_validator(mode="after")
    def _something_is_required_of_agreement(self) -> Self:
        limits = [self.ties(section) for section in READINGS]
        if all(value is None for one in limits for value in one.model_dump().values()):
            raise ValueError(
                "no limit on the agreement with the gold is set: such a certificate says nothing"
            )
        if self.without_ceiling == "leave_out" and all(
            value is None
            for one in limits
            for value in one.model_dump(exclude={"share_of_ceiling"}).values()
        ):
            raise ValueError(
                "share_of_ceiling is the only limit on the agreement with the gold, and is left out"
                " where the ceiling is not known: set another one, or without_ceiling: refuse"
            )
        return self

    def ties(self, section: str) -> TieLimits:
        """The limits of one of `READINGS`."""
        found: TieLimits = getattr(self, section)
        return found

    @property
    def digest(self) -> str:
        """Sha256 of all limits; not of the name, comments or order of a file."""
        facts = self.model_dump(mode="json", exclude={"name"})
        return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def facts(self) -> dict[str, Any]:
        """The limits and their digest, for a document that must stand alone."""
        return {**self.model_dump(mode="json"), "sha256": self.digest}


def load_thresholds(path: Path | None = None) -> Thresholds:
    """The limits of a YAML file; null for those that come with prefkit.

    Raises:
        ConfigError: the file cannot be read, or is wrong: where, and the nearest right name.
    """
    path = _USUAL if path is None else path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no file of thresholds {path}", hint=f"cp {_USUAL} {path}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of thresholds {path} cannot be read: {error}") from error
    content = load_yaml(text, path.name)
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name} holds no thresholds: it holds no names with values")
    sections = {
        name: make(TieLimits, value, f"{path.name}, {name}")
        for name, value in content.items()
        if name in READINGS and isinstance(value, dict)
    }
    return make(Thresholds, {**content, **sections}, path.name)

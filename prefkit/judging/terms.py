"""On what terms comparisons are judged: rubrics, orders, draws, and who meets whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefkit.errors import ConfigError
from prefkit.judging.asking import USUAL, How, letters_of
from prefkit.judging.rubric import LETTERS, Rubric

__all__ = ["Many", "Orders", "Protocol"]

Many = Literal["all", "tournament"]
Orders = Literal["both", "one"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How comparisons are judged.

    Raises:
        ConfigError: the parts do not fit each other.
    """

    rubrics: tuple[Rubric, ...]
    how: How = USUAL
    orders: Orders = "both"
    """`one`: drawn by chance for each judgement, the same again tomorrow."""
    many: Many = "all"
    """With more than two responses, by a pairwise rubric: every pair, or a knock-out bracket."""
    draws: int = 1
    """Answers to each judgement."""
    reference: bool = True
    """Whether a reference is shown where there is one."""
    most_listed: int = 4
    """More responses are not ranked together: few judges rank more of them well."""

    def __post_init__(self) -> None:
        """Refuse what no comparison could be judged by."""
        labels = [rubric.label for rubric in self.rubrics]
        if not labels or len(set(labels)) < len(labels):
            raise ConfigError(
                f"a judge needs one rubric or several different ones, not {labels}",
                hint="prefkit catalog rubrics",
            )
        if self.draws < 1:
            raise ConfigError(f"draws are 1 or more, not {self.draws}")
        if not 2 <= self.most_listed <= len(LETTERS):
            raise ConfigError(
                f"most_listed is 2 to {len(LETTERS)} responses, not {self.most_listed}"
            )
        for rubric in self.rubrics:
            self._check(rubric)

    def _check(self, rubric: Rubric) -> None:
        if self.how.way == "first_token":
            letters_of(rubric, 1 if rubric.form == "pointwise" else 2)
        if rubric.needs_reference and not self.reference:
            raise ConfigError(
                f"the rubric {rubric.name} needs references, and none are to be shown",
                hint="show references, or take another rubric: prefkit catalog rubrics",
            )

    def is_knock_out(self, rubric: Rubric, responses: int) -> bool:
        """Whether so many responses meet in a bracket under this rubric."""
        return self.many == "tournament" and rubric.form == "pairwise" and responses > 2

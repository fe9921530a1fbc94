"""`prefkit review`: which pairs people should look at, and the desk where they do."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from prefkit.errors import ConfigError, NothingUsable
from prefkit.verbs.only import only_of
from prefkit.verbs.verb import Outcome, Verb

if TYPE_CHECKING:
    from prefkit.dataset import Dataset
    from prefkit.reviews.frame import Frame, Only
    from prefkit.reviews.goal import Goal
    from prefkit.reviews.plan import Planned

__all__ = ["Review"]


class Review(Verb):
    """Plan a spot check, and judge its pairs blind at a local desk or in a packet.

    The rule is set before anyone looks. Only the random sample makes the headline number: what a
    top-up or a queue points at is kept apart. Without --plan the desk is served until Ctrl-C; a
    review that is not there yet is planned first.
    """

    positional: ClassVar[tuple[str, ...]] = ("dataset",)
    consent: ClassVar[tuple[str, ...]] = ("force", "review", "host", "outside")

    dataset: Path = Field(description="Folder of pairs; with --packet that of the review.")
    plan: bool = Field(False, description="Plan the sample; with --out, draw it.")
    target_lower: float = Field(
        0.85, gt=0, lt=1, description="The lower end of the interval that is wanted."
    )
    expected: float = Field(0.9, gt=0, le=1, description="The share of right pairs to reckon with.")
    seconds_a_pair: float = Field(25, gt=0, description="Seconds that one look takes.")
    producer_risk: float = Field(
        0.05, gt=0, lt=1, description="How often data as good as expected may be refused."
    )
    consumer_risk: float = Field(
        0.10, gt=0, lt=1, description="How often data at the target may be accepted."
    )
    by: tuple[str, ...] = Field(
        (), description="Stratify: annotator, judge, source, a column, or tag:NAME."
    )
    where: str | None = Field(
        None,
        description="Draw only pairs for which this holds; see `prefkit catalog filter where`.",
    )
    top_up: str | None = Field(
        None, description="Add pairs of one slice to a review, such as annotator=NAME."
    )
    queue: Path | None = Field(
        None, description="Put a file of suspects beside the sample, outside every estimate."
    )
    pairs: int | None = Field(
        None, ge=1, description="How many to draw, instead of what the goal needs.",
        json_schema_extra={"flag": "-n"},
    )  # fmt: skip
    seed: int = Field(0, ge=0, description="Another seed draws other pairs.")
    review: Path | None = Field(
        None, description="Folder to write, or the review to add to.",
        json_schema_extra={"flag": "--out"},
    )  # fmt: skip
    force: bool = Field(False, description="Replace a plan that nobody has worked on.")
    reviewer: tuple[str, ...] = Field(
        ("r1",), description="Who judges at the desk (may be repeated), or whose packet it is."
    )
    lead: tuple[str, ...] = Field(
        (), description="Who judges too, and settles what reviewers disagree on (may be repeated)."
    )
    practice: int = Field(
        10, ge=0, description="Pairs that tell their label after the vote and count for nothing."
    )
    packet: bool = Field(False, description="Write one blind HTML file for --reviewer, to send.")
    port: int = Field(0, ge=0, le=65535, description="Port of the desk; 0 for any free one.")
    host: str = Field("127.0.0.1", description="Address of the desk.")
    outside: str | None = Field(
        None, description="The https address of a tunnel or proxy under which reviewers come in."
    )

    def __call__(self) -> Outcome:
        """Read the frame, plan, and draw.

        Raises:
            ConfigError: no such dataset, slice or file, shares that make no sense, or the review
                exists, or is of another dataset.
            NothingUsable: no pair can be drawn.
            DataError: a file is damaged.
        """
        from prefkit.dataset import open_dataset

        if self.packet:
            return self._packet()
        if not self.plan:
            return self._served()
        if self.target_lower >= self.expected:
            raise ConfigError(
                f"--target-lower {self.target_lower:g} is not below --expected {self.expected:g}: "
                "no sample shows more than there is",
                hint=f"{self._command()} --plan --target-lower {self.expected * 0.95:.2g}",
            )
        dataset = open_dataset(self.dataset, "pairs")
        if self._adds():
            return self._added(dataset)
        if self.top_up is not None:
            raise ConfigError(
                "--top-up adds to a review: name its folder with --out",
                hint=f"{self._command()} --plan --out REVIEW",
            )
        return self._new(dataset)

    def _command(self) -> str:
        return f"prefkit review {shlex.quote(str(self.dataset))}"

    def _served(self) -> Outcome:
        from prefkit.dataset import open_dataset
        from prefkit.reviews.folder import read_review
        from prefkit.verbs.review_desk import Asked, serve

        if self.review is None:
            raise ConfigError(
                "the desk keeps its events in a review: name its folder with --out",
                hint=f"{self._command()} --out REVIEW (or {self._command()} --plan to look ahead)",
            )
        dataset = open_dataset(self.dataset, "pairs")
        if not self.review.exists():
            self._new(dataset)
        planned = read_review(self.review)
        only = only_of(planned.plan["frame"]["where"])
        frame = self._frame(dataset, planned.plan["seed"], only)
        asked = Asked(self.reviewer, self.lead, self.practice, self.host, self.port, self.outside)
        return serve(self.review, planned, frame, asked, only)

    def _packet(self) -> Outcome:
        from prefkit.dataset.lineage import find_dataset
        from prefkit.reviews.folder import read_review
        from prefkit.verbs.review_packet import Wanted, check_file, write_packet

        review = self.dataset
        planned = read_review(review)
        out = check_file(self.review, review, force=self.force)
        dataset = find_dataset(planned.plan["dataset"]["content_hash"], review)
        only = only_of(planned.plan["frame"]["where"])
        frame = self._frame(dataset, planned.plan["seed"], only)
        wanted = Wanted(self.reviewer[0], out, self.pairs)
        return write_packet(review, planned, frame, wanted)

    def _adds(self) -> bool:
        """Whether a review that is there gets more pairs, and no other sample."""
        asked = self.top_up is not None or self.queue is not None
        return asked and self.review is not None and self.review.exists() and not self.force

    def _new(self, dataset: Dataset) -> Outcome:
        from prefkit.dataset.folder import check_target
        from prefkit.reviews.dimensions import known_dimension, values_of
        from prefkit.reviews.folder import check_new, write_review
        from prefkit.reviews.goal import Goal
        from prefkit.reviews.plan import new_plan

        for name in self.by:
            known_dimension(name)
        if self.review is not None:
            self._check_place(self.review)
            check_target(self.review, force=self.force, source=self.dataset)
            check_new(self.review, force=self.force)
        only = only_of(self.where)
        frame = self._frame(dataset, self.seed, only)
        goal = Goal(self.target_lower, self.expected, self.seconds_a_pair, self.producer_risk,
                    self.consumer_risk)  # fmt: skip
        dimensions = {name: values_of(dataset, name) for name in dict.fromkeys(self.by)}
        planned = new_plan(frame, goal, dimensions, self.pairs, only)
        planned = self._with_queue(planned, frame, goal)
        if self.review is not None:
            write_review(self.review, planned, self._options(), force=self.force)
        return self._outcome(planned)

    def _added(self, dataset: Dataset) -> Outcome:
        from prefkit.reviews.dimensions import values_of
        from prefkit.reviews.folder import read_review, update_review
        from prefkit.reviews.goal import Goal
        from prefkit.reviews.plan import with_top_up

        assert self.review is not None
        planned = read_review(self.review)
        plan = planned.plan
        about = plan["dataset"]
        if about["content_hash"] != dataset.content_hash:
            raise ConfigError(
                f"{self.review} is a review of {about['name']} with other rows "
                f"({about['content_hash'][:19]}, not {dataset.content_hash[:19]})",
                hint=f"{self._command()} --plan --out NEW",
            )
        frame = self._frame(dataset, plan["seed"], only_of(plan["frame"]["where"]))
        facts, risks = plan["goal"], plan["risks"]
        goal = Goal(facts["target_lower"], facts["expected"], facts["seconds_a_pair"],
                    risks["producer"], risks["consumer"])  # fmt: skip
        if self.top_up is not None:
            dimension, value = _slice(self.top_up)
            values = values_of(dataset, dimension)
            _check_value(dimension, value, values["value"].unique().to_list())
            planned = with_top_up(planned, frame, goal, (dimension, value, values), self.pairs)
            _check_more(planned, self.top_up)
        planned = self._with_queue(planned, frame, goal)
        update_review(self.review, planned)
        return self._outcome(planned)

    def _with_queue(self, planned: Planned, frame: Frame, goal: Goal) -> Planned:
        if self.queue is None:
            return planned
        from prefkit.reviews.plan import with_queue
        from prefkit.reviews.queue import read_queue

        return with_queue(planned, read_queue(self.queue, frame), goal)

    def _frame(self, dataset: Dataset, seed: int, only: Only | None) -> Frame:
        from prefkit.reviews.frame import frame_of

        frame = frame_of(dataset, seed, only)
        if frame.pairs.height == 0:
            why = ", ".join(f"{count:,} {reason}" for reason, count in frame.left_out.items())
            raise NothingUsable(
                f"{self.dataset} has no pair to draw{': ' + why if why else ''}",
                hint=f"prefkit show {shlex.quote(str(self.dataset))}",
            )
        return frame

    def _check_place(self, place: Path) -> None:
        if place.resolve().is_relative_to(self.dataset.resolve()):
            raise ConfigError(f"{place} is inside the dataset; name another --out")

    def _options(self) -> dict[str, Any]:
        serving = {"reviewer", "lead", "practice", "packet", "port", "host", "outside"}
        unseen = {"dataset", "review", "force", "plan"} | serving
        options = self.model_dump(mode="json", exclude=unseen)
        return options | {"queue": None if self.queue is None else self.queue.name}

    def _outcome(self, planned: Planned) -> Outcome:
        from prefkit.reviews.lines import lines_of

        facts = dict(planned.plan)
        lines = list(lines_of(planned.plan))
        if self.review is not None:
            facts["out"] = str(self.review)
            lines.append(("Wrote", f"{self.review}: {len(planned.sample):,} pairs to look at"
                                   f", {len(planned.queue):,} targeted apart"))  # fmt: skip
        else:
            draw = f"{self._command()} --plan --out REVIEW"
            lines.append(("Next", f"{draw} (nothing is written without --out)"))
        return Outcome(facts, tuple(lines))


def _slice(text: str) -> tuple[str, str]:
    from prefkit.reviews.dimensions import known_dimension

    dimension, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r} is no slice", hint="--top-up annotator=NAME")
    return known_dimension(dimension.strip()), value.strip()


def _check_more(planned: Planned, slice_: str) -> None:
    part = planned.plan["parts"][-1]
    if not part["pairs"]:
        raise ConfigError(
            f"all {part['slice']['pairs']:,} pairs of {slice_} that can be drawn are drawn already",
            hint="look at them; nothing more of this slice is left",
        )


def _check_value(dimension: str, value: str, known: list[str]) -> None:
    from prefkit.registry import nearest

    if value not in known:
        raise ConfigError(
            f"no pair has the {dimension} {value!r}{nearest(value, known)}",
            hint=f"one of: {', '.join(sorted(known)[:5])}",
        )

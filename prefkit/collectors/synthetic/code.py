"""The recipe `code`: programs for tasks with tests, ordered by executing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.collectors.prompts import Prompt, Prompts, Unused
from prefkit.collectors.sources.origins import Reading
from prefkit.collectors.sources.texts import Unit
from prefkit.collectors.synthetic.code_candidates import read_candidates
from prefkit.collectors.synthetic.code_caster import CodeCaster
from prefkit.collectors.synthetic.code_rows import TaskRows, Wording
from prefkit.collectors.synthetic.code_terms import Terms
from prefkit.collectors.synthetic.recipe import Caster, Draft, Made, Rows, Setting
from prefkit.collectors.synthetic.sample import Sample
from prefkit.collectors.turns import UnusableError
from prefkit.errors import ConfigError
from prefkit.sandbox.levels import strongest_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.syntax import LONGEST

__all__ = ["Code"]


class Code(Sample):
    """Programs for tasks with tests, sampled or from a file, each run over the tests in a sandbox.

    Prompts are task files: HumanEval, MBPP (both editions), EvalPlus, LiveCodeBench, or rows of
    `prompt`, `tests` and `entry_point`. A response gets one vote: the share of the tests that it
    passes, with a label, and what it took (seconds, memory). These are measured, so equal runs
    write equal rows only with `measured: false`; all else is the same in every run. They are on by
    default because pairs by speed, and whoever audits a verdict, need them.

    Tests that disagree with themselves do not count. Mutants of the reference, and further inputs
    on which programs that pass disagree, say how much the tests prove: in the manifest and in each
    vote. Hashes of text are the same in every run, so what depends on them does not flicker.
    """

    candidates: str | None = Field(
        None,
        description="A file of answers that exist: task_id and completion (put behind the prompt "
        "as it is), solution, reply (searched for code) or samples.",
    )
    instruction: str | None = Field(
        None, description="What stands before the task; {entry_point} is its function's name."
    )
    shown: int | None = Field(
        None,
        ge=0,
        description="Tests that the prompt shows; by default 1 where the task does not say how "
        "its function is called, else 0.",
    )
    repeats: int = Field(3, ge=1, le=20, description="Runs of each program, to see what flickers.")
    mutants: int = Field(
        20, ge=0, description="Wrong programs made of a reference to try its tests; 0: none."
    )
    least_killed: float = Field(
        0.5, ge=0, le=1, description="Share of them that tests should notice; below, a warning."
    )
    variants: int = Field(
        10, ge=0, description="Further inputs on which programs that pass are compared; 0: none."
    )
    speed: bool = Field(
        False, description="Run programs that pass again in turn, to compare their times."
    )
    measured: bool = Field(
        True, description="Times and memory in votes; without, equal runs write equal rows."
    )
    call_s: float = Field(2.0, gt=0, description="Seconds for one call, or 5 times the reference.")
    total_s: float = Field(
        10.0, gt=0, description="Seconds for all tests of a program, or 5 times the reference."
    )
    memory_mb: int = Field(512, ge=64, description="MiB of a program; numpy needs 1,024.")
    packages: tuple[str, ...] = Field(
        (), description="Installed packages that programs may import."
    )

    models: ClassVar[tuple[int, int | None]] = (0, None)
    places: ClassVar[tuple[str, ...]] = ("candidates",)

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the file of candidates."""
        if self.candidates is None or not Path(self.candidates).is_file():
            return {}
        with Path(self.candidates).open("rb") as file:
            return {"candidates": sha256(file.read()).hexdigest()}

    def rows(self, paths: Sequence[str], reading: Reading, texts: Unit = "line") -> Rows:
        """The tasks behind paths, and behind them the candidates that no task is there for.

        Raises:
            ConfigError: a path matches nothing, or there is no file of candidates.
        """
        tasks = TaskRows(
            Prompts(paths, reading, whole=True, texts=texts), Wording(self.instruction, self.shown)
        )
        if self.candidates is None:
            return tasks
        read_candidates(self.candidates)
        return _WithCandidates(tasks, self.candidates)

    def drafts(self, prompt: Prompt, models: int) -> Iterator[Draft]:
        """The candidates of the file, then what is sampled from models, if any.

        Raises:
            ConfigError: there are neither candidates nor models.
            UnusableError: the file has no candidate of this task, and there is no model.
        """
        if self.candidates is None and not models:
            raise ConfigError(
                "there is nobody to write programs",
                hint="--model CLIENT, or --recipe '{code: {candidates: FILE}}'",
            )
        given = () if self.candidates is None else self._given(prompt)
        if not given and not models:
            raise UnusableError("no_candidates", f"no candidate for {prompt.id} in the file")
        yield from given
        if models:
            yield from super().drafts(prompt, models)

    def response(self, made: Made) -> str | None:
        """The whole answer; the code in it is cut out when it is executed.

        Raises:
            UnusableError: it is longer than anything that is read.
        """
        if made.text is not None and len(made.text) > LONGEST:
            said = f"an answer of {len(made.text):,} characters; {LONGEST:,} are read at most"
            raise UnusableError("too_long", said)
        return made.text

    def caster(self, setting: Setting) -> Caster:
        """Who executes them, in the strongest sandbox that holds here; takes about 0.2 s.

        Raises:
            ConfigError: none does, and nobody agreed to go without.
        """
        level = "unsafe" if setting.unsafe_exec else strongest_level()
        return CodeCaster(setting.name, level, self._terms(), setting.workers)

    def _terms(self) -> Terms:
        if self.speed and not self.measured:
            raise ConfigError("speed is a matter of times, and measured: false leaves them out")
        return Terms(
            limits=Limits(
                call_s=self.call_s,
                total_s=self.total_s,
                memory_mb=self.memory_mb,
                packages=self.packages,
            ),
            repeats=self.repeats,
            mutants=self.mutants,
            variants=self.variants,
            least_killed=self.least_killed,
            speed=self.speed,
            measured=self.measured,
        )

    def _given(self, prompt: Prompt) -> list[Draft]:
        held = read_candidates(self.candidates or "")
        words = prompt.row.get("prompt")
        own = words if isinstance(words, str) else ""
        return [
            Draft(None, None, _sampling(one.kind, draw, one.where), one.text, one.model)
            for draw, one in enumerate(held.of(prompt.id or "", own))
        ]


def _sampling(kind: str, draw: int, where: str) -> dict[str, Any]:
    return {"as": kind, "draw": draw, "from": where}


class _WithCandidates:
    """Tasks, and behind them what of a file of candidates cannot be used."""

    def __init__(self, tasks: TaskRows, path: str) -> None:
        self._tasks = tasks
        self._path = path

    def __iter__(self) -> Iterator[Prompt | Unused]:
        known: set[str] = set()
        for found in self._tasks:
            row = found.row if isinstance(found, Prompt) else found.aside.data
            if isinstance(row, Mapping):
                # those of a task that is set aside go with it
                known |= {str(row[key]) for key in _NAMES if isinstance(row.get(key), str | int)}
            yield found
        held = read_candidates(self._path)
        yield from held.unused
        for task, places in held.places.items():
            if task not in known:
                yield from places

    def inputs(self) -> list[dict[str, Any]]:
        """The sources as a manifest lists them."""
        return self._tasks.inputs()


_NAMES = ("task_id", "id", "name", "question_id", "prompt")

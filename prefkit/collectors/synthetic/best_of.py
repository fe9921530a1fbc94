"""The recipe `best_of`: several answers to each prompt, ranked by a judge, a reward or by rules."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from prefkit.collectors.synthetic.form_rules import FormRules
from prefkit.collectors.synthetic.ranked_by_form import ByForm
from prefkit.collectors.synthetic.ranked_by_judges import ByJudges
from prefkit.collectors.synthetic.ranked_by_reward import ByReward
from prefkit.collectors.synthetic.recipe import Caster, Setting
from prefkit.collectors.synthetic.sample import Sample
from prefkit.judging.asking import How
from prefkit.judging.library import load_rubric
from prefkit.judging.protocol import Protocol
from prefkit.step import Options

__all__ = ["BestOf", "Judging"]


class Judging(Options):
    """How a judge is asked; as the options of `prefkit collect judge`."""

    way: Literal["schema", "tool", "first_token"] = Field(
        "schema", description="Structured output, a forced tool call, or log-probs of a letter."
    )
    orders: Literal["both", "one"] = Field("both", description="Of every pair, or one drawn.")
    many: Literal["all", "tournament"] = Field("all", description="Every pair, or a knock-out.")
    most_listed: int = Field(4, ge=2, le=26, description="Most responses ranked together.")
    draws: int = Field(1, ge=1, description="Answers to every judgement.")
    temperature: float | None = Field(0.0, ge=0, description="Null leaves it to the model.")
    seed: int | None = Field(None, description="Every further draw adds 1.")
    max_tokens: int = Field(1024, ge=1, description="Most tokens of a structured answer.")
    reference: bool = Field(True, description="Show the reference where there is one.")


class BestOf(Sample):
    """Several answers to each prompt, ranked; also the responses of a dataset.

    Ranked by judges (votes of kind `judge`, by rubrics and in both orders), by a reward model (kind
    `reward`, its logits) or by stated rules of form (kind `rule`, the share of rules that hold).
    """

    judge: str | tuple[str, ...] | None = Field(
        None, description="Who judges, one or a panel: openai:M, http://HOST#M, replay:FILE ..."
    )
    reward: str | None = Field(
        None,
        description="A sequence classifier of one label: transformers:PATH, vllm:PATH, or a vLLM "
        "server http://HOST#M.",
    )
    heuristic: FormRules | None = Field(
        None,
        description="Rules of form: {min_words, max_words, repetition, loop, refusal, whole, "
        "format}.",
    )
    rubric: tuple[str, ...] = Field(
        (), description="Of the judges, by name (prefkit catalog rubrics); else overall."
    )
    rubric_file: str | None = Field(None, description="A rubric of your own, in YAML.")
    judging: Judging | None = Field(
        None,
        description="How judges are asked: {way, orders, many, most_listed, draws, temperature, "
        "seed, max_tokens, reference}, as by collect judge.",
    )

    places: ClassVar[tuple[str, ...]] = ("rubric_file",)
    clients: ClassVar[tuple[str, ...]] = ("judge", "reward")

    @field_validator("rubric", mode="before")
    @classmethod
    def _one_rubric_is_a_list_of_one(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _ranker_fits(self) -> BestOf:
        rankers = ("judge", "reward", "heuristic")
        given = [name for name in rankers if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"one of {', '.join(rankers)} ranks the answers, not {len(given)}")
        for name in ("rubric", "rubric_file", "judging"):
            if name in self.model_fields_set and self.judge is None:
                raise ValueError(f"{name} is for judges; {given[0]} ranks here")
        if isinstance(self.judge, tuple) and not 0 < len(set(self.judge)) == len(self.judge):
            raise ValueError("judge: a panel needs different models")
        return self

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the rubric file."""
        if self.rubric_file is None or not Path(self.rubric_file).is_file():
            return {}
        return {"rubric_file": sha256(Path(self.rubric_file).read_bytes()).hexdigest()}

    def caster(self, setting: Setting) -> Caster:
        """Who ranks.

        Raises:
            ConfigError: a rubric is wrong or does not fit how it is asked; a client gives no
                scores.
            MissingExtra: a library is not installed.
        """
        if self.heuristic is not None:
            return ByForm(setting.name, self.heuristic)
        if self.reward is not None:
            return ByReward(setting.name, setting.clients[self.reward])
        judges = {spec: setting.clients[spec] for spec in self.asks()}
        return ByJudges(judges, self.protocol())

    def protocol(self) -> Protocol:
        """What judges are asked.

        Raises:
            ConfigError: a rubric is wrong, or does not fit.
        """
        own = () if self.rubric_file is None else (self.rubric_file,)
        asked = self.judging or Judging.model_validate({})
        return Protocol(
            rubrics=tuple(map(load_rubric, (*self.rubric, *own) or ("overall",))),
            how=How(
                way=asked.way,
                temperature=asked.temperature,
                max_tokens=asked.max_tokens,
                seed=asked.seed,
            ),
            orders=asked.orders,
            many=asked.many,
            draws=asked.draws,
            reference=asked.reference,
            most_listed=asked.most_listed,
        )

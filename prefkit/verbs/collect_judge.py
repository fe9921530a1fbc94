"""`prefkit collect judge`: models judge comparisons by rubrics, every answer paid once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from prefkit.dataset import SET_ASIDE, Dataset, create_dataset, open_dataset
from prefkit.dataset.folder import check_target
from prefkit.dataset.manifest import file_entry
from prefkit.errors import ConfigError, GateFailed, NothingUsable
from prefkit.judging.asking import How
from prefkit.judging.library import load_rubric, rubric_names
from prefkit.judging.protocol import Protocol
from prefkit.judging.thresholds import Thresholds, load_thresholds
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.names import plain_spec
from prefkit.registry import nearest
from prefkit.step import plain_name
from prefkit.verbs.consent import bill_lines, confirm
from prefkit.verbs.judge_gold import Examined
from prefkit.verbs.judge_lines import lines_of
from prefkit.verbs.judge_panel import Judge, Panel, Taken, fitted
from prefkit.verbs.judge_rows import Rows, gold_rows
from prefkit.verbs.judge_run import SHOWN, SHOWN_OF_RUN, Run
from prefkit.verbs.spending import LIMITS, Spends, local_part
from prefkit.verbs.verb import Outcome

__all__ = ["CollectJudge"]

_ENDS = (".yaml", ".yml")
_RUBRICS = "prefkit catalog rubrics"
_CONSENT = ("force", "allow_code", "dry_run", "yes", "key_env")
_BESIDE = {*LIMITS, *_CONSENT, "dataset", "out", "canary"}
"""Options that do not shape the rows: places, limits, consent and what is only looked at."""


class CollectJudge(Spends):
    """Let models judge comparisons by rubrics; their votes are added to a child dataset."""

    positional: ClassVar[tuple[str, ...]] = ("dataset",)
    places: ClassVar[tuple[str, ...]] = ("gold", "prices", "thresholds")

    dataset: Path = Field(description="A dataset of comparisons.")
    model: tuple[str, ...] = Field(
        min_length=1,
        description="openai:M, anthropic:M, vllm:PATH, http://HOST#M, replay:FILE; several are a "
        "panel.",
    )
    rubric: tuple[str, ...] = Field(
        min_length=1, description="Names (prefkit catalog rubrics) or YAML files of your own."
    )
    out: Path = Field(description="The dataset folder to write.")
    way: Literal["schema", "tool", "first_token"] = Field(
        "schema", description="Structured output, a forced tool call, or log-probs of a letter."
    )
    orders: Literal["both", "one"] = Field(
        "both", description="Show every pair in both orders, or in one that is drawn."
    )
    many: Literal["all", "tournament", "fit"] = Field(
        "all",
        description="Of many responses all pairs, a knock-out, or all pairs if the most that they "
        "can still cost is within the budget, else a knock-out.",
    )
    most_listed: int = Field(4, ge=2, le=26, description="Most responses ranked together.")
    draws: int = Field(1, ge=1, description="Answers to every judgement.")
    temperature: float | None = Field(
        0.0, ge=0, description="null leaves it to the model: some refuse any value."
    )
    seed: int | None = Field(None, description="Every further draw adds 1.")
    max_tokens: int = Field(1024, ge=1, description="Most tokens of a structured answer.")
    reference: bool = Field(True, description="Show the reference where there is one.")
    gold: Path | None = Field(
        None, description="Comparisons with human votes to certify by; else those of DATASET."
    )
    thresholds: Path | None = Field(
        None, description="YAML with what a certificate needs; prefkit has its own."
    )
    require_certificate: bool = Field(
        False, description="Judge the gold first; go on only if every judge has a certificate."
    )
    canary: Path | None = Field(
        None, description="Comparisons that these judges judged before, asked anew to see drift."
    )
    limit: int | None = Field(
        None, ge=1, description="Judge the first comparisons, this many; others are left out."
    )
    dry_run: bool = Field(False, description="Show the estimate, ask nothing.")
    force: bool = Field(False, description="Replace an existing dataset at --out.")

    @field_validator("temperature", mode="before")
    @classmethod
    def _null_on_a_command_line(cls, given: Any) -> Any:
        return None if given in ("null", "none") else given

    def __call__(self) -> Outcome:
        """Estimate, confirm, look at canary and gold, judge, write.

        Raises:
            ConfigError: an option is wrong, `out` exists, or spending was not confirmed.
            GateFailed: a certificate is required and a judge has none: only gold was asked, unless
                a provider changed its model later; then `out` says which votes have none.
            NothingUsable: there is not one verdict; `out` then says why.
            BudgetReached: some were not asked for want of money; `out` is valid and says which.
            BatchPending: run the same command again.
            ClientError: the provider or the key failed.
        """
        check_target(self.out, force=self.force, source=self.dataset)
        protocol, thresholds = self._protocol(), load_thresholds(self.thresholds)
        parent, gold = self._opened({one.criterion for one in protocol.rubrics})
        with ExitStack() as stack:
            panel = Panel(self._judges(stack, Ledger(self.budget)), protocol)
            if self.canary is not None:
                panel.watch(Rows(open_dataset(self.canary, "comparisons")))
            rows = Rows(parent, limit=self.limit)
            asked = [rows] if self.gold is None or gold is None else [gold, rows]
            taken = fitted(
                self.many, protocol, lambda one: panel.bills(asked, self.bill, one), self.budget
            )
            if self.dry_run:
                return _dry(taken, self.budget)
            confirm(taken.bills, yes=self.yes, budget=self.budget)
            panel.say_what_is_not_pinned()
            panel.protocol = taken.protocol
            drift = panel.drift()
            certified = self._examined(panel, gold, thresholds)
            return self._written(Run(panel, rows, taken, certified, drift))

    @classmethod
    def relocated(cls, options: Mapping[str, Any], find: Callable[[str], Path]) -> dict[str, Any]:
        """Beside options that are paths, and models: rubrics of one's own."""
        found = super().relocated(options, find)
        given = options.get("rubric")
        if isinstance(given, str):
            given = [given]
        if isinstance(given, list):
            found["rubric"] = [str(find(one)) if str(one).endswith(_ENDS) else one for one in given]
        return found

    def beside(self) -> dict[str, tuple[Path, ...]]:
        """Beside options that are paths, and models: rubrics of one's own."""
        own = tuple(Path(one) for one in self.rubric if one.endswith(_ENDS))
        return {**super().beside(), "rubric": own}

    def check(self, where: str) -> None:
        """Look at the names of rubrics too.

        Raises:
            ConfigError: `where`, and the name that is none.
        """
        super().check(where)
        known = rubric_names()
        for name in self.rubric:
            if not name.endswith(_ENDS) and name not in known:
                close = nearest(name, known)
                raise ConfigError(f"{where}: there is no rubric {name!r}{close}", hint=_RUBRICS)

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the files that are given as options, and of the rows of the gold."""
        files = {"prices": self.prices, "thresholds": self.thresholds}
        found = {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in files.items()
            if path is not None
        }
        if self.gold is not None:
            found["gold"] = open_dataset(self.gold).content_hash.removeprefix("sha256:")
        return found

    def told(self) -> dict[str, Any]:
        """What shapes the rows, as the manifest holds it."""
        options = {name: value for name, value in super().told().items() if name not in _BESIDE}
        rubrics = [plain_name(one) if one.endswith(_ENDS) else one for one in self.rubric]
        return options | {"model": [plain_spec(one) for one in self.model], "rubric": rubrics}

    def _opened(self, criteria: Collection[str | None]) -> tuple[Dataset, Rows | None]:
        """The dataset, and the comparisons to certify judges of these criteria by."""
        parent = open_dataset(self.dataset, "comparisons")
        if not parent.rows:
            raise NothingUsable(f"{self.dataset} holds no comparison")
        named = None if self.gold is None else open_dataset(self.gold, "comparisons")
        gold = gold_rows(parent, named, self.limit, criteria)
        if gold is None and (named is not None or self.require_certificate):
            where = self.gold or self.dataset
            about = " or ".join([*sorted(one for one in criteria if one), "the whole"])
            missing = f"{where} holds no vote of a person about {about} to certify a judge by"
            if self.require_certificate:
                raise GateFailed(missing, hint="--gold DATASET names comparisons with human votes")
            raise ConfigError(missing, hint="leave --gold out to judge without a certificate")
        return parent, gold

    def _protocol(self) -> Protocol:
        how = How(
            way=self.way,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            seed=self.seed,
        )
        return Protocol(
            rubrics=tuple(map(load_rubric, self.rubric)),
            how=how,
            orders=self.orders,
            draws=self.draws,
            reference=self.reference,
            most_listed=self.most_listed,
        )

    def _judges(self, stack: ExitStack, ledger: Ledger) -> list[Judge]:
        specs = [plain_spec(one) for one in self.model]
        if len(set(specs)) < len(specs):
            raise ConfigError(f"a panel needs different models, not {', '.join(specs)}")
        if self.revision is not None and len(specs) > 1:
            raise ConfigError(
                "one revision cannot pin several models",
                hint="name dated snapshots instead: --model openai:M-2026-01-01",
            )
        at_once = self.model_copy(update={"batch": False})
        found = []
        for one in self.model:
            client = stack.enter_context(self.connected(one, ledger))
            live = client
            if self.batch and self.canary is not None:
                live = stack.enter_context(at_once.connected(one, ledger))
            found.append(Judge(client, live, self.revision))
        return found

    def _examined(self, panel: Panel, gold: Rows | None, thresholds: Thresholds) -> Examined | None:
        if gold is None:
            return None
        found = Examined(panel, gold)
        found.certify(thresholds)
        if self.require_certificate:
            found.require()
        return found

    def _written(self, run: Run) -> Outcome:
        with create_dataset(self.out, "comparisons", force=self.force) as writer:
            run.write(writer)
            recorded = [local_part(one) for one in self.model if one.startswith("replay:")]
            facts = run.facts() | {"inputs": [file_entry(one) for one in recorded if one]}
            manifest = writer.finish("collect judge", self.told(), facts)
        run.settle(
            hint=f"see {self.out / SET_ASIDE}; --force judges again in its place",
            certified=self.require_certificate,
        )
        shown = {name: manifest[name] for name in SHOWN}
        shown |= {name: manifest["run"][name] for name in SHOWN_OF_RUN}
        shown |= {
            "out": str(self.out),
            "content_hash": manifest["content_hash"],
        }
        lines = [
            *lines_of(shown),
            ("Wrote", f"{self.out}  {manifest['content_hash'][:19]}…"),
            ("Next", f"prefkit report {self.out}"),
        ]
        return Outcome(shown, tuple(lines))


def _dry(taken: Taken, budget: float | None) -> Outcome:
    facts = {
        "dry_run": True,
        "many": taken.protocol.many,
        "judges": [
            {
                "model": plain_spec(bill.who),
                "cached": bill.cached,
                "repeated": bill.repeated,
                "pending": bill.pending,
                **dataclasses.asdict(bill.estimate),
            }
            for bill in taken.bills
        ],
    }
    lines = [("", line) for line in bill_lines(taken.bills, budget)]
    if taken.why is not None:
        lines.append(("Pairs", taken.why))
    return Outcome(facts, (*lines, ("Dry run", "nothing was asked")))

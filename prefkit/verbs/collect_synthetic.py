"""`prefkit collect synthetic`: a recipe makes responses, and votes on them where it can."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from prefkit.collectors.sources.origins import Reading
from prefkit.collectors.sources.texts import Unit
from prefkit.collectors.synthetic.recipe import Caster, Recipe, Setting
from prefkit.collectors.synthetic.recipe import Rows as Prompts
from prefkit.dataset import SET_ASIDE, Dataset, create_dataset, open_dataset
from prefkit.dataset.folder import MANIFEST, check_target
from prefkit.dataset.manifest import file_entry, run_block
from prefkit.errors import ConfigError, NothingUsable
from prefkit.llm.connect import split
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.names import plain_spec
from prefkit.registry import load, names
from prefkit.verbs.ask_rows import first_prompt
from prefkit.verbs.consent import Bill, bill_lines, confirm
from prefkit.verbs.entries import named, resolve
from prefkit.verbs.judge_rows import Rows
from prefkit.verbs.spending import LIMITS, Spends, local_part, spent, spent_text
from prefkit.verbs.synthetic_models import Making, Models, votings
from prefkit.verbs.synthetic_run import settle, write_made, write_voted
from prefkit.verbs.synthetic_tally import Tally, lines_of
from prefkit.verbs.verb import Outcome

__all__ = ["CollectSynthetic"]

_LOG = logging.getLogger("prefkit.synthetic")

_SHOWN = ("recipe", "models", "counts", "casting", "giveaway")
"""Entries of the manifest that the verb shows too."""

_CONSENT = ("force", "allow_code", "dry_run", "yes", "key_env", "unsafe_exec")
_BESIDE = {*LIMITS, *_CONSENT, "paths", "out", "workers"}
"""Options that do not shape the rows: places, limits and consent."""


_READING = ("columns", "text", "encoding", "subset", "split")
"""Options about files of prompts."""


class CollectSynthetic(Spends):
    """Make responses by a recipe and vote on them: by running code, checks, judges or construction.

    PATHS are prompts (JSONL, Parquet, CSV, text, hf:NAME) or one dataset of comparisons, to whose
    responses the recipe's votes are added. Equal responses to a prompt are one, with their count.
    """

    positional: ClassVar[tuple[str, ...]] = ("paths",)
    consent: ClassVar[tuple[str, ...]] = (*Spends.consent, "unsafe_exec")
    places: ClassVar[tuple[str, ...]] = ("prices",)

    paths: tuple[str, ...] = Field(
        min_length=1, description="Files of prompts, hf:NAME, or a dataset of comparisons."
    )
    recipe: str | dict[str, dict[str, Any] | None] = Field(
        description="A recipe (prefkit catalog recipes), with options as '{sample: {n: 8}}'."
    )
    out: Path = Field(description="The dataset folder to write.")
    model: tuple[str, ...] = Field(
        (),
        description="Who writes: openai:M, anthropic:M, vllm:PATH, http://HOST#M, replay:FILE; one "
        "or several.",
    )
    columns: dict[Literal["prompt", "messages", "id", "reference", "tags"], str] = Field(
        {}, description="Fields of the rows that are called otherwise: '{prompt: question}'."
    )
    text: Unit = Field("line", description="What one prompt is in a .txt file.")
    encoding: str = Field("utf-8", description="Encoding of CSV, TSV and text files.")
    subset: str | None = Field(None, description="Subset (configuration) of an hf: dataset.")
    split: str | None = Field(None, description="Split of an hf: dataset; all by default.")
    limit: int | None = Field(
        None, ge=1, description="Take the first prompts, or comparisons, this many."
    )
    workers: int | None = Field(
        None, ge=1, description="Side by side in sandboxes; one a core by default."
    )
    unsafe_exec: bool = Field(
        False, description="Run other people's code without a sandbox where there is none."
    )
    dry_run: bool = Field(False, description="Show the estimate, ask nothing.")
    force: bool = Field(False, description="Replace an existing dataset at --out.")

    def __call__(self) -> Outcome:
        """Estimate, confirm, make, vote, write.

        Raises:
            ConfigError: an option is wrong, `out` exists, or spending was not confirmed.
            NothingUsable: no row is a prompt, or there is no response, or no vote on a dataset's;
                `out` then says why.
            BudgetReached: some was not asked for want of money; `out` is valid and says which.
            BatchPending: run the same command again.
            ClientError: the provider or the key failed.
        """
        there = self._dataset()
        check_target(self.out, force=self.force, source=None if there is None else there.path)
        recipe: Recipe = resolve("recipe", self.recipe, "collect synthetic")
        self._check_models(recipe, there)
        with ExitStack() as stack:
            ledger = Ledger(self.budget)
            models = self._connected(stack, recipe, ledger)
            caster = recipe.caster(self._setting(models, recipe))
            run = _Run(self, recipe, models, caster, ledger)
            return run.added(stack, there) if there is not None else run.made(stack)

    @classmethod
    def relocated(cls, options: Mapping[str, Any], find: Callable[[str], Path]) -> dict[str, Any]:
        """Beside options that are paths, and models: files and clients that the recipe names."""
        found = super().relocated(options, find)
        given = options.get("recipe")
        if not isinstance(given, Mapping):
            return found
        name, own = named(given, "recipe")
        if name not in names("recipe"):
            return found  # the verb says what is wrong with it
        kind: type[Recipe] = load("recipe", name)
        moved = dict(own)
        for word in kind.places:
            if isinstance(own.get(word), str):
                moved[word] = str(find(own[word]))
        for word in kind.clients:
            if own.get(word) is not None:
                moved[word] = super().relocated({"model": own[word]}, find)["model"]
        return {**found, "recipe": {name: moved}}

    def beside(self) -> dict[str, tuple[Path, ...]]:
        """Beside options that are paths, and models: the files in a recipe's options."""
        recipe: Recipe = resolve("recipe", self.recipe, "collect synthetic")
        files = [getattr(recipe, word) for word in recipe.places]
        own = [Path(file) for file in files if file is not None and not str(file).startswith("hf:")]
        own += [path for spec in recipe.asks() if (path := local_part(spec)) is not None]
        return {**super().beside(), "recipe": tuple(own)}

    def check(self, where: str) -> None:
        """Look at the names of the clients that the recipe asks too.

        Raises:
            ConfigError: `where`, and the name that is none.
        """
        super().check(where)
        recipe: Recipe = resolve("recipe", self.recipe, where)
        for spec in recipe.asks():
            try:
                split(spec)
            except ConfigError as error:
                raise ConfigError(f"{where}: {error}", hint=error.hint) from error

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the price file."""
        if self.prices is None:
            return {}
        return {"prices": hashlib.sha256(self.prices.read_bytes()).hexdigest()}

    def told(self) -> dict[str, Any]:
        """What shapes the rows, as the manifest holds it."""
        options = {name: value for name, value in super().told().items() if name not in _BESIDE}
        return options | {
            "model": [plain_spec(one) for one in self.model],
            "recipe": self._recipe_told(),
        }

    def _recipe_told(self) -> Any:
        """The recipe as it was given, but for the places of files."""
        name, own = named(self.recipe, "recipe")
        made: Recipe = resolve("recipe", self.recipe, "collect synthetic")
        shown = made.told()
        plain = {word: shown[word] for word in own if word in (*made.places, *made.clients)}
        return {name: {**own, **plain}} if own else name

    def _dataset(self) -> Dataset | None:
        """The dataset whose responses are there already; null where prompts were given."""
        folders = [path for path in self.paths if (Path(path) / MANIFEST).is_file()]
        if not folders:
            return None
        if len(self.paths) > 1:
            raise ConfigError(
                f"{folders[0]} is a dataset, and there are other paths beside it",
                hint="one dataset alone, or files of prompts",
            )
        if given := [name for name in _READING if name in self.model_fields_set]:
            raise ConfigError(
                f"{folders[0]} is a dataset: there is nothing to read by {', '.join(given)}",
                hint="these options are for files of prompts",
            )
        found = open_dataset(Path(folders[0]), "comparisons")
        if not found.rows:
            raise NothingUsable(f"{folders[0]} holds no comparison")
        return found

    def _check_models(self, recipe: Recipe, there: Dataset | None) -> None:
        if there is not None:
            if self.model:
                raise ConfigError(
                    f"{there.path} holds responses already: no model is asked for more",
                    hint="leave --model out, or name files of prompts",
                )
            return
        least, most = recipe.models
        count, (name, _) = len(self.model), named(self.recipe, "recipe")
        if count < least:
            few = "a model" if least == 1 else f"{least} models"
            raise ConfigError(
                f"the recipe {name} asks {few} for responses, and {count or 'none'} is named",
                hint="--model openai:M, anthropic:M, vllm:PATH, http://HOST#M or replay:FILE",
            )
        if most is not None and count > most:
            raise ConfigError(f"the recipe {name} takes {most} models at most, not {count}")

    def _connected(self, stack: ExitStack, recipe: Recipe, ledger: Ledger) -> Models:
        plain = [plain_spec(one) for one in self.model]
        if len(set(plain)) < len(plain):
            raise ConfigError(f"one model is asked twice: {', '.join(plain)}")
        specs = list(dict.fromkeys((*self.model, *recipe.asks())))
        if self.revision is not None and len(specs) > 1:
            raise ConfigError(
                "one revision cannot pin several models",
                hint="name dated snapshots instead: --model openai:M-2026-01-01",
            )
        clients = {spec: stack.enter_context(self.connected(spec, ledger)) for spec in specs}
        return Models(clients, self.model, self.revision)

    def _setting(self, models: Models, recipe: Recipe) -> Setting:
        clients = {spec: models.by_spec[spec] for spec in recipe.asks()}
        name = f"synthetic:{named(self.recipe, 'recipe')[0]}"
        return Setting(name, clients, self.unsafe_exec, self.workers)

    def recorded(self, models: Models) -> list[dict[str, Any]]:
        """The files of recorded answers, which are read like inputs."""
        files = [local_part(spec) for spec in models.by_spec if spec.startswith("replay:")]
        return [file_entry(file) for file in files if file is not None]


class _Run:
    """One run of the verb, from its estimate to its outcome."""

    def __init__(
        self,
        verb: CollectSynthetic,
        recipe: Recipe,
        models: Models,
        caster: Caster | None,
        ledger: Ledger,
    ) -> None:
        self._verb = verb
        self._recipe = recipe
        self._models = models
        self._caster = caster
        self._ledger = ledger

    def made(self, stack: ExitStack) -> Outcome:
        """Responses to prompts, and votes on them."""
        verb = self._verb
        reading = Reading(
            encoding=verb.encoding,
            subset=verb.subset,
            split=verb.split,
            columns={str(name): field for name, field in verb.columns.items()},
        )
        prompts: Prompts = self._recipe.rows(verb.paths, reading, verb.text)
        first_prompt(prompts)
        making = Making(self._recipe, prompts, self._models, verb.limit)
        bills = making.bills(verb.bill, self._caster)
        if (dry := self._agreed(bills)) is not None:
            return dry
        self._enter(stack)
        with create_dataset(verb.out, "comparisons", force=verb.force) as writer:
            tally = write_made(writer, self._recipe, making.answered(), self._caster)
            inputs = [*prompts.inputs(), *verb.recorded(self._models)]
            facts = {"inputs": inputs, **self._facts(tally)}
            manifest = writer.finish("collect synthetic", verb.told(), facts)
        return self._outcome(tally, manifest)

    def added(self, stack: ExitStack, parent: Dataset) -> Outcome:
        """Votes on the responses of a dataset."""
        verb, caster = self._verb, self._caster
        if caster is None:
            raise ConfigError(
                f"the recipe {named(verb.recipe, 'recipe')[0]} makes responses and votes on none, "
                f"and {parent.path} has its responses already",
                hint="name files of prompts, or a recipe that votes: prefkit catalog recipes",
            )
        rows = Rows(parent, limit=verb.limit)
        bills = votings(verb.bill, self._models, caster, rows)
        if (dry := self._agreed(bills)) is not None:
            return dry
        self._enter(stack)
        with create_dataset(verb.out, "comparisons", force=verb.force) as writer:
            tally = write_voted(writer, rows, caster)
            facts = {
                "parents": [parent.content_hash],
                "inputs": verb.recorded(self._models),
                **self._facts(tally),
            }
            facts["counts"] |= {"left_out": rows.left_out}
            manifest = writer.finish("collect synthetic", verb.told(), facts)
        return self._outcome(tally, manifest, votes_alone=True)

    def _agreed(self, bills: Sequence[Bill]) -> Outcome | None:
        """Say what gives the label away and have the spending agreed to; the outcome if dry."""
        for warning in self._recipe.warnings():
            _LOG.warning("%s", warning)
        if self._verb.dry_run:
            return _dry(bills, self._verb.budget)
        confirm(bills, yes=self._verb.yes, budget=self._verb.budget)
        self._models.warn_of_unpinned()
        return None

    def _enter(self, stack: ExitStack) -> None:
        if self._caster is not None:
            stack.enter_context(self._caster)

    def _facts(self, tally: Tally) -> dict[str, Any]:
        """The entries of the manifest: equal for equal rows, but for the run block."""
        caster, name = self._caster, named(self._verb.recipe, "recipe")[0]
        timings = {} if caster is None else caster.timings()
        return {
            "recipe": {
                "name": name,
                "given": self._verb.told()["recipe"],
                "options": self._recipe.told(),
            },
            "models": self._models.facts(),
            "counts": tally.facts(),
            "casting": {} if caster is None else caster.facts(),
            "giveaway": tally.giveaway.facts() if tally.votes else None,
            "warnings": [*self._recipe.warnings(), *tally.giveaway.warnings()],
            "run": run_block() | {"spend": spent(self._ledger), "casting": timings},
        }

    def _outcome(
        self, tally: Tally, manifest: Mapping[str, Any], *, votes_alone: bool = False
    ) -> Outcome:
        out = self._verb.out
        for warning in tally.giveaway.warnings():
            _LOG.warning("%s", warning)
        hint = f"see {out / SET_ASIDE}; --force makes it again"
        settle(tally, self._ledger, hint=hint, votes_alone=votes_alone)
        shown = {name: manifest[name] for name in _SHOWN}
        spend = manifest["run"]["spend"]
        shown |= {
            "warnings": manifest["warnings"],
            "timings": manifest["run"]["casting"],
            "spend": spend,
            "out": str(out),
            "content_hash": manifest["content_hash"],
        }
        lines = lines_of(manifest["counts"])
        if self._caster is not None:
            lines += self._caster.lines()
        lines += tally.giveaway.lines()
        if spend["spent_usd"] or spend["doubtful_usd"]:
            lines.append(("Spent", spent_text(spend)))
        lines.append(("Wrote", f"{out}  {manifest['content_hash'][:19]}…"))
        return Outcome(shown, tuple(lines))


def _dry(bills: Sequence[Bill], budget: float | None) -> Outcome:
    models = [
        {
            "model": plain_spec(bill.who),
            "cached": bill.cached,
            "repeated": bill.repeated,
            "pending": bill.pending,
            **dataclasses.asdict(bill.estimate),
        }
        for bill in bills
    ]
    lines = [("", line) for line in bill_lines(bills, budget)] if bills else []
    return Outcome({"dry_run": True, "models": models}, (*lines, ("Dry run", "nothing was asked")))

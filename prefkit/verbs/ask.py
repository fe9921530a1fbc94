"""`prefkit ask`: prompts to answers of one model, every one paid once."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field

from prefkit.collectors.prompts import Prompt, Prompts
from prefkit.collectors.sources.origins import Reading
from prefkit.dataset.folder import atomic_folder, check_target
from prefkit.dataset.manifest import file_entry, new_manifest, write_manifest
from prefkit.errors import ClientError, ConfigError, NothingUsable
from prefkit.llm.client import Client
from prefkit.llm.connect import split
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.names import plain_spec
from prefkit.llm.records import Failure, Reply, Request
from prefkit.schema.records import Message
from prefkit.verbs.ask_rows import Requests, Sending, Tally, first_prompt
from prefkit.verbs.consent import Bill, bill_lines, confirm
from prefkit.verbs.spending import LIMITS, UNREACHED, Spends, spent, spent_text
from prefkit.verbs.verb import Outcome, listed

__all__ = ["Ask"]

_CONSENT = ("force", "allow_code", "dry_run", "yes", "key_env", "cancel_batch", "forget_batch")
_BESIDE = {*LIMITS, *_CONSENT, "paths", "out"}
"""Options that do not shape the answers: places, limits and consent are in the run block."""


class Ask(Spends):
    """Ask one model for answers to prompts; what was answered is never paid again."""

    positional: ClassVar[tuple[str, ...]] = ("paths",)
    consent: ClassVar[tuple[str, ...]] = (*Spends.consent, "cancel_batch", "forget_batch")
    places: ClassVar[tuple[str, ...]] = ("json_schema", "prices")

    paths: tuple[str, ...] = Field(description="Files with rows of `prompt` or `messages`.")
    model: str = Field(description="openai:M, anthropic:M, vllm:PATH, http://HOST#M, replay:FILE.")
    out: Path = Field(description="Folder for replies.jsonl, in the order of the prompts.")
    system: str | None = Field(None, description="System turn before every prompt.")
    draws: int = Field(1, ge=1, description="Answers per prompt.")
    max_tokens: int = Field(1024, ge=1, description="Most tokens of an answer.")
    temperature: float | None = Field(None, ge=0, description="Left to the model by default.")
    top_p: float | None = Field(None, gt=0, le=1, description="Left to the model by default.")
    seed: int | None = Field(
        None, description="Where the client takes one; every further draw adds 1."
    )
    json_schema: Path | None = Field(
        None, description="File with the JSON Schema that answers follow."
    )
    limit: int | None = Field(None, ge=1, description="Ask this many prompts at most.")
    cancel_batch: bool = Field(
        False, description="Stop the batches of this model that run, ask nothing."
    )
    forget_batch: bool = Field(
        False,
        description="Give up batches of which nobody knows whether they were accepted, ask "
        "nothing: their requests may be paid twice.",
    )
    dry_run: bool = Field(False, description="Show the estimate, ask nothing.")
    force: bool = Field(False, description="Replace an existing folder at --out.")

    def __call__(self) -> Outcome:
        """Estimate, confirm, ask, write.

        Raises:
            ConfigError: an option is wrong, `out` exists, or spending was not confirmed.
            NothingUsable: no row is a prompt, or no reply is an answer; `out` then says why.
            BudgetReached: some were not asked for want of money; `out` is valid and says which.
            BatchPending: run the same command again.
            ClientError: the provider or the key failed.
        """
        if self.cancel_batch or self.forget_batch:
            return self._without_batches()
        check_target(self.out, force=self.force)
        prompts = Prompts(self.paths, Reading())
        first_prompt(prompts)
        schema = self._schema()
        requests = Requests(prompts, lambda prompt: self._requests(prompt, schema), self.limit)
        with self.connected(self.model, Ledger(self.budget)) as client:
            bill = self.bill(client, requests)
            if self.dry_run:
                return _dry(bill, self.budget)
            confirm([bill], yes=self.yes, budget=self.budget)
            return self._asked(client, prompts, requests)

    def digests(self) -> Mapping[str, str]:
        """The sha256 of the files that are given as options."""
        given = {"json_schema": self.json_schema, "prices": self.prices}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in given.items()
            if path is not None
        }

    def told(self) -> dict[str, Any]:
        """What shapes the answers, as the manifest holds it."""
        options = {name: value for name, value in super().told().items() if name not in _BESIDE}
        return options | {"model": plain_spec(self.model)}

    def _without_batches(self) -> Outcome:
        from prefkit.verbs.ask_batches import cancelled, forgotten

        with self.connected(self.model, Ledger(self.budget)) as client:
            done = [cancelled(client)] if self.cancel_batch else []
            done += [forgotten(client)] if self.forget_batch else []
        facts = {name: value for one in done for name, value in one.facts.items()}
        return Outcome(facts, tuple(line for one in done for line in one.lines))

    def _requests(self, prompt: Prompt, schema: Mapping[str, Any] | None) -> Iterator[Request]:
        turns = prompt.messages
        if self.system is not None:
            turns = (Message("system", self.system), *turns)
        for draw in range(self.draws):
            yield Request(
                messages=turns,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                # equal seeds would give equal answers, each paid
                seed=None if self.seed is None else self.seed + draw,
                schema=schema,
                # the first draw is what a run without draws asked: more draws do not pay it again
                draw=draw or None,
                cache_prefix=0 if self.system is None else 1,
                name=f"{prompt.source}, {prompt.where}",
            )

    def _schema(self) -> Mapping[str, Any] | None:
        if self.json_schema is None:
            return None
        try:
            schema = orjson.loads(self.json_schema.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ConfigError(f"{self.json_schema} holds no JSON Schema: {error}") from error
        if not isinstance(schema, dict):
            raise ConfigError(f"{self.json_schema} holds no JSON Schema: it is no object")
        return schema

    def _asked(self, client: Client, prompts: Prompts, requests: Requests) -> Outcome:
        tally = Tally()
        with atomic_folder(self.out, force=self.force) as work:
            replies, aside = work / "replies.jsonl", work / "set_aside.jsonl"
            with replies.open("wb") as stream, aside.open("wb") as unused:
                sending = Sending(requests, unused)
                for reply in client.stream(sending, stage="ask"):
                    stream.write(tally.line(sending.heads.popleft(), reply))
            counts = {"prompts": sending.prompts, "set_aside": sending.set_aside, **tally.facts()}
            spend = spent(client.desk.ledger)
            manifest = new_manifest("replies", "ask", self.told()) | {
                "rows": tally.replies,
                "inputs": [*prompts.inputs(), *self._recorded()],
                "counts": counts,
                "spend": spend,
                "files": [
                    file_entry(replies, rows=tally.replies),
                    file_entry(aside, rows=sending.set_aside),
                ],
            }
            write_manifest(work, manifest)
        self._settle(client, tally)
        facts = {**counts, "spend": spend, "out": str(self.out)}
        return Outcome(facts, self._lines(facts))

    def _recorded(self) -> list[dict[str, Any]]:
        """The file of recorded answers, which is read like an input."""
        client, rest = split(self.model)
        is_file = client == "replay" and Path(rest).is_file()
        return [file_entry(Path(rest))] if is_file else []

    def _settle(self, client: Client, tally: Tally) -> None:
        """Say that money ran out, or that there is not one answer; the folder is there already."""
        unpaid = Reply(failure=Failure("budget", ""))
        client.settle(repeat(unpaid, tally.failed["budget"]))
        if tally.answered or tally.first is None:
            return
        unreached = any(kind in UNREACHED for kind in tally.failed)
        kind = ClientError if unreached else NothingUsable
        raise kind(
            f"{client.desk.who}: no answer to any of {tally.replies:,} requests "
            f"({listed(tally.failed)}); the first: {tally.first.message}",
            hint=f"see {self.out / 'replies.jsonl'}; --force asks again in its place",
        )

    def _lines(self, facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        before = [f"{facts['cached']:,} of them kept from before"]
        before += [f"{facts['repeated']:,} equal to another"] * bool(facts["repeated"])
        answered = f"{facts['answered']:,} answered, {', '.join(before)}"
        failed = sum(facts["failed"].values())
        lines = [
            ("Prompts", f"{facts['prompts']:,} asked, {facts['set_aside']:,} rows set aside"),
            ("Replies", f"{facts['replies']:,} = {answered} + {failed:,} failed"),
        ]
        if facts["failed"]:
            lines.append(("Failed", listed(facts["failed"])))
        if facts["spend"]["spent_usd"] or facts["spend"]["doubtful_usd"]:
            lines.append(("Spent", spent_text(facts["spend"])))
        return (*lines, ("Wrote", str(self.out)))


def _dry(bill: Bill, budget: float | None) -> Outcome:
    facts = {
        "dry_run": True,
        "cached": bill.cached,
        "repeated": bill.repeated,
        "pending": bill.pending,
        **dataclasses.asdict(bill.estimate),
    }
    lines = tuple(("", line) for line in bill_lines([bill], budget))
    return Outcome(facts, (*lines, ("Dry run", "nothing was asked")))

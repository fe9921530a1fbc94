"""`prefkit ask`: prompts to answers of one model, every one paid once."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

import orjson
from pydantic import Field

from prefkit.collectors.prompts import Prompt, Unused, read_prompts
from prefkit.collectors.sources.origins import Reading
from prefkit.dataset.folder import atomic_folder, check_target
from prefkit.dataset.manifest import new_manifest, write_manifest
from prefkit.errors import ConfigError, NothingUsable
from prefkit.llm.client import Client
from prefkit.llm.ledger import Ledger
from prefkit.llm.records import Reply, Request
from prefkit.schema.records import Message
from prefkit.verbs.consent import Bill, bill_lines, confirm
from prefkit.verbs.spending import Spends, spent
from prefkit.verbs.verb import Outcome, listed

__all__ = ["Ask"]

_LOG = logging.getLogger("prefkit.ask")


class Ask(Spends):
    """Ask one model for answers to prompts; what was answered is never paid again."""

    positional: ClassVar[tuple[str, ...]] = ("paths",)

    paths: tuple[str, ...] = Field(description="Files with rows of `prompt` or `messages`.")
    model: str = Field(description="openai:M, anthropic:M, vllm:PATH, http://HOST#M, replay:FILE.")
    out: Path = Field(description="Folder for replies.jsonl, in the order of the prompts.")
    system: str | None = Field(None, description="System turn before every prompt.")
    draws: int = Field(1, ge=1, description="Answers per prompt.")
    max_tokens: int = Field(1024, ge=1, description="Most tokens of an answer.")
    temperature: float | None = Field(None, ge=0, description="Left to the model by default.")
    top_p: float | None = Field(None, gt=0, le=1, description="Left to the model by default.")
    seed: int | None = Field(None, description="Where the client takes one.")
    json_schema: Path | None = Field(
        None, description="File with the JSON Schema that answers follow."
    )
    limit: int | None = Field(None, ge=1, description="Ask this many prompts at most.")
    dry_run: bool = Field(False, description="Show the estimate, ask nothing.")
    force: bool = Field(False, description="Replace an existing folder at --out.")

    def __call__(self) -> Outcome:
        """Estimate, confirm, ask, write.

        Raises:
            ConfigError: an option is wrong, `out` exists, or spending was not confirmed.
            NothingUsable: no row is a prompt.
            BudgetReached: some were not asked for want of money; `out` is valid and says which.
            BatchPending: run the same command again.
            ClientError: the provider or the key failed.
        """
        check_target(self.out, force=self.force)
        prompts, unused = self._prompts()
        schema = self._schema()
        requests = [one for prompt in prompts for one in self._requests(prompt, schema)]
        ledger = Ledger(self.budget)
        with self.connected(self.model, ledger) as client:
            bill = self.bill(client, requests)
            if self.dry_run:
                return _dry(bill, self.budget)
            confirm([bill], yes=self.yes, budget=self.budget)
            return self._asked(client, prompts, requests, unused)

    def _prompts(self) -> tuple[list[Prompt], list[Unused]]:
        prompts: list[Prompt] = []
        unused: list[Unused] = []
        for row in read_prompts(self.paths, Reading()):
            if isinstance(row, Unused):
                unused.append(row)
            else:
                prompts.append(row)
            if self.limit is not None and len(prompts) >= self.limit:
                break
        if not prompts:
            reasons = listed(Counter(row.aside.reason for row in unused)) or "there are none"
            raise NothingUsable(
                f"no row is a prompt ({reasons})", hint='rows look like {"prompt": "..."}'
            )
        return prompts, unused

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
                seed=self.seed,
                schema=schema,
                draw=draw if self.draws > 1 else None,
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

    def _asked(
        self,
        client: Client,
        prompts: list[Prompt],
        requests: list[Request],
        unused: list[Unused],
    ) -> Outcome:
        tally = _Tally()
        with atomic_folder(self.out, force=self.force) as work:
            with (work / "replies.jsonl").open("wb") as stream:
                replies = tally.counted(client.stream(requests, stage="ask"))
                _write(stream, prompts, self.draws, replies)
            with (work / "set_aside.jsonl").open("wb") as stream:
                stream.writelines(orjson.dumps(_aside(row)) + b"\n" for row in unused)
            facts = tally.facts() | {
                "prompts": len(prompts),
                "set_aside": len(unused),
                "spend": spent(client.desk.ledger),
            }
            manifest = new_manifest("replies", "ask", self._options()) | {"counts": facts}
            write_manifest(work, manifest)
        client.settle(tally.failed)
        return Outcome({**facts, "out": str(self.out)}, self._lines(facts))

    def _options(self) -> dict[str, Any]:
        """What shapes the answers; places, limits and consent are in the run block."""
        shaping = {"model", "system", "draws", "max_tokens", "temperature", "top_p", "seed"}
        plain = [Path(path).name for path in self.paths]
        return {**self.model_dump(mode="json", include=shaping), "paths": plain}

    def _lines(self, facts: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        answered = f"{facts['answered']:,} answered, {facts['cached']:,} of them kept from before"
        lines = [
            ("Prompts", f"{facts['prompts']:,} asked, {facts['set_aside']:,} rows set aside"),
            ("Replies", f"{facts['replies']:,} = {answered} + {sum(facts['failed'].values()):,}"),
        ]
        if facts["failed"]:
            lines.append(("Failed", listed(facts["failed"])))
        spend = facts["spend"]
        if spend["spent_usd"]:
            lines.append(("Spent", f"${spend['spent_usd']:,.4f}"))
        return (*lines, ("Wrote", str(self.out)))


class _Tally:
    """Counts replies as they pass, and keeps the failed ones."""

    def __init__(self) -> None:
        self.replies = self.cached = 0
        self.failed: list[Reply] = []

    def counted(self, replies: Iterable[Reply]) -> Iterator[Reply]:
        for reply in replies:
            self.replies += 1
            if reply.failure is not None:
                self.failed.append(reply)
            elif reply.cached:
                self.cached += 1
            yield reply

    def facts(self) -> dict[str, Any]:
        kinds = Counter(reply.failure.kind for reply in self.failed if reply.failure is not None)
        return {
            "replies": self.replies,
            "answered": self.replies - len(self.failed),
            "cached": self.cached,
            "failed": dict(kinds),
        }


def _write(
    stream: IO[bytes], prompts: Iterable[Prompt], draws: int, replies: Iterator[Reply]
) -> None:
    for prompt in prompts:
        for draw in range(draws):
            stream.write(orjson.dumps(_row(prompt, draw, next(replies))) + b"\n")
    next(replies, None)  # the end of the stream closes what it opened


def _row(prompt: Prompt, draw: int, reply: Reply) -> dict[str, Any]:
    failure = reply.failure
    return {
        "id": prompt.id,
        "source": prompt.source,
        "where": prompt.where,
        "draw": draw,
        "text": reply.text,
        "data": reply.data,
        "finish": reply.finish,
        "failure": None if failure is None else dataclasses.asdict(failure),
        "model": reply.model,
        "revision": reply.revision,
        "usage": dataclasses.asdict(reply.usage),
        "cost_usd": reply.cost_usd,
        "cached": reply.cached,
        "key": reply.key,
    }


def _aside(row: Unused) -> dict[str, Any]:
    return {"file": row.source, "where": row.where, "part": False, **row.aside._asdict()}


def _dry(bill: Bill, budget: float | None) -> Outcome:
    facts = {"dry_run": True, "cached": bill.cached, **dataclasses.asdict(bill.estimate)}
    lines = tuple(("", line) for line in bill_lines([bill], budget))
    return Outcome(facts, (*lines, ("Dry run", "nothing was asked")))

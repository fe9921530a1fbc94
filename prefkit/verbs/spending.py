"""What all verbs share that ask models: limits, money, keys and where answers are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from prefkit.errors import ConfigError
from prefkit.llm.client import Client
from prefkit.llm.connect import connect, split
from prefkit.llm.money.ledger import Ledger
from prefkit.llm.money.prices import Price, read_prices
from prefkit.llm.names import plain_model
from prefkit.llm.records import Request
from prefkit.llm.settings import Settings
from prefkit.verbs.consent import Bill
from prefkit.verbs.verb import Verb
from prefkit.yaml import load_yaml

__all__ = ["IN_PROCESS", "LIMITS", "UNREACHED", "Spends", "local_part", "spent", "spent_text"]

LIMITS = (
    "budget",
    "cache",
    "concurrency",
    "requests_per_minute",
    "tokens_per_minute",
    "timeout",
    "deadline",
    "wait",
)
"""Options of `Spends` that change how long and how dear asking is, not what is answered."""


IN_PROCESS = ("vllm", "transformers", "replay")
"""Clients whose names may hold a file or a folder."""

UNREACHED = ("transport", "server", "timeout", "throttled", "malformed", "down", "expired")
"""The provider's own failures; any other is one of the request."""


class Spends(Verb):
    """A verb that asks models, within limits and for no more than a budget."""

    consent: ClassVar[tuple[str, ...]] = (*Verb.consent, "yes", "key_env", "base_url")
    # an address from a file could send the key of `key_env` to anybody
    limits: ClassVar[tuple[str, ...]] = LIMITS

    budget: float | None = Field(
        None, description="Most dollars for this run; finished answers are kept when it is reached."
    )
    yes: bool = Field(False, description="Spend without asking for confirmation.")
    prices: Path | None = Field(
        None, description="YAML with own prices: model to dollars per million tokens."
    )
    cache: Path | None = Field(
        None, description="Folder where answers are kept; by default in your cache folder."
    )
    concurrency: int = Field(64, ge=1, description="Most requests in flight; adapts downwards.")
    requests_per_minute: float | None = Field(None, gt=0, description="Limit of your account.")
    tokens_per_minute: float | None = Field(None, gt=0, description="Limit of your account.")
    timeout: float = Field(120.0, gt=0, description="Seconds for one attempt.")
    deadline: float = Field(900.0, gt=0, description="Seconds for one request with its retries.")
    revision: str | None = Field(None, description="Snapshot or commit of the model.")
    base_url: str | None = Field(None, description="Another address of a hosted provider's API.")
    key_env: str | None = Field(
        None, description="Environment variable with the key for a host that is not the provider's."
    )
    engine: dict[str, Any] = Field(
        {}, description="Options of an engine in this process, as YAML: {max_model_len: 4096}."
    )
    batch: bool = Field(False, description="Use the provider's batch API: slower, half the price.")
    wait: float = Field(
        0.0, ge=0, description="Seconds to wait for a batch before stopping as pending (exit 5)."
    )

    @classmethod
    def relocated(cls, options: Mapping[str, Any], find: Callable[[str], Path]) -> dict[str, Any]:
        """Beside options that are paths: the file or folder in the name of a model."""
        found = super().relocated(options, find)
        if (given := options.get("model")) is not None:
            found["model"] = (
                [_found(one, find) for one in given]
                if isinstance(given, list)
                else _found(given, find)
            )
        return found

    def beside(self) -> dict[str, tuple[Path, ...]]:
        """Beside options that are paths: recorded answers, and models in a folder."""
        given = getattr(self, "model", ())
        specs = (given,) if isinstance(given, str) else given
        own = [path for spec in specs if (path := local_part(spec)) is not None]
        return {**super().beside(), "model": tuple(own)}

    def check(self, where: str) -> None:
        """Look at the names of models too.

        Raises:
            ConfigError: `where`, and the name that is none.
        """
        super().check(where)
        given = getattr(self, "model", ())
        for spec in (given,) if isinstance(given, str) else given:
            try:
                split(spec)
            except ConfigError as error:
                raise ConfigError(f"{where}: {error}", hint=error.hint) from error

    def told(self) -> dict[str, Any]:
        """The options as a manifest holds them: no folder of an engine's files either."""
        return super().told() | {"engine": _plain(self.engine)}

    def connected(self, spec: str, ledger: Ledger) -> Client:
        """A client within this verb's limits, spending from a ledger that others may share.

        Raises:
            ConfigError: the client, a key, an option or the price file is wrong.
        """
        return connect(
            spec, self._settings(), cache=self.cache, budget=ledger, prices=self._prices()
        )

    def bill(self, client: Client, requests: Iterable[Request]) -> Bill:
        """What asking these would cost, to be confirmed; asks the provider's free counter.

        Reads the requests twice: give what can be gone through again, or they are held.
        """
        found = client.forecast(requests)
        return Bill(
            client.desk.who,
            found.estimate,
            cached=found.cached,
            is_free=client.desk.provider.is_free,
            repeated=found.repeated,
            pending=found.pending,
        )

    def _prices(self) -> dict[str, Price]:
        return {} if self.prices is None else read_prices(self.prices, load_yaml)

    def _settings(self) -> Settings:
        return Settings(
            concurrency=self.concurrency,
            requests_per_minute=self.requests_per_minute,
            tokens_per_minute=self.tokens_per_minute,
            timeout_s=self.timeout,
            deadline_s=self.deadline,
            revision=self.revision,
            base_url=self.base_url,
            key_env=self.key_env,
            engine=self.engine,
            batch=self.batch,
            batch_wait_s=self.wait,
        )


def local_part(spec: str) -> Path | None:
    """The file or folder in the name of a client; null for a model that is not in one."""
    client, _, rest = spec.partition(":")
    if client not in IN_PROCESS or not rest:
        return None
    path = Path(rest).expanduser()
    return path if client == "replay" or path.exists() else None


def _found(spec: Any, find: Callable[[str], Path]) -> Any:
    """A client's name with its file or folder as it is found from here; others as they are."""
    client, _, rest = str(spec).partition(":")
    if client not in IN_PROCESS or not rest or rest.startswith("~"):
        return spec
    path = find(rest)
    return f"{client}:{path}" if client == "replay" or path.exists() else spec


def _plain(value: Any) -> Any:
    """The value with the plain names of the files and folders in it."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return plain_model(value) if isinstance(value, str) else value


def spent(ledger: Ledger) -> dict[str, Any]:
    """What a run paid, for its manifest and `--json`; `doubtful` may have been billed."""
    return {
        "budget_usd": ledger.budget_usd,
        "spent_usd": ledger.spent_usd,
        "doubtful_usd": ledger.doubtful_usd,
        "by_stage": [line._asdict() for line in ledger.by_stage()],
    }


def spent_text(spend: Mapping[str, Any]) -> str:
    """The same for people."""
    parts = [f"${spend['spent_usd']:,.4f}"]
    if spend["doubtful_usd"]:
        parts.append(f"${spend['doubtful_usd']:,.4f} more may have been billed")
    if spend["budget_usd"] is not None:
        parts.append(f"budget ${spend['budget_usd']:,.2f}")
    return ", ".join(parts)

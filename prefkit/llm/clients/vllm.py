"""vLLM in this process: `vllm:PATH`, a folder with a chat model or a reward model.

The engine is loaded at the first request and lives in this process: no second one is started, so
no `if __name__ == "__main__"` is needed, and nothing is reported to anybody. Its own options are
`Settings.engine`, by vLLM's names (`vllm_options` lists them).

- Requests that differ only in `draw` and have no seed go in as one with so many draws; a seed is
  used as it is, so two draws with one seed are the same. Without a seed of the engine's own
  (`engine.seed`), each process draws anew.
- Log-probs are the model's own, before temperature and top_p.
- Structured answers are compact JSON by xgrammar; a schema that it cannot hold is `rejected`.
- `Request.extra` takes what `vllm_requests` lists: options of the template and of sampling.
- A name on a hub is taken for a chat model; `engine.runner = "pooling"` makes it a reward model.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from prefkit.errors import ClientError, ConfigError, MissingExtra
from prefkit.llm.clients.fingerprint import Model
from prefkit.llm.clients.in_process import (
    NO_NUMBER,
    Reader,
    Whole,
    are_finite,
    one_line,
    special_tokens,
)
from prefkit.llm.clients.vllm_options import OURS, checked, deciding, defaults
from prefkit.llm.clients.vllm_requests import enqueue, tokens_of
from prefkit.llm.provider import Local
from prefkit.llm.records import (
    Failure,
    Reply,
    Request,
    Score,
    ScoreRequest,
    Usage,
)
from prefkit.llm.settings import Settings

__all__ = ["VLLM"]


class VLLM(Local):
    """vLLM in this process, for a chat or reward model: `vllm:PATH`."""

    can = frozenset(
        {"choices", "extra", "logprobs", "reward", "schema", "score", "seed", "stop", "top_k"}
    )

    def __init__(self, rest: str, settings: Settings) -> None:
        """Check the folder; the engine itself waits for the first request.

        Raises:
            ConfigError: no such model, weights that are no safetensors, an option that runs code.
            MissingExtra: vLLM is not installed.
        """
        if importlib.util.find_spec("vllm") is None:
            raise MissingExtra("a model in this process by vLLM", "vllm")
        self.who = f"vllm:{rest}"
        self._options = checked(settings.engine, self.who)
        self._model = Model(rest, settings.revision)
        self._is_reward = self._model.is_classifier or self._options.get("runner") == "pooling"
        self._engine: Any = None
        self.model = self._model.name

    def identity(self) -> dict[str, Any]:
        """The model's content and every engine option that can change an answer."""
        engine = deciding(self._options)
        return {"client": "vllm", **self._model.identity(), "engine": engine}

    def close(self) -> None:
        """Let the engine go. Memory is freed when the last engine of this process is closed."""
        engine, self._engine = self._engine, None
        if engine is not None:
            _let_go(engine)

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers in the order asked; a request that vLLM refuses fails alone.

        Raises:
            ConfigError: the model cannot be loaded.
            ClientError: the engine broke down.
        """
        if self._is_reward:
            why = Failure("unsupported", f"{self.model} is a reward model: it scores, never writes")
            return [Reply(failure=why) for _ in requests]
        engine = self._loaded()
        replies: list[Reply] = self._guarded(lambda: self._answered(engine, requests))
        return replies

    def _answered(self, engine: Any, requests: Sequence[Request]) -> list[Reply]:
        started = time.monotonic()
        sent, failures = enqueue(engine, requests, self._specials(engine))
        outputs = engine.wait_for_completion(use_tqdm=False) if sent else []
        seconds = round(time.monotonic() - started, 3)
        replies = {at: Reply(failure=failure) for at, failure in failures.items()}
        for positions, output in zip(sent, outputs, strict=True):
            read = len(output.prompt_token_ids)
            is_spoilt = output.metrics is not None and output.metrics.is_corrupted
            for at, one in zip(positions, output.outputs, strict=True):
                reply = self._reply(requests[at], one, read, seconds)
                told = [token.logprob for token in reply.tokens or ()]
                if is_spoilt or not are_finite(0.0, told):
                    reply = replace(reply, text=None, finish=None, tokens=None, failure=NO_NUMBER)
                replies[at] = reply
        return [replies[at] for at in range(len(requests))]

    def score_all(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Log-probs of completions, or rewards, in the order asked.

        Raises:
            ConfigError: the model cannot be loaded.
            ClientError: the engine broke down.
        """
        started = time.monotonic()
        engine = self._loaded()
        read = Reader(
            engine.get_tokenizer(),
            room=engine.model_config.max_model_len - (not self._is_reward),
            words=engine.model_config.get_vocab_size(),
            specials=self._specials(engine),
        )
        cut = [read.reward(one) if self._is_reward else read.text(one) for one in requests]
        good = [one for one in cut if isinstance(one, Whole)]
        give = self._rewards if self._is_reward else self._logprobs
        given = iter(self._guarded(lambda: give(engine, good)) if good else ())
        seconds = round(time.monotonic() - started, 3)
        return [
            self._score(next(given), len(one.ids), seconds)
            if isinstance(one, Whole)
            else Score(failure=one)
            for one in cut
        ]

    def _reply(self, request: Request, one: Any, read: int, seconds: float) -> Reply:
        usage = Usage(read, len(one.token_ids))
        if one.finish_reason not in ("stop", "length"):
            why = Failure("server", f"the engine ended the answer: {one.finish_reason}")
            return Reply(usage=usage, model=self.model, seconds=seconds, failure=why)
        return Reply(
            text=one.text,
            finish=one.finish_reason,
            tokens=None if request.logprobs is None else tokens_of(one, request.logprobs),
            usage=usage,
            model=self.model,
            revision=_version(),
            seconds=seconds,
        )

    def _score(
        self, given: tuple[float, tuple[float, ...] | None], read: int, seconds: float
    ) -> Score:
        if not are_finite(*given):
            return Score(failure=NO_NUMBER, model=self.model, seconds=seconds)
        value, logprobs = given
        usage = Usage(read, 0)
        return Score(value=value, logprobs=logprobs, usage=usage, model=self.model, seconds=seconds)

    def _logprobs(
        self, engine: Any, given: Sequence[Whole]
    ) -> list[tuple[float, tuple[float, ...]]]:
        from vllm import SamplingParams

        parameters = SamplingParams(
            max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False
        )
        outputs = engine.generate(
            [{"prompt_token_ids": one.ids} for one in given], parameters, use_tqdm=False
        )
        found = []
        for one, output in zip(given, outputs, strict=True):
            pairs = zip(one.ids, output.prompt_logprobs, strict=True)
            values = tuple(float(at[token].logprob) for token, at in list(pairs)[one.start :])
            found.append((sum(values), values))
        return found

    def _rewards(self, engine: Any, given: Sequence[Whole]) -> list[tuple[float, None]]:
        """The bare logit: vLLM's default would squeeze it through a sigmoid."""
        from vllm import PoolingParams

        outputs = engine.classify(
            [{"prompt_token_ids": one.ids} for one in given],
            pooling_params=PoolingParams(use_activation=False),
            use_tqdm=False,
        )
        return [(float(output.outputs.probs[0]), None) for output in outputs]

    def _specials(self, engine: Any) -> tuple[str, ...]:
        """What no text of a turn may hold."""
        if self._options.get("allow_special_tokens"):
            return ()
        return special_tokens(engine.get_tokenizer())

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Run the engine; one that broke or was interrupted is let go, with what it had queued."""
        try:
            return work()
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise ClientError(
                    f"{self.who}: the engine broke down: {one_line(error)}",
                    hint="give it less at once by engine options (max_num_seqs, max_model_len)",
                ) from error
            raise

    def _loaded(self) -> Any:
        if self._engine is None:
            _prepare_environment()
            options = {
                **defaults(),
                **({"runner": "pooling"} if self._is_reward else {}),
                **({"revision": self._model.revision} if self._model.revision else {}),
                **{name: value for name, value in self._options.items() if name not in OURS},
            }
            self._engine = _load(self.who, self._model.path, options)
            _OPEN.append(self._engine)
        return self._engine


_UNLOADABLE = (
    ValueError,
    TypeError,
    OSError,
    RuntimeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    ImportError,
)
_OPEN: list[Any] = []
_PARKED: list[Any] = []


def _let_go(engine: Any) -> None:
    """Shut an engine down together with the others.

    One that ends takes the process's parallel groups with it, which all engines share: a model
    that is closed earlier is kept aside until the last one is.
    """
    _OPEN.remove(engine)
    _PARKED.append(engine)
    if not _OPEN:
        while _PARKED:
            _PARKED.pop().llm_engine.engine_core.shutdown()
        gc.collect()


def _prepare_environment() -> None:
    """Before vLLM is imported: no report to its makers, its log off stdout, one process."""
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ["VLLM_COMPUTE_NANS_IN_LOGITS"] = "1"
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")


def _load(who: str, path: str, options: dict[str, Any]) -> Any:
    """The engine; this process's own random numbers go on as if vLLM had not seeded them."""
    import random

    try:
        from vllm import LLM
        from vllm.exceptions import VLLMError
    except ImportError as error:
        raise MissingExtra("a model in this process by vLLM", "vllm") from error
    import numpy
    from safetensors import SafetensorError

    state, numbers = random.getstate(), numpy.random.get_state()
    try:
        return LLM(model=path, trust_remote_code=False, **options)
    except SafetensorError as error:
        raise ConfigError(
            f"the weights of {who} are damaged or cut off: {one_line(error)}",
            hint="copy or download the model again",
        ) from error
    except (VLLMError, *_UNLOADABLE) as error:
        raise ConfigError(
            f"{who} cannot be loaded by vLLM: {one_line(error)}",
            hint="its log says more: VLLM_LOGGING_LEVEL=INFO",
        ) from error
    finally:
        random.setstate(state)
        numpy.random.set_state(numbers)


def _version() -> str:
    import vllm

    return f"vllm {vllm.__version__}"

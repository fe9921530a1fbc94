"""transformers in this process: `transformers:PATH`, a folder with a chat model or a reward model.

Slower than vLLM and with fewer needs: it runs wherever torch does, on a GPU if there is one.

- Temperature 0 is greedy; null takes the model's generation_config.json, which is greedy unless it
  says `do_sample`. Penalties that it sets always apply.
- Requests are answered in batches, padded on the left, each with its own options and random
  numbers. With a seed an answer is the same again, up to rounding: neighbours of other lengths can
  move a score by about one part in a million, and with it, rarely, a token.
- Log-probs are the model's own (after such penalties, before temperature and top_p), in float32.
- No structured answers and no choices: use vLLM or a server for them.
- `Settings.engine`: dtype (`auto`), device, attn_implementation, max_model_len (tokens), batch_size
  (answers at a time), batch_tokens (tokens scored at a time).
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from prefkit.errors import ConfigError, MissingExtra
from prefkit.llm.clients.fingerprint import Model
from prefkit.llm.clients.in_process import Reader, Whole, one_line, template_errors, turns
from prefkit.llm.clients.transformers_picking import Picker, Row, row_of
from prefkit.llm.provider import Local
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest, Usage
from prefkit.llm.settings import Settings

__all__ = ["Transformers"]

_UNBOUNDED = 1 << 30  # tokens, where a configuration names no limit
_TEMPLATE = frozenset({"add_generation_prompt", "continue_final_message", "tools"})


class Transformers(Local):
    """A model folder asked, or made to score, by transformers in this process."""

    can = frozenset({"extra", "logprobs", "reward", "score", "seed", "stop", "top_k"})
    at_once = 64

    options: ClassVar[Mapping[str, Any]] = {
        "dtype": "auto",
        "device": None,
        "attn_implementation": None,
        "max_model_len": None,
        "batch_size": 16,
        "batch_tokens": 8192,
    }
    """Engine options and their defaults."""

    def __init__(self, rest: str, settings: Settings) -> None:
        """Check folder and options; the model itself waits for the first request.

        Raises:
            ConfigError: no such model, weights that are no safetensors, an unknown option.
            MissingExtra: transformers or torch is not installed.
        """
        if any(importlib.util.find_spec(name) is None for name in ("torch", "transformers")):
            raise MissingExtra("a model in this process by transformers", "train")
        self.who = f"transformers:{rest}"
        unknown = sorted(set(settings.engine) - set(self.options))
        if unknown:
            raise ConfigError(
                f"{self.who} has no engine option {unknown[0]!r}",
                hint=f"it has {', '.join(self.options)}",
            )
        self._options = {**self.options, **settings.engine}
        self._source = Model(rest, settings.revision)
        self._is_reward = self._source.is_classifier
        self._loaded: tuple[Any, Any] | None = None
        self.model = self._source.name

    def identity(self) -> dict[str, Any]:
        """The model's content and the options that can change an answer."""
        engine = {name: self._options[name] for name in ("dtype", "max_model_len")}
        return {"client": "transformers", **self._source.identity(), "engine": engine}

    def close(self) -> None:
        """Free the model's memory; the next request would load it again."""
        if self._loaded is None:
            return
        import torch

        self._loaded = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Answers in the order asked; a request that cannot be rendered or is too long fails alone.

        Raises:
            ConfigError: the model cannot be loaded.
        """
        if self._is_reward:
            why = Failure("unsupported", f"{self.model} is a reward model: it scores, never writes")
            return [Reply(failure=why) for _ in requests]
        replies: dict[int, Reply] = {}
        rows: list[tuple[int, Row]] = []
        for at, request in enumerate(requests):
            row = self._row(request)
            if isinstance(row, Failure):
                replies[at] = Reply(failure=row)
            else:
                rows.append((at, row))
        rows.sort(key=lambda pair: (pair[1].most, len(pair[1].prompt)))
        size = int(self._options["batch_size"])
        for first in range(0, len(rows), size):
            batch = rows[first : first + size]
            answers = self._written([row for _, row in batch])
            replies |= {at: reply for (at, _), reply in zip(batch, answers, strict=True)}
        return [replies[at] for at in range(len(requests))]

    def score_all(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Log-probs of completions, or rewards, in the order asked.

        Raises:
            ConfigError: the model cannot be loaded.
        """
        read = self._reader()
        cut = [read.reward(one) if self._is_reward else read.text(one) for one in requests]
        scores = {at: Score(failure=one) for at, one in enumerate(cut) if isinstance(one, Failure)}
        good = [(at, one) for at, one in enumerate(cut) if isinstance(one, Whole)]
        for batch in self._batches(good):
            started = time.monotonic()
            rows = [one for _, one in batch]
            given = self._rewards(rows) if self._is_reward else self._logprobs(rows)
            seconds = round(time.monotonic() - started, 3)
            for (at, one), (value, logprobs) in zip(batch, given, strict=True):
                scores[at] = Score(
                    value=value,
                    logprobs=logprobs,
                    usage=Usage(len(one.ids), 0),
                    model=self.model,
                    seconds=seconds,
                )
        return [scores[at] for at in range(len(requests))]

    def _row(self, request: Request) -> Row | Failure:
        model, tokenizer = self._ready()
        options: dict[str, Any] = {"add_generation_prompt": True}
        for name, value in (request.extra or {}).items():
            if name == "chat_template_kwargs":
                options |= value
            elif name in _TEMPLATE:
                options[name] = value
            else:
                return Failure("rejected", f"transformers takes no option {name!r} in a request")
        try:
            text = self._reader().rendered(turns(request.messages), **options)
        except template_errors() as error:
            return Failure("rejected", f"the chat template: {one_line(error)}")
        prompt = tokenizer.encode(text, add_special_tokens=False)
        left = self._context(model) - len(prompt)
        if left < 1:
            return Failure(
                "rejected",
                f"{len(prompt):,} tokens: the model reads and writes {self._context(model):,}",
            )
        return row_of(request, prompt, min(request.max_tokens, left), model.generation_config)

    def _written(self, rows: list[Row]) -> list[Reply]:
        """One batch, padded on the left so that all prompts end together."""
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        started = time.monotonic()
        model, tokenizer = self._ready()
        ends = _ends(model, tokenizer)
        pad = _pad(tokenizer, ends)
        width = max(len(row.prompt) for row in rows)
        ids = [[pad] * (width - len(row.prompt)) + row.prompt for row in rows]
        mask = [[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows]
        picker = Picker(rows, tokenizer, ends)
        with torch.inference_mode():
            model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=GenerationConfig(
                    do_sample=False,
                    num_beams=1,
                    max_length=None,
                    max_new_tokens=max(row.most for row in rows),
                    eos_token_id=sorted(ends) or None,
                    pad_token_id=pad,
                ),
                logits_processor=LogitsProcessorList([picker]),
                stopping_criteria=StoppingCriteriaList([picker.stopped]),
            )
        seconds = round(time.monotonic() - started, 3)
        return [self._reply(row, picker.text(row), seconds) for row in rows]

    def _reply(self, row: Row, text: str, seconds: float) -> Reply:
        return Reply(
            text=text,
            finish=row.finish,
            tokens=None if row.request.logprobs is None else tuple(row.tokens),
            usage=Usage(len(row.prompt), len(row.picked)),
            model=self.model,
            revision=_version(),
            seconds=seconds,
        )

    def _batches(self, items: list[tuple[int, Whole]]) -> Iterator[list[tuple[int, Whole]]]:
        """Sequences of about one length together, as many as `batch_tokens` holds."""
        most = int(self._options["batch_tokens"])
        batch: list[tuple[int, Whole]] = []
        for item in sorted(items, key=lambda pair: len(pair[1].ids)):
            if batch and (len(batch) + 1) * len(item[1].ids) > most:
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def _logprobs(self, rows: list[Whole]) -> list[tuple[float, tuple[float, ...] | None]]:
        import torch

        model, tokenizer = self._ready()
        ids, mask = _padded_right(rows, _pad(tokenizer, frozenset()), model.device)
        first = min(one.start for one in rows) - 1  # the row before a token tells its log-prob
        options: dict[str, Any] = {}
        if "logits_to_keep" in inspect.signature(model.forward).parameters:
            options["logits_to_keep"] = ids.shape[1] - first
        else:
            first = 0
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False, **options).logits
            found: list[tuple[float, tuple[float, ...] | None]] = []
            for one, row in zip(rows, logits, strict=True):
                part = row[one.start - 1 - first : len(one.ids) - 1 - first].float()
                told = torch.tensor(one.ids[one.start :], device=part.device)
                each = part.log_softmax(-1).gather(1, told[:, None])[:, 0].tolist()
                found.append((sum(each), tuple(each)))
        return found

    def _rewards(self, rows: list[Whole]) -> list[tuple[float, tuple[float, ...] | None]]:
        """The logit at the last token that is no padding, as the model itself finds it."""
        import torch

        model, _ = self._ready()
        pad = model.config.get_text_config().pad_token_id
        if pad is None and len(rows) > 1:  # the model could not tell where a row ends
            return [found for row in rows for found in self._rewards([row])]
        ids, mask = _padded_right(rows, pad or 0, model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        return [(float(value), None) for value in logits[:, 0].float()]

    def _reader(self) -> Reader:
        model, tokenizer = self._ready()
        words = model.get_input_embeddings().num_embeddings
        return Reader(tokenizer, room=self._context(model), words=words)

    def _context(self, model: Any) -> int:
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        return int(self._options["max_model_len"] or limit or _UNBOUNDED)

    def _ready(self) -> tuple[Any, Any]:
        """Model and tokenizer, loaded once."""
        if self._loaded is None:
            self._loaded = _load(self.who, self._source, self._options, self._is_reward)
        return self._loaded


def _load(who: str, source: Model, options: Mapping[str, Any], is_reward: bool) -> tuple[Any, Any]:
    import torch
    import transformers

    kind = (
        transformers.AutoModelForSequenceClassification
        if is_reward
        else transformers.AutoModelForCausalLM
    )
    place = {"revision": source.revision} if source.revision else {}
    more = {"attn_implementation": options["attn_implementation"]}
    try:
        dtype = options["dtype"] if options["dtype"] == "auto" else getattr(torch, options["dtype"])
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source.path, trust_remote_code=False, **place
        )
        model = kind.from_pretrained(
            source.path,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            **{name: value for name, value in more.items() if value is not None},
            **place,
        )
        device = options["device"] or ("cuda" if torch.cuda.is_available() else "cpu")
        return model.to(device).eval(), tokenizer
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError, KeyError) as error:
        raise ConfigError(
            f"{who} cannot be loaded by transformers: {one_line(error)}",
            hint="give a folder as save_pretrained writes it",
        ) from error


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Token ids that end an answer: what the model's generation_config.json names, or EOS."""
    own = model.generation_config.eos_token_id
    named = own if isinstance(own, list) else [own]
    return frozenset(one for one in (*named, tokenizer.eos_token_id) if one is not None)


def _pad(tokenizer: Any, ends: frozenset[int]) -> int:
    pad = tokenizer.pad_token_id
    return int(pad) if pad is not None else min(ends, default=0)


def _padded_right(rows: list[Whole], pad: int, device: Any) -> tuple[Any, Any]:
    """Ids and mask: no token of a causal model sees what comes after it."""
    import torch

    width = max(len(one.ids) for one in rows)
    ids = [one.ids + [pad] * (width - len(one.ids)) for one in rows]
    mask = [[1] * len(one.ids) + [0] * (width - len(one.ids)) for one in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _version() -> str:
    import transformers

    return f"transformers {transformers.__version__}"

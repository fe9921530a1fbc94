"""transformers in this process: `transformers:PATH`, a folder with a chat model or a reward model.

Slower than vLLM and with fewer needs: it runs wherever torch does, on a GPU if there is one.

- Temperature 0 is greedy; null takes the model's generation_config.json, which is greedy unless it
  says `do_sample`. Penalties that it sets always apply.
- Requests are answered in batches, padded on the left, each with its own options and random
  numbers. With a seed an answer is the same again, up to rounding: neighbours of other lengths can
  move a score by about one part in a million, and with it, rarely, a token.
- Penalties count a row's own tokens, never its padding. Model settings that cannot be told apart by
  row (n-grams, bad words) make batches of prompts of one length.
- Log-probs are the model's own (after such penalties, before temperature and top_p), in float32.
- No structured answers and no choices: use vLLM or a server for them.
- `Settings.engine`: dtype (`auto`), device, attn_implementation, max_model_len (tokens), batch_size
  (answers at a time), batch_tokens (tokens scored at a time), allow_special_tokens (`false`).
"""

from __future__ import annotations

import gc
import importlib.util
import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from prefkit.errors import MissingExtra
from prefkit.llm.clients.fingerprint import Model
from prefkit.llm.clients.in_process import (
    NO_NUMBER,
    Reader,
    Whole,
    are_finite,
    one_line,
    special_tokens,
    template_options,
    turns,
)
from prefkit.llm.clients.transformers_load import check_options, load
from prefkit.llm.clients.transformers_picking import Picker, Row, row_of, wrong_sampling
from prefkit.llm.provider import Local
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest, Usage
from prefkit.llm.settings import Settings

__all__ = ["Transformers"]

_UNBOUNDED = 1 << 30  # tokens, where a configuration names no limit
_TEMPLATE = frozenset(
    {"add_generation_prompt", "chat_template_kwargs", "continue_final_message", "tools"}
)
_BROKEN = (RuntimeError, IndexError, ValueError)
"""What a batch raises that is too large, or whose model meets input that it cannot take."""
_BY_PLACE = (
    "bad_words_ids",
    "begin_suppress_tokens",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "guidance_scale",
    "min_length",
    "min_new_tokens",
    "no_repeat_ngram_size",
    "sequence_bias",
)
"""Settings of a model that would count the padding before a shorter prompt."""

Given = tuple[float, tuple[float, ...] | None]


class Transformers(Local):
    """transformers in this process, for a chat or reward model: `transformers:PATH`."""

    can = frozenset({"extra", "logprobs", "reward", "score", "seed", "stop", "top_k"})
    at_once = 64

    options: ClassVar[Mapping[str, Any]] = {
        "dtype": "auto",
        "device": None,
        "attn_implementation": None,
        "max_model_len": None,
        "batch_size": 16,
        "batch_tokens": 8192,
        "allow_special_tokens": False,
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
        self._options = check_options(self.who, self.options, settings.engine)
        self._source = Model(rest, settings.revision)
        self._is_reward = self._source.is_classifier
        self._loaded: tuple[Any, Any] | None = None
        self._read: Reader | None = None
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

        self._loaded = self._read = None
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
        for batch in self._alike(rows):
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
            given = self._given(rows)
            seconds = round(time.monotonic() - started, 3)
            for (at, one), found in zip(batch, given, strict=True):
                scores[at] = self._score(found, len(one.ids), seconds)
        return [scores[at] for at in range(len(requests))]

    def _score(self, found: Given | Failure, read: int, seconds: float) -> Score:
        if not isinstance(found, Failure) and not are_finite(*found):
            found = NO_NUMBER
        if isinstance(found, Failure):
            return Score(failure=found, model=self.model, seconds=seconds)
        value, logprobs = found
        usage = Usage(read, 0)
        return Score(value=value, logprobs=logprobs, usage=usage, model=self.model, seconds=seconds)

    def _given(self, rows: list[Whole]) -> list[Given | Failure]:
        """The numbers of a batch; one that breaks is tried row by row."""
        try:
            return [*(self._rewards(rows) if self._is_reward else self._logprobs(rows))]
        except _BROKEN as error:
            if len(rows) == 1:
                return [Failure("server", f"transformers: {one_line(error)}")]
        return [found for row in rows for found in self._given([row])]

    def _row(self, request: Request) -> Row | Failure:
        model, _ = self._ready()
        extra = request.extra or {}
        if unknown := sorted(extra.keys() - _TEMPLATE):
            return Failure("rejected", f"transformers takes no option {unknown[0]!r} in a request")
        if wrong := wrong_sampling(request):
            return Failure("rejected", f"not asked: {wrong}")
        try:
            options = template_options(extra, _TEMPLATE)
            said = turns(request.messages)
        except ValueError as error:
            return Failure("rejected", one_line(error))
        options |= options.pop("chat_template_kwargs", None) or {}
        prompt = self._reader().prompt(said, **{"add_generation_prompt": True, **options})
        if isinstance(prompt, Failure):
            return prompt
        left = self._context(model) - len(prompt)
        if left < 1:
            return Failure(
                "rejected",
                f"{len(prompt):,} tokens: the model reads and writes {self._context(model):,}",
            )
        return row_of(request, prompt, min(request.max_tokens, left), model.generation_config)

    def _alike(self, rows: list[tuple[int, Row]]) -> Iterator[list[tuple[int, Row]]]:
        """Batches of rows that end at about the same time."""
        own = self._ready()[0].generation_config if rows else None
        is_by_place = any(getattr(own, name, None) not in (None, 0, 1.0) for name in _BY_PLACE)

        def likeness(pair: tuple[int, Row]) -> tuple[int, int, int]:
            length = len(pair[1].prompt)
            return (length if is_by_place else 0, pair[1].most, length)

        size = self._options["batch_size"]
        for _, group in groupby(sorted(rows, key=likeness), key=lambda pair: likeness(pair)[0]):
            alike = list(group)
            for first in range(0, len(alike), size):
                yield alike[first : first + size]

    def _written(self, rows: list[Row]) -> list[Reply]:
        started = time.monotonic()
        self._write(rows)
        seconds = round(time.monotonic() - started, 3)
        return [self._reply(row, seconds) for row in rows]

    def _write(self, rows: list[Row]) -> None:
        """Until every row has its end; a batch that breaks goes on row by row."""
        going = rows
        while going:
            try:
                self._write_on(going)
            except _BROKEN as error:
                if len(going) == 1:
                    going[0].fail(Failure("server", f"transformers: {one_line(error)}"))
                else:
                    for row in going:
                        self._write([row])
            going = [row for row in going if row.finish is None]

    def _write_on(self, rows: list[Row]) -> None:
        """One batch, padded on the left so that all rows end together.

        It stops where the longest row fills the context: a model that has learned its positions
        has none beyond, not even for padding.
        """
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        model, tokenizer = self._ready()
        ends = _ends(model, tokenizer)
        pad = _pad(tokenizer, ends)
        held = [row.ids for row in rows]
        width = max(map(len, held))
        ids = [[pad] * (width - len(one)) + one for one in held]
        mask = [[0] * (width - len(one)) + [1] * len(one) for one in held]
        left = max(row.most - len(row.picked) for row in rows)
        picker = Picker(rows, tokenizer, ends, model.generation_config.repetition_penalty or 1.0)
        with torch.inference_mode():
            model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=GenerationConfig(
                    do_sample=False,
                    num_beams=1,
                    repetition_penalty=1.0,
                    max_length=None,
                    max_new_tokens=min(left, self._context(model) - width),
                    eos_token_id=sorted(ends) or None,
                    pad_token_id=pad,
                ),
                logits_processor=LogitsProcessorList([picker]),
                stopping_criteria=StoppingCriteriaList([picker.stopped]),
            )
        if [row.ids for row in rows] == held and not any(row.finish for row in rows):
            raise RuntimeError("it writes nothing")

    def _reply(self, row: Row, seconds: float) -> Reply:
        usage = Usage(len(row.prompt), len(row.picked))
        if row.failure is not None:
            return Reply(failure=row.failure, usage=usage, model=self.model, seconds=seconds)
        return Reply(
            text=row.text if row.text is not None else _said(self._ready()[1], row),
            finish=row.finish,
            tokens=None if row.request.logprobs is None else tuple(row.tokens),
            usage=usage,
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

    def _logprobs(self, rows: list[Whole]) -> list[Given]:
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
            found: list[Given] = []
            for one, row in zip(rows, logits, strict=True):
                part = row[one.start - 1 - first : len(one.ids) - 1 - first].float()
                told = torch.tensor(one.ids[one.start :], device=part.device)
                each = part.log_softmax(-1).gather(1, told[:, None])[:, 0].tolist()
                found.append((sum(each), tuple(each)))
        return found

    def _rewards(self, rows: list[Whole]) -> list[Given]:
        """The logit at the last token, whichever token that is."""
        import torch

        model, tokenizer = self._ready()
        is_writer = hasattr(model, "score")  # else an encoder, which pools in its own way
        if not is_writer and tokenizer.pad_token_id is None and len(rows) > 1:
            return [found for row in rows for found in self._rewards([row])]
        ids, mask = _padded_right(rows, _pad(tokenizer, frozenset()), model.device)
        with torch.inference_mode():
            if is_writer:
                # the model itself takes the last token that is not the padding token, which a
                # conversation may end with
                read = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)
                last = torch.tensor([len(one.ids) - 1 for one in rows], device=model.device)
                picked = read.last_hidden_state[torch.arange(len(rows), device=model.device), last]
                logits = model.score(picked)
            else:
                logits = model(input_ids=ids, attention_mask=mask).logits
        return [(float(value), None) for value in logits[:, 0].float()]

    def _reader(self) -> Reader:
        if self._read is None:
            model, tokenizer = self._ready()
            self._read = Reader(
                tokenizer,
                room=self._context(model),
                words=model.get_input_embeddings().num_embeddings,
                specials=() if self._options["allow_special_tokens"] else special_tokens(tokenizer),
            )
        return self._read

    def _context(self, model: Any) -> int:
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        return int(self._options["max_model_len"] or limit or _UNBOUNDED)

    def _ready(self) -> tuple[Any, Any]:
        """Model and tokenizer, loaded once."""
        if self._loaded is None:
            self._loaded = load(self.who, self._source, self._options, self._is_reward)
        return self._loaded


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Token ids that end an answer: what the model's generation_config.json names, or EOS."""
    own = model.generation_config.eos_token_id
    named = own if isinstance(own, list) else [own]
    return frozenset(one for one in (*named, tokenizer.eos_token_id) if one is not None)


def _said(tokenizer: Any, row: Row) -> str:
    text: str = tokenizer.decode(
        row.picked, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return text


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

"""How tokens are picked when transformers generates: every row of a batch by its own options.

`generate` samples all rows of a batch by one set of options and one stream of random numbers. Here
it runs greedily, and this logits processor leaves each row one token to choose: the one that the
row's own temperature, top_k, top_p and random numbers pick. A row's answer then depends on its
neighbours by rounding only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random
from typing import Any

from prefkit.llm.clients.in_process import NO_NUMBER
from prefkit.llm.records import Failure, Request, Token

__all__ = ["Picker", "Row", "row_of", "wrong_sampling"]

_LEAST = 1e-5  # a lower temperature is greedy, as in vLLM


@dataclass
class Row:
    """One answer while it is written."""

    request: Request
    prompt: list[int]
    most: int
    """Tokens that it may have: what was asked for, or what the context leaves."""
    temperature: float
    top_p: float
    top_k: int
    random: Random
    picked: list[int] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    text: str | None = None
    """Known early if a stop string ended it."""
    finish: str | None = None
    failure: Failure | None = None
    """Why there is no answer, where `finish` is set without one."""

    @property
    def ids(self) -> list[int]:
        """All that stands so far."""
        return self.prompt + self.picked

    def fail(self, failure: Failure) -> None:
        """End it without an answer."""
        self.failure, self.finish = failure, "failed"


def wrong_sampling(request: Request) -> str | None:
    """Which sampling option has no meaning; null if all have one."""
    wanted = {
        "temperature": (0.0, math.inf),
        "top_p": (0.0, 1.0),
        "top_k": (-1, math.inf),
    }
    for name, (least, most) in wanted.items():
        value: Any = getattr(request, name)
        if value is None:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not least <= value <= most:
            return f"{name} is {value!r}"
    seed: Any = request.seed
    if seed is not None and not isinstance(seed, int):
        return f"seed is {seed!r}"
    return "stop holds an empty text" if "" in request.stop else None


def row_of(request: Request, prompt: list[int], most: int, defaults: Any) -> Row:
    """A row with the request's options, and the model's own (`defaults`) where it has none.

    A seed makes its draws repeatable; without one they come from the system's entropy.
    """
    samples = bool(defaults.do_sample)

    def or_own(value: Any, own: Any, unset: Any) -> Any:
        return value if value is not None else (own if samples and own is not None else unset)

    temperature = request.temperature
    if temperature is None:
        temperature = (defaults.temperature or 1.0) if samples else 0.0
    return Row(
        request,
        prompt,
        most,
        temperature,
        or_own(request.top_p, defaults.top_p, 1.0),
        or_own(request.top_k, defaults.top_k, 0),
        Random(request.seed),
    )


class Picker:
    """Logits processor and stopping criterion of one batch, in one: `generate` calls both."""

    def __init__(
        self, rows: list[Row], tokenizer: Any, ends: frozenset[int], penalty: float
    ) -> None:
        """What picks.

        Args:
            rows: As they stand in the batch.
            tokenizer: Spells what was picked.
            ends: Token ids that end an answer.
            penalty: On tokens that a row holds already (`repetition_penalty`); 1 = none.
        """
        self._rows = rows
        self._tokenizer = tokenizer
        self._ends = ends
        self._penalty = penalty

    def __call__(self, _: Any, scores: Any) -> Any:
        """Scores that leave one token to each row that still goes on."""
        usable = scores.float().logsumexp(-1).isfinite().tolist()
        for at, row in enumerate(self._rows):
            if row.finish is None and not usable[at]:
                row.fail(NO_NUMBER)
                scores[at] = 0.0
            elif row.finish is None:
                self._penalise(row, scores[at])
                token = _pick(row, scores[at])
                if row.request.logprobs is not None:
                    row.tokens.append(self._told(scores[at], token, row.request.logprobs))
                self._add(row, token)
                scores[at] = float("-inf")
                scores[at, token] = 0.0
        return scores

    def _penalise(self, row: Row, scores: Any) -> None:
        """By the row's own tokens; `generate` would count the padding before them as well."""
        import torch

        if self._penalty == 1.0:
            return
        held = torch.tensor(sorted(set(row.ids)), device=scores.device)
        given = scores[held]
        scores[held] = torch.where(given < 0, given * self._penalty, given / self._penalty)

    def stopped(self, input_ids: Any, _: Any, **__: Any) -> Any:
        """Which rows are at their end."""
        import torch

        done = [row.finish is not None for row in self._rows]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)

    def _add(self, row: Row, token: int) -> None:
        row.picked.append(token)
        if token in self._ends:
            row.finish = "stop"
        elif (text := self._up_to_stop(row)) is not None:
            row.text, row.finish = text, "stop"
        elif len(row.picked) >= row.most:
            row.finish = "length"

    def _up_to_stop(self, row: Row) -> str | None:
        """The text before the first stop string; null if none is there yet."""
        stops = row.request.stop
        if not stops:
            return None
        # one character can take four tokens, and the last token alone can complete a stop string
        tail = self._decoded(row.picked[-(4 * max(map(len, stops)) + 8) :])
        if not any(stop in tail for stop in stops):
            return None
        text = self._decoded(row.picked)
        ends = [at for stop in stops if (at := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else None

    def _told(self, scores: Any, token: int, alternatives: int) -> Token:
        logprobs = scores.float().log_softmax(-1)
        best = logprobs.topk(min(alternatives, logprobs.numel()))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        top = tuple((self._tokenizer.decode([one]), value) for one, value in pairs)
        return Token(self._tokenizer.decode([token]), float(logprobs[token]), top)

    def _decoded(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def _pick(row: Row, scores: Any) -> int:
    """A token id: the likeliest, or the one at a random point of what the options leave."""
    import torch

    if row.temperature < _LEAST:
        return int(scores.argmax())
    shares = (scores.double() / row.temperature).softmax(-1)
    ordered, ids = shares.sort(descending=True, stable=True)
    if row.top_k > 0:
        ordered[row.top_k :] = 0.0
        ordered /= ordered.sum()
    if row.top_p < 1.0:
        beyond = ordered.cumsum(-1) - ordered >= row.top_p
        beyond[0] = False  # the likeliest always stays
        ordered[beyond] = 0.0
    ends = ordered.cumsum(-1)
    point = row.random.random() * float(ends[-1])
    at = int(torch.searchsorted(ends, point, right=True))
    return int(ids[min(at, int(ordered.count_nonzero()) - 1)])

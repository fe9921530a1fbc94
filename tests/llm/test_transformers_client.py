"""transformers in this process, asked for real with a tiny model."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from engine_process import Engines
from tiny_model import CONTEXT, save_reward_model

from prefkit.errors import ConfigError
from prefkit.llm.clients.transformers import Transformers
from prefkit.llm.records import Request, ScoreRequest, messages
from prefkit.llm.settings import Settings

pytestmark = pytest.mark.slow

TEXTS = ("Hi", "Why does bread rise?", "the river " * 20, "Köln", "mill")


def request(text: str = "Why does bread rise?", **options: object) -> Request:
    return Request(messages=messages(text), **{"max_tokens": 12, "temperature": 0.0, **options})  # type: ignore[arg-type]


def test_a_batch_answers_as_one_by_one(engines: Engines, chat_model: Path) -> None:
    """Padding on the left must be seen by nobody."""
    asked = [request(text, logprobs=0) for text in TEXTS]
    together = engines.ask(f"transformers:{chat_model}", asked)
    for one, alone in zip(together, asked, strict=True):
        (wanted,) = engines.ask(f"transformers:{chat_model}", [alone])
        assert one.text == wanted.text
        assert one.usage == wanted.usage
        own = [token.logprob for token in one.tokens]
        assert own == pytest.approx([token.logprob for token in wanted.tokens], abs=1e-4)


def test_a_seed_gives_the_same_answer_alone_and_among_others(
    engines: Engines, chat_model: Path
) -> None:
    asked = [request(text, temperature=1.0, seed=3) for text in TEXTS]
    together = engines.ask(f"transformers:{chat_model}", asked)
    for one, alone in zip(together, asked, strict=True):
        assert engines.ask(f"transformers:{chat_model}", [alone])[0].text == one.text
    other, free, again = engines.ask(
        f"transformers:{chat_model}",
        [request(temperature=1.0, seed=4), *[request(temperature=1.0, draw=d) for d in range(2)]],
    )
    assert len({other.text, free.text, again.text, together[1].text}) == 4


def test_options_that_leave_one_token_are_greedy(engines: Engines, chat_model: Path) -> None:
    asked = [
        request(),
        request(temperature=2.0, top_k=1),
        request(temperature=2.0, top_p=1e-6),
        request(temperature=2.0, seed=1),
    ]
    greedy, by_k, by_p, free = engines.ask(f"transformers:{chat_model}", asked)
    assert greedy.text == by_k.text == by_p.text != free.text


def test_sampled_tokens_come_as_often_as_their_shares(engines: Engines, chat_model: Path) -> None:
    asked = [request(temperature=1.0, max_tokens=1, logprobs=20, draw=d) for d in range(400)]
    replies = engines.ask(f"transformers:{chat_model}", asked, batch_size=100)
    _, logprob = replies[0].tokens[0].top[0]
    share = math.exp(logprob)
    # by its log-prob, for many tokens are half a character and are written alike
    seen = sum(abs(reply.tokens[0].logprob - logprob) < 1e-4 for reply in replies)
    # five standard deviations of a binomial: fails by chance less than once in a million runs
    assert abs(seen - 400 * share) <= 5 * (400 * share * (1 - share)) ** 0.5 + 1


def test_null_options_are_the_models_own(
    engines: Engines, chat_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(chat_model, tmp_path / "own")
    path = folder / "generation_config.json"
    own = json.loads(path.read_text())
    path.write_text(json.dumps({**own, "do_sample": True, "temperature": 2.0, "top_k": 1}))
    greedy, null = engines.ask(f"transformers:{chat_model}", [request(), request(temperature=None)])
    (narrowed,) = engines.ask(f"transformers:{folder}", [request(temperature=None)])
    (widened,) = engines.ask(f"transformers:{folder}", [request(temperature=None, top_k=400)])
    assert greedy.text == null.text == narrowed.text != widened.text


def test_a_stop_string_ends_an_answer_and_is_left_out(engines: Engines, chat_model: Path) -> None:
    (whole,) = engines.ask(f"transformers:{chat_model}", [request(max_tokens=40)])
    stop = whole.text[4:6]
    stopped, other = engines.ask(
        f"transformers:{chat_model}", [request(max_tokens=40, stop=(stop,)), request("mill")]
    )
    assert stopped.text == whole.text[: whole.text.index(stop)]
    assert stopped.finish == "stop"
    assert stopped.usage.output < whole.usage.output
    assert other.usage.output == 12


def test_an_answer_ends_at_the_context_and_a_longer_prompt_fails_alone(
    engines: Engines, chat_model: Path
) -> None:
    asked = [request("mill " * 90, max_tokens=1000), request("word " * 600), request()]
    full, failed, fine = engines.ask(f"transformers:{chat_model}", asked)
    if full.finish == "length":
        assert full.usage.input + full.usage.output == CONTEXT
    assert failed.failure.kind == "rejected"
    assert f"{CONTEXT:,}" in failed.failure.message
    assert fine.failure is None


def test_scores_that_do_not_exist_fail_alone(engines: Engines, chat_model: Path) -> None:
    asked = [
        ScoreRequest(prompt="The river", completion=" runs"),
        ScoreRequest(prompt="", completion="runs"),
        ScoreRequest(prompt=(5,), completion=(100_000,)),
        ScoreRequest(prompt=(5,) * 400, completion=(6,) * 200),
        ScoreRequest(messages=messages("Hi")),
    ]
    scores = engines.score(f"transformers:{chat_model}", asked)
    kinds = [score.failure and score.failure.kind for score in scores]
    assert kinds == [None, "rejected", "rejected", "rejected", "unsupported"]


def test_rewards_do_not_depend_on_their_neighbours(engines: Engines, reward_model: Path) -> None:
    asked = [ScoreRequest(prompt=text, completion=" bread") for text in TEXTS]
    together = engines.score(f"transformers:{reward_model}", asked)
    alone = [engines.score(f"transformers:{reward_model}", [one])[0] for one in asked]
    own = [score.value for score in together]
    assert own == pytest.approx([score.value for score in alone], abs=1e-4)


def test_more_than_one_label_is_no_reward(engines: Engines, tmp_path: Path) -> None:
    folder = tmp_path / "three"
    engines.call(_three_labels, folder)
    with pytest.raises(ConfigError, match="three has 3 labels"):
        Transformers(str(folder), Settings())


def _three_labels(folder: Path) -> None:
    save_reward_model(folder, labels=3)


def test_an_unknown_option_is_refused_with_those_that_exist(chat_model: Path) -> None:
    with pytest.raises(ConfigError, match="quantize") as caught:
        Transformers(str(chat_model), Settings(engine={"quantize": True}))
    assert "batch_tokens" in (caught.value.hint or "")

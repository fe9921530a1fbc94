"""vLLM in this process, asked for real with a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine_process import VLLM_OPTIONS, Engines

from prefkit.errors import ConfigError
from prefkit.llm.clients.vllm import VLLM
from prefkit.llm.connect import connect
from prefkit.llm.records import Reply, Request, ScoreRequest, messages
from prefkit.llm.settings import Settings

pytestmark = pytest.mark.slow

SCHEMA = {
    "type": "object",
    "properties": {"winner": {"enum": ["A", "B"]}, "score": {"enum": [1, 2, 3]}},
    "required": ["winner", "score"],
    "additionalProperties": False,
}


def request(text: str = "Why does bread rise?", **options: object) -> Request:
    return Request(messages=messages(text), **{"max_tokens": 6, "temperature": 0.0, **options})  # type: ignore[arg-type]


def test_answers_keep_order_and_count_their_tokens(engines: Engines, chat_model: Path) -> None:
    texts = ["A", "A" * 40, "bread", "the river and the mill"]
    replies = engines.ask(f"vllm:{chat_model}", [request(text) for text in texts])
    alone = [engines.ask(f"vllm:{chat_model}", [request(text)])[0] for text in texts]
    assert [reply.text for reply in replies] == [reply.text for reply in alone]
    # ChatML around the text: two marks of one token each for the user, one for the assistant
    counts = [reply.usage.input for reply in replies]
    assert counts[1] > counts[0]
    for reply in replies:
        assert reply.failure is None
        assert (reply.finish, reply.usage.output) in {("length", 6), ("stop", reply.usage.output)}
        assert reply.model == "chat"
        assert reply.revision.startswith("vllm 0.")


def test_draws_without_a_seed_are_different_answers(engines: Engines, chat_model: Path) -> None:
    drawn = [request(temperature=1.0, max_tokens=12, draw=draw) for draw in range(6)]
    others = [request("mill", temperature=1.0, max_tokens=12, draw=draw) for draw in range(2)]
    mixed = [drawn[0], others[0], *drawn[1:], others[1]]
    replies = engines.ask(f"vllm:{chat_model}", mixed)
    assert len({reply.text for reply in replies}) == 8
    sizes = [reply.usage.input for reply in replies]
    assert sizes[0] == sizes[2] != sizes[1] == sizes[7]  # each at the place of its own request


def test_one_seed_gives_one_answer_and_another_seed_another(
    engines: Engines, chat_model: Path
) -> None:
    seeds = [7, 8, 7]
    asked = [request(temperature=1.0, max_tokens=12, seed=s, draw=d) for d, s in enumerate(seeds)]
    first, other, again = engines.ask(f"vllm:{chat_model}", asked)
    assert first.text == again.text != other.text


def test_greedy_draws_are_equal(engines: Engines, chat_model: Path) -> None:
    replies = engines.ask(f"vllm:{chat_model}", [request(draw=draw) for draw in range(3)])
    assert len({reply.text for reply in replies}) == 1


def test_a_model_loaded_again_draws_anew(engines: Engines, chat_model: Path) -> None:
    """A process that starts again must not repeat the answers of the one before it."""
    asked = [request(temperature=1.0, max_tokens=12, draw=draw) for draw in range(3)]
    before = {reply.text for reply in engines.ask(f"vllm:{chat_model}", asked)}
    engines.close(f"vllm:{chat_model}")
    after = {reply.text for reply in engines.ask(f"vllm:{chat_model}", asked)}
    assert len(before) == len(after) == 3
    assert not before & after


def test_one_model_can_be_closed_while_another_goes_on(
    engines: Engines, chat_model: Path, reward_model: Path
) -> None:
    """vLLM's engines share what the first one to end takes with it."""
    scored = [ScoreRequest(prompt="The river", completion=" runs")]
    before = engines.score(f"vllm:{reward_model}", scored)[0].value
    wanted = engines.ask(f"vllm:{chat_model}", [request()])[0].text
    engines.close(f"vllm:{chat_model}")
    assert engines.score(f"vllm:{reward_model}", scored)[0].value == before
    engines.close(f"vllm:{reward_model}")
    assert engines.ask(f"vllm:{chat_model}", [request()])[0].text == wanted


def test_greedy_tokens_are_the_likeliest_of_their_alternatives(
    engines: Engines, chat_model: Path
) -> None:
    (reply,) = engines.ask(f"vllm:{chat_model}", [request(logprobs=3)])
    assert len(reply.tokens) == reply.usage.output
    for token in reply.tokens:
        assert token.top[0] == (token.text, token.logprob)
        assert len(token.top) == 3
        assert 0 > token.top[0][1] >= token.top[1][1] >= token.top[2][1]


def test_logprobs_without_alternatives(engines: Engines, chat_model: Path) -> None:
    (reply,) = engines.ask(f"vllm:{chat_model}", [request(logprobs=0)])
    assert [token.top for token in reply.tokens] == [()] * reply.usage.output


def test_a_schema_and_choices_are_kept(engines: Engines, chat_model: Path) -> None:
    asked = [
        request(schema=SCHEMA, max_tokens=60),
        request(choices=("better", "worse"), temperature=1.0),
        request(schema=SCHEMA, max_tokens=3),
    ]
    verdict, choice, cut = engines.ask(f"vllm:{chat_model}", asked)
    value = json.loads(verdict.text)
    assert set(value) == {"winner", "score"}
    assert value["winner"] in ("A", "B")
    assert " " not in verdict.text  # compact: a weak model could write white space for ever
    assert choice.text in ("better", "worse")
    assert cut.finish == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.text)


def test_a_wrong_request_fails_alone(engines: Engines, chat_model: Path) -> None:
    asked = [
        request(),
        request("word " * 600),  # more than the 512 tokens of context
        request(schema={"type": "nonsense"}),
        request(temperature=-1.0),
        request(extra={"no_such_option": 1}),
        request(logprobs=1000),
        request("mill"),
    ]
    replies = engines.ask(f"vllm:{chat_model}", asked)
    kinds = [reply.failure and reply.failure.kind for reply in replies]
    assert kinds == [None, *["rejected"] * 5, None]
    assert "maximum context length is 512" in replies[1].failure.message
    assert "nonsense" in replies[2].failure.message
    assert "temperature" in replies[3].failure.message
    assert "no_such_option" in replies[4].failure.message
    assert replies[6].text == engines.ask(f"vllm:{chat_model}", [request("mill")])[0].text


def test_an_answer_ends_at_the_context(engines: Engines, chat_model: Path) -> None:
    asked = request(max_tokens=1000, extra={"ignore_eos": True})
    (reply,) = engines.ask(f"vllm:{chat_model}", [asked])
    assert reply.finish == "length"
    assert reply.usage.input + reply.usage.output == 512


def test_a_stop_string_ends_an_answer_and_is_left_out(engines: Engines, chat_model: Path) -> None:
    (whole,) = engines.ask(f"vllm:{chat_model}", [request(max_tokens=40)])
    stop = whole.text[4:6]
    (reply,) = engines.ask(f"vllm:{chat_model}", [request(max_tokens=40, stop=(stop,))])
    assert reply.text == whole.text[: whole.text.index(stop)]
    assert reply.finish == "stop"


def test_options_of_the_template_are_passed_on(engines: Engines, chat_model: Path) -> None:
    plain, opened = engines.ask(
        f"vllm:{chat_model}", [request(), request(extra={"chat_template_kwargs": {"think": True}})]
    )
    # the template adds one special token for it
    assert opened.usage.input == plain.usage.input + 1


def test_a_chat_model_scores_no_messages_and_a_reward_model_writes_nothing(
    engines: Engines, chat_model: Path, reward_model: Path
) -> None:
    (score,) = engines.score(f"vllm:{chat_model}", [ScoreRequest(messages=messages("Hi"))])
    (reply,) = engines.ask(f"vllm:{reward_model}", [request()])
    assert score.failure.kind == reply.failure.kind == "unsupported"


def test_scores_that_do_not_exist_fail_alone(engines: Engines, chat_model: Path) -> None:
    asked = [
        ScoreRequest(prompt="The river", completion=" runs"),
        ScoreRequest(prompt="The ri", completion="ver runs"),
        ScoreRequest(prompt="", completion="runs"),
        ScoreRequest(prompt=(5,), completion=(100_000,)),
        ScoreRequest(prompt=(5,), completion="runs"),
        ScoreRequest(prompt=(5,) * 400, completion=(6,) * 200),
        ScoreRequest(prompt=(5, 6), completion=()),
    ]
    scores = engines.score(f"vllm:{chat_model}", asked)
    kinds = [score.failure and score.failure.kind for score in scores]
    assert kinds == [None, "boundary", *["rejected"] * 5]
    assert len(scores[0].logprobs) >= 1


def test_an_engine_that_cannot_be_loaded_is_a_configuration_error(
    engines: Engines, chat_model: Path
) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded by vLLM"):
        engines.ask(f"vllm:{chat_model}", [request()], dtype="nonsense")


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ({"max_model_length": 512}, "max_model_len"),
        ({"trust_remote_code": True}, "trust_remote_code"),
        ({"worker_cls": "mine.Worker"}, "worker_cls"),
        ({"logits_processors": ["mine:Processor"]}, "logits_processors"),
        ({"distributed_executor_backend": "mine.Executor"}, "mine.Executor"),
        ({"load_format": "pt"}, "load_format"),
        ({"structured_outputs_config": {"reasoning_parser_plugin": "x.py"}}, "plugin"),
    ],
)
def test_options_that_name_code_or_are_unknown_are_refused(
    chat_model: Path, engine: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        VLLM(str(chat_model), Settings(engine=engine))


def test_options_of_speed_ask_nothing_again_and_others_do(chat_model: Path) -> None:
    def identity(**engine: object) -> dict[str, object]:
        return VLLM(str(chat_model), Settings(engine=engine)).identity()

    assert identity() == identity(enforce_eager=True, gpu_memory_utilization=0.5)
    assert identity() != identity(dtype="float32")


def by_client(spec: str, cache: Path, requests: list[Request]) -> tuple[list[Reply], bool]:
    """Answers of a whole client, and whether it had to load its model."""
    with connect(spec, Settings(engine=VLLM_OPTIONS), cache=cache) as client:
        provider = client.desk.provider
        return client.ask(requests), provider._engine is not None


def test_a_client_checks_answers_and_loads_no_model_for_known_ones(
    engines: Engines, chat_model: Path, tmp_path: Path
) -> None:
    asked = [
        request(schema=SCHEMA, max_tokens=60),
        request(schema=SCHEMA, max_tokens=3),
        *[request(temperature=1.0, max_tokens=12, draw=draw) for draw in range(3)],
        request("word " * 600),
    ]
    spec = f"vllm:{chat_model}"
    replies, _ = engines.call(by_client, spec, tmp_path, asked)
    verdict, cut, *draws, failed = replies
    assert verdict.data["winner"] in ("A", "B")
    assert (cut.failure.kind, cut.data) == ("cut", None)
    assert len({reply.text for reply in draws}) == 3
    assert failed.failure.kind == "rejected"
    again, loaded = engines.call(by_client, spec, tmp_path, asked[:-1])
    assert [reply.text for reply in again] == [reply.text for reply in replies[:-1]]
    assert all(reply.cached for reply in again)
    assert not loaded


def test_nothing_is_written_to_standard_output(engines: Engines, chat_model: Path) -> None:
    engines.ask(f"vllm:{chat_model}", [request()])
    assert engines.stdout.read_bytes() == b""

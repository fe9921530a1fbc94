from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, Rule
from wire_server import Came, WireServer, asked, done, http, shown, tls_files

from prefkit.errors import ConfigError
from prefkit.llm.clients.server import Server
from prefkit.llm.provider import Fault
from prefkit.llm.records import Request, ScoreRequest, Usage, messages
from prefkit.llm.settings import Settings
from prefkit.schema.records import Message

CANARY = "sk-canary-0123456789abcdef"
ASK = messages("Which is better?")
SAID = {"model": "m-1", "choices": [{"finish_reason": "stop", "message": {"content": "Yes."}}]}
MISSING = http({"detail": "Not Found"}, 404)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def client(url: str, **options: Any) -> Server:
    return Server(f"{url}#org/m", Settings(**options))


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("http://127.0.0.1:8000#m", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/#m", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/#m", "http://127.0.0.1:8000/v1"),
        ("https://llm.example/api/v1#m", "https://llm.example/api/v1"),
    ],
)
def test_a_server_is_named_by_its_address_and_model(spec: str, address: str):
    server = Server(spec, Settings())
    assert server.identity() == {"client": "server", "address": address, "model": "m"}
    assert server.is_free


def test_a_model_may_hold_another_hash():
    assert Server("http://h#org/m#2", Settings()).model == "org/m#2"


@pytest.mark.parametrize("spec", ["http://127.0.0.1:8000", "http://127.0.0.1:8000#", "http://h# "])
def test_a_server_without_a_model_is_a_usage_error(spec: str):
    with pytest.raises(ConfigError, match="model is missing"):
        Server(spec, Settings())


def test_a_server_has_no_second_address():
    with pytest.raises(ConfigError, match="base_url"):
        client("http://h", base_url="http://other")


def test_a_server_is_sent_the_fields_of_its_own_dialect():
    with WireServer(lambda _: http(SAID)) as server:
        request = Request(
            messages=ASK,
            max_tokens=7,
            temperature=0.0,
            top_k=5,
            choices=("A", "B"),
            extra={"min_p": 0.1},
        )
        reply = asked(client(server.url), request)
        came = server.came[0]
    assert (reply.text, reply.model) == ("Yes.", "m-1")
    assert came.line == "POST /v1/chat/completions HTTP/1.1"
    assert "authorization" not in came.headers
    assert came.json == {
        "model": "org/m",
        "messages": [{"role": "user", "content": "Which is better?"}],
        "max_tokens": 7,
        "temperature": 0.0,
        "top_k": 5,
        "structured_outputs": {"choice": ["A", "B"]},
        "min_p": 0.1,
    }


@pytest.mark.parametrize(
    ("fault", "kind", "billed"),
    [
        ("400", "rejected", False),
        ("401", "refused", False),
        ("429", "throttled", False),
        ("500", "server", False),
        ("503", "server", False),
        ("redirect", "rejected", False),
        ("cut", "transport", True),
        ("cut_body", "transport", True),
        ("cut_chunk", "transport", True),
        ("half", "malformed", True),
        ("html", "malformed", True),
        ("no_content", "malformed", True),
        ("flood", "malformed", True),
        ("bomb", "malformed", True),
        ("echo", "rejected", False),
    ],
)
def test_each_fault_says_what_can_be_done_about_it(fault: str, kind: str, billed: bool):
    with FaultServer([Rule(fault=fault)], key=CANARY) as server:
        provider = client(server.host, key_env="HOUSE_KEY", max_body_bytes=1 << 20)
        raised = asked(provider, Request(messages=ASK))
        assert (raised.kind, raised.maybe_billed) == (kind, billed), raised.message
        assert "canary" not in shown(raised)
        assert len(server.asks()) == 1


@pytest.mark.parametrize("fault", ["leak", "leak_escaped"])
def test_a_key_that_comes_back_is_in_no_reply(fault: str):
    with FaultServer([Rule(fault=fault)]) as server:
        provider = client(server.host, key_env="HOUSE_KEY")
        reply = asked(provider, Request(messages=ASK, logprobs=1))
        assert reply.text.startswith("Your key is [key]")
        assert "canary" not in repr(reply)
        assert not provider.is_free


def test_a_server_that_nobody_vouches_for_gets_no_key(tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files(tmp_path))
    with WireServer(lambda _: http(SAID), context) as server:
        fault = asked(client(server.url, key_env="HOUSE_KEY"), Request(messages=ASK))
        assert (fault.kind, fault.maybe_billed) == ("transport", False)
        assert "certificate" in fault.message
        assert server.came == []


def test_a_server_whose_certificate_this_machine_trusts_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate, private = tls_files(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    with WireServer(lambda _: http(SAID), context) as server:
        assert asked(client(server.url, key_env="HOUSE_KEY"), Request(messages=ASK)).text == "Yes."
        assert server.came[0].headers["authorization"] == f"Bearer {CANARY}"


def test_proxies_and_netrc_of_the_environment_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password from-netrc\n")
    netrc.chmod(0o600)
    with WireServer(lambda _: http(SAID)) as trap, WireServer(lambda _: http(SAID)) as server:
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, trap.url)
        assert asked(client(server.url), Request(messages=ASK)).text == "Yes."
        assert trap.came == []
        assert "authorization" not in server.came[0].headers


def test_connections_are_used_again_and_cookies_are_not_kept():
    async def run(provider: Server) -> None:
        for _ in range(5):
            await provider.ask(Request(messages=ASK))

    with WireServer(lambda _: http(SAID, set_cookie="a=b")) as server:
        # by name: cookies of bare addresses are not kept by anybody
        provider = client(f"http://localhost:{server.port}")
        done(provider, run(provider))
        assert len(server._open) == 1
        assert all("cookie" not in came.headers for came in server.came)


def test_the_servers_tokenizer_counts_the_turns():
    with WireServer(lambda _: http({"count": 42, "tokens": []})) as server:
        provider = client(server.url)
        assert done(provider, provider.count(Request(messages=ASK))) == 42
        came = server.came[0]
    assert came.path == "/tokenize"
    assert came.json == {
        "model": "org/m",
        "messages": [{"role": "user", "content": "Which is better?"}],
        "add_generation_prompt": True,
    }


@pytest.mark.parametrize(
    "answer", [MISSING, http({"error": "what?"}, 400), http({"tokens": []}), http(b"<html>")]
)
def test_a_server_without_a_counter_counts_nothing(answer: bytes):
    with WireServer(lambda _: answer) as server:
        provider = client(server.url)
        assert done(provider, provider.count(Request(messages=ASK))) is None


# Scores: token 10 + n of the whole has the log-prob -n


def vllm(came: Came, *, tokens: dict[str, list[int]] | None = None) -> bytes:
    """What vLLM 0.32 says to `/tokenize` and to `/v1/completions` with `prompt_logprobs`."""
    known = tokens or {}
    prompt = came.json["prompt"]
    if came.path == "/tokenize":
        assert came.json["add_special_tokens"] is False
        return http({"count": 0, "max_model_len": 512, "tokens": known[prompt]})
    ids = known[prompt] if isinstance(prompt, str) else prompt
    entries = [None, *({str(i): {"logprob": float(10 - i), "rank": 1}} for i in ids[1:])]
    choice: dict[str, Any] = {"index": 0, "text": "x", "prompt_logprobs": entries}
    if came.json.get("return_token_ids"):
        assert came.json["add_special_tokens"] is False
        choice["prompt_token_ids"] = ids
    usage = {"prompt_tokens": len(ids), "completion_tokens": 1}
    return http({"model": "m-1", "choices": [choice], "usage": usage})


def scored(server: WireServer, **request: Any) -> Any:
    provider = client(server.url)
    return done(provider, provider.score(ScoreRequest(**request)))


def test_token_ids_are_scored_as_they_are():
    with WireServer(vllm) as server:
        score = scored(server, prompt=(10, 11), completion=(12, 13, 14))
        assert server.came[0].json == {
            "model": "org/m",
            "prompt": [10, 11, 12, 13, 14],
            "max_tokens": 1,
            "temperature": 0.0,
            "prompt_logprobs": 0,
        }
    assert score.logprobs == (-2.0, -3.0, -4.0)
    assert score.value == -9.0
    assert score.usage == Usage(input=5, output=1)
    assert (score.model, score.failure) == ("m-1", None)


def test_text_is_tokenised_once_as_a_whole_by_the_server():
    tokens = {"A or B? ": [10, 11, 12], "A or B? A!": [10, 11, 12, 13, 14]}
    with WireServer(lambda came: vllm(came, tokens=tokens)) as server:
        score = scored(server, prompt="A or B? ", completion="A!")
    assert (score.logprobs, score.value) == ((-3.0, -4.0), -7.0)


def test_a_token_across_the_end_of_the_prompt_is_no_score():
    tokens = {"Hello ": [10, 11], "Hello world": [10, 12]}
    with WireServer(lambda came: vllm(came, tokens=tokens)) as server:
        fault = scored(server, prompt="Hello ", completion="world")
    assert fault.kind == "boundary"
    assert "token ids" in fault.message


def test_a_server_without_prompt_log_probs_says_so():
    without = http({"choices": [{"text": "x", "prompt_logprobs": None}]})
    with WireServer(lambda _: without) as server:
        assert scored(server, prompt=(1,), completion=(2,)).kind == "unsupported"
    with WireServer(lambda _: MISSING) as server:
        fault = scored(server, prompt="a", completion="b")
        assert (fault.kind, "token ids" in fault.message) == ("unsupported", True)


@pytest.mark.parametrize(
    "entries",
    [
        [None, {"11": {"logprob": -1.0}}],
        [None, {"11": {"logprob": -1.0}}, {"99": {"logprob": -1.0}}],
        [None, {"11": {"logprob": -1.0}}, None],
        [None, {"11": {"logprob": -1.0}}, {"12": {"logprob": None}}],
    ],
)
def test_log_probs_of_other_tokens_are_no_score(entries: list[Any]):
    answer = http({"choices": [{"text": "x", "prompt_logprobs": entries}]})
    with WireServer(lambda _: answer) as server:
        assert scored(server, prompt=(10, 11), completion=(12,)).kind == "malformed"


@pytest.mark.parametrize(
    "request_",
    [
        {"prompt": "", "completion": "b"},
        {"prompt": (1,), "completion": ()},
        {"prompt": "a", "completion": (1,)},
    ],
)
def test_what_cannot_be_scored_is_said_before_anything_is_sent(request_: dict[str, Any]):
    with WireServer(vllm) as server:
        assert scored(server, **request_).kind == "rejected"
        assert server.came == []


TALK = (*ASK, Message("assistant", "The second."))


def logits(*values: float) -> Callable[[Came], bytes]:
    """What vLLM 0.32 says to `/classify` where the activation is left out."""
    data = [{"index": 0, "label": "LABEL_0", "probs": list(values), "num_classes": len(values)}]
    usage = {"prompt_tokens": 9, "total_tokens": 9, "completion_tokens": 0}
    return lambda _: http({"object": "list", "model": "m-1", "data": data, "usage": usage})


def test_a_conversation_is_scored_by_the_logit_of_a_classifier_of_one_label():
    with WireServer(logits(-1.25)) as server:
        score = scored(server, messages=TALK)
        (came,) = server.came
    assert (score.value, score.logprobs, score.model) == (-1.25, None, "m-1")
    assert score.usage == Usage(9, 0)
    assert came.path == "/classify", "beside the API's path"
    assert came.json == {
        "model": "org/m",
        "messages": [
            {"role": "user", "content": "Which is better?"},
            {"role": "assistant", "content": "The second."},
        ],
        "add_generation_prompt": False,
        "add_special_tokens": False,
        "use_activation": False,
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda _: MISSING, "unsupported"),
        (logits(0.1, 0.9), "unsupported"),
        (lambda _: http({"data": []}), "malformed"),
        (lambda _: http({"data": [{"probs": ["much"]}]}), "malformed"),
        (lambda _: http({"error": {"message": "too long"}}, 400), "rejected"),
    ],
)
def test_a_server_without_a_reward_gives_none(answer: Callable[[Came], bytes], kind: str):
    with WireServer(answer) as server:
        assert scored(server, messages=TALK).kind == kind


def test_many_requests_at_once_are_answered_each_with_its_own():
    async def run(provider: Server) -> list[Any]:
        requests = [Request(messages=messages(f"Question {n}")) for n in range(300)]
        return await asyncio.gather(*map(provider.ask, requests), return_exceptions=True)

    rules = [Rule(fault="cut", share=0.2), Rule(fault="half", share=0.1)]
    with FaultServer(rules, seed=1, latency=0.01) as server:
        provider = client(server.host, concurrency=50)
        replies = done(provider, run(provider))
        assert server.most_in_flight <= 50
    broken = [reply for reply in replies if isinstance(reply, Fault)]
    assert 40 < len(broken) < 150
    assert {fault.kind for fault in broken} == {"transport", "malformed"}
    assert len({reply.text for reply in replies if not isinstance(reply, Fault)}) == 300 - len(
        broken
    )

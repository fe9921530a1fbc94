"""Where the key of a hosted provider goes, and where it must not be seen."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
from fault_server import FaultServer, Rule
from openai_clients import ASK, CANARY, both, chat, said
from wire_server import WireServer, asked, http, shown, tls_files

from prefkit.llm.provider import Fault
from prefkit.llm.records import Request


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", CANARY)


def test_a_key_that_comes_back_is_in_no_reply_message_log_or_traceback(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("openai").setLevel(logging.DEBUG)
    logging.getLogger("httpx2").setLevel(logging.DEBUG)
    told = ""
    for fault in ("echo", "401", "leak", "leak_escaped", "429", "500", "cut_body", "redirect"):
        with FaultServer([Rule(fault=fault)]) as server:
            for provider in both(server.host):
                got = asked(provider, Request(messages=ASK, logprobs=1, temperature=None))
                told += shown(got) if isinstance(got, Fault) else repr(got)
            assert all(CANARY in seen.headers["authorization"] for seen in server.asks())
    out = capfd.readouterr()
    for text in (told, caplog.text, out.out, out.err):
        assert "canary" not in text
    assert "[key]" in told


def test_log_probs_that_spell_the_key_are_dropped():
    body = said(f"Your key is {CANARY}")
    pieces = ["Your key is ", CANARY[:9], CANARY[9:]]
    entries = [{"token": piece, "logprob": -1.0, "top_logprobs": []} for piece in pieces]
    body["choices"][0]["logprobs"] = {"content": entries}
    with WireServer(lambda _: http(body)) as server:
        reply = asked(chat(server.url), Request(messages=ASK))
    assert (reply.text, reply.tokens) == ("Your key is [key]", None)


def test_a_redirect_is_not_followed():
    with WireServer(lambda _: http(said())) as trap:
        elsewhere = http(b"", 307, location=f"{trap.url}/v1/chat/completions")
        with WireServer(lambda _: elsewhere) as server:
            fault = asked(chat(server.url), Request(messages=ASK))
        assert fault.kind == "rejected"
        assert "redirect" in fault.message
        assert trap.came == []


def test_no_environment_variable_sends_the_key_elsewhere_or_adds_to_the_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password from-netrc\n")
    netrc.chmod(0o600)
    with WireServer(lambda _: http(said())) as trap, WireServer(lambda _: http(said())) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, trap.url)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{trap.url}/v1")
        monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
        monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody")
        monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-of-somebody")
        monkeypatch.setenv(
            "OPENAI_CUSTOM_HEADERS", "Host: evil.example\nX-Evil: 1\nAuthorization: Bearer other"
        )
        assert asked(chat(server.url), Request(messages=ASK)).text == "Yes."
        headers = server.came[0].headers
        assert trap.came == []
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["authorization"] == f"Bearer {CANARY}"
    assert "evil" not in str(headers)
    assert "somebody" not in str(headers)
    assert "from-netrc" not in str(headers)


def test_a_server_that_nobody_vouches_for_gets_no_key(tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files(tmp_path))
    with WireServer(lambda _: http(said()), context) as server:
        for provider in both(server.url):
            fault = asked(provider, Request(messages=ASK))
            assert (fault.kind, fault.maybe_billed) == ("transport", False)
            assert "certificate" in fault.message
        assert server.came == []

"""A judge on loopback: a real HTTP server that reads what it is shown and judges it by a rule.

It finds the responses by the marks in the prompt, as a model would have to, and answers by the
schema that it is asked for. `record` holds what it was shown, in the order in which it came.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Rule = Callable[[list[str]], dict[str, Any] | str | int]
"""From the texts of the responses, as shown, to what is said: fields, a text, or a status."""

_CODE = re.compile(r"^The code of the marks in this task is (\w+)\.$", re.MULTILINE)


def first(_: list[str]) -> dict[str, Any]:
    """Locked on the first position."""
    return {"verdict": "A"}


def larger(texts: list[str]) -> dict[str, Any]:
    """Transitive: the larger number is better, whatever the order; equal ones tie."""
    one, other = (float(text.split()[-1]) for text in texts)
    return {"verdict": "tie" if one == other else "A" if one > other else "B"}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # a client opens 64 connections at once
    daemon_threads = True


class JudgeServer:
    """Answers by a rule, which may be changed while it runs; 100 tokens in and 10 out each."""

    def __init__(self, rule: Rule, model: str = "judge-2026") -> None:
        self.rule = rule
        self.model = model
        self.record: list[list[str]] = []
        self.bodies: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def spec(self) -> str:
        """What `connect` takes."""
        return f"http://127.0.0.1:{self._server.server_port}#judge"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to one request."""
        texts = shown_in(body["messages"][-1]["content"])
        with self._lock:
            self.record.append(texts)
            self.bodies.append(body)
            said = self.rule(texts)
        if isinstance(said, int):
            return said, {"error": {"message": "not now", "type": "server_error"}}
        if isinstance(said, dict):
            fields = body["response_format"]["json_schema"]["schema"]["properties"]
            why = {"rationale": "By the rule."} if "rationale" in fields else {}
            said = json.dumps(why | said)
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        facts = {"id": "1", "object": "chat.completion", "created": 1, "model": self.model}
        return 200, facts | {"choices": [choice], "usage": usage, "system_fingerprint": "fp_1"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        judge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body leave together

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                if not self.path.endswith("/chat/completions"):
                    self.reply(404, {"error": {"message": "no such endpoint"}})
                    return
                self.reply(*judge.answer(json.loads(raw)))

            def reply(self, status: int, said: dict[str, Any]) -> None:
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def shown_in(prompt: str) -> list[str]:
    """The texts of the responses in the order in which a prompt shows them."""
    (code,) = _CODE.findall(prompt)
    mark = re.compile(
        rf"^=== {code} BEGIN response ?([A-Z]?) ===\n(.*?)\n=== {code} END response ?\1 ===$",
        re.MULTILINE | re.DOTALL,
    )
    return [text for _, text in mark.findall(prompt)]

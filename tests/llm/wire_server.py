"""A loopback server that says exactly the bytes a test gives it, over HTTP or TLS."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest

from prefkit.llm.provider import Fault


class Came(NamedTuple):
    """One request as it stood on the wire; header names in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split()[1]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def http(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> bytes:
    """A whole answer; a header given by name (content_length=...) replaces the right one."""
    raw = json.dumps(body).encode() if isinstance(body, dict) else body
    said = {"content-type": "application/json", "content-length": str(len(raw))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"HTTP/1.1 {status} said\r\n{lines}\r\n".encode() + raw


class WireServer:
    """Answers every request with `say(request)`, then goes on, or hangs up after b''."""

    def __init__(self, say: Callable[[Came], bytes], tls: ssl.SSLContext | None = None) -> None:
        self.say = say
        self.came: list[Came] = []
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as stream:
                while (came := _read(stream)) is not None:
                    self.came.append(came)
                    answer = self.say(came)
                    connection.sendall(answer)
                    if not answer:
                        return
        except OSError:
            return


def _read(stream: Any) -> Came | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers: dict[str, str] = {}
    while text := stream.readline().decode().strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    return Came(line, headers, stream.read(int(headers.get("content-length", 0))))


def asked(provider: Any, request: Any) -> Any:
    """What `ask` gives, or the fault that it raises; connections are closed afterwards."""
    return done(provider, provider.ask(request))


def done(provider: Any, call: Any) -> Any:
    """What a call of a provider gives, or the fault that it raises."""

    async def run() -> Any:
        try:
            return await call
        except Fault as fault:
            return fault
        finally:
            await provider.close()

    return asyncio.run(run())


def shown(fault: BaseException) -> str:
    """Everything a traceback can show of a failure, the variables of all frames included."""
    told = traceback.TracebackException.from_exception(fault, capture_locals=True)
    return "".join(told.format()) + repr(fault) + repr(vars(fault))


def tls_files(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody vouches for, and its private key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", key, "-out", certificate)
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    subprocess.run([openssl, *made, *names, *files], check=True, capture_output=True)
    return certificate, key

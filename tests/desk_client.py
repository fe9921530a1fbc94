"""A served desk and a plain HTTP client for it: what a browser without a script would send."""

from __future__ import annotations

import html
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from pair_rows import assistant, pair, user, write_pairs

from prefkit.dataset import Dataset, open_dataset
from prefkit.reviews.folder import write_review
from prefkit.reviews.frame import frame_of
from prefkit.reviews.goal import Goal
from prefkit.reviews.plan import new_plan

GOAL = Goal(0.85, 0.9, 25, 0.05, 0.10)


def make_review(folder: Path, pairs: int, drawn: int, *, sure: int = 0) -> tuple[Path, Path]:
    """Pairs whose chosen side says `right N` and whose other says `wrong N`, and a review of them.

    The first `sure` rows have votes that hardly leave a doubt, so some may serve as gold.
    """
    rows = [
        pair(
            user(f"Question {n}?"), assistant(f"right {n}"), assistant(f"wrong {n}"),
            p_chosen=0.99 if n < sure else 0.6, n_votes=5,
        )
        for n in range(pairs)
    ]  # fmt: skip
    dataset = open_dataset(write_pairs(folder / "pairs", rows))
    return dataset.path, review_of(dataset, folder / "review", drawn)


def review_of(dataset: Dataset, review: Path, drawn: int) -> Path:
    plan = new_plan(frame_of(dataset, 0), GOAL, {}, drawn, None)
    write_review(review, plan, {}, force=False)
    return review


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def size(self) -> int:
        return len(self.text.encode())

    def field(self, name: str, action: str = "") -> str:
        """The value of a hidden field."""
        part = self.text[self.text.index(f'action="{action}"') :] if action else self.text
        found = re.search(rf'name="{name}" value="([^"]*)"', part)
        assert found is not None, self.text
        return html.unescape(found[1])

    @property
    def prompt(self) -> int:
        """The number of the question."""
        found = re.search(r"Question (\d+)\?", self.text)
        assert found is not None, self.text
        return int(found[1])

    @property
    def is_card(self) -> bool:
        return 'class="vote"' in self.text

    @property
    def right(self) -> str:
        """The letter of the side that the dataset calls chosen."""
        return "a" if self.text.index("right ") < self.text.index("wrong ") else "b"

    @property
    def notice(self) -> str:
        found = re.search(r'role="status">(.*?)</div>', self.text)
        assert found is not None, self.text
        return html.unescape(found[1])


class Client:
    """One browser: it keeps one connection and its cookies."""

    def __init__(self, address: str) -> None:
        self.host = address.split("/")[2]
        self.start = address[address.index(self.host) + len(self.host) :]
        self.cookies: dict[str, str] = {}
        self._line = http.client.HTTPConnection(self.host, timeout=20)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """One request; a header is named with underscores, and an empty one is left out."""
        told = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            told |= {
                "Origin": f"http://{self.host}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        told = {name: value for name, value in told.items() if value}
        self._line.request(method, path, body or None, told)
        reply = self._line.getresponse()
        text = reply.read().decode()
        for value in reply.headers.get_all("Set-Cookie", []):
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        answer = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, answer, text)

    def get(self, path: str = "/", **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def enter(self) -> Answer:
        """Come in by the address, and see the first card."""
        assert self.send("GET", self.start).status == 200
        return self.get()

    def post(self, path: str, fields: Sequence[tuple[str, str]], **headers: str) -> Answer:
        return self.send("POST", path, urlencode(fields).encode(), **headers)

    def vote(self, card: Answer, verdict: str, *more: tuple[str, str]) -> Answer:
        """Vote on a card and see what the desk shows then."""
        fields = [("form", card.field("form")), ("ticket", card.field("ticket")), *more]
        action = "/settled" if 'action="/settled"' in card.text else "/vote"
        answer = self.post(action, [*fields, ("verdict", verdict)])
        return self.followed(answer)

    def undo(self, card: Answer) -> Answer:
        return self.followed(self.post("/undo", [("form", card.field("form"))]))

    def followed(self, answer: Answer) -> Answer:
        assert answer.status == 303, answer
        return self.get(answer.headers["location"])

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._line.close()


class Served:
    """A running desk: the addresses that it printed, by the name of the reviewer."""

    def __init__(self, command: Sequence[str], limits: Callable[[], None] | None) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self._streams = [(self._folder / name).open("wb") for name in ("out", "err")]
        self.process = subprocess.Popen(
            command, stdout=self._streams[0], stderr=self._streams[1], preexec_fn=limits,
            env=os.environ | {"NO_COLOR": "1"},
        )  # fmt: skip
        self.addresses: dict[str, str] = {}
        self._clients: list[Client] = []

    @property
    def out(self) -> str:
        return (self._folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self._folder / "err").read_text()

    def wait(self, people: int) -> None:
        until = time.monotonic() + 30
        while len(self.addresses) < people:
            assert time.monotonic() < until, self.err
            assert self.process.poll() is None, self.err
            time.sleep(0.02)
            found = re.findall(r"^ +(\S+)(?: \(lead\))? +(https?://\S+token=\S+)\n", self.err, re.M)
            self.addresses = dict(found)

    def client(self, name: str) -> Client:
        """A new browser for somebody; it is closed with the desk."""
        self._clients.append(Client(self.addresses[name]))
        return self._clients[-1]

    def stop(self) -> int:
        """Ctrl-C; gives its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.kill()
        for stream in self._streams:
            stream.close()
        shutil.rmtree(self._folder)


@contextmanager
def served(
    pairs: Path,
    review: Path,
    *options: str,
    people: int = 1,
    limits: Callable[[], None] | None = None,
) -> Iterator[Served]:
    """The desk as the command serves it.

    Args:
        pairs: the dataset.
        review: its review.
        options: of the command.
        people: how many addresses it prints.
        limits: called in the process before it begins.
    """
    command = [str(Path(sys.executable).with_name("prefkit")), "review", str(pairs)]
    desk = Served([*command, "--out", str(review), *options], limits)
    try:
        desk.wait(people)
        yield desk
    finally:
        desk.close()

"""Recorded replies instead of a model: `replay:FILE`, for demos and tests without keys.

FILE is a journal of another client (any client: who answered does not matter), or JSON lines
written by hand, one answer each:

    {"request": {"messages": "Which is better?", "draw": 1}, "reply": "A"}
    {"request": {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.7},
     "reply": {"text": "Hello", "finish": "stop", "usage": {"input": 3, "output": 1}}}
    {"request": {"prompt": "The sky is", "completion": " blue"}, "reply": {"value": -0.3}}

(each on one line). A journal's answer is given to the request that it answered, draw included. A
line by hand answers every request that agrees with it in what it names; what it leaves out may be
anything. Of several answers to one request the last counts. What is not recorded fails as
`unsupported` and says what comes nearest; damaged lines of a journal are not recorded.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import orjson

from prefkit.errors import ConfigError, DataError
from prefkit.llm.clients.replay_lines import Handwritten, handwritten
from prefkit.llm.codec import read_reply, read_score
from prefkit.llm.keeping.entries import Entry, decode
from prefkit.llm.provider import Local
from prefkit.llm.records import Failure, Reply, Request, Score, ScoreRequest
from prefkit.llm.settings import Settings

__all__ = ["Replay"]

AnswerT = TypeVar("AnswerT", Reply, Score)

_JOURNAL = b'{"prefkit":'
_NEAREST = 2000  # recorded questions that a missing one is compared with
_HEAD = 80  # characters of a question in a message


class _Place(NamedTuple):
    start: int
    length: int


class Replay(Local):
    """Recorded answers, from a journal or JSON lines: `replay:FILE`.

    The file is read once, and its answers again as they are needed.
    """

    can = frozenset(
        {
            *("by_tool", "choices", "extra", "logprobs", "reward"),
            *("schema", "score", "seed", "stop", "top_k"),
        }
    )

    def __init__(self, rest: str, _: Settings) -> None:
        """Read what is recorded.

        Raises:
            ConfigError: there is no such file.
            DataError: a line is neither a journal's nor an answer written by hand.
        """
        self._path = Path(rest).expanduser()
        if not self._path.is_file():
            raise ConfigError(f"no recorded replies at {rest!r}", hint="replay:FILE.jsonl")
        self.model = self._path.stem
        self._recorded: dict[bytes, _Place] = {}
        self._by_prompt: dict[bytes, _Place] = {}
        self._written: dict[bytes, list[Handwritten]] = {}
        self._heads: dict[str, None] = {}
        self._digest = hashlib.blake2b(digest_size=16)
        self._read()

    def identity(self) -> dict[str, Any]:
        """The content of the file: another recording is somebody else."""
        return {"client": "replay", "digest": self._digest.hexdigest()}

    def close(self) -> None:
        """Nothing is held open."""

    def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        """Recorded answers in the order asked.

        Raises:
            DataError: the file has changed since it was read.
        """
        return [self._reply(request) for request in requests]

    def score_all(self, requests: Sequence[ScoreRequest]) -> list[Score]:
        """Recorded scores in the order asked.

        Raises:
            DataError: the file has changed since it was read.
        """
        return [self._score(request) for request in requests]

    def _reply(self, request: Request) -> Reply:
        entry = self._entry(request.facts())
        if entry is not None:
            reply = read_reply(entry.reply, "")
            # what was wrong with it is found again by whoever asks, if it still is
            failure = reply.failure if reply.text is None else None
            return replace(reply, cached=False, data=None, failure=failure)
        for line in reversed(self._written.get(_prompt(request.facts()), [])):
            if line.reply is not None and line.answers(request):
                return line.reply
        return Reply(failure=self._missing(request))

    def _score(self, request: ScoreRequest) -> Score:
        entry = self._entry(request.facts())
        if entry is not None:
            return replace(read_score(entry.reply, ""), cached=False)
        for line in reversed(self._written.get(_prompt(request.facts()), [])):
            if line.score is not None:
                return line.score
        return Score(failure=self._missing(request))

    def _read(self) -> None:
        start = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                self._digest.update(line)
                text = line.rstrip(b"\n")
                place = _Place(start, len(text))
                start += len(line)
                if (entry := decode(text)) is not None:
                    self._note(entry, place)
                elif not _is_torn(text):
                    one = handwritten(line, f"{self._path.name}, line {number}")
                    self._written.setdefault(_prompt(one.facts), []).append(one)
                    self._head(one.facts)

    def _note(self, entry: Entry, place: _Place) -> None:
        facts = orjson.loads(entry.request)
        self._recorded[_digest(facts)] = place
        self._by_prompt[_prompt(facts)] = place
        self._head(facts)

    def _head(self, facts: dict[str, Any]) -> None:
        if len(self._heads) < _NEAREST:
            self._heads[_question(facts)] = None

    def _entry(self, facts: dict[str, Any]) -> Entry | None:
        place = self._recorded.get(_digest(facts))
        return None if place is None else self._at(place)

    def _at(self, place: _Place) -> Entry:
        with self._path.open("rb") as file:
            file.seek(place.start)
            entry = decode(file.read(place.length))
        if entry is None:
            raise DataError(f"{self._path.name} has changed since it was opened")
        return entry

    def _missing(self, request: Request | ScoreRequest) -> Failure:
        return Failure("unsupported", f"not recorded in {self._path.name}{self._nearest(request)}")

    def _nearest(self, request: Request | ScoreRequest) -> str:
        facts = request.facts()
        prompt = _prompt(facts)
        if prompt in self._by_prompt:
            recorded = orjson.loads(self._at(self._by_prompt[prompt]).request)
            return f"; the same messages are, with other options: {_difference(recorded, facts)}"
        if prompt in self._written:
            return "; the same messages are, with other options"
        near = difflib.get_close_matches(_question(facts), self._heads, 1, 0.3)
        return f"; the nearest is {near[0]!r}" if near else ""


def _is_torn(line: bytes) -> bool:
    """Whether it is blank, or what a kill or a power cut leaves of a journal's line."""
    rest = line.strip(b"\0 ")
    return rest.startswith(_JOURNAL) or _JOURNAL.startswith(rest)


def _difference(recorded: dict[str, Any], asked: dict[str, Any]) -> str:
    names = sorted(n for n in recorded.keys() | asked.keys() if recorded.get(n) != asked.get(n))
    return ", ".join(f"{n} {_told(recorded, n)} and not {_told(asked, n)}" for n in names[:3])


def _told(facts: dict[str, Any], name: str) -> str:
    return orjson.dumps(facts[name]).decode()[:_HEAD] if name in facts else "its default"


def _question(facts: dict[str, Any]) -> str:
    turns = facts.get("messages") or [{"content": facts.get("prompt")}]
    return " ".join(str(turns[-1]["content"]).split())[:_HEAD]


def _prompt(facts: dict[str, Any]) -> bytes:
    """What is asked or scored, whatever the options."""
    names = ("messages", "prompt", "completion")
    return _digest({name: facts[name] for name in names if name in facts})


def _digest(facts: dict[str, Any]) -> bytes:
    text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).digest()

"""One candidate, as the parent sees it: it is asked, and nothing that it says is believed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prefkit.sandbox.answer import Answer, AnswerKind
from prefkit.sandbox.connection import Connection
from prefkit.sandbox.inside.values import ProtocolError, decode, encode

if TYPE_CHECKING:
    from prefkit.sandbox.worker import Ended, Worker

__all__ = ["Answer", "AnswerKind", "Session"]

_STARVED = ("can't start new thread", "Resource temporarily unavailable")
"""Words of an error that may be the machine's fault and not the candidate's."""


class Session:
    """A candidate that was forked. Close it: `with worker.open(code) as candidate`."""

    def __init__(self, worker: Worker, line: Connection, first: Mapping[str, Any]) -> None:
        self._worker = worker
        self._limits = worker.limits
        self._line = line
        before = line.left_s
        frame = line.exchange(first, self._limits.total_s)
        found = self._ended(frame) if line.is_program else self._read(frame, None)
        self.loaded = found._replace(wall_s=before - line.left_s)
        """What came of loading the code: `value` null, or why it did not load. Of a program, what
        came of it as a whole: `value` if it ended with status 0."""
        if line.is_program or (line.over is None and self.loaded.kind != "value"):
            line.end(self.loaded)

    def __enter__(self) -> Session:
        """The code is loaded, or `loaded` says why not."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the candidate."""
        self.close()

    @property
    def printed(self) -> bytes:
        """What a program wrote to its standard output: all of it, once it has ended."""
        return bytes(self._line.printed)

    @property
    def over(self) -> Answer | None:
        """Why it answers no more; null while it may."""
        return self._line.over

    @property
    def ending(self) -> Ended | None:
        """How it ended, once it is closed; null if it had to be ended."""
        return self._line.ending

    def call(
        self, name: str, arguments: Sequence[Any] = (), keywords: Mapping[str, Any] | None = None
    ) -> Answer:
        """Call what the code defines under a name, dotted for a member.

        Raises:
            ValueError: this is a program, which has ended.
        """
        given = {key: encode(one) for key, one in (keywords or {}).items()}
        return self._ask(
            {"call": name, "arguments": [encode(one) for one in arguments], "keywords": given}
        )

    def evaluate(self, source: str) -> Answer:
        """The value of an expression among the candidate's names; it must hold nothing secret.

        Raises:
            ValueError: this is a program, which has ended.
        """
        return self._ask({"evaluate": source})

    def exchange(self, message: Any, seconds: float) -> Any:
        """Send any message; gives the next frame as JSON values, or the answer why none came."""
        return self._line.exchange(message, seconds)

    def close(self) -> None:
        """Let the candidate end, and see that it does; one that does not is ended."""
        self._line.close()

    def _ask(self, message: dict[str, Any]) -> Answer:
        if self._line.is_program:
            raise ValueError("a program runs once as a whole and cannot be called")
        # No answer can be sent before its question: it would have to guess this
        asked = os.urandom(8).hex()
        before = self._line.left_s
        frame = self._line.exchange({"id": asked, **message}, self._limits.call_s)
        answer = self._read(frame, asked)
        if self._line.over is None:
            answer = answer._replace(wall_s=before - self._line.left_s)
            if answer.kind not in ("value", "error"):
                self._line.end(answer)
        return answer

    def _read(self, frame: Any, asked: str | None) -> Answer:
        """A frame as an answer; whatever is not one of the messages is `protocol`."""
        if isinstance(frame, Answer):
            return frame
        try:
            return self._understood(frame, asked)
        except (ProtocolError, ValueError, RecursionError) as error:
            return Answer("protocol", error=_clean(str(error))[:200])

    def _understood(self, frame: Any, asked: str | None) -> Answer:
        if not isinstance(frame, dict) or frame.pop("id", None) != asked or len(frame) != 1:
            raise ProtocolError("not one of the messages")
        if asked is None and frame.get("ready") is True:
            return Answer("value")
        if asked is not None and "value" in frame:
            return Answer("value", decode(frame["value"]))
        error = frame.get("error")
        if not isinstance(error, list) or not all(isinstance(one, str) for one in error):
            raise ProtocolError("not one of the messages")
        text = _clean(": ".join(one for one in error if one))[: self._limits.error_chars]
        if not any(words in text for words in _STARVED):
            return Answer("error", error=text)
        # It may say so whatever happened: an honest program is asked whether it is so
        self._line.end(Answer("error", error=text))
        starved = self._worker.starves()
        answer = Answer("infra" if starved else "error", error=text)
        self._line.end(answer)
        return answer

    def _ended(self, frame: Any) -> Answer:
        """What came of a program, by its exit status; its last words say which error it was."""
        answer = self._read(frame, None)
        if answer.kind == "value" or (answer.kind == "crash" and self.ending is None):
            answer = Answer("protocol", error="a program has no such message")
        if answer.kind == "error" and self.over is None:
            ending = self._line.finish(self._limits.total_s)
            return answer if ending.kind == "crash" else ending
        if answer.kind == "crash" and self.ending is not None and os.WIFEXITED(self.ending.status):
            status = os.WEXITSTATUS(self.ending.status)
            plain = answer._replace(kind="error", error=f"left with status {status}")
            return plain if status else answer._replace(kind="value", error="")
        return answer


def _clean(text: str) -> str:
    """Foreign words as they can be stored and shown: no lone surrogates, no control characters."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text)

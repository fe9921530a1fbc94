"""The sample judge's verdicts as replies to prefkit's own requests.

`judge_verdicts.jsonl` is written by hand. `judge_replies.jsonl` is made from it, by the requests of
the rubric that `pipelines/judged.yaml` names; a changed rubric needs it made again:

    .venv/bin/python tests/pipelines/record_judge.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefkit.judging.asking import asked
from prefkit.judging.framing import Shown
from prefkit.judging.library import load_rubric
from prefkit.llm.records import Request
from prefkit.schema.records import Message

SAMPLES = Path(__file__).parent.parent.parent / "pipelines" / "samples"
VERDICTS = SAMPLES / "judge_verdicts.jsonl"
REPLIES = SAMPLES / "judge_replies.jsonl"
RUBRIC = "helpfulness"

_ENDS_WITH_MARK = re.compile(r"\s*\[\[(A|B|tie|both bad)\]\]$")


def verdicts() -> list[dict[str, Any]]:
    """The rows of `judge_verdicts.jsonl`."""
    return [json.loads(line) for line in VERDICTS.read_text(encoding="utf-8").splitlines()]


def lines() -> Iterator[str]:
    """The lines of `judge_replies.jsonl`, in the order of the verdicts."""
    rubric = load_rubric(RUBRIC)
    for row in verdicts():
        if row["shown_first"] == row["shown_second"]:
            continue  # prefkit does not ask which of two equal texts is better
        answers = (row["shown_first"], row["shown_second"])
        shown = Shown(
            prompt=(Message("user", row["request"]),),
            responses=tuple((Message("assistant", text),) for text in answers),
        )
        yield json.dumps(
            {"request": _question(asked(rubric, shown)), "reply": _reply(row)}, ensure_ascii=False
        )


def _question(request: Request) -> dict[str, Any]:
    turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    return {"messages": turns}


def _reply(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": _structured(row["reply"]),
        "model": row["judge"],
        "usage": {"input": row["input_tokens"], "output": row["output_tokens"]},
    }


def _structured(reply: str) -> str:
    """The reasons and the mark at the end as fields; a reply without such an end stays as it is."""
    found = _ENDS_WITH_MARK.search(reply)
    if found is None:
        return reply
    fields = {
        "rationale": reply[: found.start()],
        "verdict": found.group(1).replace(" ", "_"),
    }
    return json.dumps(fields, ensure_ascii=False)


if __name__ == "__main__":
    REPLIES.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")

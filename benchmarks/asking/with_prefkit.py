"""prefkit's client; `CASES ANSWERS URL AT_ONCE DIR FORM`, the journal in DIR.

FORM is `self-hosted` (the fast transport), `openai` or `anthropic` (their SDKs). Its last line says
how many seconds asking took: start-up, opening the journal included, is left out.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.asking.cases import MODEL, read_cases, write_answers
from prefkit.llm.connect import connect
from prefkit.llm.records import Request, messages
from prefkit.llm.settings import Settings

_KEY_ENV = "PREFKIT_BENCH_KEY"


def _form(form: str, url: str, at_once: int) -> tuple[str, Settings]:
    """The client's name and settings."""
    if form == "self-hosted":
        return f"{url}#{MODEL}", Settings(concurrency=at_once)
    base = f"{url}/v1" if form == "openai" else url
    os.environ[_KEY_ENV] = "none"
    return f"{form}:{MODEL}", Settings(concurrency=at_once, base_url=base, key_env=_KEY_ENV)


def main(cases: str, answers: str, url: str, at_once: str, folder: str, form: str) -> None:  # noqa: PLR0913
    """Ask, write the answers, say how long it took."""
    asked = read_cases(Path(cases))
    requests = [
        Request(messages=messages(case.prompt), max_tokens=256, name=str(case.number))
        for case in asked
    ]
    spec, settings = _form(form, url, int(at_once))
    with connect(spec, settings, cache=folder) as client:
        begin = time.perf_counter()
        replies = client.ask(requests)
        seconds = time.perf_counter() - begin
    for reply in replies:
        if reply.failure is not None:
            print(f"{reply.failure.kind}: {reply.failure.message}", file=sys.stderr)
    texts = (reply.text for reply in replies)
    write_answers(Path(answers), zip((case.number for case in asked), texts, strict=True))
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])

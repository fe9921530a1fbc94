"""A process with a canary for a key that meets every fault: `canary_process.py OPTIONS`.

It tells everything that a person could ever be shown or find: replies, errors, tracebacks with
the values of local variables, representations, pickles, and a log of all libraries at DEBUG.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from faulty import PRICE, questions, settings_for, spec_for

from prefkit.errors import PrefkitError
from prefkit.llm.client import Client
from prefkit.llm.clients.keys import Key
from prefkit.llm.connect import connect


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def told(error: BaseException) -> None:
    """An error as a debugger would show it, with those behind it and their local values."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    say("error", repr(error), "".join(shown.format()))
    try:
        say(pickle.dumps(error))
    except (TypeError, pickle.PicklingError, AttributeError) as refusal:
        say("no pickle:", refusal)


def values_of(client: Client) -> Iterator[object]:
    """The project's own objects that a client consists of."""
    seen: set[int] = set()
    ahead: list[object] = [client]
    while ahead:
        value = ahead.pop()
        if id(value) in seen or not type(value).__module__.startswith("prefkit"):
            continue
        seen.add(id(value))
        yield value
        if not isinstance(value, Key):  # it holds the key, and is the only one that may
            names = [*getattr(value, "__dict__", {}), *getattr(type(value), "__slots__", ())]
            ahead += [getattr(value, name, None) for name in names]


def show(value: object) -> None:
    for form in (repr, str, format):
        say(form(value))
    try:
        say(pickle.dumps(value))
    except (TypeError, pickle.PicklingError, AttributeError, ValueError) as refusal:
        say("no pickle:", type(value).__name__, refusal)


def ask(options: dict[str, Any], **more: Any) -> None:
    host = options["host"]
    server: Any = SimpleNamespace(host=host, openai_url=f"{host}/v1", anthropic_url=host)
    settings = settings_for(options["kind"], server, **options["settings"], **more)
    asked = questions(options["count"])
    spec = spec_for(options["kind"], server)
    try:
        with connect(
            spec, settings, cache=options["cache"], budget=9.0, prices={"m": PRICE}
        ) as client:
            try:
                for reply in client.stream(asked):
                    say(reply, pickle.dumps(reply))
            finally:
                for value in values_of(client):
                    show(value)
    except PrefkitError as error:
        told(error)


def main() -> None:
    """Ask, live or by batches, and show everything."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    logging.basicConfig(level=logging.DEBUG, filename="debug.log")
    os.environ["OPENAI_LOG"] = os.environ["ANTHROPIC_LOG"] = "debug"
    ask(options, **options.get("batch", {}))


if __name__ == "__main__":
    main()

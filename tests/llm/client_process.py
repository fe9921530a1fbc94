"""A process of its own that asks the fault server: `client_process.py OPTIONS`, for tests to kill.

OPTIONS is JSON: kind, host, cache, count, and settings. One line per reply goes out when the
reply is there: `{"name": ..., "text": ..., "cached": ..., "failure": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from faulty import KEY, KEY_ENV, questions, settings_for, spec_for

from prefkit.llm.connect import connect


def main() -> None:
    """Ask, and tell every reply."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    os.environ[KEY_ENV] = KEY
    host = options["host"]
    server: Any = SimpleNamespace(host=host, openai_url=f"{host}/v1", anthropic_url=host)
    settings = settings_for(options["kind"], server, **options.get("settings", {}))
    asked = questions(options["count"], first=options.get("first", 0))
    if options.get("backwards"):
        asked.reverse()
    with connect(spec_for(options["kind"], server), settings, cache=options["cache"]) as client:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for request, reply in zip(asked, client.stream(asked), strict=True):
            told = {"name": request.name, "text": reply.text, "cached": reply.cached}
            told["failure"] = reply.failure.kind if reply.failure else None
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

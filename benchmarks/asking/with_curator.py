"""Curator's `LLM` with its OpenAI backend, as its guide writes it; `CASES ANSWERS URL AT_ONCE DIR`.

It runs in a Python of its own and imports nothing of ours but the cases. Its limits a minute are
set out of the way, its telemetry and its viewer are off; the tokenizer that it loads at start-up
comes with one of its own dependencies, so that it starts without a network.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.asking.cases import MODEL, read_cases, write_answers

_NO_LIMIT = 100_000_000  # a minute
_ENVIRONMENT = {
    "TELEMETRY_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_API_KEY": "none",
}


def main(cases: str, answers: str, url: str, at_once: str, folder: str) -> None:
    """Ask and write the answers."""
    home = Path(folder).resolve()
    os.environ.update(_ENVIRONMENT, HF_HOME=str(home / "hub"), CURATOR_CACHE_DIR=str(home))
    # Read when the package is imported, so only now.
    from bespokelabs import curator  # type: ignore[import-not-found]
    from litellm.litellm_core_utils import default_encoding  # type: ignore[import-not-found]

    del default_encoding  # its import points the tokenizer's cache at a file that is there

    class Judge(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, Any]) -> str:
            return str(row["prompt"])

        def parse(self, row: dict[str, Any], response: str) -> dict[str, Any]:
            return {"number": row["number"], "answer": response}

    judge = Judge(
        model_name=MODEL,
        backend="openai",
        generation_params={"max_tokens": 256, "temperature": 0.0},
        backend_params={
            "base_url": f"{url}/v1",
            "max_concurrent_requests": int(at_once),
            "max_requests_per_minute": _NO_LIMIT,
            "max_tokens_per_minute": _NO_LIMIT,
            "require_all_responses": False,  # it would otherwise throw all away for one
        },
    )
    found = judge([case._asdict() for case in read_cases(Path(cases))]).dataset
    write_answers(Path(answers), zip(found["number"], found["answer"], strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])

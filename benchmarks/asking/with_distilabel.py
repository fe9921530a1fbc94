"""distilabel's `OpenAILLM` in a `TextGeneration` step; `CASES ANSWERS URL AT_ONCE DIR`.

It runs in a Python of its own and imports nothing of ours but the cases. Its one setting for
requests in flight is the batch size. A run that raises at its end has still written its batches:
they are read from its cache, so that only answers it dropped count as lost.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.asking.cases import MODEL, read_cases, write_answers

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "DISTILABEL_LOG_LEVEL": "WARNING",
}


def main(cases: str, answers: str, url: str, at_once: str, folder: str) -> None:
    """Ask and write the answers."""
    home = Path(folder).resolve()
    os.environ.update(_ENVIRONMENT, HF_HOME=str(home / "hub"), DISTILABEL_CACHE_DIR=str(home))
    # Read when the package is imported, so only now.
    from distilabel.models import OpenAILLM  # type: ignore[import-not-found]
    from distilabel.pipeline import Pipeline  # type: ignore[import-not-found]
    from distilabel.steps import LoadDataFromDicts  # type: ignore[import-not-found]
    from distilabel.steps.tasks import TextGeneration  # type: ignore[import-not-found]

    rows = [{"number": case.number, "instruction": case.prompt} for case in read_cases(Path(cases))]
    with Pipeline("judge", cache_dir=home) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=int(at_once))
        generate = TextGeneration(
            llm=OpenAILLM(
                model=MODEL,
                base_url=f"{url}/v1",
                api_key="none",
                generation_kwargs={"max_new_tokens": 256, "temperature": 0.0},
            ),
            input_batch_size=int(at_once),
        )
        load >> generate
    try:
        found = pipeline.run(use_cache=False)["default"]["train"]
        pairs = list(zip(found["number"], found["generation"], strict=True))
    except Exception as error:  # noqa: BLE001 - whatever it raises, what it wrote is counted
        print(f"distilabel raised: {error}", file=sys.stderr)
        pairs = list(_from_cache(home))
    write_answers(Path(answers), pairs)


def _from_cache(folder: Path) -> Iterator[tuple[int, str | None]]:
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(path)
        if {"number", "generation"} <= set(table.column_names):
            rows = table.select(["number", "generation"]).to_pylist()
            yield from ((row["number"], row["generation"]) for row in rows)


if __name__ == "__main__":
    main(*sys.argv[1:])

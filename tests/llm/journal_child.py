"""A process that keeps entries in a journal and says each key once it is on disk.

python journal_child.py put FOLDER NAME PREFIX COUNT SMALLEST LARGEST
python journal_child.py rewrite FOLDER NAME

Length and text of an answer follow from its key, so that whoever reads it knows what it must be.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from prefkit.llm.keeping.journal import Journal

NAME = "shared"


def answer(key: str) -> tuple[bytes, bytes]:
    """Reply and request of a key `PREFIX-NUMBER-LENGTH`; the reply has about that many bytes."""
    length = int(key.rsplit("-", 1)[1])
    return (
        b'{"text":"%s"}' % (key.encode() * (length // len(key) + 1)),
        b'{"ask":"%s"}' % key.encode(),
    )


def keys(prefix: str, count: int, smallest: int, largest: int) -> list[str]:
    chance = random.Random(prefix)
    return [f"{prefix}-{n}-{chance.randint(smallest, largest)}" for n in range(count)]


def start(*arguments: object) -> subprocess.Popen[str]:
    """This file in a process of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


async def put(journal: Journal, wanted: list[str]) -> None:
    slots = asyncio.Semaphore(20)

    async def one(key: str) -> None:
        async with slots:
            await journal.put(key, *answer(key))
            sys.stdout.write(f"{key}\n")
            sys.stdout.flush()

    await asyncio.gather(*(one(key) for key in wanted))


def main(what: str, folder: str, name: str, *rest: str) -> None:
    journal = Journal(Path(folder), name)
    if what == "put":
        prefix, count, smallest, largest = rest
        asyncio.run(put(journal, keys(prefix, int(count), int(smallest), int(largest))))
    while what == "rewrite":
        journal.rewrite(lambda key, reply, request: True)
        sys.stdout.write("rewritten\n")
        sys.stdout.flush()
    journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

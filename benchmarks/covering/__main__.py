"""`python -m benchmarks.covering`: the coverage of some intervals, a line a number and data set."""

from __future__ import annotations

import argparse

from benchmarks.covering.job import MEASURES, run


def main() -> None:
    """Print every kind of data set, then the table of `make bench ONLY=covering`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=MEASURES)
    parser.add_argument("--clusters", type=int, nargs="*", default=[20, 60, 200])
    options = parser.parse_args()
    print(f"{'coverage':>8} {'error':>6} {'given':>6} {'width':>7}  number, data set")
    outcome = run(options.trials, options.only, tuple(options.clusters))
    for one in outcome.found:
        where = f"{one.setting.clusters} prompts, {one.setting.shape}, {one.setting.taste}"
        told = f"{one.share:8.1%} {one.error:6.1%} {one.given / one.trials:6.0%}"
        print(f"{told} {one.width:7.3f}  {one.number}: {where}")
    print(outcome.text())


if __name__ == "__main__":
    main()

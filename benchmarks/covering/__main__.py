"""`python -m benchmarks.covering`: the coverage of every interval, a line a number and data set."""

from __future__ import annotations

import argparse

from benchmarks.covering.cover import cover, settings, truth_of
from benchmarks.covering.numbers import BY_DRAWS, BY_SUMS
from benchmarks.covering.rows import TASTES


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--only", nargs="*", default=[*BY_SUMS, *BY_DRAWS])
    parser.add_argument("--clusters", type=int, nargs="*", default=[20, 60, 200])
    options = parser.parse_args()
    print(f"{'coverage':>8} {'error':>6} {'given':>6} {'width':>7}  number, data set")
    for name, measure in {**BY_SUMS, **BY_DRAWS}.items():
        if name not in options.only:
            continue
        truths = {taste: truth_of(measure, taste) for taste in TASTES}
        for setting in settings(tuple(options.clusters)):
            for one in cover(measure, setting, truths[setting.taste], options.trials):
                where = f"{setting.clusters} prompts, {setting.shape}, {setting.taste}"
                told = f"{one.share:8.1%} {one.error:6.1%} {one.given / one.trials:6.0%}"
                print(f"{told} {one.width:7.3f}  {name}.{one.number}: {where}", flush=True)


if __name__ == "__main__":
    main()

"""Which of two programs passes more often, by counts of tests that each of them passed."""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["passes_more_often"]


_MOST = 100_000  # 0.2 s


@lru_cache(maxsize=65_536)
def passes_more_often(passed: int, trials: int, other_passed: int, other_trials: int) -> float:
    """The posterior probability that the first share is the larger, under Jeffreys' priors.

    Shares of independent trials have Beta(passed + 1/2, failed + 1/2) posteriors. A sum of as many
    terms as there are trials, so exact but for rounding (1e-9); 1 where the rest is below that.
    More than 100,000 trials count as 100,000 of the same share: less sure than they are.

    Source: the recurrences of Cook (2005), "Exact calculation of beta inequalities", from one half
    at two equal priors.

    Raises:
        ValueError: more passed than there are trials, or below none.
    """
    if not (0 <= passed <= trials and 0 <= other_passed <= other_trials):
        raise ValueError(f"{passed} of {trials} against {other_passed} of {other_trials}")
    if (passed, trials) == (other_passed, other_trials):
        return 0.5  # not a little less by rounding: that would speak against the first
    passed, trials = _few(passed, trials)
    other_passed, other_trials = _few(other_passed, other_trials)
    steps = (passed, trials - passed, other_passed, other_trials - other_passed)
    shapes = [0.5, 0.5, 0.5, 0.5]
    # B(a + c, b + d) / (B(a, b) B(c, d)), as a logarithm: it underflows on the way and comes back.
    overlap = -2 * math.log(math.pi)
    terms = [0.5]
    for place, count in enumerate(steps):
        sign = 1 if place in (0, 3) else -1
        partner, twin = place ^ 1, place ^ 2
        for _ in range(count):
            own = shapes[place]
            terms.append(sign * math.exp(overlap) / own)
            overlap += math.log(own + shapes[twin]) - math.log(math.fsum(shapes))
            overlap += math.log(own + shapes[partner]) - math.log(own)
            shapes[place] = own + 1
    return round(min(max(math.fsum(terms), 0.0), 1.0), 12)


def _few(passed: int, trials: int) -> tuple[int, int]:
    """At most `_MOST` trials; one that failed, or passed, is never lost."""
    if trials <= _MOST:
        return passed, trials
    return -(-passed * _MOST // trials) if 2 * passed < trials else passed * _MOST // trials, _MOST

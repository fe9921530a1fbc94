"""The chance that at least one of k samples passes, estimated without bias from n >= k samples."""

from __future__ import annotations

from math import prod

__all__ = ["pass_at_k"]


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """1 - C(samples - passed, k) / C(samples, k), of one task (Chen and others, 2021).

    Putting the pass rate p into 1 - (1 - p)**k instead is biased downwards.

    Raises:
        ValueError: more passed than there are samples, or k is not between 1 and their number.
    """
    if not 0 <= passed <= samples:
        raise ValueError(f"{passed} of {samples} samples cannot have passed")
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} cannot be told from {samples} samples")
    if samples - passed < k:
        return 1.0
    # The two binomials divided factor by factor, as they overflow by themselves.
    return 1.0 - prod(1.0 - k / one for one in range(samples - passed + 1, samples + 1))

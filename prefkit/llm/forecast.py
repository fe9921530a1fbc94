"""What asking would cost before anything is asked: which requests are new, and an estimate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

from prefkit.llm.desk import Desk
from prefkit.llm.errands import Asking
from prefkit.llm.money.estimate import Estimate, Sizes, estimate
from prefkit.llm.records import Request

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate of the requests that are new, and how many of the others there are."""

    estimate: Estimate
    cached: int = 0
    """In the journal."""
    repeated: int = 0
    """Equal to another request among these: asked once for all."""
    pending: int = 0
    """Part of a batch that was submitted, and agreed to, before."""


def forecast(
    desk: Desk,
    requests: Iterable[Request],
    *,
    submitted: Collection[str],
    count: Callable[[list[Request]], Sequence[int | None]],
) -> Forecast:
    """Look at every request, in the caller's thread, and hold about 110 bytes of each.

    Args:
        desk: who would be asked, and its journal.
        requests: read twice; an iterator is held as a list.
        submitted: keys of requests in batches that were not collected.
        count: see `estimate`.

    Raises:
        ConfigError: a request asks for what this client cannot do.
    """
    source = list(requests) if isinstance(requests, Iterator) else requests
    seen: set[bytes] = set()
    sizes, new = Sizes(), bytearray()
    cached = repeated = pending = 0
    for request in source:
        errand = Asking(request, "estimate", desk)
        key = bytes.fromhex(errand.key)
        new.append(0)
        if key in seen:
            repeated += 1
            continue
        seen.add(key)
        if errand.known() is not None:
            cached += 1
        elif errand.key in submitted:
            pending += 1
        else:
            new[-1] = 1
            sizes.add(request)
    found = estimate(sizes, compress(source, new), count=count, price=desk.price, share=desk.share)
    return Forecast(found, cached, repeated, pending)

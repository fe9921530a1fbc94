"""What scoring by a reward model would cost, which no estimate of requests tells."""

from __future__ import annotations

from collections.abc import Iterable

from prefkit.llm.client import Client
from prefkit.llm.errands import Scoring
from prefkit.llm.money.estimate import Estimate
from prefkit.llm.records import ScoreRequest
from prefkit.verbs.consent import Bill

__all__ = ["scoring"]

_BYTES = 4  # per token, for English


def scoring(client: Client, requests: Iterable[ScoreRequest]) -> Bill | None:
    """What a client would cost for its scores; null if it is asked for none.

    A text is billed for no more tokens than it has bytes, as the ledger reserves for it.

    Raises:
        ConfigError: the client gives no scores.
    """
    seen: set[str] = set()
    count = cached = size = 0
    for number, request in enumerate(requests, 1):
        count = number
        errand = Scoring(request, "estimate", client.desk)
        if errand.key in seen:
            continue
        seen.add(errand.key)
        if errand.known() is not None:
            cached += 1
        else:
            size += len(errand.facts)
    if not count:
        return None
    new, price, share = len(seen) - cached, client.desk.price, client.desk.share
    usd = None if price is None else (price.least(new, 0, share), price.most(size, new, share))
    basis = f"texts to score, not counted: at least one token each, at most one a byte ({new:,})"
    found = Estimate(
        new, 0, (new, max(size // _BYTES, new), size), (0, new), usd, basis, price, share
    )
    return Bill(
        client.desk.who,
        found,
        cached=cached,
        is_free=client.desk.provider.is_free,
        repeated=count - len(seen),
    )

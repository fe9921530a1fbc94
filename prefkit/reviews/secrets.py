"""The secret of a review, and what is made with it: sides, sessions, tickets.

The key lies in `REVIEW/issued/key` (mode 0600). With it sides cannot be told from pair ids, and
what a browser sends back is known to come from here, also after a restart.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from prefkit.errors import DataError
from prefkit.reviews.issued import FOLDER
from prefkit.schema.decision_lines import Side

__all__ = ["Secret", "secret_of"]

_KEY = "key"
_BYTES = 32


class Secret:
    """Keyed hashes of short texts; each purpose has its own."""

    def __init__(self, key: bytes) -> None:
        """Keep the key of a review, at least 32 bytes."""
        self._key = key

    def digest(self, purpose: str, *parts: str) -> bytes:
        """16 bytes that nobody can make without the key."""
        made = blake2b(key=self._key, digest_size=16, person=purpose.encode()[:16])
        for part in parts:
            told = part.encode("utf-8", "surrogatepass")
            made.update(len(told).to_bytes(4, "big") + told)
        return made.digest()

    def share(self, purpose: str, *parts: str) -> float:
        """A number from 0 to below 1, the same for the same parts."""
        return int.from_bytes(self.digest(purpose, *parts)[:8], "big") / 2**64

    def left(self, sample: str, pair: str, reviewer: str, *, again: bool = False) -> Side:
        """The side that a reviewer sees as A; when the pair comes `again` it is the other one."""
        first = self.share("side", sample, pair, reviewer) < 0.5
        return "chosen" if first != again else "rejected"

    def signed(self, purpose: str, *parts: str, hidden: Sequence[str] = ()) -> str:
        """The parts with a seal, as one text for a cookie or a form.

        Anybody can read the parts. What is `hidden` is under the seal and not in the text.
        """
        seal = self.digest(purpose, *parts, *hidden)
        sealed = [*(part.encode() for part in parts), seal]
        # Without the padding, which would be quoted in a cookie.
        return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in sealed)

    def opened(self, purpose: str, text: str, hidden: Sequence[str] = ()) -> tuple[str, ...] | None:
        """What was sealed, or null where the seal is another's, or of another purpose."""
        try:
            *told, seal = [
                urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".")
            ]
            parts = tuple(part.decode() for part in told)
        except ValueError:
            return None
        ours = hmac.compare_digest(seal, self.digest(purpose, *parts, *hidden))
        return parts if ours else None


def secret_of(review: Path) -> Secret:
    """The secret of a review; made the first time.

    Raises:
        DataError: the key is damaged, or the disk refuses.
    """
    path = review / FOLDER / _KEY
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = os.urandom(_BYTES)
            with os.fdopen(handle, "wb") as stream:
                stream.write(key)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise DataError(f"cannot use the key {path}: {error.strerror}") from error
    if len(key) != _BYTES:
        raise DataError(f"the key {path} is damaged: {len(key)} bytes, not {_BYTES}")
    return Secret(key)

"""Identity: digests of messages, and the ids that are made of them.

Digests are BLAKE2b with 16 bytes, written as 32 hexadecimal characters. A message list is hashed as
its header (roles, byte lengths and extras as JSON) followed by all contents, so no two different
lists share an encoding.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import orjson

__all__ = [
    "comparison_id",
    "digest",
    "messages_digest",
    "normalised",
    "pair_id",
    "plain_digest",
    "prompt_cluster",
]

_PLAIN_ROLES = {"user": b'"user"', "assistant": b'"assistant"'}
_Turn = tuple[str, str | None, str | None]  # role, content, extra


def digest(*parts: bytes) -> str:
    """32 hexadecimal characters for a sequence of byte strings; boundaries between parts count."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def messages_digest(messages: Sequence[_Turn]) -> str:
    """The digest of a message list: roles, contents and extras, in order."""
    if len(messages) == 1:
        role, content, extra = messages[0]
        if extra is None and content is not None:
            return plain_digest(role, content)
    header = []
    contents = []
    for role, content, extra in messages:
        encoded = b"" if content is None else content.encode()
        header.append((role, -1 if content is None else len(encoded), extra))
        contents.append(encoded)
    return blake2b(orjson.dumps(header) + b"".join(contents), digest_size=16).hexdigest()


def plain_digest(role: str, content: str) -> str:
    """The digest of one message without an extra: as `messages_digest`, at half the cost."""
    encoded = content.encode()
    name = _PLAIN_ROLES.get(role) or orjson.dumps(role)
    return blake2b(b"[[%b,%d,null]]%b" % (name, len(encoded), encoded), digest_size=16).hexdigest()


def comparison_id(prompt: str, tools: str | None, responses: Iterable[str]) -> str:
    """The order-free id of a comparison from the digests of its prompt and responses."""
    text = "\n".join((prompt, *sorted(responses), "", tools or ""))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def pair_id(prompt: str, sides: tuple[str | None, str | None], criterion: str | None) -> str:
    """The id of a pair from digests: the same whichever side is chosen; a missing side counts."""
    first, second = sides[0] or "-", sides[1] or "-"
    if second < first:
        first, second = second, first
    about = "" if criterion is None else f"={criterion}"
    return blake2b(f"{prompt}\n{first}\n{second}\n{about}".encode(), digest_size=16).hexdigest()


def normalised(text: str) -> str:
    """Text as duplicates are compared: NFKC, lower case, runs of blanks as one space, trimmed."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def prompt_cluster(messages: Sequence[_Turn]) -> str:
    """The cluster of a prompt: the digest of its normalised messages, extras left out."""
    return messages_digest(
        [(role, normalised(content or ""), None) for role, content, _ in messages]
    )

"""The digest of a folder: one line that commits to every byte of it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson

__all__ = ["folder_digest"]


def folder_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the manifest as canonical JSON (sorted keys, no blanks) without its `run` block.

    The manifest holds the sha256 of every file, so a change of any byte changes the digest; two
    runs on the same input with the same options have the same one.
    """
    rest = {key: value for key, value in manifest.items() if key != "run"}
    return "sha256:" + sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()

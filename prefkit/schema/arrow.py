"""The records as Arrow schemas, their version in the schema metadata."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["COMPARISONS", "MESSAGES", "PAIRS", "SCHEMAS", "SCHEMA_VERSION", "VOTE", "empty"]

SCHEMA_VERSION = 1


def _version(kind: str) -> dict[str, str]:
    return {"prefkit.record": kind, "prefkit.schema": str(SCHEMA_VERSION)}


MESSAGE = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("content", pa.string()),
        pa.field("extra", pa.string()),
    ]
)
MESSAGES = pa.list_(pa.field("element", MESSAGE, nullable=False))

RESPONSE = pa.struct(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("messages", MESSAGES, nullable=False),
        pa.field("model", pa.string()),
        pa.field("sampling", pa.string()),
        pa.field("extra", pa.string()),
    ]
)

SOURCE = pa.struct(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("record", pa.string(), nullable=False),
        pa.field("license", pa.string()),
        pa.field("url", pa.string()),
    ]
)

VOTE = pa.struct(
    [
        pa.field("by", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("scores", pa.list_(pa.float64()), nullable=False),
        pa.field("scale", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("trials", pa.list_(pa.int64())),
        pa.field("draw", pa.int64()),
        pa.field("criterion", pa.string()),
        pa.field("order", pa.list_(pa.string())),
        pa.field("source", SOURCE, nullable=False),
        pa.field("rationale", pa.string()),
        pa.field("rubric", pa.string()),
        pa.field("seconds", pa.float64()),
        pa.field("cost_usd", pa.float64()),
        pa.field("at", pa.string()),
        pa.field("raw", pa.string()),
    ]
)

TAGS = pa.map_(pa.string(), pa.string())

COMPARISONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prompt", MESSAGES, nullable=False),
        pa.field(
            "responses", pa.list_(pa.field("element", RESPONSE, nullable=False)), nullable=False
        ),
        pa.field("votes", pa.list_(pa.field("element", VOTE, nullable=False)), nullable=False),
        pa.field("tools", pa.string()),
        pa.field("template_kwargs", pa.string()),
        pa.field("reference", pa.string()),
        pa.field("extra", pa.string()),
        pa.field("tags", TAGS, nullable=False),
    ],
    metadata=_version("comparison"),
)

CHECK = pa.struct(
    [
        pa.field("check", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("note", pa.string()),
    ]
)

DECISION = pa.struct(
    [
        pa.field("verdict", pa.string()),  # nullable: a null struct has null children
        pa.field("reference", pa.string()),
    ]
)

PAIRS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("comparison", pa.string(), nullable=False),
        pa.field("criterion", pa.string()),
        pa.field("prompt", MESSAGES, nullable=False),
        pa.field("chosen", MESSAGES),
        pa.field("rejected", MESSAGES),
        pa.field("tools", pa.string()),
        pa.field("template_kwargs", pa.string()),
        pa.field("p_chosen", pa.float64()),
        pa.field("p_kind", pa.string()),
        pa.field("margin", pa.float64()),
        pa.field("margin_kind", pa.string()),
        pa.field("n_votes", pa.int64(), nullable=False),
        pa.field("agreement", pa.float64()),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("cluster", pa.string()),
        pa.field("split", pa.string()),
        pa.field("chosen_model", pa.string()),
        pa.field("rejected_model", pa.string()),
        pa.field("sources", pa.list_(pa.field("element", SOURCE, nullable=False)), nullable=False),
        pa.field("tags", TAGS, nullable=False),
        pa.field("checks", pa.list_(pa.field("element", CHECK, nullable=False)), nullable=False),
        pa.field("decision", DECISION),
        pa.field("dropped", pa.string()),
    ],
    metadata=_version("pair"),
)

SCHEMAS = {"comparisons": COMPARISONS, "pairs": PAIRS}


def empty(kind: str) -> pa.Table:
    """A table of one kind (`comparisons` or `pairs`) with no rows."""
    return SCHEMAS[kind].empty_table()

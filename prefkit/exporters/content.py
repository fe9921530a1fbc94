"""The content hash of an export: what its rows say and where they are, in any order and any format.

A row's digest is the one of a dataset row (`prefkit.dataset.content`) over the pair's id, which
commits to prompt and sides, which side is chosen, criterion, tools, template options and split.
"""

from __future__ import annotations

import pyarrow as pa

from prefkit.dataset.content import row_digests
from prefkit.exporters.prompts import column_of

__all__ = ["export_digests"]


def export_digests(pairs: pa.Table, bare: pa.Table, split: str) -> bytes:
    """16 bytes a row.

    Args:
        pairs: `id`, `criterion`, `prompt`, `chosen`, `rejected`.
        bare: the same rows for the trainer; `tools` and `chat_template_kwargs` if it has them.
        split: where the rows are.
    """
    columns = {name: column_of(pairs[name]) for name in _PAIR_COLUMNS}
    for name in ("tools", "chat_template_kwargs"):
        there = name in bare.column_names
        columns[name] = column_of(bare[name]) if there else pa.nulls(len(pairs), pa.string())
    columns["split"] = pa.repeat(pa.scalar(split), len(pairs))
    return row_digests(pa.table(columns))


_PAIR_COLUMNS = ("id", "criterion", "prompt", "chosen", "rejected")

"""Rows to export, and exports read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pair_rows import assistant, pair, user

TOOL_CALLS = [
    '{"tool_calls":[{"id":"1","function":{"name":"f","arguments":{"a":1,"b":[1.5,null]}}}]}',
    '{"tool_calls":[{"id":"2","function":{"name":"g","arguments":{"x":{"y":"z"}}}},{"id":null}]}',
    '{"name":"weather","tool_call_id":"1"}',
]


def odd_pairs(count: int) -> list[tuple[Any, ...]]:
    """Rows with tools, tool calls and extras of ever different shapes."""
    rows = []
    for n in range(count):
        prompt = [
            *user(f"Zeile \u2028 {n} \U0001f600 \x00"),
            ("assistant", None, TOOL_CALLS[n % 2]),
            ("tool", '{"t": 21}', TOOL_CALLS[2]),
        ]
        tools = [None, '[{"type":"function","function":{"name":"f"}}]', '[{"p":{"q":[]}},[1],"s"]'][
            n % 3
        ]
        kwargs = [None, '{"enable_thinking":false}'][n % 2]
        rows.append(
            pair(
                prompt, assistant(f"a{n}"), assistant(f"b{n}"), tools=tools, template_kwargs=kwargs
            )
        )
    return rows


def read_jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def read_parquet(path: Path) -> list[Any]:
    """Rows as pyarrow gives them, the JSON columns decoded."""

    def decoded(value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    rows = pq.read_table(path).to_pylist()
    return [
        {name: [decoded(v) for v in value] if isinstance(value, list) else decoded(value)
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, of the manifest only what two equal runs share."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "manifest.json":
                manifest = json.loads(data)
                del manifest["run"]
                data = json.dumps(manifest, sort_keys=True).encode()
            found[path.relative_to(folder).as_posix()] = data
    return found

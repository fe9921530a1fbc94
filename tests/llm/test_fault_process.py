"""The fault server as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import openai
from fault_answers import KEY, answer_to, turn


def test_the_server_runs_as_a_process_too() -> None:
    rules = json.dumps([{"fault": "500", "each": 1}])
    script = Path(__file__).parent / "fault_server.py"
    command = [sys.executable, str(script), "--port", "0", "--rules", rules]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            host = f"http://127.0.0.1:{int(process.stdout.readline())}"
            with openai.OpenAI(base_url=f"{host}/v1", api_key=KEY, max_retries=1) as gpt:
                made = gpt.chat.completions.create(model="m", messages=turn("x"))
            assert made.choices[0].message.content == answer_to("x")
            with urllib.request.urlopen(f"{host}/control/record", timeout=5) as answer:
                record = json.load(answer)
            assert record["outcomes"] == {"500": 1, "answered": 1}
            assert [seen["nth"] for seen in record["seen"]] == [0, 1]
        finally:
            process.terminate()

"""A key that is a canary: after every fault it is nowhere but in the requests to its own host."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import BatchPlan, FaultServer, Rule
from fault_wire import INSTEAD, MODEL, SPOILED
from faulty import KEY_ENV, KINDS, text_of

CANARY = "sk-canary/Zq8+Wm3nXv7-Kp2Lr9Ty4Bs6Hd1Gf5Jc"
SCRIPT = Path(__file__).parent / "canary_process.py"
STATUSES = ["400", "401", "403", "404", "408", "413", "429", "500", "502", "503", "529"]


def pieces() -> dict[str, bytes]:
    """Forms in which a key could lie somewhere, each long enough to be no chance."""
    middle = CANARY[len(CANARY) // 2 - 10 : len(CANARY) // 2 + 10]
    found = {
        "key": CANARY,
        "middle": middle,
        "reversed": CANARY[::-1],
        "reversed middle": middle[::-1],
        "quoted": urllib.parse.quote(CANARY, safe=""),
        "hex": CANARY.encode().hex(),
        "head": CANARY[3:19],
        "tail": CANARY[-16:],
    }
    for shift in range(3):
        # Without its first and last characters base64 is the same wherever it is embedded.
        coded = base64.b64encode(b"x" * shift + CANARY.encode()).decode()
        found[f"base64 {shift}"] = coded[4:-4]
    return {name: text.encode() for name, text in found.items()}


def leaks(where: Path) -> dict[str, list[str]]:
    """Files in which a piece of the canary lies, their names included."""
    found: dict[str, list[str]] = {}
    for path in [where, *where.rglob("*")]:
        content = path.read_bytes() if path.is_file() else b""
        names = [n for n, piece in pieces().items() if piece in content + str(path).encode()]
        if names:
            found[str(path.relative_to(where))] = names
    return found


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def stranger() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def rules_for(faults: list[str], stranger: FaultServer) -> list[Rule]:
    values = {"redirect": stranger.host, "echo": "400", "429": "0.1"}
    return [
        Rule(fault=fault, text=text_of(number), value=values.get(fault, ""))
        for number, fault in enumerate(faults)
    ]


def run(folder: Path, options: dict[str, Any], **environment: str) -> subprocess.CompletedProcess:
    for name in ("cwd", "home", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    clean = {n: v for n, v in os.environ.items() if "API_KEY" not in n and n != KEY_ENV}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", str(SCRIPT), json.dumps(options)],
        cwd=folder / "cwd",
        env=clean
        | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
        | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONASYNCIODEBUG": "1", "PYTHONPATH": str(Path.cwd())}
        | environment,
        capture_output=True,
        timeout=40,
        check=False,
    )
    (folder / "stdout").write_bytes(done.stdout)
    (folder / "stderr").write_bytes(done.stderr)
    return done


def options_for(kind: str, server: FaultServer, folder: Path, count: int) -> dict[str, Any]:
    settings = {"attempts": 2, "timeout_s": 2.0, "deadline_s": 5.0, "concurrency": 50}
    settings["max_body_bytes"] = 1 << 20
    return {
        "kind": kind,
        "host": server.host,
        "cache": str(folder / "cache"),
        "count": count,
        "settings": settings,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_nowhere_after_every_fault(
    kind: str, server: FaultServer, stranger: FaultServer, tmp_path: Path
) -> None:
    # Those that end a run have a test of their own.
    faults = sorted({*STATUSES, *INSTEAD, *SPOILED, *MODEL, "echo"} - {"401", "403"})
    server.script.rules = rules_for(faults, stranger)
    options = options_for(kind, server, tmp_path, len(faults) + 3)
    done = run(tmp_path, options, **{KEY_ENV: CANARY})
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout.count(b"Reply(") >= len(faults) + 3
    assert {seen.outcome for seen in server.asks()} == {*faults, "answered"}
    assert leaks(tmp_path) == {}
    # The journal holds what the model said; where it said the key, something else stands.
    (journal,) = (tmp_path / "cache").glob("*.jsonl")
    assert b"Your key is" in journal.read_bytes()
    assert stranger.record == []
    assert all(CANARY in str(seen.headers) for seen in server.asks())


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for kind in KINDS for fault in ("401", "insufficient_quota", "echo")]
    + [("openai", "403"), ("anthropic", "down")],
)
def test_the_key_is_nowhere_after_a_fault_that_ends_the_run(
    kind: str, fault: str, server: FaultServer, stranger: FaultServer, tmp_path: Path
) -> None:
    if fault == "down":
        server.down = True
    server.script.rules = [Rule(fault=fault, value="401" if fault == "echo" else "")]
    options = options_for(kind, server, tmp_path, 30)
    options["settings"] |= {"attempts": 30, "deadline_s": 60.0}
    done = run(tmp_path, options, **{KEY_ENV: CANARY})
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert b"ClientError" in done.stdout
    assert leaks(tmp_path) == {}


@pytest.mark.parametrize("kind", ["openai", "openai-responses", "anthropic"])
def test_the_key_is_nowhere_after_batches_that_go_wrong(
    kind: str, server: FaultServer, stranger: FaultServer, tmp_path: Path
) -> None:
    server.batch = BatchPlan(polls=0, unknown=True, results_host=stranger.host)
    lines = ["400", "500", "expired", "missing", "twice", "malformed"]
    server.script.rules = [
        Rule(fault="echo", value="500", path="/v1/files", times=1),
        # a cut submit is found again by its results, which no stranger's host may give
        *([] if kind == "anthropic" else [Rule(fault="cut_after_work", path="batches", times=1)]),
        Rule(fault="echo", value="500", path="batches", at=(1,)),
        *(Rule(fault=f, text=text_of(n), path="line") for n, f in enumerate(lines)),
    ]
    options = options_for(kind, server, tmp_path, len(lines) + 3)
    options["batch"] = {"batch": True, "batch_wait_s": 4.0}
    done = run(tmp_path, options, **{KEY_ENV: CANARY})
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    jobs = server.anthropic_batches.jobs if kind == "anthropic" else server.openai_batches.jobs
    assert len(jobs) >= 1
    assert leaks(tmp_path) == {}
    # Anthropic's results lie where the provider says; no other host gets a key or a question.
    assert not any(CANARY in str(seen.headers) for seen in stranger.record)


@pytest.mark.parametrize("kind", KINDS)
def test_a_providers_own_key_goes_to_no_other_host(
    kind: str, server: FaultServer, tmp_path: Path
) -> None:
    options = options_for(kind, server, tmp_path, 3)
    own = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), CANARY)
    other = {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    # The variable that the caller names for this host holds another key.
    run(tmp_path, options, **own, **other, **{KEY_ENV: "sk-another-key-0123456789"})
    assert len(server.asks()) == 3
    for seen in server.record:
        assert CANARY not in str(seen.headers)
        assert "org-1" not in str(seen.headers)
        assert "proj-1" not in str(seen.headers)
    assert leaks(tmp_path) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_of_the_environment_gets_no_key_meant_for_this_machine(
    kind: str, server: FaultServer, stranger: FaultServer, tmp_path: Path
) -> None:
    options = options_for(kind, server, tmp_path, 3)
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    proxies = dict.fromkeys(names, stranger.host) | {"NO_PROXY": "", "no_proxy": ""}
    run(tmp_path, options, **proxies, **{KEY_ENV: CANARY})
    assert stranger.record == []
    assert len(server.asks()) == 3


def test_the_search_finds_a_canary_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(base64.b64encode(b"Authorization: Bearer " + CANARY.encode()))
    (tmp_path / "b").write_text(f"... {CANARY[8:34]} ...")
    (tmp_path / "c").write_text("nothing")
    assert set(leaks(tmp_path)) == {"a", "b"}

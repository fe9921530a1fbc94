"""The batch interfaces of both providers: files, jobs, results, and how they go wrong.

A job ends after so many looks at it (`polls`), not after a time, so that tests need no waiting.
"""

from __future__ import annotations

import datetime
import itertools
import json
import random
import re
import time
from dataclasses import dataclass, field
from typing import Any

import fault_anthropic
import fault_openai
from fault_wire import Answer

_ids = itertools.count(1)
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class BatchPlan:
    """How jobs go. Lines meet faults by rules with `path="line"`: a status, `expired`, `missing`,
    `twice`, `malformed`, or what the model does wrong."""

    polls: int = 1
    """Looks at a job before it has ended."""
    ends: str = "completed"
    """Or `failed` (nothing was done), `expired`, `cancelled`."""
    done_share: float = 1.0
    """Of the lines, the first so many are done when a job expires or is cancelled."""
    shuffled: bool = False
    unknown: bool = False
    """One result more, with a custom_id that nobody sent."""
    torn: bool = False
    """The results end in the middle of a line, framed as if whole."""
    results_host: str = ""
    """Anthropic's `results_url` points to this address instead."""


@dataclass
class Job:
    """One batch job of either provider."""

    id: str
    lines: list[dict[str, Any]]
    """custom_id and body of each."""
    metadata: dict[str, str]
    endpoint: str
    """The path; for Anthropic, the API version."""
    input_file: str
    created: float = field(default_factory=time.time)
    looks: int = 0
    state: str = "in_progress"
    stopping: bool = False
    results: list[str] = field(default_factory=list)
    """Lines of the output."""
    errors: list[str] = field(default_factory=list)
    """Lines of OpenAI's error file."""
    counts: dict[str, int] = field(default_factory=dict)
    billed: list[tuple[int, int]] = field(default_factory=list)
    """Input and output tokens of every line that was done."""


def _parse(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in raw.splitlines() if line.strip()]


class OpenAIBatches:
    """Files and batches as OpenAI documents them."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.files: dict[str, tuple[str, bytes]] = {}
        self.jobs: dict[str, Job] = {}

    def upload(self, name: str, content: bytes, purpose: str) -> Answer:
        file = f"file-{next(_ids):022x}"
        self.files[file] = (name, content)
        return Answer.of(self._file(file, purpose))

    def _file(self, file: str, purpose: str) -> dict[str, Any]:
        name, content = self.files[file]
        return {
            "id": file,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "expires_at": None,
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }

    def content(self, file: str) -> Answer:
        if file not in self.files:
            return fault_openai.error(404, f"No such File object: {file}")
        return Answer(200, self.files[file][1], {}, "application/octet-stream")

    def create(self, body: dict[str, Any]) -> Answer:
        if body.get("completion_window") != "24h":
            return fault_openai.error(400, "Invalid value for 'completion_window'.")
        if body.get("input_file_id") not in self.files:
            return fault_openai.error(400, "Invalid 'input_file_id'.")
        metadata = body.get("metadata") or {}
        if len(metadata) > 16 or any(len(k) > 64 or len(v) > 512 for k, v in metadata.items()):
            return fault_openai.error(400, "Invalid 'metadata'.")
        file, endpoint = body["input_file_id"], body["endpoint"]
        lines = _parse(self.files[file][1])
        job = Job(f"batch_{next(_ids):024x}", lines, metadata, endpoint, file)
        if self._is_wrong(job):
            job.state = "failed"
        self.jobs[job.id] = job
        return Answer.of(self.view(job))

    def _is_wrong(self, job: Job) -> bool:
        """What OpenAI refuses when it validates a file."""
        ids = [line.get("custom_id") for line in job.lines]
        models = {line["body"].get("model") for line in job.lines}
        shape = all(line.get("method") == "POST" for line in job.lines)
        place = all(line.get("url") == job.endpoint for line in job.lines)
        return len(set(ids)) < len(ids) or not all(ids) or len(models) != 1 or not (shape and place)

    def look(self, name: str) -> Answer:
        if name not in self.jobs:
            return fault_openai.error(404, f"No batch found with id '{name}'.")
        job = self.jobs[name]
        advance(self.server, job, self._line)
        return Answer.of(self.view(job))

    def cancel(self, name: str) -> Answer:
        if name not in self.jobs:
            return fault_openai.error(404, f"No batch found with id '{name}'.")
        self.jobs[name].stopping = True
        return Answer.of(self.view(self.jobs[name]))

    def list(self, query: Any) -> Answer:
        """Newest first, by pages."""
        jobs = list(reversed(self.jobs.values()))
        names = [job.id for job in jobs]
        start = names.index(query["after"]) + 1 if "after" in query else 0
        count = int(query.get("limit", 20))
        page = jobs[start : start + count]
        ends = {"first_id": page[0].id, "last_id": page[-1].id} if page else {}
        value = {"object": "list", "data": [self.view(job) for job in page]}
        return Answer.of(value | ends | {"has_more": start + count < len(jobs)})

    def view(self, job: Job) -> dict[str, Any]:
        made, ended = int(job.created), job.state not in {"in_progress"}
        state = "cancelling" if job.stopping and not ended else job.state
        failed = [
            {"code": "invalid_file", "line": 1, "message": "The file is invalid.", "param": None}
        ]
        value: dict[str, Any] = {
            "id": job.id,
            "object": "batch",
            "endpoint": job.endpoint,
            "errors": {"object": "list", "data": failed} if state == "failed" else None,
            "input_file_id": job.input_file,
            "completion_window": "24h",
            "status": state,
            "output_file_id": self._out(job, "output", job.results) if ended else None,
            "error_file_id": self._out(job, "error", job.errors) if ended else None,
            "created_at": made,
            "in_progress_at": made,
            "expires_at": made + 86_400,
            "request_counts": {"total": len(job.lines), "completed": 0, "failed": 0} | job.counts,
            "metadata": job.metadata or None,
        }
        for stage in ("finalizing", "completed", "failed", "expired", "cancelling", "cancelled"):
            value[f"{stage}_at"] = made + 60 if state == stage else None
        return value

    def _out(self, job: Job, kind: str, lines: list[str]) -> str | None:
        if not lines:
            return None
        file = f"file-{kind}-{job.id}"
        text = "".join(line + "\n" for line in lines)
        if kind == "output" and self.server.batch.torn:
            text = text[: -len(lines[-1]) // 2]
        self.files[file] = (f"{job.id}_{kind}.jsonl", text.encode())
        return file

    def _line(self, job: Job, line: dict[str, Any], fault: str) -> None:
        """Answer one line into the output or the error file."""
        name = {"id": f"batch_req_{next(_ids):024x}", "custom_id": line["custom_id"]}
        endpoint = "chat" if job.endpoint.endswith("completions") else "responses"
        bad = fault_openai.refused(line["body"], endpoint)
        if fault in {"expired", "cancelled"}:
            error = {"code": f"batch_{fault}", "message": "This request could not be executed."}
            job.errors.append(json.dumps(name | {"response": None, "error": error}))
            return
        if fault.isdigit() or bad:
            answer = bad or fault_openai.error(int(fault))
            answered = {"status_code": answer.status, "request_id": f"req_{next(_ids)}"}
            answered["body"] = json.loads(answer.body)
            job.errors.append(json.dumps(name | {"response": answered, "error": None}))
            job.counts["failed"] = job.counts.get("failed", 0) + 1
            return
        make = fault_openai.chat if endpoint == "chat" else fault_openai.responses
        body = make(line["body"], fault)
        used = body["usage"]
        job.billed.append(
            (
                used.get("prompt_tokens", used.get("input_tokens")),
                used.get("completion_tokens", used.get("output_tokens")),
            )
        )
        job.counts["completed"] = job.counts.get("completed", 0) + 1
        answered = {"status_code": 200, "request_id": f"req_{next(_ids)}", "body": body}
        put(job, name | {"response": answered, "error": None}, fault)


class AnthropicBatches:
    """Message batches as Anthropic documents them."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.jobs: dict[str, Job] = {}

    def create(self, body: dict[str, Any], version: str) -> Answer:
        requests = body.get("requests") or []
        ids = [item.get("custom_id", "") for item in requests]
        if not requests:
            return fault_anthropic.error(400, "requests: Field required")
        if len(set(ids)) < len(ids):
            return fault_anthropic.error(400, "requests: custom_id must be unique")
        if not all(_CUSTOM_ID.fullmatch(name) for name in ids):
            return fault_anthropic.error(400, "requests: custom_id: String should match pattern")
        lines = [{"custom_id": item["custom_id"], "body": item["params"]} for item in requests]
        job = Job(f"msgbatch_{next(_ids):024x}", lines, {}, version, "")
        self.jobs[job.id] = job
        return Answer.of(self.view(job))

    def look(self, name: str) -> Answer:
        if name not in self.jobs:
            return fault_anthropic.error(404, "Batch not found")
        advance(self.server, self.jobs[name], self._line)
        return Answer.of(self.view(self.jobs[name]))

    def cancel(self, name: str) -> Answer:
        if name not in self.jobs:
            return fault_anthropic.error(404, "Batch not found")
        self.jobs[name].stopping = True
        return Answer.of(self.view(self.jobs[name]))

    def list(self, query: Any) -> Answer:
        """Newest first, by pages."""
        jobs = list(reversed(self.jobs.values()))
        names = [job.id for job in jobs]
        start = names.index(query["after_id"]) + 1 if "after_id" in query else 0
        count = int(query.get("limit", 20))
        page = jobs[start : start + count]
        value = {
            "data": [self.view(job) for job in page],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": start + count < len(jobs),
        }
        return Answer.of(value)

    def results(self, name: str) -> Answer:
        job = self.jobs.get(name)
        if job is None or job.state == "in_progress":
            return fault_anthropic.error(404, "Batch results not available")
        text = "".join(line + "\n" for line in job.results)
        if self.server.batch.torn:
            text = text[: -len(job.results[-1]) // 2]
        return Answer(200, text.encode(), {}, "application/x-jsonl")

    def view(self, job: Job) -> dict[str, Any]:
        ended = job.state != "in_progress"
        made = datetime.datetime.fromtimestamp(job.created, datetime.UTC)
        open_counts = {"processing": 0 if ended else len(job.lines), "succeeded": 0}
        host = self.server.batch.results_host or self.server.host
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "canceling" if job.stopping else job.state,
            "request_counts": open_counts
            | {"errored": 0, "canceled": 0, "expired": 0}
            | job.counts,
            "created_at": made.isoformat(),
            "expires_at": (made + datetime.timedelta(days=1)).isoformat(),
            "ended_at": (made + datetime.timedelta(minutes=1)).isoformat() if ended else None,
            "archived_at": None,
            "cancel_initiated_at": made.isoformat() if job.stopping else None,
            "results_url": f"{host}/v1/messages/batches/{job.id}/results" if ended else None,
        }

    def _line(self, job: Job, line: dict[str, Any], fault: str) -> None:
        name = {"custom_id": line["custom_id"]}
        bad = fault_anthropic.refused(line["body"], version=job.endpoint)
        if fault in {"expired", "cancelled"}:
            kind = {"expired": "expired", "cancelled": "canceled"}[fault]
            job.counts[kind] = job.counts.get(kind, 0) + 1
            job.results.append(json.dumps(name | {"result": {"type": kind}}))
            return
        if fault.isdigit() or bad:
            answer = bad or fault_anthropic.error(int(fault))
            job.counts["errored"] = job.counts.get("errored", 0) + 1
            wrong = {"type": "errored", "error": json.loads(answer.body)}
            job.results.append(json.dumps(name | {"result": wrong}))
            return
        message = fault_anthropic.message(line["body"], fault, self.server.warm)
        message["usage"]["service_tier"] = "batch"
        used = message["usage"]
        job.billed.append((fault_anthropic.input_tokens(line["body"]), used["output_tokens"]))
        job.counts["succeeded"] = job.counts.get("succeeded", 0) + 1
        put(job, name | {"result": {"type": "succeeded", "message": message}}, fault)


def put(job: Job, value: dict[str, Any], fault: str) -> None:
    """Write one result: perhaps not at all, twice or broken."""
    if fault == "missing":
        return
    line = json.dumps(value)
    job.results.append(line[: len(line) // 2] + "~" if fault == "malformed" else line)
    if fault == "twice":
        job.results.append(line)


def advance(server: Any, job: Job, answer: Any) -> None:
    """One look at a job: after enough of them it has ended."""
    plan: BatchPlan = server.batch
    job.looks += 1
    if job.state != "in_progress" or (job.looks <= plan.polls and not job.stopping):
        return
    state = "cancelled" if job.stopping else plan.ends
    share = plan.done_share if state in {"expired", "cancelled"} else 1.0
    if state != "failed":
        for place, line in enumerate(job.lines):
            done = place < share * len(job.lines)
            answer(job, line, server.line_fault(line) if done else state)
    if plan.shuffled:
        random.Random(server.script.seed).shuffle(job.results)
    whole = [line for line in job.results if line.endswith("}")]
    if plan.unknown and whole:
        stranger = json.loads(whole[0]) | {"custom_id": "nobody-sent-this"}
        job.results.insert(0, json.dumps(stranger))
    job.state = state

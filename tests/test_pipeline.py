from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command_line import SCRIPT, Prefkit, labelled, write_jsonl
from small_pipeline import QUICKSTART, SMALL, pipeline, ran, refused, statuses, write_small

from prefkit.errors import ConfigError, GateFailed
from prefkit.pipeline import Run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path)


def test_all_steps_run_once_and_not_again(small: Path) -> None:
    outcome = Run(file=small, out=small.parent / "out")()
    counts = {entry["step"]: entry["facts"] for entry in outcome.facts["steps"]}
    assert counts["1 collect human"]["rows"] == 20
    assert counts["3 curate"]["dropped"] == 2
    assert counts["4 export"]["counts"]["exported"] == 18
    assert counts["5 verify"]["verified"] is True
    assert ran(small) == statuses()
    assert ran(small) == statuses()


def test_an_option_that_changed_runs_its_step_and_those_that_follow(small: Path) -> None:
    ran(small)
    changed = SMALL.replace("max: 4", "max: 40")
    assert ran(pipeline(small.parent, changed)) == statuses(3, 4, 5)
    assert ran(small) == statuses()


def test_an_input_whose_content_changed_runs_all(small: Path) -> None:
    ran(small)
    votes = small.parent / "votes.jsonl"
    text = votes.read_text(encoding="utf-8")
    votes.write_text(text.replace("Question 3?", "Question X?"), encoding="utf-8")
    assert ran(small) == statuses(1, 2, 3, 4, 5)
    assert ran(small) == statuses()


def test_an_input_that_was_only_touched_runs_nothing(small: Path) -> None:
    ran(small)
    os.utime(small.parent / "votes.jsonl", (1, 1))
    assert ran(small, dry_run=True) == statuses(1, 2, 3, 4, 5, word="would run")
    assert ran(small) == statuses()


@pytest.mark.parametrize(
    ("harm", "done"),
    [
        ("delete the folder", (2,)),
        ("delete a file", (2,)),
        ("flip a byte", (2,)),
        ("add a file", (2,)),
    ],
)
def test_an_output_that_is_not_as_written_is_made_again(
    small: Path, harm: str, done: tuple[int, ...]
) -> None:
    """The step gives the same rows again, so what follows it is unchanged."""
    ran(small)
    folder = small.parent / "out" / "2-pair"
    rows = next((folder / "rows").iterdir())
    if harm == "delete the folder":
        folder.rename(small.parent / "gone")
    elif harm == "delete a file":
        rows.unlink()
    elif harm == "flip a byte":
        content = bytearray(rows.read_bytes())
        content[100] ^= 1
        rows.write_bytes(content)
    else:
        (folder / "more.txt").write_text("more", encoding="utf-8")
    assert ran(small, dry_run=True) == statuses(2, 3, 4, 5, word="would run")
    assert ran(small) == statuses(*done)
    assert ran(small) == statuses()


def test_an_export_that_was_changed_is_written_and_verified_again(small: Path) -> None:
    ran(small)
    train = small.parent / "out" / "4-export" / "train.jsonl"
    train.write_bytes(train.read_bytes().replace(b"Yes", b"Yea", 1))
    assert ran(small) == statuses(4, 5)


def test_another_key_of_pseudonyms_runs_again_what_holds_people(small: Path) -> None:
    rows = [{"q": f"q{n}", "a": "x", "b": "y", "w": "a", "who": "ann"} for n in range(3)]
    write_jsonl(small.parent / "votes.jsonl", rows)
    reader = "{columns: {prompt: q, a: a, b: b, winner: w, values: {a: a}, annotator: who}}"
    options = f"paths: votes.jsonl, format: columns, reader: {reader}"
    file = pipeline(small.parent, f"steps: [collect human: {{{options}}}]")
    one, other = small.parent / "one.key", small.parent / "other.key"
    assert ran(file, pseudonym_key=one) == {"1 collect human": "done"}
    assert ran(file, pseudonym_key=one) == {"1 collect human": "unchanged"}
    assert ran(file, pseudonym_key=other) == {"1 collect human": "done"}
    assert ran(file, pseudonym_key=other) == {"1 collect human": "unchanged"}


def test_force_runs_all_again(small: Path) -> None:
    ran(small)
    assert ran(small, force=True) == statuses(1, 2, 3, 4, 5)


def test_a_state_that_cannot_be_read_only_costs_running_again(small: Path) -> None:
    ran(small)
    for text in ("{", '{"file": {}, "steps": {"2 pair": 1}, "run": {"2 pair": {"files": 3}}}'):
        (small.parent / "out" / "pipeline.json").write_text(text, encoding="utf-8")
        assert ran(small) == statuses(1, 2, 3, 4, 5)


def test_a_dry_run_writes_nothing_and_reads_no_data(small: Path) -> None:
    """The input is a pipe without a writer: whoever opens it waits for ever."""
    (small.parent / "votes.jsonl").unlink()
    os.mkfifo(small.parent / "votes.jsonl")
    assert ran(small, dry_run=True) == statuses(1, 2, 3, 4, 5, word="would run")
    assert not (small.parent / "out").exists()


def test_a_dry_run_says_what_a_change_would_run(small: Path) -> None:
    ran(small)
    assert ran(small, dry_run=True) == statuses()
    change = ("curate.filter.length_ratio.max=3",)
    assert ran(small, dry_run=True, set=change) == statuses(3, 4, 5, word="would run")
    outcome = Run(file=small, out=small.parent / "out", dry_run=True, set=change)()
    assert ("3 curate", "would run: its options changed") in outcome.lines
    assert ("4 export", "would run: step 3 curate would run") in outcome.lines


CODE = SMALL.replace("{length_ratio: {max: 4}}", '{python: {function: "loud_module:judge"}}')


def test_code_is_allowed_on_the_command_line_only_and_runs_every_time(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small.parent / "loud_module.py").write_text(
        "from pathlib import Path\n"
        f"Path({str(small.parent / 'imported')!r}).touch()\n"
        "def judge(pair):\n    return None\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(small.parent)
    file = pipeline(small.parent, CODE)
    error = refused(file)
    assert str(error).endswith("steps[2]: curate: the filter python imports and runs code")
    assert error.hint == "add --allow-code if you trust it"
    ran(file, dry_run=True, allow_code=True)
    assert not (small.parent / "imported").exists()
    ran(file, allow_code=True)
    assert (small.parent / "imported").exists()
    # what the function does now is not known without calling it; its rows are the same
    assert ran(file, allow_code=True) == statuses(3)


def test_a_failing_step_is_named_and_the_finished_ones_are_kept(small: Path) -> None:
    with pytest.raises(GateFailed) as caught:
        ran(small, set=("export.min_rows=1000",))
    assert str(caught.value) == f"{small}, step 4 export: rows is 18, must be >= 1000"
    assert ran(small) == statuses(4, 5)


def test_a_step_takes_the_output_that_it_names(small: Path) -> None:
    file = pipeline(small.parent, SMALL + "  - curate: {dataset: 2-pair, filter: [turns]}\n")
    outcome = Run(file=file, out=small.parent / "out")()
    # the pairs before the first curate: all twenty are still kept
    assert outcome.facts["steps"][5]["facts"]["kept"] == 20


def test_a_pipeline_can_begin_at_a_dataset_and_limit_it(small: Path) -> None:
    ran(small)
    file = small.parent / "from_votes.yaml"
    file.write_text("steps: [pair: {dataset: out/1-collect-human}]", encoding="utf-8")
    outcome = Run(file=file, out=small.parent / "second", limit=7)()
    assert outcome.facts["steps"][0]["facts"]["comparisons"] == 7


def test_a_limit_cuts_the_source_rows(small: Path) -> None:
    outcome = Run(file=small, out=small.parent / "out", limit=6)()
    counts = [entry["facts"] for entry in outcome.facts["steps"]]
    assert (counts[0]["rows"], counts[1]["pairs"]) == (6, 6)


def test_a_folder_of_someone_else_is_not_written_to(small: Path) -> None:
    out = small.parent / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="exists and is no folder of a pipeline"):
        ran(small, force=True)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_the_outputs_of_another_pipeline_are_replaced_by_force_only(small: Path) -> None:
    ran(small)
    other = small.rename(small.with_name("other.yaml"))
    with pytest.raises(ConfigError, match=r"holds the outputs of small\.yaml"):
        ran(other)
    assert ran(other, force=True) == statuses(1, 2, 3, 4, 5)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file but manifests and state, whose run blocks differ."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "pipeline.json")
    }


def test_two_fresh_runs_write_the_same_bytes(small: Path) -> None:
    state = []
    for name in ("out", "again"):
        Run(file=small, out=small.parent / name, set=("pair.tie=soft",))()
        state.append(json.loads((small.parent / name / "pipeline.json").read_text("utf-8")))
    one, two = (files_of(small.parent / name) for name in ("out", "again"))
    assert one == two
    assert len(one) >= 8
    for part in state:
        part.pop("run")
    assert state[0] == state[1]
    text = small.read_bytes()
    assert state[0]["file"]["sha256"] == hashlib.sha256(text).hexdigest()
    assert state[0]["file"]["text"] == text.decode()
    assert state[0]["set"] == ["pair.tie=soft"]
    options = state[0]["steps"]["2 pair"]["options"]
    assert (options["tie"], options["policy"], options["takes"]) == (
        "soft",
        "as_voted",
        "1-collect-human",
    )


def test_the_default_folder_is_named_after_the_pipeline(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.parent)
    assert Run(file=Path("small.yaml"))().facts["out"] == "runs/small"
    assert (small.parent / "runs" / "small" / "pipeline.json").is_file()


def test_the_quickstart_runs_and_is_unchanged_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("run", QUICKSTART, "--out", tmp_path / "out", "--pseudonym-key", tmp_path / "key")
    prefkit = Prefkit(capsys)
    first = prefkit(*command)
    assert first.code == 0, first.err
    monkeypatch.chdir(tmp_path)
    for more in ([], ["--dry-run"]):
        steps = prefkit(*command, *more, "--json").document["steps"]
        assert {entry["status"] for entry in steps} == {"unchanged"}


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def interrupted(file: Path, stop_when: Callable[[psutil.Process], bool], *options: str) -> str:
    """What a run says on stderr that was stopped by Ctrl-C; none of its processes is left."""
    process = subprocess.Popen(
        [SCRIPT, "run", str(file), "--out", str(file.parent / "out"), "--force", *options],
        cwd=file.parent,
        env=os.environ | {"PYTHONPATH": str(file.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running = psutil.Process(process.pid)
    wait_for(lambda: process.poll() is not None or stop_when(running))
    assert process.poll() is None, process.communicate()
    workers = running.children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    shown, error = process.communicate(timeout=60)
    assert (process.returncode, shown) == (130, "")
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []
    return error


def after_ctrl_c(file: Path, step: str, *options: str) -> str:
    command = shlex.join(["prefkit", "run", str(file), "--out", str(file.parent / "out"), *options])
    return (
        f"error: interrupted in step {step} of {file}: "
        "nothing half-written stays, finished steps and paid answers are kept\n"
        f"hint: {command}\n"
    )


@pytest.mark.slow
def test_ctrl_c_ends_the_processes_that_read_and_leaves_nothing_half_written(small: Path) -> None:
    rows = [labelled(n, "Yes. " * 100, "No. " * 120) for n in range(60_000)]
    write_jsonl(small.parent / "votes.jsonl", rows)  # over 32 MB: other processes read it too
    out = small.parent / "out"
    work = ".1-collect-human.*.tmp"
    error = interrupted(small, lambda me: bool(me.children()) and any(out.glob(work)))
    assert error == after_ctrl_c(small, "1 collect human")
    assert [path.name for path in out.iterdir()] == ["pipeline.json"]


def test_ctrl_c_keeps_finished_steps_and_prints_how_to_resume(small: Path) -> None:
    (small.parent / "slow_module.py").write_text(
        "import pathlib, time\n"
        "def judge(pair):\n"
        "    pathlib.Path('begun').touch()\n"
        "    time.sleep(0.05)\n",
        encoding="utf-8",
    )
    slow = SMALL.replace("{length_ratio: {max: 4}}", '{python: {function: "slow_module:judge"}}')
    file, out = pipeline(small.parent, slow), small.parent / "out"
    error = interrupted(file, lambda _: (small.parent / "begun").exists(), "--allow-code")
    assert error == after_ctrl_c(file, "3 curate", "--allow-code")
    assert sorted(path.name for path in out.iterdir()) == [
        "1-collect-human",
        "2-pair",
        "pipeline.json",
    ]
    assert ran(pipeline(small.parent, SMALL)) == statuses(3, 4, 5)

"""The records of batch jobs on disk: what a run that was killed leaves for the next one."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefkit.errors import DataError
from prefkit.llm.batches.jobs import Job, Jobs, Left
from prefkit.llm.records import Failure, Usage


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    made = Jobs(tmp_path, "m")
    assert made.lock()
    return made


def again(jobs: Jobs) -> Jobs:
    """The jobs as another run reads them."""
    jobs.unlock()
    read = Jobs(jobs.path.parent, "m")
    assert read.lock()
    return read


def intended(jobs: Jobs, *keys: str, work: str = "w") -> Job:
    return jobs.intend(work, keys, who="openai:m", stage="judge", money=(0.5, 0.25))


def test_an_intention_is_on_disk_before_intend_returns(jobs: Jobs) -> None:
    before = time.time()
    job = intended(jobs, "k1", "k2")
    read = again(jobs).open[job.label]
    assert read.keys == {"k1", "k2"}
    assert (read.id, read.work, read.who, read.stage) == (None, "w", "openai:m", "judge")
    assert (read.share, read.usd) == (0.5, 0.25)
    assert before <= read.when <= time.time()


def test_every_label_is_new_and_fits_into_a_provider_s_metadata(jobs: Jobs) -> None:
    labels = {intended(jobs, "k").label for _ in range(20)}
    assert len(labels) == 20
    assert all(len(label) <= 64 for label in labels)


def test_the_id_of_a_submitted_job_is_read_again(jobs: Jobs) -> None:
    job = intended(jobs, "k1")
    jobs.submitted(job, "batch_1")
    read = again(jobs)
    assert read.open[job.label].id == "batch_1"
    assert read.open[job.label].sure
    assert read.ids == {"batch_1"}


def test_a_job_that_only_looks_like_ours_is_remembered_as_unsure_and_can_be_disowned(
    jobs: Jobs,
) -> None:
    job = intended(jobs, "k1")
    jobs.submitted(job, "batch_other", sure=False)
    read = again(jobs)
    assert not read.open[job.label].sure
    read.disowned(read.open[job.label])
    last = again(read).open[job.label]
    assert last.id is None
    assert last.not_ours == {"batch_other"}


def test_the_first_look_for_a_lost_submit_counts_and_later_ones_do_not_move_it(jobs: Jobs) -> None:
    job = intended(jobs, "k1")
    jobs.looked(job)
    first = job.looked
    time.sleep(0.01)
    jobs.looked(job)
    assert first is not None
    assert again(jobs).open[job.label].looked == first


def test_a_closed_job_is_gone_and_leaves_what_goes_again_to_its_work(jobs: Jobs) -> None:
    job = intended(jobs, "k1", "k2", "k3")
    left = {
        "k1": Left(2, 1, 0.5, Usage(10, 20, 1, 2)),
        "k2": Left(1, failure=Failure("rejected", "no such model")),
    }
    jobs.closed(job, "collected", left=left, paid=0.125)
    read = again(jobs)
    assert read.open == {}
    assert read.left({"k2": 1}.keys())[:2] == ("w", left)


def test_requests_that_no_job_ever_had_begin_a_work_of_their_own(jobs: Jobs) -> None:
    intended(jobs, "k1")
    name, left, paid = jobs.left(["k9"])
    assert name != "w"
    assert (left, paid) == ({}, 0.0)
    assert jobs.left(["k9", "k1"])[0] == "w"


def test_a_finished_work_is_forgotten(jobs: Jobs) -> None:
    job = intended(jobs, "k1")
    jobs.closed(job, "collected", left={"k1": Left(1)})
    jobs.finished("w")
    assert again(jobs).left(["k1"])[0] != "w"


def test_what_another_process_paid_for_a_work_is_told_and_our_own_is_not(jobs: Jobs) -> None:
    job = intended(jobs, "k1", "k2")
    jobs.closed(job, "collected", left={"k2": Left(1)}, paid=0.75)
    assert jobs.left(["k2"])[2] == 0.0
    jobs.unlock()
    read = "from prefkit.llm.batches.jobs import Jobs; import sys, pathlib; "
    read += "jobs = Jobs(pathlib.Path(sys.argv[1]), 'm'); jobs.lock(); print(jobs.left(['k2'])[2])"
    folder = str(jobs.path.parent)
    told = subprocess.run(
        [sys.executable, "-c", read, folder], check=True, capture_output=True, text=True
    )
    assert told.stdout == "0.75\n"


def test_answers_that_nobody_asks_for_now_keep_their_job_open_at_their_share(jobs: Jobs) -> None:
    job = intended(jobs, "k1", "k2", "k3", "k4")
    jobs.submitted(job, "batch_1")
    jobs.closed(job, "collected", rest=["k4"])
    read = again(jobs).open[job.label]
    assert read.keys == {"k4"}
    assert read.id == "batch_1"
    assert read.usd == 0.0625  # a quarter of 0.25


def test_a_record_that_was_cut_off_never_happened_and_is_written_over(jobs: Jobs) -> None:
    job = intended(jobs, "k1")
    whole = jobs.path.read_bytes()
    jobs.submitted(job, "batch_1")
    torn = jobs.path.read_bytes()[:-7]
    for size in (len(torn), len(whole) + 1, len(whole)):
        jobs.path.write_bytes(torn[:size])
        read = again(jobs)
        assert read.open[job.label].id is None
        read.submitted(read.open[job.label], f"batch_{size}")
        jobs = again(read)
        assert jobs.open[job.label].id == f"batch_{size}"


def test_zeros_that_a_power_cut_left_at_the_end_are_a_cut_record(jobs: Jobs) -> None:
    job = intended(jobs, "k1")
    with jobs.path.open("ab") as file:
        file.write(bytes(4096))
    assert list(again(jobs).open) == [job.label]


@pytest.mark.parametrize("place", [0, 5, 40, 120, -3])
def test_a_changed_byte_stops_everything_with_the_line_that_has_it(jobs: Jobs, place: int) -> None:
    intended(jobs, "k1")
    intended(jobs, "k2")
    jobs.unlock()
    data = bytearray(jobs.path.read_bytes())
    data[place] ^= 1
    jobs.path.write_bytes(data)
    with pytest.raises(DataError, match=r"m\.jobs, line [123]: .*damaged") as caught:
        Jobs(jobs.path.parent, "m").lock()
    assert caught.value.hint
    assert Jobs(jobs.path.parent, "m").path.read_bytes() == data


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    import zlib

    body = b'{"do":"file","version":2}'
    (tmp_path / "m.jobs").write_bytes(b"%08x %s\n" % (zlib.crc32(body), body))
    with pytest.raises(DataError, match="another version of prefkit"):
        Jobs(tmp_path, "m").lock()


def test_only_the_owner_may_read_the_records(jobs: Jobs) -> None:
    intended(jobs, "k1")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in jobs.path.parent.iterdir()}
    assert modes == {0o600}


def test_nothing_is_written_without_the_lock(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, "m")
    with pytest.raises(RuntimeError, match="without its lock"):
        intended(jobs, "k1")
    assert not jobs.path.exists()


def test_one_holder_at_a_time_within_a_process_too(jobs: Jobs) -> None:
    other = Jobs(jobs.path.parent, "m")
    assert not other.lock()
    jobs.unlock()
    assert other.lock()


def test_a_killed_process_gives_its_lock_back(tmp_path: Path) -> None:
    hold = "from prefkit.llm.batches.jobs import Jobs; import sys, pathlib, time; "
    hold += "jobs = Jobs(pathlib.Path(sys.argv[1]), 'm'); print(jobs.lock(), flush=True); "
    hold += "time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        assert not Jobs(tmp_path, "m").lock()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert Jobs(tmp_path, "m").lock()


def test_records_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "m.jobs").symlink_to(tmp_path / "elsewhere")
    jobs = Jobs(tmp_path, "m")
    assert jobs.lock()
    with pytest.raises(DataError, match="symbolic link"):
        intended(jobs, "k1")
    assert (tmp_path / "elsewhere").read_bytes() == b""

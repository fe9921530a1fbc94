"""Returned files: what is believed of them, and what is taken from the issued key."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import write_jsonl

from prefkit.errors import ConfigError, DataError
from prefkit.reviews.gathering import gather
from prefkit.reviews.issued import Issued, Place, read_issued, write_issued
from prefkit.reviews.returned import read_returned

PACKET = "0123456789abcdef" * 2
DIGEST = "a" * 64


@pytest.fixture
def review(tmp_path: Path) -> Path:
    folder = tmp_path / "review"
    folder.mkdir()
    places = [
        Place(pair="p1", pair_sha256=DIGEST, item="pair", left="rejected"),
        Place(pair="p2", pair_sha256="b" * 64, item="gold", left="chosen"),
    ]
    issued = Issued(
        packet=PACKET, reviewer="ann", role="blind", dataset="sha256:d", sample="s", guideline="g1",
        places=places,
    )  # fmt: skip
    write_issued(folder, issued)
    return folder


def vote(place: Any = 1, pair: str = "p1", **more: Any) -> dict[str, Any]:
    known = {"schema": "prefkit.decision/1", "id": f"{PACKET}:{place}:1", "packet": PACKET}
    return known | {"place": place, "pair": pair, "verdict": "a"} | more


def test_the_key_is_for_its_owner_only_and_reads_back(review: Path) -> None:
    path = review / "issued" / f"{PACKET}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    found = read_issued([review], PACKET)
    assert found is not None
    assert (found[0], found[1].places[1].item) == (review, "gold")


def test_reviewer_role_and_sides_come_from_the_key_and_not_from_the_file(
    tmp_path: Path, review: Path
) -> None:
    forged = vote(reviewer="bob", role="adjudicate", left="chosen", item="pair", dataset="x")
    path = write_jsonl(tmp_path / "d.jsonl", [forged, vote(2, "p2", comment="fine")])
    found = read_returned(path, [review], None)
    first, second = found.of_packets[review]
    assert (first.reviewer, first.role, first.left, first.dataset) == (
        "ann", "blind", "rejected", "sha256:d"
    )  # fmt: skip
    assert first.pair_sha256 == DIGEST
    assert (second.item, second.left, second.comment) == ("gold", "chosen", "fine")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (vote(3, "p1"), "the packet has no place '3'"),
        (vote(True, "p1"), "the packet has no place 'True'"),
        (vote(1, "p2"), "place 1 of the packet is another pair"),
        (vote(verdict="flip"), "'flip' is no verdict of a packet"),
        (vote(id="other:1:1"), "the line names or supersedes one that is not of its place"),
        (vote(supersedes="ann-1"), "the line names or supersedes one that is not of its place"),
    ],
)
def test_a_line_that_its_key_does_not_know_is_refused_with_its_reason(
    tmp_path: Path, review: Path, line: dict[str, Any], reason: str
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(), line])
    found = read_returned(path, [review], None)
    assert len(found.of_packets[review]) == 1
    assert found.refused[0]["line"] == 2
    assert found.refused[0]["reason"].startswith(reason)


@pytest.mark.parametrize("packet", ["f" * 32, "../../secret", 7, ""])
def test_a_packet_that_nobody_issued_is_refused(
    tmp_path: Path, review: Path, packet: object
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(packet=packet)])
    with pytest.raises(ConfigError, match="was not issued by any review"):
        read_returned(path, [review], None)


def triage(**more: Any) -> dict[str, Any]:
    about = {"schema": "prefkit.decision/1", "id": "1", "dataset": "d", "pair": "p1"}
    return about | {"pair_sha256": DIGEST, "role": "triage", "verdict": "drop"} | more


def test_decisions_of_a_report_page_are_those_of_whoever_applies_them(tmp_path: Path) -> None:
    forged = triage(reviewer="boss", supersedes="ann-1", item="pair")
    path = write_jsonl(tmp_path / "d.jsonl", [forged])
    with pytest.raises(ConfigError, match="do not say whose they are"):
        read_returned(path, [], None)
    (found,) = read_returned(path, [], "lead").own
    assert (found.reviewer, found.role, found.supersedes) == ("lead", "triage", None)


@pytest.mark.parametrize("more", [{"verdict": "a", "role": "blind"}, {"role": "adjudicate"}])
def test_a_blind_vote_without_its_packet_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [triage(**more)])
    with pytest.raises(ConfigError, match="a blind vote without its packet"):
        read_returned(path, [], "lead")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "line 1: no JSON"),
        ("\n[]\n", "line 2: not an object"),
        ('{"verdict": "drop"}', "line 1: id: Field required"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=what):
        read_returned(path, [], "lead")


def test_a_damaged_key_is_an_error_and_no_guess(tmp_path: Path, review: Path) -> None:
    (review / "issued" / f"{PACKET}.json").write_text("{}")
    with pytest.raises(DataError, match="is damaged"):
        read_returned(write_jsonl(tmp_path / "d.jsonl", [vote()]), [review], None)


@pytest.mark.parametrize("packet", [[1], {}, True])
def test_a_packet_that_is_no_text_is_one_that_nobody_issued(
    tmp_path: Path, review: Path, packet: object
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(packet=packet)])
    with pytest.raises(ConfigError, match="was not issued by any review"):
        read_returned(path, [review], None)


@pytest.mark.parametrize(
    ("more", "what"),
    [({"ms_visible": 2**63}, "ms_visible"), ({"reasons": ["x" * 1000]}, "reasons.0")],
)
def test_what_is_larger_than_any_page_writes_is_refused(
    tmp_path: Path, review: Path, more: dict[str, Any], what: str
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(**more)])
    with pytest.raises(DataError, match=what):
        read_returned(path, [review], None)


def test_two_lines_of_one_id_that_differ_are_no_guess(tmp_path: Path, review: Path) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(), vote(), vote(verdict="b")])
    found = read_returned(path, [review], None)
    assert {one.verdict for one in found.of_packets[review]} == {"a"}
    assert found.refused == [
        {"file": "d.jsonl", "line": 3, "reason": "a line of that id says something else above"}
    ]


def test_a_key_that_is_there_twice_is_no_guess(tmp_path: Path, review: Path) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote()])
    text = path.read_text()
    path.write_text(text.replace('"verdict"', '"verdict": "b", "verdict"'))
    with pytest.raises(DataError, match="line 1: no JSON: a key is there twice"):
        read_returned(path, [review], None)


def test_a_mark_at_the_start_of_a_file_and_line_ends_of_windows_are_read(
    tmp_path: Path, review: Path
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(), vote(2, "p2")])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_returned(path, [review], None).of_packets[review]) == 2


def test_a_packet_with_lines_of_a_report_page_between_is_refused(
    tmp_path: Path, review: Path
) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [vote(), triage(verdict="flip")])
    with pytest.raises(ConfigError, match="lines of a packet and lines without one"):
        read_returned(path, [review], "lead")


def test_decisions_on_rows_with_opposite_labels_are_two_lines(tmp_path: Path) -> None:
    said = [triage(verdict="flip"), triage(pair_sha256="b" * 64)]
    path = write_jsonl(tmp_path / "d.jsonl", said)
    lines = gather([path], tmp_path / "pairs", "lead").lines
    assert [one.verdict for one in lines] == ["flip", "drop"]


def test_a_folder_of_somebody_else_beside_the_files_is_passed_over(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "d.jsonl", [triage()])
    (tmp_path / "theirs").mkdir(mode=0o700)
    program = (
        "import os, sys; from pathlib import Path\n"
        "from prefkit.reviews.gathering import _beside\n"
        "os.chdir(sys.argv[1])\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "else: os.chmod('theirs', 0)\n"
        "assert _beside(Path('pairs'), [Path('d.jsonl')]) == []\n"
    )
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    (tmp_path / "theirs").chmod(0o700)
    assert done.returncode == 0, (path, done.stderr)

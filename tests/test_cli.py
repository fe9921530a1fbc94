from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from command_line import SCRIPT, Prefkit, labelled, script, write_jsonl
from pair_rows import simple_pairs, write_pairs

from prefkit import __version__
from prefkit.errors import GateFailed, PrefkitError
from prefkit.failures import report
from prefkit.registry import names


@pytest.fixture
def prefkit(capsys: pytest.CaptureFixture[str]) -> Prefkit:
    return Prefkit(capsys)


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """A file of four labelled pairs and a blank line."""
    path = write_jsonl(tmp_path / "votes.jsonl", [labelled(n) for n in range(4)])
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    return path


def test_the_version_goes_to_stdout(prefkit: Prefkit) -> None:
    assert prefkit("--version") == (0, f"prefkit {__version__}\n", "")


def test_the_help_lists_every_verb_and_how_to_complete(prefkit: Prefkit) -> None:
    code, out, err = prefkit("--help")
    assert (code, err) == (0, "")
    assert not [name for name in names("verb") if f"  {name} " not in out]
    assert "_PREFKIT_COMPLETE=bash_source" in out


@pytest.mark.parametrize("verb", names("verb"))
def test_the_help_of_a_verb_says_what_every_option_does(prefkit: Prefkit, verb: str) -> None:
    code, out, err = prefkit(*verb.split(), "--help")
    assert (code, err) == (0, "")
    silent = re.findall(r"^  (?:-\w, )?--[\w-]+(?: [A-Z|\w]+)?$\n(?!  {10,}\S)", out, re.M)
    assert not silent, "options without help"


def test_no_command_is_a_usage_error_that_shows_the_help(prefkit: Prefkit) -> None:
    for command in ([], ["collect"]):
        code, out, err = prefkit(*command)
        assert (code, out) == (2, "")
        assert err.startswith("Usage: prefkit ")


def test_data_goes_to_stdout_and_nothing_else_does(prefkit: Prefkit, votes: Path) -> None:
    out = votes.parent / "out"
    code, shown, err = prefkit("collect", "human", votes, "--out", out)
    assert (code, err) == (0, "")
    assert "Rows         5 = 4 used + 1 set aside" in shown
    assert f"prefkit pair {out}" in shown


def test_json_is_one_document_with_the_counts(prefkit: Prefkit, votes: Path) -> None:
    result = prefkit("collect", "human", votes, "--out", votes.parent / "out", "--json")
    facts = result.document
    assert facts["rows"] == facts["used"] + facts["set_aside"] == 5
    assert (facts["comparisons"], facts["votes"]) == (4, 4)
    assert facts["prefkit"] == {"version": __version__, "document": 1}


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("pari", "there is no command 'pari'. Did you mean 'pair'?", "prefkit --help"),
        (
            "collect humna",
            "there is no command 'collect humna'. Did you mean 'collect human'?",
            "prefkit --help",
        ),
        (
            "pair X --out Y --polcy all",
            "pair has no option '--polcy'. Did you mean '--policy'?",
            "prefkit pair --help",
        ),
        (
            "pair PAIRS --out Y",
            "PAIRS holds pairs, this needs comparisons",
            "prefkit collect --help",
        ),
        ("pair X", "Missing option '--out'.", "prefkit pair --help"),
        ("pair X --out Y --tie sotf", "pair: tie: Input should be 'drop'", "prefkit pair --help"),
        ("pair X --out Y --limit 0", "pair: limit: ", "prefkit pair --help"),
        (
            "curate PAIRS --out Y --filter lenght_ratio",
            "curate: there is no filter 'lenght_ratio'. Did you mean 'length_ratio'?",
            "prefkit catalog filter",
        ),
        (
            "curate PAIRS --out Y --filter length_ratio:{mx:3}",
            "curate: there is no filter 'length_ratio:{mx:3}'. Did you mean 'length_ratio'?",
            "prefkit catalog filter",
        ),
        (
            "curate PAIRS --out Y --filter {turns",
            "--filter, line 1, column 7: ",
            "prefkit curate --help",
        ),
        (
            'curate PAIRS --out Y --filter {"length_ratio":{"mx":3}}',
            "curate: length_ratio has no option 'mx'. Did you mean 'max'?",
            "prefkit catalog filter length_ratio",
        ),
        (
            'curate PAIRS --out Y --filter {"python":{"function":"os:getcwd"}}',
            "curate: the filter python imports and runs code",
            "add --allow-code if you trust it",
        ),
        (
            "collect human VOTES --out Y --format clumns",
            "there is no reader named 'clumns'. Did you mean 'columns'?",
            "prefkit catalog reader",
        ),
        ("show nowhere", "there is no dataset folder nowhere", "prefkit show --help"),
    ],
)
def test_a_usage_error_says_what_and_where_and_ends_with_a_hint(
    prefkit: Prefkit, votes: Path, command: str, message: str, hint: str
) -> None:
    pairs = write_pairs(votes.parent / "pairs", simple_pairs(2))
    words = [
        word.replace("PAIRS", str(pairs)).replace("VOTES", str(votes)) for word in command.split()
    ]
    code, out, err = prefkit(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}".replace("PAIRS", str(pairs)))
    assert err.endswith(f"\nhint: {hint}\n")
    assert err.count("\n") == 2


def test_with_json_a_failure_is_a_document_too(prefkit: Prefkit) -> None:
    result = prefkit("show", "nowhere", "--json")
    assert result.code == 2
    assert result.err.startswith("error: there is no dataset folder nowhere\nhint: ")
    assert result.document["error"] == {
        "message": "there is no dataset folder nowhere",
        "hint": "prefkit show --help",
        "exit_code": 2,
    }


def test_nothing_usable_exits_with_3(prefkit: Prefkit, tmp_path: Path) -> None:
    empty = write_jsonl(tmp_path / "empty.jsonl", [])
    code, out, err = prefkit("collect", "human", empty, "--out", tmp_path / "out")
    assert (code, out) == (3, "")
    assert err.startswith("error: none of 0 source rows could be used")
    assert not (tmp_path / "out").exists()


def test_an_existing_output_is_refused_and_force_replaces_only_folders_of_prefkit(
    prefkit: Prefkit, votes: Path
) -> None:
    other = votes.parent / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine", encoding="utf-8")
    link = votes.parent / "link"
    link.symlink_to(other)
    command = ("collect", "human", votes, "--out")
    for out in (other, link):
        for force in ([], ["--force"]):
            assert prefkit(*command, out, *force).code == 2
    assert (other / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert prefkit(*command, votes.parent / "new").code == 0
    again = prefkit(*command, votes.parent / "new")
    assert (again.code, "--force" in again.err) == (2, True)
    assert prefkit(*command, votes.parent / "new", "--force").code == 0


def test_a_child_never_replaces_its_parent(prefkit: Prefkit, tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs", simple_pairs(2))
    before = (pairs / "manifest.json").read_bytes()
    code, _, err = prefkit("curate", pairs, "--filter", "turns", "--out", pairs, "--force")
    assert code == 2
    assert "is the dataset itself" in err
    assert (pairs / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        "collect human VOTES",
        "pair COMPARISONS",
        "curate PAIRS --filter turns",
        "export PAIRS",
    ],
)
def test_a_dry_run_counts_and_writes_nothing_and_a_limit_is_kept(
    prefkit: Prefkit, votes: Path, command: str
) -> None:
    place = votes.parent
    assert prefkit("collect", "human", votes, "--out", place / "comparisons").code == 0
    assert prefkit("pair", place / "comparisons", "--out", place / "pairs").code == 0
    there = sorted(place.rglob("*"))
    folders = {"VOTES": votes, "COMPARISONS": place / "comparisons", "PAIRS": place / "pairs"}
    words = [folders.get(word, word) for word in command.split()]
    result = prefkit(*words, "--out", place / "out", "--dry-run", "--limit", "2", "--json")
    assert result.code == 0, result.err
    assert result.document["dry_run"] is True
    counts = {**result.document, **result.document.get("counts", {})}
    read = next(counts[name] for name in ("rows", "rows_in", "comparisons") if name in counts)
    assert read == 2
    assert sorted(place.rglob("*")) == there


def test_a_traceback_is_shown_only_when_asked_for(prefkit: Prefkit) -> None:
    assert "Traceback" not in prefkit("show", "nowhere").err
    shown = prefkit("show", "nowhere", "--debug").err
    assert shown.startswith("Traceback (most recent call last)")
    assert shown.endswith("error: there is no dataset folder nowhere\nhint: prefkit show --help\n")


@pytest.mark.parametrize(
    ("error", "message", "hint", "code"),
    [
        (
            ValueError("x\x1b[31m"),
            "ValueError: x\\u001b[31m; this is a bug in prefkit",
            "prefkit pair 'my data' --debug",
            1,
        ),
        (KeyError("kind"), "KeyError: 'kind'; this is a bug", "prefkit pair 'my data' --debug", 1),
        (MemoryError(), "there is not enough memory", "prefkit pair 'my data' --debug", 1),
        (
            PermissionError(13, "Permission denied", "data/x"),
            "the system refused: data/x: Permission denied",
            "prefkit pair 'my data' --debug",
            1,
        ),
        (
            BrokenProcessPool("died"),
            "a worker process was killed, most likely for want of memory",
            "prefkit pair 'my data' --workers 1",
            1,
        ),
        (KeyboardInterrupt(), "interrupted: nothing half-", "prefkit pair 'my data'", 130),
        (PrefkitError("no luck"), "no luck", "prefkit pair 'my data' --debug", 1),
        (GateFailed("rows is 1", hint="look"), "rows is 1", "look", 3),
    ],
)
def test_every_failure_ends_as_one_error_with_a_hint(
    capsys: pytest.CaptureFixture[str], error: BaseException, message: str, hint: str, code: int
) -> None:
    assert report(error, ["pair", "my data"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {message}")
    assert err.endswith(f"\nhint: {hint}\n")


def test_a_bug_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    """A package that adds a verb which fails in a way that nobody foresaw."""
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "__init__.py").write_text(
        "from prefkit.verbs.verb import Verb\n"
        "class Odd(Verb):\n"
        "    '''Fail.'''\n"
        "    def __call__(self):\n"
        "        raise ZeroDivisionError('by zero')\n",
        encoding="utf-8",
    )
    info = tmp_path / "addon-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: addon\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[prefkit.verb]\nodd = addon:Odd\n")
    result = script("odd", PYTHONPATH=str(tmp_path))
    assert result.code == 1
    assert result.err == (
        "error: ZeroDivisionError: by zero; this is a bug in prefkit\nhint: prefkit odd --debug\n"
    )
    assert "in __call__" in script("odd", "--debug", PYTHONPATH=str(tmp_path)).err


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    """More rows than a pipe holds, and a reader that takes one line."""
    pairs = write_pairs(tmp_path / "pairs", simple_pairs(1000))
    command = f"'{SCRIPT}' show '{pairs}' --rows 1000 | head -n 1; echo ${{PIPESTATUS[@]}}"
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed: the broken pipe did NOT run")
    done = subprocess.run([bash, "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["Folder", str(pairs), "0", "0"]


def completions(words: str) -> list[str]:
    """What a shell is offered for the last word."""
    environment = {
        "_PREFKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": f"prefkit {words}",
        "COMP_CWORD": str(len(f"prefkit {words}".split(" ")) - 1),
    }
    done = subprocess.run(
        [SCRIPT], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.split("\n") if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pa", ["pair"]),
        ("collect ", ["human", "judge", "synthetic"]),
        ("pair x --pol", ["--policy"]),
        ("pair x --tie ", ["drop", "unpaired", "soft"]),
        (
            "curate x --filter length",
            ["length", "length_ratio", "length_difference", "length_match", "length_weight"],
        ),
        ("nope x", []),
    ],
)
def test_a_shell_is_offered_commands_options_and_names(words: str, offered: list[str]) -> None:
    assert completions(words) == offered


def cpu_s(*command: str) -> float:
    """CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.slow
def test_the_help_costs_at_most_twice_an_import_of_typer() -> None:
    pytest.importorskip("typer", reason="typer is not installed: the comparison did NOT run")
    runs = [
        (cpu_s(SCRIPT, "--help"), cpu_s(sys.executable, "-c", "import typer")) for _ in range(8)
    ]
    mine, typer = map(min, zip(*runs, strict=True))
    assert mine <= 2 * typer


def test_the_help_loads_nothing_heavy() -> None:
    result = script("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.err.splitlines()}
    assert "click" in loaded
    assert not loaded & {"pydantic", "pyarrow", "polars", "rich", "yaml", "numpy", "datasets"}


def test_names_of_files_with_odd_bytes_do_no_harm(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\x1b[31m.jsonl")
    result = script("collect", "human", odd, "--out", tmp_path / "out", "--json")
    assert result.code == 2
    assert "a\\udcff\\u001b[31m.jsonl" in result.err
    assert json.loads(result.out)["error"]["message"].endswith("a\udcff\x1b[31m.jsonl")

"""What a caller of a sandbox can do, and what it is told."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from callers import cannot

import prefkit.sandbox
from prefkit.errors import ConfigError
from prefkit.sandbox.inside.values import Opaque
from prefkit.sandbox.launch import Level
from prefkit.sandbox.levels import strongest_level
from prefkit.sandbox.limits import Limits
from prefkit.sandbox.pool import in_sandboxes
from prefkit.sandbox.worker import SandboxError, Worker

ECHO = "def echo(x): return x"


@pytest.fixture(scope="module")
def level() -> Level:
    try:
        return strongest_level()
    except ConfigError as error:
        cannot(str(error))


@pytest.fixture(scope="module")
def worker(level: Level) -> Iterator[Worker]:
    with Worker(level, Limits(call_s=10.0, total_s=30.0), 3) as one:
        yield one


def test_the_example_of_the_package_runs(level: Level) -> None:
    assert prefkit.sandbox.__doc__ is not None
    names: dict[str, object] = {}
    example = textwrap.dedent(prefkit.sandbox.__doc__.split("\n\n", 1)[1].rsplit("\n\n", 1)[0])
    exec(example, names)
    answer = names["answer"]
    assert (answer.kind, answer.value) == ("value", 42)  # type: ignore[attr-defined]


VALUES = [
    *(None, True, False, 0, -1, 255, -(10**400), 1.5, -0.0, float("inf"), 1e-320, 1j),
    *("", "a\x00b", "\ud800", "日本", b"", b"\x00\xff", (), [], {}, set(), frozenset({1})),
    *([1, (2, [3, {4: (5,)}])], {(1, "a"): {2.5, None}}, {True: [{}]}, "x" * 65_536),
    *(Fraction(-1, 3), list(range(10_000)), {frozenset({(1, 2)}): 3}),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda one: repr(one)[:30].encode("ascii", "replace"))
def test_plain_values_go_in_and_come_back_as_they_are(worker: Worker, value: object) -> None:
    with worker.open(ECHO) as candidate:
        answer = candidate.call("echo", [value])
    assert answer.kind == "value"
    assert repr(answer.value) == repr(value)


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        ("type('L', (list,), {})([1, 2])", [1, 2]),
        ("type('I', (int,), {})(3)", 3),
        ("__import__('collections').Counter('aab')", {"a": 2, "b": 1}),
        ("__import__('collections').namedtuple('P', 'x y')(1, 2)", (1, 2)),
        ("__import__('collections').OrderedDict(a=1)", {"a": 1}),
        ("__import__('http').HTTPStatus(404)", 404),
        ("{1: 2}.keys()", {1}),
        ("{1: 2}.items()", {(1, 2)}),
        ("bytearray(b'ab')", b"ab"),
        ("__import__('decimal').Decimal('0.1')", Fraction(1, 10)),
    ],
)
def test_what_is_made_of_plain_values_comes_back_as_them(
    worker: Worker, expression: str, plain: object
) -> None:
    with worker.open("") as candidate:
        value = candidate.evaluate(expression).value
    assert type(value) is type(plain)
    assert value == plain


@pytest.mark.parametrize(
    "expression",
    [
        *("object()", "len", "iter([])", "range(3)", "(x for x in ())", "int", "..."),
        "__import__('decimal').Decimal('nan')",
        "__import__('decimal').Decimal('1e1000000')",
        "{1: []}.items()",
    ],
)
def test_what_is_not_plain_is_opaque_and_equal_to_nothing(worker: Worker, expression: str) -> None:
    with worker.open("") as candidate:
        value = candidate.evaluate(expression).value
    assert isinstance(value, Opaque)
    assert value != value  # noqa: PLR0124, to itself neither


def test_what_lies_too_deep_is_opaque_and_crashes_nobody(worker: Worker) -> None:
    code = "def deep(n):\n    a = []\n    for _ in range(n): a = [a]\n    return a"
    with worker.open(code) as candidate:
        whole = candidate.call("deep", [150]).value
        deep = candidate.call("deep", [400]).value
    assert repr(whole) == "[" * 151 + "]" * 151
    assert repr(deep).strip("[]") == "<list>"


def test_a_call_may_have_keywords_and_a_dotted_name(worker: Worker) -> None:
    code = "class Shop:\n    @staticmethod\n    def price(item, *, count=1): return item, count"
    with worker.open(code) as candidate:
        assert candidate.call("Shop.price", ["tea"], {"count": 3}).value == ("tea", 3)
        assert candidate.call("Shop.cost").error.startswith("AttributeError")


def test_what_a_candidate_remembers_ends_with_it(worker: Worker) -> None:
    code = "seen = []\ndef count(x):\n    seen.append(x)\n    return len(seen)"
    for _ in range(2):
        with worker.open(code) as candidate:
            assert [candidate.call("count", [0]).value for _ in range(3)] == [1, 2, 3]


def test_after_an_error_the_candidate_answers_on(worker: Worker) -> None:
    with worker.open("def half(x): return 1 / x") as candidate:
        assert candidate.call("half", [0]).error == "ZeroDivisionError: division by zero"
        assert candidate.over is None
        assert candidate.call("half", [2]).value == 0.5
    assert candidate.ending is not None
    assert candidate.ending.status == 0
    assert candidate.ending.cpu_s > 0


def test_code_that_does_not_load_says_why_to_every_call(worker: Worker) -> None:
    with worker.open("def f(:") as candidate:
        assert candidate.loaded.kind == "error"
        assert candidate.loaded.error.startswith("SyntaxError")
        assert candidate.call("f") == candidate.loaded


def test_a_crash_says_by_which_signal(worker: Worker) -> None:
    with worker.open("import os\ndef f(): os.abort()") as candidate:
        assert candidate.call("f").error == "ended by signal 6"
        assert candidate.call("f").kind == "crash"


def test_an_error_keeps_no_control_characters_and_500_letters(worker: Worker) -> None:
    with worker.open("def f(): raise ValueError('\\x1b[2J\\ud800' + 'x' * 9000)") as candidate:
        error = candidate.call("f").error
    assert error.startswith("ValueError: \ufffd[2J\ufffdxxx")
    assert len(error) == 500


def test_an_input_of_ten_megabytes_arrives_at_a_slow_reader(worker: Worker) -> None:
    code = "import time\ntime.sleep(0.3)\ndef size(x): return len(x)"
    with worker.open(code) as candidate:
        assert candidate.call("size", ["x" * 10_000_000]).value == 10_000_000


def test_an_input_that_nobody_reads_is_a_timeout(level: Level) -> None:
    code = "import time\ndef f(): return 1\ntime.sleep(60)"
    limits = Limits(call_s=0.2, total_s=0.5)
    with (
        Worker(level, limits, 4) as worker,
        worker.open(code) as candidate,
    ):
        assert candidate.loaded.kind == "timeout"
    with (
        Worker(level, limits, 4) as worker,
        worker.open("import time\ndef f(x): pass\nimport threading") as candidate,
    ):
        candidate.evaluate("exec('import os, signal; os.kill(os.getpid(), signal.SIGSTOP)')")
        assert candidate.call("f", ["x" * 10_000_000]).kind == "timeout"


@pytest.mark.parametrize(
    ("code", "kind", "printed"),
    [
        ("print(input()[::-1])", "value", b"cba\n"),
        ("import sys\nprint(sys.stdin.read().strip())", "value", b"abc\ndef\n"),
        ("for line in open(0): print(line, end='')", "value", b"abc\ndef\n"),
        ("import sys\nprint(1)\nsys.exit(0)", "value", b"1\n"),
        ("import sys\nprint(1)\nsys.exit()", "value", b"1\n"),
        ("import os\nprint(1, flush=True)\nos._exit(0)", "value", b"1\n"),
        ("import os\nos.write(1, b'raw')", "value", b"raw"),
        ("import sys\nsys.stdout = open(1, 'w')\nprint(2)", "value", b"2\n"),
        ("import atexit\natexit.register(print, 'end')", "value", b"end\n"),
        ("if __name__ == '__main__': print(3)", "value", b"3\n"),
        ("import sys\nprint(1)\nsys.exit(3)", "error", b"1\n"),
        ("import sys\nsys.exit('no')", "error", b""),
        ("print(1)\n1 / 0", "error", b"1\n"),
        ("import os\nprint(1, flush=True)\nos._exit(4)", "error", b"1\n"),
        ("import os\nprint(1, flush=True)\nos.abort()", "crash", b"1\n"),
        ("[input() for _ in range(3)]", "error", b""),
        ("print('y' * 500_000)", "value", b"y" * 500_000 + b"\n"),
        ("def f(:", "error", b""),
    ],
)
def test_a_program_runs_to_its_end_and_its_output_is_whole(
    worker: Worker, code: str, kind: str, printed: bytes
) -> None:
    with worker.open(code, stdin=b"abc\ndef\n") as candidate:
        assert candidate.loaded.kind == kind, candidate.loaded
        assert candidate.printed == printed
        assert candidate.ending is not None
        assert candidate.over == candidate.loaded


def test_a_program_ends_with_its_threads(worker: Worker) -> None:
    code = """
import threading, time
def later():
    time.sleep(0.2)
    print("later")
threading.Thread(target=later).start()
"""
    with worker.open(code, stdin=b"") as candidate:
        assert candidate.printed == b"later\n"


def test_a_program_reads_ten_megabytes(worker: Worker) -> None:
    code = "import sys\nprint(len(sys.stdin.buffer.read()))"
    with worker.open(code, stdin=b"x" * 10_000_000) as candidate:
        assert candidate.printed == b"10000000\n"


def test_a_program_cannot_be_called(worker: Worker) -> None:
    with (
        worker.open("def f(): return 1", stdin=b"") as candidate,
        pytest.raises(ValueError, match="cannot be called"),
    ):
        candidate.call("f")


def test_a_worker_has_one_candidate_at_a_time(worker: Worker) -> None:
    with worker.open(ECHO), pytest.raises(SandboxError, match="one candidate at a time"):
        worker.open(ECHO)
    with worker.open(ECHO) as candidate:
        assert candidate.call("echo", [1]).value == 1


def test_a_sandbox_is_replaced_after_so_many_candidates(level: Level) -> None:
    with Worker(level, Limits(candidates=2), 5) as worker:
        for _ in range(5):
            with worker.open(ECHO) as candidate:
                assert candidate.call("echo", [1]).value == 1
        assert worker.started == 3


def test_the_total_counts_waiting_only(level: Level) -> None:
    with (
        Worker(level, Limits(call_s=1.0, total_s=1.0), 6) as worker,
        worker.open("import time\ndef rest(s): time.sleep(s)") as candidate,
    ):
        assert candidate.call("rest", [0.6]).kind == "value"
        time.sleep(0.5)
        answer = candidate.call("rest", [0.6])
    assert answer.kind == "timeout"
    assert 0.1 < answer.wall_s < 0.5


def test_results_of_several_workers_come_in_order(level: Level) -> None:
    def work(worker: Worker, x: int) -> int:
        with worker.open(ECHO) as candidate:
            return int(candidate.call("echo", [x]).value)

    found = in_sandboxes(work, range(40), partial(Worker, level, Limits(call_s=10.0)), 2)
    assert list(found) == list(range(40))


def test_what_the_work_raises_comes_out_and_leaves_no_sandbox(level: Level) -> None:
    made: list[Worker] = []

    def make(number: int) -> Worker:
        made.append(Worker(level, Limits(), number))
        return made[-1]

    def work(worker: Worker, x: int) -> int:
        with worker.open(ECHO):
            return 1 // x

    with pytest.raises(ZeroDivisionError):
        list(in_sandboxes(work, [1, 0, 1], make, 2))
    assert [one.is_running for one in made] == [False, False]


def test_what_nobody_waits_for_any_more_is_not_waited_for(level: Level) -> None:
    patient = Limits(call_s=60.0, total_s=60.0)

    def work(worker: Worker, x: int) -> int:
        with worker.open("def f(x):\n    while x: pass\n    return 7") as candidate:
            return int(candidate.call("f", [x]).value or 0)

    began = time.monotonic()
    found = in_sandboxes(work, [0, 1, 1, 1], partial(Worker, level, patient), 2)
    assert next(found) == 7
    found.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 20


def test_without_a_sandbox_nothing_runs_unless_it_is_allowed_by_name() -> None:
    with pytest.raises(ConfigError, match="allowed by name") as caught:
        Worker("unsafe", Limits())
    assert "--unsafe-exec" in str(caught.value.hint)


def test_what_is_allowed_by_name_runs_by_the_same_protocol() -> None:
    with Worker("unsafe", Limits(call_s=5.0), allow_unsafe=True) as worker:
        with worker.open("import os\ndef f(): return os.getppid() and os.listdir('/')") as one:
            assert set(one.call("f").value) == {place.name for place in Path("/").iterdir()}
        with worker.open("import os\ndef f(): os.abort()") as one:
            assert one.call("f").kind == "crash"
        with worker.open("print(input())", stdin=b"a") as one:
            assert one.printed == b"a\n"


def test_the_unsafe_level_is_never_chosen(level: Level) -> None:
    assert level in ("bubblewrap", "landlock")


def test_a_package_that_is_not_installed_is_named(level: Level) -> None:
    with (
        Worker(level, Limits(packages=("no_such_package",))) as worker,
        pytest.raises(ConfigError, match="no_such_package"),
    ):
        worker.open(ECHO)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="the limit call_s is 0"):
        Limits(call_s=0)


def test_numpy_is_not_there_unless_it_is_allowed(worker: Worker) -> None:
    with worker.open("import numpy") as candidate:
        assert candidate.loaded.error.startswith(("ModuleNotFoundError", "PermissionError"))

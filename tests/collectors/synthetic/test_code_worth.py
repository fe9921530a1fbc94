"""What tests are worth: those that flicker, those that notice nothing, programs that differ."""

from __future__ import annotations

from code_execution import ADD, comparison, executed, own_task

TESTS = ("assert add(1, 2) == 3", "assert add(0, 0) == 0")

COIN = "import random\ndef add(a, b):\n    return a + b + random.choice([0, 1])\n"
NOISE = "import random\ndef add(a, b):\n    return round(a + b + 1.2 * random.random())\n"
CLOCK = "import time\ndef add(a, b):\n    return a + b if time.monotonic_ns() // 1000 % 2 else 0\n"
HASHES = "def add(a, b):\n    return a + b if hash('x') % 2 else 0\n"

LARGE = {"task_id": "large", "prompt": "Whether n is above 10.", "entry_point": "large"}
ABOVE = "def large(n):\n    return n > 10\n"


def test_a_program_that_flickers_alone_is_set_aside_and_its_tests_count_for_the_others() -> None:
    told = executed([comparison(own_task(*TESTS), ADD, COIN)], repeats=18)
    assert told.missing == [("flaky", 1)]
    assert (told.labels, told.shares) == (["pass"], [(1.0, 2)])
    assert told.facts["flaky"] == {"count": 1, "first": [{"task": "t", "response": 1}]}


def test_a_test_on_which_two_programs_flicker_does_not_count() -> None:
    steady = "assert add(0, 0) in (0, 1)"
    told = executed(
        [comparison(own_task("assert add(1, 2) == 3", steady), ADD, COIN, NOISE)], repeats=18
    )
    assert told.missing == []
    assert told.shares == [(1.0, 1)] * 3
    assert told.raw[0]["tests"] == ["flaky", "pass"]
    assert told.facts["flaky"]["first"] == [{"task": "t", "test": 0, "for": "2 candidates"}]


def test_without_a_reference_nobody_can_tell_a_flaky_test_from_a_flaky_program() -> None:
    task = own_task("assert add(1, 2) == 3", "assert add(0, 0) in (0, 1)", reference=None)
    told = executed([comparison(task, ADD, COIN)], repeats=18)
    assert told.facts["flaky"]["first"] == [{"task": "t", "test": 0, "for": "1 candidate"}]
    assert told.shares == [(1.0, 1)] * 2


def test_a_test_that_the_reference_passes_by_chance_does_not_cost_the_task() -> None:
    task = own_task("assert add(1, 2) == 3", "assert add(0, 0) == 0", reference=CLOCK)
    told = executed([comparison(task, ADD)], repeats=18)
    # 0 is right for the second test in any case; whether the first fails is a matter of the clock
    assert told.facts["flaky"]["first"] == [{"task": "t", "test": 0, "for": "the reference"}]
    assert told.shares == [(1.0, 1)]


def test_a_task_whose_every_test_flickers_gives_no_vote() -> None:
    told = executed([comparison(own_task(TESTS[0], reference=None), COIN)], repeats=18)
    assert told.missing == [("flaky", None)]
    assert told.votes == []


def test_what_depends_on_hashes_is_the_same_every_time() -> None:
    told = executed([comparison(own_task(*TESTS), HASHES)], repeats=5)
    assert told.missing == []
    assert told.facts["flaky"] == {"count": 0}


def test_tests_that_let_wrong_programs_pass_are_weak_and_it_is_said_which() -> None:
    weak = ["assert large(20) is True", "assert large(5) is False"]
    told = executed([comparison({**LARGE, "tests": weak, "reference": ABOVE}, ABOVE)], mutants=20)
    # n >= 10 and n > 11 answer 20 and 5 as n > 10 does
    assert told.raw[0]["adequacy"] == [0, 2]
    found = told.facts["adequacy"]
    assert found["kill_rate"]["value"] == 0.0
    assert found["weak"]["first"] == [
        {
            "task": "large",
            "killed": 0,
            "mutants": 2,
            "survivors": ["line 2: n > 10 to n >= 10", "line 2: 10 to 11"],
        }
    ]
    assert told.lines["Weak tests"] == "1 of 1 tasks notice less than 50%: large"


def test_tests_at_the_boundary_notice_both() -> None:
    good = ["assert large(10) is False", "assert large(11) is True"]
    told = executed([comparison({**LARGE, "tests": good, "reference": ABOVE}, ABOVE)], mutants=20)
    assert told.raw[0]["adequacy"] == [2, 2]
    assert told.facts["adequacy"]["weak"] == {"count": 0}
    assert "Weak tests" not in told.lines


def test_a_mutant_that_never_ends_is_noticed_and_costs_little() -> None:
    reference = "def add(a, b):\n    while b > 0:\n        a, b = a + 1, b - 1\n    return a\n"
    told = executed([comparison(own_task(*TESTS, reference=reference), ADD)], mutants=20)
    # of b > 0: >= is one step too many; b + 1 and b - 2 ... only b + 1 never ends
    assert told.timings["mutants_by_timeout"] >= 1
    assert "by_timeout" not in told.facts["adequacy"]


def test_programs_that_pass_are_asked_what_the_tests_do_not_ask() -> None:
    task = own_task(
        "assert add(3) == 3", "assert add(-2) == 2", reference="def add(n):\n    return abs(n)\n"
    )
    odd = "def add(n):\n    return n if n > 0 or n < -2 else -n\n"
    again = "def add(m):\n    # the same\n    return m if m > 0 or m < -2 else -m\n"
    told = executed(
        [comparison(task, "def add(n):\n    return max(n, -n)\n", odd, again)], variants=20
    )
    # one more, one less and twice as much: 2, 4, 6 and -1, -3, -4; it is wrong for the last two
    assert [raw["differs"] for raw in told.raw] == [[0, 6], [2, 6], [2, 6]]
    found = told.facts["differing"]
    assert (found["tasks"], found["inputs"], found["disagreeing"]) == (1, 6, 2)
    assert found["weak"]["first"][0]["example"] in ("-3", "-4")
    assert "1 of 1 tasks: t" in told.lines["Disagreeing"]


def test_an_input_that_the_reference_refuses_says_nothing() -> None:
    reference = "def add(n):\n    assert n == 3\n    return n\n"
    task = own_task("assert add(3) == 3", reference=reference)
    told = executed([comparison(task, "def add(n):\n    return n\n")], variants=20)
    assert told.raw[0]["differs"] == [0, 0]


def test_two_programs_in_other_words_are_told_by_their_shape() -> None:
    other = "def add(x, y):\n    '''Adds.'''\n    return x + y  # done\n"
    told = executed(
        [comparison(own_task(*TESTS), ADD, other, "def add(a, b):\n    return b + a\n")]
    )
    one, same, another = (raw["shape"] for raw in told.raw)
    assert one == same != another
    assert told.facts["duplicates"] == 1


COLOURS = {
    "task_id": "lights",
    "prompt": "What to do at a light.",
    "entry_point": "act",
    "tests": [f"assert act({one!r}) == {say!r}" for one, say in (("red", "stop"), ("green", "go"))],
    "reference": "def act(light):\n    return 'go' if light[:3] == 'gre' else 'stop'\n",
}


def test_a_program_that_looks_up_all_there_is_is_no_cheat_if_it_is_right_beyond_the_tests() -> None:
    honest = "def act(light):\n    if light in ('red', 'er'): return 'stop'\n" + "".join(
        f"    if light == {one!r}: return 'go'\n" for one in ("green", "greenn", "greeen", "gren")
    )
    table = "def act(light):\n    return {'red': 'stop', 'green': 'go'}.get(light)\n"
    honest += "    return 'go' if light in ('gree', 'grenn', 'grreen') else 'stop'\n"
    told = executed([comparison(COLOURS, honest, table)], variants=6)
    assert told.labels == ["pass", "trivial"]
    # nobody can tell where nothing further is asked: then the rule holds
    assert executed([comparison(COLOURS, honest, table)]).labels == ["trivial", "trivial"]

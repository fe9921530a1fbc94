"""Wrong programs made of right ones: each place once, and nothing that says nothing."""

from __future__ import annotations

from prefkit.sandbox.mutants import mutants

CLAMPED = '''
def clamped(x: int = 0) -> int:
    """At least 0, at most 9."""
    if x < 0 and True:
        raise ValueError("below 0" + "!")
    return min(x + 1, 9)
'''


def changes(source: str, most: int = 100) -> list[str]:
    return [f"{one.line}: {one.change}" for one in mutants(source, most, "seed")]


def test_every_place_is_changed_once_and_words_are_left_alone() -> None:
    assert changes(CLAMPED) == [
        "2: 0 to 1",
        "4: x < 0 and True to x < 0 or True",
        "4: x < 0 to x <= 0",
        "4: 0 to 1",
        "4: True to False",
        "6: x + 1 to x - 1",
        "6: 1 to 2",
        "6: 9 to 10",
    ]


def test_each_mutant_is_a_program_that_differs_in_one_line() -> None:
    plain = mutants("x = 1", 1, "s")[0].source
    assert plain == "x = 2"
    for one in mutants(CLAMPED, 100, "seed"):
        compile(one.source, "mutant", "exec")


def test_operators_texts_and_negations_have_their_own_change() -> None:
    source = "def f(a):\n    a *= 3 // 2\n    return not a or 'yes' in a or a is None or ''\n"
    assert [one.split(" to ")[1] for one in changes(source)] == [
        "a //= 3 // 2",
        "3 * 2",
        "4",
        "3",
        "not a and 'yes' in a and (a is None) and ''",
        "not not a",
        "'yes' not in a",
        "''",
        "a is not None",
        "'x'",
    ]


def test_no_more_than_asked_for_and_the_same_for_the_same_seed() -> None:
    one, again, other = (mutants(CLAMPED, 3, seed) for seed in ("a", "a", "b"))
    assert one == again != other
    assert [len(one), len(other)] == [3, 3]
    assert [mutant.line for mutant in one] == sorted(mutant.line for mutant in one)


def test_nothing_is_made_of_what_is_no_python_or_has_no_place() -> None:
    assert mutants("def f(", 5, "s") == ()
    assert mutants("def f(x):\n    return x\n", 5, "s") == ()
    assert mutants("if __name__ == '__main__':\n    print(1 + 1)\n", 5, "s") == ()

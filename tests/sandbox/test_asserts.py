"""Asserts taken apart: what the candidate is asked, and that nothing expected is in it."""

from __future__ import annotations

import ast
import time
from fractions import Fraction

import pytest

from prefkit.sandbox.asserts import AssertCase, Scope, cases_of_asserts, cases_of_check
from prefkit.sandbox.expressions import NotPure, TooMuch, check_pure, evaluated
from prefkit.sandbox.syntax import LONGEST, parsed

SCOPE = Scope("f", frozenset({"helper"}))


def asked(source: str) -> list[str]:
    cases = cases_of_asserts(source, SCOPE)
    assert cases is not None
    return [text for case in cases if isinstance(case, AssertCase) for _, text in case.asked]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert f([2, 1]) == [1, 2]", ["f([2, 1])"]),
        ("assert f(1) == f(2)", ["f(1)", "f(2)"]),
        ("assert [1, 2] == f(3)", ["f(3)"]),
        ("assert sorted(f(1)) == [1, 2]", ["sorted(f(1))"]),
        ("assert set(f(1)) == set((4, 5))", ["set(f(1))"]),
        ("assert abs(f(1.5) - 0.5) < 1e-6", ["f(1.5)"]),
        ("assert math.isclose(f(10), 4188.79, rel_tol=0.001)", ["f(10)"]),
        ("assert round(f(1), 2) == 0.33", ["f(1)"]),
        ("assert f(1)", ["bool(f(1))"]),
        ("assert not f(1)", ["bool(f(1))"]),
        ("assert f(1) is None", ["f(1)"]),
        ("assert f([Pair(5, 24)], 4) == 3", ["f([Pair(5, 24)], 4)"]),
        ("assert Stack().push(3).items[0] == 3", ["Stack().push(3).items[0]"]),
        ("assert f(1) == 2 and f(2) == 3", ["f(1)", "f(2)"]),
    ],
)
def test_a_candidate_is_asked_for_its_own_part_only(source: str, expected: list[str]) -> None:
    assert asked(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "assert f(f(1) == 2) == 3",  # what is expected would stand in the question
        "assert all(f(one) == one for one in [1, 2])",
        "assert f(1) == helper(1)",
        "assert helper(f(1)) < 1",
        "assert f(1) is expected(1)",
        "assert f(1) == open('/etc/passwd').read()",
        "assert f(3) == sys.getsizeof((1, 2))",
        "assert (lambda x: x)(f(1)) == 1",
    ],
)
def test_an_assert_that_cannot_be_taken_apart_is_left_as_source(source: str) -> None:
    cases = cases_of_asserts(source, SCOPE)
    assert cases is not None
    assert cases == (ast.unparse(ast.parse(source)),)


@pytest.mark.parametrize(
    "source",
    [
        "assert isclose(f(1), 0.5)",
        "assert f(1) == Decimal('1.5')",
        "assert same(f(1), [1, 2])",
    ],
)
def test_what_a_setup_imports_or_defines_is_never_asked_of_a_candidate(source: str) -> None:
    given = frozenset({"isclose", "Decimal", "same"})
    (case,) = cases_of_asserts(source, Scope("f", given=given)) or ()
    assert isinstance(case, str)
    (case,) = cases_of_asserts(source, Scope("f", given=frozenset({"*"}))) or ()
    assert isinstance(case, str)


def test_what_a_setup_imports_may_be_an_input() -> None:
    scope = Scope("f", given=frozenset({"Decimal"}))
    (case,) = cases_of_asserts("assert f(Decimal(2)) == 3", scope) or ()
    assert isinstance(case, AssertCase)


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1).startswith('abc')",
        "assert f(1).__eq__(27)",
        "assert set(f(1)).issubset({1, 2})",
        "assert f(1)[0].endswith('c') and f(2)",
    ],
)
def test_a_method_that_is_given_what_is_expected_is_not_the_candidates(source: str) -> None:
    (case,) = cases_of_asserts(source, SCOPE) or ()
    assert isinstance(case, str)


def test_an_assert_without_a_call_is_no_test() -> None:
    assert cases_of_asserts("assert True, 'good for debugging'", SCOPE) == ()


def test_statements_beside_asserts_belong_together() -> None:
    assert cases_of_asserts("x = f(1)\nassert x == 2", SCOPE) is None


def test_a_solution_named_like_a_builtin_is_the_candidates() -> None:
    scope = Scope("sum")
    cases = cases_of_asserts("assert sum(10, 15) == 6", scope)
    assert cases is not None
    assert isinstance(cases[0], AssertCase)
    assert [text for _, text in cases[0].asked] == ["sum(10, 15)"]


def test_a_check_of_asserts_alone_is_taken_apart_by_the_name_of_its_parameter() -> None:
    source = (
        "METADATA = {'author': 'x'}\n"
        "def check(candidate):\n"
        "    assert candidate(3) == 27\n"
        "    assert True\n"
        "def test_check():\n"
        "    check(f)\n"
        "test_check()\n"
    )
    cases = cases_of_check(source, SCOPE)
    assert cases is not None
    assert [case.asked[0][1] for case in cases] == ["f(3)"]


def test_a_solution_called_check_is_meant_where_the_parameter_is_not_used() -> None:
    cases = cases_of_check("def check(candidate):\n    assert check(70) == False\n", Scope("rev"))
    assert cases is not None
    assert [case.asked[0][1] for case in cases] == ["check(70)"]


@pytest.mark.parametrize(
    "body",
    [
        "for x in range(3):\n        assert candidate(x) == x",
        "x = 3\n    assert candidate(x) == 9",
        "assert candidate(BIG) == 9",
    ],
)
def test_a_check_that_computes_is_left_to_the_tester(body: str) -> None:
    assert cases_of_check(f"BIG = 9\ndef check(candidate):\n    {body}\n", SCOPE) is None


def value(source: str) -> object:
    tree = parsed(source)
    assert tree is not None
    node = tree.body[0].value  # type: ignore[attr-defined]
    check_pure(node, ())
    return evaluated(node, {})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("3 == 3.0", True),
        ("(1, 2) == [1, 2]", False),
        ("float('nan') == float('nan')", False),
        ("1 < 2 < 2", False),
        ("{'a': {1, 2}, **{'b': 1}}", {"a": {1, 2}, "b": 1}),
        ("sorted([2, 1], reverse=True)[0]", 2),
        ("[1, 2, 3][1:]", [2, 3]),
        ("'x' if 0 else 'y'", "y"),
        ("0 or [] or 5", 5),
        ("-2 ** 2 + 7 // 2 - ~1", 1),
        ("math.isclose(0.1 + 0.2, 0.3)", True),
    ],
)
def test_an_expression_means_outside_what_it_means_in_python(source: str, expected: object) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "9 ** 9 ** 9",
        "'a' * 10 ** 9",
        "[0] * 10 ** 9",
        "1 << 10 ** 9",
        "'%1000000000d' % 3",
        "list(range(10 ** 9))",
        "round(5, -10 ** 9)",
    ],
)
def test_what_would_take_unbounded_work_is_left_to_the_tester(source: str) -> None:
    with pytest.raises(NotPure):
        value(source)
    with pytest.raises(NotPure):
        value(f"[1, 1 < {source}]")


@pytest.mark.parametrize(
    ("source", "x"),
    [
        ("9 ** x", 10**8),
        ("2 ** x", Fraction(10**9)),
        ("x ** 10 ** 5", Fraction(1, 3)),
        ("'a' * x", 10**9),
        ("x * 1000", [[0] * 1000] * 10),
        ("sum(x)", [Fraction(1, 2**1500 + 2 * n + 1) for n in range(900)]),
        ("set(x + [1])", [n * (2**61 - 1) for n in range(30_000)]),
        ("frozenset(sorted(x))", [n * (2**61 - 1) for n in range(30_000)]),
        ("dict(x)", [(n * (2**61 - 1), 1) for n in range(30_000)]),
    ],
)
def test_an_answer_that_would_make_unbounded_work_is_too_much(source: str, x: object) -> None:
    node = ast.parse(source, mode="eval").body
    check_pure(node, ("x",))
    began = time.perf_counter()
    with pytest.raises(TooMuch):
        evaluated(node, {"x": lambda: x})
    assert time.perf_counter() - began < 2


def test_equal_members_of_a_set_are_no_attack() -> None:
    assert value("set([1] * 5000 + [True, 1.0])") == {1}
    assert value("dict([('a', 1)] * 500)") == {"a": 1}
    assert value("sum([0.1] * 3)") == sum([0.1] * 3)


def test_an_expression_with_very_much_to_work_out_is_left_to_the_tester() -> None:
    with pytest.raises(NotPure):
        value("[" + "list(range(10 ** 5))," * 60 + "]")


@pytest.mark.parametrize(
    "source", ["open('x')", "a.b", "[x for x in y]", "(lambda: 1)()", "f'{1}'", "1 is 1", "x"]
)
def test_what_is_not_pure_is_refused(source: str) -> None:
    with pytest.raises(NotPure):
        value(source)


@pytest.mark.parametrize(
    "source",
    [
        "-" * 300_000 + "1",
        "1+" * 200_000 + "1",
        "(" * 100_000,
        "a" + ".b" * 200_000,
        "\0",
        "def f(",
    ],
)
def test_hostile_source_is_no_tree_and_not_the_end_of_this_process(source: str) -> None:
    assert parsed(source) is None


def test_source_that_is_too_long_is_not_parsed() -> None:
    assert parsed("#" * (LONGEST + 1)) is None

"""What holds of every answer: itself is right, another letter, sign or digit is not, names may be exchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.grading import Grader

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LETTERS = "abcmnpqtuxyz"


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(timeout_s=10) as shared:
        yield shared


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """Sums and products of numbers, letters, fractions, roots, powers, sines and absolute values."""
    if depth == 0:
        return draw(st.one_of(st.integers(2, 40).map(str), st.sampled_from(LETTERS)))
    left, right = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    shape = draw(st.sampled_from(
        ["{a}+{b}", "{a}-({b})", "({a})({b})", r"\frac{{{a}}}{{{b}}}", r"\sqrt{{{a}}}+{b}", "({a})^{{2}}+{b}",
         "|{a}|+{b}", r"\sin({a})+{b}"]
    ))  # fmt: skip
    return shape.format(a=left, b=right)


answers = st.one_of(
    expressions(),
    st.tuples(expressions(1), expressions(1)).map(lambda pair: f"({pair[0]}, {pair[1]})"),
    st.tuples(st.integers(-30, 0), st.integers(1, 40)).map(lambda ends: f"[{ends[0]}, {ends[1]})"),
    st.lists(st.integers(-50, 50), min_size=2, max_size=4, unique=True).map(lambda n: ", ".join(map(str, n))),
)


def verdict(grader: Grader, answer: str, gold: str) -> bool | None:
    return grader.grade_many([(rf"\boxed{{{answer}}}", gold)])[0].correct


@SETTINGS
@given(answers)
def test_every_answer_is_right_against_itself(grader: Grader, answer: str) -> None:
    assert verdict(grader, answer, answer) is True


@SETTINGS
@given(expressions(), expressions())
def test_equality_is_symmetric(grader: Grader, one: str, other: str) -> None:
    assert verdict(grader, one, other) == verdict(grader, other, one)


@SETTINGS
@given(answers, st.sampled_from(LETTERS))
def test_renaming_on_both_sides_changes_nothing(grader: Grader, gold: str, letter: str) -> None:
    answer = gold.replace("2", "1+1", 1) if "^{2}" not in gold else gold
    fresh = next(other for other in "vwk" if other not in gold)

    def renamed(text: str) -> str:
        return re.sub(rf"\\[a-z]+|{letter}", lambda m: fresh if m.group() == letter else m.group(), text)

    assert verdict(grader, answer, gold) == verdict(grader, renamed(answer), renamed(gold))


@SETTINGS
@given(st.lists(st.integers(2, 60), min_size=2, max_size=4), st.data())
def test_a_changed_coefficient_sign_or_letter_is_wrong(
    grader: Grader, numbers: list[int], data: st.DataObject
) -> None:
    letters = [data.draw(st.sampled_from(LETTERS)) for _ in numbers]
    terms = [f"{n}{letter}^{{{i + 1}}}" for i, (n, letter) in enumerate(zip(numbers, letters, strict=True))]
    gold = "+".join(terms) + r"+\frac{1}{7}"
    at = data.draw(st.integers(0, len(terms) - 1))
    more = f"{numbers[at] + 1}{letters[at]}^{{{at + 1}}}"
    other = f"{numbers[at]}{'w'}^{{{at + 1}}}"
    for changed in ("-" + terms[at], more, other):
        answer = "+".join([*terms[:at], changed, *terms[at + 1 :]]).replace("+-", "-") + r"+\frac{1}{7}"
        assert verdict(grader, answer, gold) is False


@SETTINGS
@given(st.integers(2, 400), st.sampled_from(["cm", "kg", "s", "m"]), st.sampled_from(["cm", "kg", "s", "m"]))
def test_units_match_if_they_are_the_same(grader: Grader, number: int, one: str, other: str) -> None:
    assert verdict(grader, rf"{number}\text{{ {one}}}", rf"{number}\text{{ {other}}}") is (one == other)
    assert verdict(grader, str(number), rf"{number}\text{{ {other}}}") is True

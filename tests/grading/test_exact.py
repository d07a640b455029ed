"""The small reader and the exact forms: against plain arithmetic, and against values at points."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.grading.comparison.leaves import same_leaf
from leadline.grading.expressions.exact_form import ONE, canonical, exact_form, power_floor
from leadline.grading.expressions.leaf import read_leaf
from leadline.grading.expressions.parser import Unreadable, read_expression
from leadline.grading.expressions.structure import canonical_text
from leadline.grading.expressions.structure_reader import read_structure
from leadline.grading.expressions.trailing import without_trailing
from leadline.grading.text.clean import clean
from leadline.grading.verdict import Strictness

numbers = st.fractions(min_value=-50, max_value=50, max_denominator=30)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """A LaTeX expression and its value by Python's own fractions."""
    if depth == 0 or draw(st.booleans()):
        value = draw(numbers)
        return rf"\left(\frac{{{value.numerator}}}{{{value.denominator}}}\right)", value
    (left, x), (right, y) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    sign = draw(st.sampled_from(["+", "-", r"\cdot ", "frac"]))
    if sign == "frac" and y:
        return rf"\left(\frac{{{left}}}{{{right}}}\right)", x / y
    value = {"+": x + y, "-": x - y}.get(sign, x * y)
    return rf"({left}{sign if sign != 'frac' else '*'}{right})", value


@given(expressions())
def test_rational_arithmetic(made: tuple[str, Fraction]) -> None:
    text, value = made
    assert exact_form(read_expression(clean(text))) == ({ONE: value} if value else {})


@given(st.integers(1, 400), st.integers(1, 400))
def test_square_roots_multiply(a: int, b: int) -> None:
    product = exact_form(read_expression(rf"\sqrt{{{a}}} \cdot \sqrt{{{b}}}"))
    assert product == exact_form(read_expression(rf"\sqrt{{{a * b}}}"))
    ((term, value),) = product.items()
    assert float(value) * math.sqrt(term.radicand) == pytest.approx(math.sqrt(a * b))
    assert all(term.radicand % (p * p) for p in range(2, 20))


@given(st.lists(st.integers(-9, 9), min_size=3, max_size=3), st.integers(-9, 9))
def test_a_product_is_its_expansion(coefficients: list[int], shift: int) -> None:
    a, b, c = coefficients
    product = f"({a}x^2+{b}x+{c})(x+{shift})"
    expanded = f"{a}x^3+{b + a * shift}x^2+{c + b * shift}x+{c * shift}"
    spelt = [text.replace("+-", "-") for text in (product, expanded)]
    assert exact_form(read_expression(spelt[0])) == exact_form(read_expression(spelt[1]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\frac{2}{\sqrt{8}}", "1/2*sqrt(2)"),
        (r"3 - 2x + x^2", "x^2-2*x+3"),
        (r"2^{-3}", "1/8"),
        (r"\sqrt[3]{16}", "2*root3(2)"),
        (r"5!", "120"),
        (r"\binom{5}{2}", "10"),
        (r"x - x", "0"),
        (r"1\frac{1}{3}", "4/3"),
    ],
)
def test_canonical(text: str, expected: str) -> None:
    assert canonical(exact_form(read_expression(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1/2x",
        r"\sin xy",
        r"\sin x^2",
        "f(x)",
        "2 3",
        "x2",
        "listen",
        "9^9^9",
        "1/0",
        "(" * 99 + "1" + ")" * 99,
        "x_",
        "",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(text: str) -> None:
    with pytest.raises(Unreadable):
        exact_form(read_expression(text))


@pytest.mark.parametrize(
    "text", ["2^{100000000}", r"7^{7^{7^{7}}}", r"(x+1)^{5000}", "9" * 3_000, r"\sqrt{10^{40}+1}"]
)
def test_what_grows_too_large_is_given_up(text: str) -> None:
    with pytest.raises(Unreadable):
        exact_form(read_expression(text))


def test_floor_of_a_power_is_a_lower_bound() -> None:
    assert power_floor(read_expression("3^{5}")) <= math.log2(3**5) + 1e-9
    assert 0.999 * 2**20 < power_floor(read_expression("2^{2^{20}}")) <= 2**20
    # So a number that can be written down differs from it, and no algebra is needed to say so.
    assert same_leaf(read_leaf("2^{2^{40}}"), read_leaf("7"), Strictness()) is False


@given(st.fractions(max_denominator=1_000), st.integers(1, 9))
def test_different_numbers_differ(value: Fraction, denominator: int) -> None:
    other = value + Fraction(1, denominator)
    assert same_leaf(read_leaf(str(value)), read_leaf(str(other)), Strictness()) is False
    assert same_leaf(read_leaf(str(value)), read_leaf(str(value)), Strictness()) is True


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"x \ge 2", r"[2, \infty)"),
        (r"\{x \mid -1 < x \le 4\}", r"(-1, 4]"),
        (r"4 \ge x > -1", r"(-1,4]"),
        ("3, 1, 2", r"\{1,2,3\}"),
        (r"x<1 \text{ or } x\ge 5", r"[5,\infty)\cup(-\infty,1)"),
        (r"\mathbb{R} \setminus \{0, 2\}", r"(-\infty,0)\cup(0,2)\cup(2,\infty)"),
        (r"(a, b) = (1, 2)", "(1,2)"),
        (r"5\text{ apples and }7\text{ pears}", "5, 7"),
    ],
)
def test_one_meaning_has_one_structure(one: str, other: str) -> None:
    assert canonical_text(read_structure(clean(one))) == canonical_text(read_structure(clean(other)))


@given(st.text(max_size=200))
def test_reading_never_raises(text: str) -> None:
    assert isinstance(canonical_text(read_structure(clean(text))), str)


@given(st.text(alphabet=r"\{}()[]$^_,;=<>|0123456789xyefracsqrtboxedcup+-*/% .", max_size=120))
def test_reading_of_broken_latex_never_raises(text: str) -> None:
    cleaned = clean(text)
    assert isinstance(canonical_text(read_structure(cleaned)), str)
    assert clean(cleaned) == clean(clean(cleaned))


def test_words_behind_a_number_are_read_in_linear_time() -> None:
    def cost(words: int) -> float:
        text = r"5\text{" + " of the" * words + "}"
        times = []
        for _ in range(5):
            started = time.process_time()
            without_trailing(text)
            times.append(time.process_time() - started)
        return min(times)

    assert cost(1_000) < 10 * cost(250)  # sixteenfold, where it is quadratic

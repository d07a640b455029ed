"""Right by value, but nothing was worked out: known where the question is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.grading import Reason
from leadline.grading.restated import is_restated
from leadline.rewards import Scorer
from leadline.types import Completion, Problem

RESTATED = [
    ("2 + 3 + 6", "What is 2 + 3 + 6?", "11"),
    ("6+2+3", "What is 2 + 3 + 6?", "11"),
    ("5 + 6", "What is 2 + 3 + 6?", "11"),
    (r"17 \times 4", "What is 17 x 4?", "68"),
    ("17*4", "Compute $17 \\cdot 4$.", "68"),
    ("8 - 3", "Tom has 8 coins and gives 3 away. How many are left?", "5"),
    (r"\frac{13524}{57134}", "Simplify the fraction 13524/57134.", "138/583"),
    ("2^10", "What is 2^{10}?", "1024"),
    ("(4+1)*2", "Calculate (4 + 1) * 2.", "10"),
    ("6/2", "What is 6 ÷ 2?", "3"),
]
WORKED_OUT = [
    ("11", "What is 2 + 3 + 6?", "11"),
    ("-11", "What is -2 - 9?", "-11"),
    ("1/2", "What is 0.25 + 0.25?", "0.5"),
    (r"1.5 \times 10^3", "What is 300 * 5?", "1500"),
    ("x + 3", "Simplify x + 5 - 2.", "x+3"),
    ("2 + 3i", "What is (1 + i) + (1 + 2i)?", "2+3i"),
    (r"2\sqrt{3} + 1", "Simplify the root of 12, plus 1.", r"1+2\sqrt{3}"),
    ("10", "Choose the larger of 4 and 10.", "10"),
    ("2023-04-05", "Which day comes after 2023-04-04?", "2023-04-05"),
    ("3 * 4", "How many seats are in a hall of three rows with four each?", "12"),
]


@pytest.mark.parametrize(("answer", "question", "gold"), RESTATED)
def test_what_is_not_worked_out_is_restated(answer: str, question: str, gold: str) -> None:
    assert is_restated(answer, question, gold)


@pytest.mark.parametrize(("answer", "question", "gold"), WORKED_OUT)
def test_what_is_worked_out_is_not(answer: str, question: str, gold: str) -> None:
    assert not is_restated(answer, question, gold)


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=5),
    st.sampled_from(["+", "-", "*", " + ", r" \times "]),
)
def test_no_order_of_the_questions_numbers_is_an_answer(numbers: list[int], sign: str) -> None:
    question = f"What is {sign.join(map(str, numbers))}?"
    assert is_restated(sign.join(map(str, reversed(numbers))), question, "7")
    assert not is_restated("7", question, "7")


def test_the_scorer_does_not_pay_for_the_question() -> None:
    problem = Problem("p", "What is 2 + 3 + 6?", "11")
    texts = ["2 + 3 + 6", r"\boxed{2+3+6}", "2 + 3 + 6 = 11", r"\boxed{11}", "2 + 3 + 6 = 12"]
    with Scorer({"accuracy": 1.0}) as scorer:
        scores = scorer.score([problem] * 5, [Completion("p", text, 9) for text in texts])
    assert [score.correct for score in scores] == [False, False, True, True, False]
    assert [score.reason for score in scores[:3]] == [Reason.restated, Reason.restated, Reason.match]
    assert scores[0].answered

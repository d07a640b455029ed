"""Where the answer stands, and how long finding it may take."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.grading.text.extract import extract_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"First \boxed{3}, no: \boxed{4}.", "4"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"$\boxed{ 12 }$ meters", "12"),
        (r"Both \boxed{1} and \boxed{2} solve it.", "1, 2"),
        (r"So \boxed{1}. Later, in the other case, we find that \boxed{2} is it.", "2"),
        (r"\boxed{7}, \boxed{7}", "7"),
        ("Work.\n#### 1,234", "1,234"),
        ("<answer> 5 </answer>", "5"),
        (r"<answer>so \boxed{5}</answer> and \boxed{9}", "5"),
        ("The final answer is $x+1$. I hope it is correct.", "$x+1$"),
        ("The answer is 42.", "42"),
        ("**Answer:** 42", "42"),
        ("12 * 3 = 36\nA: 36", "36"),
        (r"\boxed{3} is found. The answer is correct.", "3"),
        (r"<think>\boxed{1}</think> It is \boxed{2}", "2"),
        (r"<think>It is \boxed{2}</think>", "2"),
        (r"<think>It is \boxed{2}</think> So $x = 3$.", "$x = 3$"),
        (r"\boxed{\text{a \} b}}", r"\text{a \} b}"),
        (r"Hence, the result is $\frac{3}{4}$.", r"\frac{3}{4}"),
        ("42", "42"),
    ],
)
def test_found(response: str, answer: str) -> None:
    assert extract_answer(response) == answer


@pytest.mark.parametrize(
    "response",
    [
        "",
        "   ",
        r"\boxed{}",
        "I could not solve this.",
        "We add 3 and 4 to get 7 apples, and then there come " + "5 more, and " * 60,
        r"&= \frac{1}{2} + \frac{1}{3} \\ " * 40 + r"&= \frac{1}{5} \\",
    ],
)
def test_nothing_is_stated(response: str) -> None:
    assert extract_answer(response) is None


def test_what_follows_an_answer_may_be_long() -> None:
    assert extract_answer(r"\boxed{7}" + "x" * 200_000) == "7"
    assert extract_answer("wait, " * 100_000 + r"\boxed{7}") == "7"


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{",
        r"\boxed{1}, ",
        "$",
        r"\[",
        "#### ",
        "answer is ",
        "<answer>",
        "</answer>",
        "(",
        "{",
        "}",
        "answer: answer ",
        "= ",
    ],
)
def test_time_is_linear(text: str) -> None:
    response = text * 20_000
    started = time.process_time()
    extract_answer(response)
    assert time.process_time() - started < 0.5


@given(st.text(max_size=300))
def test_never_raises(response: str) -> None:
    found = extract_answer(response)
    assert found is None or found.strip() == found


@given(
    st.text(alphabet=st.characters(exclude_characters="{}\\"), min_size=1, max_size=60).filter(
        lambda s: s.strip()
    )
)
def test_a_box_at_the_end_is_the_answer(inside: str) -> None:
    assert extract_answer(rf"So it is \boxed{{{inside}}}") == inside.strip()

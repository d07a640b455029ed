"""Multiple choice: a question with one right and some wrong answers becomes a problem whose answer is a letter."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["as_choices"]

_LETTERS = "ABCDEFGHIJ"


def as_choices(question: str, right: str, wrong: Sequence[str], seed: int = 0) -> tuple[str, str]:
    """The prompt with lettered choices, and the letter of the right one.

    The order depends on the seed and the question alone, so that it does not change with the rows around it.

    Raises:
        ValueError: no wrong answer, too many, a blank one, or a wrong one equal to the right one.

    >>> prompt, letter = as_choices("Which is even?", "4", ["3", "5", "7"], seed=1)
    >>> f"({letter}) 4" in prompt
    True
    """
    choices = [right.strip(), *(text.strip() for text in wrong)]
    if not 2 <= len(choices) <= len(_LETTERS):
        raise ValueError(f"needs 1 to {len(_LETTERS) - 1} wrong answers, has {len(wrong)}")
    if not all(choices):
        raise ValueError("one of the choices is blank")
    if choices[0] in choices[1:]:
        raise ValueError("a wrong answer equals the right one")
    order = list(range(len(choices)))
    random.Random(f"{seed}\0{question}").shuffle(order)
    lines = [f"({letter}) {choices[i]}" for letter, i in zip(_LETTERS, order, strict=False)]
    prompt = "\n".join([question.strip(), "", *lines, "", "Answer with the letter of the right choice."])
    return prompt, _LETTERS[order.index(0)]

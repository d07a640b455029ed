"""Multiple choice: a question with one right and some wrong answers becomes a problem whose answer is a letter."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

__all__ = ["as_choices", "unordered"]

_LETTERS = "ABCDEFGHIJ"
_MARK = re.compile(r"(?<!\S)\(?([A-Ja-j])[).:]\s*(?=\S)")


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


def unordered(prompt: str) -> tuple[str, tuple[str, ...]] | None:
    """A multiple-choice prompt without the order of its choices: what is around them, and they themselves, sorted.

    Choices are lettered from A on (``A.``, ``A)``, ``(A)``, ``A:``); the last ends with its line. None without any.

    >>> a, b = "Which is even?\\nA. 3\\nB. 4\\nAnswer:", "Which is even?\\nA. 4\\nB. 3\\nAnswer:"
    >>> unordered(a) == unordered(b) != unordered(a.replace("3", "5"))
    True
    >>> unordered("What is 3 + 4?") is None
    True
    """
    marks: list[re.Match[str]] = []
    for mark in _MARK.finditer(prompt):
        if mark[1].upper() == _LETTERS[len(marks)]:
            marks.append(mark)
            if len(marks) == len(_LETTERS):
                break
    if len(marks) < 2:
        return None
    end = prompt.find("\n", marks[-1].end())
    end = len(prompt) if end < 0 else end
    ends = [*(mark.start() for mark in marks[1:]), end]
    choices = sorted(prompt[mark.end() : stop].strip() for mark, stop in zip(marks, ends, strict=True))
    return f"{prompt[: marks[0].start()].strip()}\n{prompt[end:].strip()}", tuple(choices)

"""Multiple choice: a question with one right and some wrong answers becomes a problem whose answer is a letter."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_choices", "given_choices", "unordered"]

_LETTERS = "ABCDEFGHIJ"
_CHOICES = ("options", "choices")
_SAYS_WHICH = (
    *("answerkey", "answer_key", "answer_letter", "correct_option", "answer_idx", "answer_index"),
    *("answer", "correct", "gold", "target", "label"),
)
_LETTERED = re.compile(r"\(?([A-Ja-j])[).:]\s*")
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
    return _lettered(question, [choices[i] for i in order]), _LETTERS[order.index(0)]


def _lettered(question: str, choices: Sequence[str]) -> str:
    lines = [f"({letter}) {choice}" for letter, choice in zip(_LETTERS, choices, strict=False)]
    return "\n".join([question.strip(), "", *lines, "", "Answer with the letter of the right choice."])


def given_choices(question: str, lower: Mapping[str, Any]) -> tuple[str, str] | None:
    """The prompt and the letter of a row whose choices are a list beside the question, in their order (MMLU, ARC).

    The right one is said by its letter, its label, its place from 0 on, or its text. None where the row has no choices,
    shows them in its question already, or does not say which is right: it is a question without choices then.

    Args:
        question: as the row asks it.
        lower: the row, the names of its columns in lower case.

    Raises:
        ValueError: the place of the right choice is that of none.

    >>> given_choices("Which is even?", {"choices": ["3", "4"], "answer": 1})[1]
    'B'
    """
    labels, choices = _choices(next((lower[name] for name in _CHOICES if lower.get(name) is not None), None))
    if not 2 <= len(choices) <= len(_LETTERS) or unordered(question) is not None:
        return None
    for name in _SAYS_WHICH:
        place = _place(lower.get(name), labels, choices)
        if place is not None:
            return _lettered(question, choices), _LETTERS[place]
    return None


def _choices(value: Any) -> tuple[list[str], list[str]]:
    """Labels and texts of choices: a list, an object by letters, or two lists in an object (ARC)."""
    labels: Any = None
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):
        labels, value = value.get("label"), value["text"]
    elif isinstance(value, Mapping):
        value = {
            key: text for key, text in value.items() if text is not None
        }  # Parquet has every key in every row
        labels, value = list(value), list(value.values())
    if not isinstance(value, list) or not all(isinstance(text, str | int | float) for text in value):
        return [], []
    texts = [str(text).strip() for text in value]
    marks = [_LETTERED.match(text) for text in texts]
    if all(mark and mark[1].upper() == letter for mark, letter in zip(marks, _LETTERS, strict=False)):
        texts = [text[mark.end() :] for mark, text in zip(marks, texts, strict=True) if mark]
    named = isinstance(labels, list) and len(labels) == len(texts)
    return [str(label) for label in labels] if named else list(_LETTERS[: len(texts)]), texts


def _place(said: Any, labels: Sequence[str], choices: Sequence[str]) -> int | None:
    """Which choice is meant; None where that is not said.

    Raises:
        ValueError: a place behind the last one.
    """
    if isinstance(said, int) and not isinstance(said, bool):
        if 0 <= said < len(choices):
            return said
        raise ValueError(f"the right choice is number {said:d} of {len(choices)}, counted from 0")
    if not isinstance(said, str):
        return None
    plain = said.strip().strip("().:").strip()
    found = labels if plain in labels else choices if said.strip() in choices else ()
    return list(found).index(plain if found is labels else said.strip()) if found else None


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

"""Answers that leave the arithmetic to the reader: the question's own expression, or one that is not worked out.

``2 + 3 + 6`` equals 11, so a grader that sees the answer alone calls it right. Reinforcement learning finds that: on
sums of three numbers SmolLM2 went from 0.4% to 99.5% "right" in thirty steps by writing the question down again
(docs/llm.md). Whoever knows the question can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from leadline.grading.text.extract import extract_answer
from leadline.grading.verdict import Grade, Reason

__all__ = ["is_restated", "without_restated"]

_SIGNS = {
    r"\times": "*", r"\cdot": "*", r"\div": "/", "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "**": "^",
    r"\left": "", r"\right": "", r"\,": "", "$": "", "{": "", "}": "",
}  # fmt: skip
_FRACTION = re.compile(r"\\[dt]?frac\s*(\d+|\{[^{}]*\})\s*(\d+|\{[^{}]*\})")
_LETTER_X = re.compile(r"(?<=\d)\s*[xX]\s*(?=\d)")
_NUMERAL = re.compile(r"\d+(?:[.,]\d+)*")
_PLAIN = re.compile(r"[-+]?\d+(?:[.,]\d+)*%?")
_OPERATION = re.compile(r"[\d)!]\s*[-+*/^]\s*[-+]?\s*[\d(]")
_SIMPLE_FRACTION = re.compile(r"[-+]?\d+\s*/\s*\d+")
_SCIENTIFIC = re.compile(r"[-+]?\d+(?:[.,]\d+)*\s*\*\s*10\s*\^\s*[-+(]*\d+\)?")
_MOST = 400


def is_restated(answer: str, question: str, gold: str) -> bool:
    """True where ``answer``, equal to the reference answer, is an expression that the question asked to work out.

    That is an expression with an operation between numbers, where the reference answer is written otherwise, and

    - it stands in the question as it is, or all of its numbers do and the reference answer is a plain number, or
    - the question itself is arithmetic, the reference answer is a plain number, and the expression is more than a
      fraction or a number in scientific notation.

    >>> is_restated("2 + 3 + 6", "What is 2 + 3 + 6?", "11"), is_restated("5 + 6", "What is 2 + 3 + 6?", "11")
    (True, True)
    >>> is_restated("11", "What is 2 + 3 + 6?", "11"), is_restated("1/2", "What is 0.25 + 0.25?", "0.5")
    (False, False)
    >>> is_restated("3 + x", "Simplify x + 3.", "x+3")
    False
    """
    sides = re.split(r"=|≈|\\approx", _plain(answer[:_MOST]))
    if len(sides) > 1 and any(_PLAIN.fullmatch(side.strip()) for side in sides):
        return False  # an equation with its result
    said, asked, wanted = sides[-1], _plain(question), _plain(gold)
    if not _OPERATION.search(said) or _tight(said) == _tight(wanted):
        return False
    if _tight(said) in _tight(asked):
        return True
    if not _PLAIN.fullmatch(wanted.strip()):
        return False
    numbers = set(_NUMERAL.findall(said))
    if numbers <= set(_NUMERAL.findall(asked)):
        return True
    finished = _SIMPLE_FRACTION.fullmatch(said.strip()) or _SCIENTIFIC.fullmatch(said.strip())
    return _OPERATION.search(asked) is not None and not finished


def without_restated(
    grades: Sequence[Grade], texts: Sequence[str], questions: Sequence[str], golds: Sequence[str]
) -> list[Grade]:
    """The grades, with right ones that merely restate the question turned into wrong ones (``Reason.restated``)."""
    return [
        Grade(False, Reason.restated, grade.answer)
        if grade.correct and is_restated(extract_answer(text) or "", question, gold)
        else grade
        for grade, text, question, gold in zip(grades, texts, questions, golds, strict=True)
    ]


def _plain(text: str) -> str:
    """One spelling for the signs of arithmetic."""
    text = _FRACTION.sub(lambda found: f"{found[1].strip('{}')}/{found[2].strip('{}')}", text)
    for spelled, sign in _SIGNS.items():
        text = text.replace(spelled, sign)
    return _LETTER_X.sub("*", text)


def _tight(text: str) -> str:
    return re.sub(r"\s+", "", text).strip(".")

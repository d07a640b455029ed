"""Names of values against each other: which may be one, and functions of one variable by two names."""

from __future__ import annotations

import re

from leadline.grading.expressions.structure import Named, Structure, to_latex
from leadline.grading.expressions.structure_reader import read_structure

__all__ = ["in_variable_of", "names_agree"]

_POINTS = re.compile(r"[A-Z]{2,4}")
_OF_SOMETHING = re.compile(r"\w+\((?![a-z]\)).*\)")
_ANYTHING = re.compile(r"answer|ans|result|total|value|solution|final|number|amount|probability|sum|ways")
_FUNCTION = re.compile(r"\w+'*\(([a-z])\)")


def names_agree(gold: str, answer: str) -> bool:
    """``x = 1`` is no answer to ``y = 1``, but words may say what a letter stands for, and arguments are bound."""
    ours, theirs = gold.lower().removeprefix("angle"), answer.lower().removeprefix("angle")
    if ours == theirs:
        return True
    if _exclude_each_other(gold, answer):
        return False
    if "(" in ours and "(" in theirs:
        return ours.split("(")[0] == theirs.split("(")[0]
    if "=" in ours or "=" in theirs:
        one, other = set(ours.split("=")), set(theirs.split("="))
        return one <= other or other <= one
    return "(" in ours + theirs or any(len(name) > 1 and name.isalpha() for name in (ours, theirs))


def _exclude_each_other(gold: str, answer: str) -> bool:
    """Whether two names are those of different things: ``AB`` and ``CD``, ``P(A)`` and ``P(B)``, area and perimeter."""
    if _POINTS.fullmatch(gold) and _POINTS.fullmatch(answer):
        return sorted(gold) != sorted(answer)
    if _OF_SOMETHING.fullmatch(gold) and _OF_SOMETHING.fullmatch(answer):
        return gold.split("(")[1:] != answer.split("(")[1:]
    ours, theirs = gold.lower(), answer.lower()
    if (
        not all(name.isalpha() and len(name) > 2 for name in (ours, theirs))
        or ours in theirs
        or theirs in ours
    ):
        return False
    return not (_ANYTHING.search(ours) or _ANYTHING.search(theirs))


def in_variable_of(answer: Named, gold: Named) -> Structure:
    """The value of ``f(m) = 2m`` in the variable of ``f(n) = 2n``."""
    theirs, ours = _FUNCTION.fullmatch(answer.name), _FUNCTION.fullmatch(gold.name)
    if theirs is None or ours is None or theirs.group(1) == ours.group(1):
        return answer.value
    exchanged = {ours.group(1): theirs.group(1), theirs.group(1): ours.group(1)}
    letters = re.compile(rf"\\[a-zA-Z]+|[{ours.group(1)}{theirs.group(1)}]")
    return read_structure(letters.sub(lambda m: exchanged.get(m.group(), m.group()), to_latex(answer.value)))

"""Caps on what is looked at. They cost nothing and no real answer meets them; the workers' limits are the defence."""

from __future__ import annotations

import re

__all__ = ["MAX_ANSWER", "over_cap"]

MAX_ANSWER = 4_000
MAX_NESTING = 60
MAX_DIGITS = 2_000

_DIGITS = re.compile(rf"\d{{{MAX_DIGITS + 1}}}")
_BRACKET = re.compile(r"[({\[]|[)}\]]")


def over_cap(answer: str) -> str | None:
    """Which cap an answer exceeds, or None: length, digits in one number, depth of brackets.

    >>> over_cap("{" * 61 + "7" + "}" * 61)
    'nesting'
    """
    if len(answer) > MAX_ANSWER:
        return "length"
    if len(answer) > MAX_DIGITS and _DIGITS.search(answer):
        return "digits"
    if len(answer) <= 2 * MAX_NESTING:
        return None
    depth = deepest = 0
    for bracket in _BRACKET.findall(answer):
        depth += 1 if bracket in "({[" else -1
        deepest = max(deepest, depth)
    return "nesting" if deepest > MAX_NESTING else None

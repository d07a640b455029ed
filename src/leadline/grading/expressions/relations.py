r"""Inequalities as intervals: ``x < 2``, ``-1 \le x < 3``."""

from __future__ import annotations

import re

from leadline.grading.expressions.brackets import split_outside
from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.names import VALUE_NAME, tidy_name
from leadline.grading.expressions.structure import NumberRange

__all__ = ["ORDER", "read_ordering", "read_relation"]

ORDER = re.compile(r"\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|<|>")


def read_relation(text: str) -> NumberRange | None:
    r"""``x < 2``, ``-1 \le x < 3``: an interval, when one side or the middle is a name."""
    parts, signs = split_outside(text, ORDER)
    parts = [part.strip() for part in parts]
    if not signs or any(not part for part in parts) or "=" in text:
        return None
    if len(parts) == 2:
        if VALUE_NAME.match(parts[0]) and not VALUE_NAME.match(parts[1]):
            return _half_line(parts[0], parts[1], signs[0])
        if VALUE_NAME.match(parts[1]) and not VALUE_NAME.match(parts[0]):
            return _half_line(parts[1], parts[0], _flipped(signs[0]))
        return None
    if len(parts) != 3 or not VALUE_NAME.match(parts[1]):
        return None
    upward = [sign in ("<", r"\le") for sign in signs]
    if upward[0] != upward[1]:
        return None
    low, high = (parts[0], parts[2]) if upward[0] else (parts[2], parts[0])
    closed = (signs[0].startswith("\\"), signs[1].startswith("\\"))
    return NumberRange(
        read_leaf(low), read_leaf(high), closed if upward[0] else closed[::-1], True, tidy_name(parts[1])
    )


def read_ordering(text: str) -> tuple[list[str], list[str]] | None:
    """What a chain like ``a > b > c`` orders, from small to large, and the signs between; None if it is none."""
    parts, signs = split_outside(text, ORDER)
    parts = [part.strip() for part in parts]
    upward = {sign in ("<", r"\le") for sign in signs}
    if len(signs) < 2 or len(upward) > 1 or not all(parts):
        return None
    if upward == {True}:
        return parts, signs
    return parts[::-1], [_flipped(sign) for sign in reversed(signs)]


def _flipped(sign: str) -> str:
    return {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}[sign]


def _half_line(name: str, bound: str, sign: str) -> NumberRange | None:
    if "|" in bound:
        return None
    closed = sign.startswith("\\")
    if sign in ("<", r"\le"):
        return NumberRange(Leaf(r"-\infty"), read_leaf(bound), (False, closed), True, tidy_name(name))
    return NumberRange(read_leaf(bound), Leaf(r"\infty"), (closed, False), True, tidy_name(name))

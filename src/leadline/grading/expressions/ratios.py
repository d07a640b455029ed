r"""Ratios: ``2:3:5``, and ``2 to 3``, ``2 out of 3``, ``1 in 5`` as the fractions that they are."""

from __future__ import annotations

import re

from leadline.grading.expressions.brackets import split_outside
from leadline.grading.expressions.dates import read_clock
from leadline.grading.expressions.exact_form import ONE
from leadline.grading.expressions.leaf import Leaf, read_leaf
from leadline.grading.expressions.structure import Items

__all__ = ["read_ratio"]

_COLON = re.compile(r":(?!=)|\\text\s*\{\s*to\s*\}|(?<=[\d\s}])to(?=\s)")
_OF = re.compile(
    r"(\d{1,9})\s*(?:\\text\s*\{\s*(?:out\s+of|in(?:\s+every)?)\s*\}|\bout\s+of\b|\bin\b(?!\s*\{))\s*(\d{1,9})"
)
_WHOLE = re.compile(
    r"(?:\\text\s*\{)?\s*(\d{1,9}\s+(?:out\s+of|in(?:\s+every)?|to)\s+\d{1,9}(?:\s+to\s+\d{1,9})*)\s*\}?"
)


def read_ratio(text: str) -> Leaf | Items | None:
    r"""A ratio of two as a fraction, of more as its terms divided by the first; None for any other text.

    >>> read_ratio(r"2\text{ to }3").canonical, [leaf.canonical for leaf in read_ratio("4:6:10").items]
    ('2/3', ['1', '3/2', '5/2'])
    >>> read_ratio(r"3\text{ out of }4").canonical, read_ratio("7 in"), read_ratio("4:30")
    ('3/4', None, None)
    """
    if ":" not in text and "to" not in text and "of" not in text and "in" not in text:
        return None
    whole = _WHOLE.fullmatch(text)
    text = whole.group(1) if whole else text
    part = _OF.fullmatch(text)
    if part is not None:
        above, below = (int(group) for group in part.groups())
        return read_leaf(rf"\frac{{{above}}}{{{below}}}") if above <= below else None
    parts, found = split_outside(text, _COLON)
    if not found or found == [":"] or len(parts) > 20 or read_clock(text) is not None:
        return None  # of two, 4:30 may be a time of day
    leaves = [read_leaf(part.strip()) for part in parts]
    if any(leaf.form is None or leaf.unit or leaf.measure is not None for leaf in leaves):
        return None
    numbers = [leaf.number for leaf in leaves]
    if None in numbers or not all(numbers):
        return Items("ratio", tuple(leaves)) if len(leaves) > 2 else None
    decimal = any(leaf.decimal for leaf in leaves)
    if len(leaves) == 2:
        return Leaf(f"{numbers[0]}:{numbers[1]}", {ONE: numbers[0] / numbers[1]}, decimal=decimal)  # type: ignore[operator]
    terms = [number / numbers[0] for number in numbers]  # type: ignore[operator]
    return Items("ratio", tuple(Leaf(str(term), {ONE: term}, decimal=decimal) for term in terms))

"""One quantity in several units: ``1 hour 20 minutes``, ``5 feet 8 inches``, ``3 dollars and 25 cents``."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

from leadline.grading.expressions.exact_form import ONE
from leadline.grading.expressions.leaf import Leaf
from leadline.grading.expressions.unit_names import MONEY
from leadline.grading.expressions.units import Unit, read_unit
from leadline.grading.text.text_command import without_text_commands

__all__ = ["read_compound"]

_LINK = re.compile(r"\\land(?![a-zA-Z])|,|\band\b")
_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-zA-Z]{1,12})\.?\s*")


def read_compound(text: str) -> Leaf | None:
    r"""The quantity in the last of its units (money in the first); None for any other text.

    Each unit must be smaller than the one before and of the same dimension, and its number must not reach that one.

    >>> leaf = read_compound(r"1\text{ hour and }20\text{ minutes}")
    >>> str(leaf.number), read_compound(r"3\text{ hours}, 5\text{ hours}"), read_compound("9 hens, 10 hares")
    ('80', None, None)
    """
    text = text.removeprefix(r"\text{") if text.startswith(r"\text{") and text.count("{") == 1 else text
    if len(text) > 120 or not re.search(r"[a-zA-Z]", text):
        return None
    plain = _LINK.sub(" ", without_text_commands(text)).rstrip("} ")
    parts = list(_PART.finditer(plain))
    if not 2 <= len(parts) <= 4 or "".join(part.group() for part in parts) != plain:
        return None
    units = [read_unit(part.group(2), upright=True) for part in parts]
    numbers = [Fraction(part.group(1)) for part in parts]
    measured = [unit for unit in units if unit is not None and not unit.noun and len(unit.dimension) == 1]
    if len(measured) < len(units):
        return None
    for (high, low), number in zip(itertools.pairwise(measured), numbers[1:], strict=True):
        if high.dimension != low.dimension or number * low.size >= high.size:
            return None
    return _sum(numbers, measured, "." in plain)


def _sum(numbers: list[Fraction], units: list[Unit], decimal: bool) -> Leaf:
    last = units[0] if units[0].dimension[0][0] in MONEY else units[-1]
    total = sum((n * unit.size / last.size for n, unit in zip(numbers, units, strict=True)), Fraction(0))
    return Leaf(str(total), {ONE: total} if total else {}, decimal=decimal, measure=last)

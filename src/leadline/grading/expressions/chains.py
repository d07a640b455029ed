r"""One number said several times over: ``20+22 = 42``, ``\frac13 \approx 0.333``."""

from __future__ import annotations

import re

from leadline.grading.expressions.brackets import split_outside
from leadline.grading.expressions.exact_form import approximate
from leadline.grading.expressions.leaf import Leaf, read_leaf

__all__ = ["FALSE_EQUATION", "approximated", "chained"]

FALSE_EQUATION = Leaf("a false equation", unit="words")
"""Two numbers that are not equal, said to be: it answers nothing but itself."""
_APPROX = re.compile(r"\\approx(?![a-zA-Z])")


def approximated(text: str) -> Leaf | None:
    r"""``\frac13 \approx 0.333`` is its exact side, if the other one rounds it."""
    parts, found = split_outside(text, _APPROX)
    if len(found) != 1 or not all(part.strip() for part in parts) or "=" in text:
        return None
    exact, rounded = read_leaf(parts[0].strip()), read_leaf(parts[1].strip())
    value = approximate(exact.form) if exact.form is not None else None
    if value is None or rounded.number is None:
        return None
    places = len(rounded.text.partition(".")[2])
    gap = value - float(rounded.number)
    # Rounded, or cut off.
    return exact if abs(gap) <= 0.51 * 10.0**-places or 0 <= gap < 10.0**-places else FALSE_EQUATION


def chained(parts: list[str]) -> Leaf | None:
    """``20+22 = 42`` and ``1/2 = 0.5`` name one number twice; the exact one counts."""
    leaves = [read_leaf(part.strip()) for part in parts]
    values = [approximate(leaf.form) if leaf.form is not None else None for leaf in leaves]
    first = values[0]
    if first is None or None in values:
        return None
    if any(v is not None and abs(v - first) > 0.005 * max(1.0, abs(first)) for v in values):
        return FALSE_EQUATION
    return next((leaf for leaf in reversed(leaves) if not leaf.decimal), leaves[-1])

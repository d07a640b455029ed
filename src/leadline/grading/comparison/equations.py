"""Equations: the same if one is a multiple of the other. Runs in workers only."""

from __future__ import annotations

import random

import mpmath

from leadline.grading.comparison.numeric import points_around
from leadline.grading.comparison.values import (
    DIGITS,
    SAME_TO,
    largest_constant,
    letters_of,
    readable,
    real_value,
    value,
    with_branches,
)
from leadline.grading.expressions.exact_form import exact_form
from leadline.grading.expressions.node import MINUS_ONE, Node
from leadline.grading.expressions.tokens import Unreadable

__all__ = ["same_equation"]

POINTS = 4


def same_equation(gold: str, answer: str) -> bool | None:
    r"""Whether two cleaned equations say the same; None unless they are read and the answer is certain.

    ``y = -\frac{x}{2} + 1`` and ``x + 2y = 2`` do. Two linear equations that are no multiples of each other do not;
    of others, one may follow from the other in ways that only a solver sees.
    """
    g, a = _difference(gold), _difference(answer)
    if g is None or a is None:
        return None
    letters = sorted(letters_of(g) | letters_of(a))
    if not letters:
        return None
    if letters_of(g) == letters_of(a) and _proportional(g, a, letters):
        return True
    return False if _is_linear(g) and _is_linear(a) else None


def _difference(text: str) -> Node | None:
    """The left side minus the right side."""
    sides = text.split("=")
    if len(sides) != 2 or "<" in text or ">" in text:
        return None
    left, right = readable(sides[0]), readable(sides[1])
    if left is None or right is None:
        return None
    return Node("add", (left, Node("mul", (MINUS_ONE, right))))


def _proportional(g: Node, a: Node, letters: list[str]) -> bool:
    dice = random.Random(21)
    above = [{letter: mpmath.mpf(dice.randint(11, 299)) / 101 for letter in letters} for _ in range(POINTS)]
    ratios = []
    with mpmath.workdps(DIGITS):
        for point in above:
            x, y = value(g, point), value(a, point)
            if x is None or not x or not y:
                return False
            ratios.append(x / y)
        if with_branches(g) or with_branches(a):
            for point in points_around(set(letters), max(largest_constant(g), largest_constant(a))):
                x, y = real_value(g, point), real_value(a, point)
                if x is not None and y is not None:
                    ratios.append(x / y if y else mpmath.inf)
        return all(abs(ratio - ratios[0]) * SAME_TO <= abs(ratios[0]) for ratio in ratios)


def _is_linear(node: Node) -> bool:
    try:
        terms = exact_form(node)
    except Unreadable:
        return False
    return all(
        sum(power.exponent for power in term.powers if power.atom != "pi") in (0, 1) for term in terms
    ) and all(power.atom.isalpha() for term in terms for power in term.powers)

"""Whether two expressions agree at chosen points, to forty digits. Runs in workers only.

Analytic expressions that agree on an open set are equal, so points above zero decide. What has branches (absolute
values, roots, maxima) is compared on both sides of zero, with mixed signs, and beyond every constant in it: ``|x-10|``
is no ``10-x``. There a point counts where all of both sides is real, so that ``sqrt(a) sqrt(b)`` is ``sqrt(ab)``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import sympy

from leadline.grading.comparison.values import (
    DIGITS,
    SAME_TO,
    largest_constant,
    letters_of,
    real_value,
    value,
    with_branches,
)
from leadline.grading.expressions.node import Node
from leadline.grading.verdict import Strictness

__all__ = ["points_around", "same_reading", "same_value", "value_at"]

ABOVE = ((31, 190), (2, 30), (110, 420))
"""Where the letters are put, in units of 1/101."""
BELOW = ((-95, -20), (-30, -2))
ENOUGH = 3
HUGE = 10**12
MAX_REACH = 1_000


def same_reading(g: Node, a: Node, decimal: bool, comparison: Strictness) -> bool | None:
    """For two expressions of the small reader."""
    letters = letters_of(g) | letters_of(a)
    verdict = _agree(
        letters, lambda point: (value(g, point), value(a, point)), mpmath.mpf, decimal, comparison, ABOVE
    )
    if verdict is False or not letters or not (with_branches(g) or with_branches(a)):
        return verdict
    return _agree_on_all_sides(g, a, letters, verdict, comparison.precision if decimal else None)


def _agree_on_all_sides(
    g: Node, a: Node, letters: set[str], above: bool | None, precision: int | None
) -> bool | None:
    agreed = 0
    for point in points_around(letters, max(largest_constant(g), largest_constant(a))):
        x, y = real_value(g, point), real_value(a, point)
        if x is not None and y is not None:
            if not _near(x, y, precision, coefficients=True):
                return False
            agreed += 1
    return True if above or agreed >= ENOUGH else None


def points_around(letters: set[str], constant: float) -> Iterator[dict[str, Any]]:
    """Points below zero, of mixed signs, and beyond ``constant`` on either side."""
    dice = random.Random(22)
    yield {
        letter: mpmath.mpf(dice.randint(2, 9)) for letter in sorted(letters)
    }  # where floors and ceilings meet
    reach = int(101 * min(constant + 1, MAX_REACH))
    ordered = sorted(letters)
    for low, high, signs in (
        (20, 95, (-1, -1)),
        (30, 190, (1, -1)),
        (30, 190, (-1, 1)),
        (reach, 2 * reach, (1, 1)),
        (reach, 2 * reach, (-1, -1)),
        (reach, 2 * reach, (1, -1)),
    ):
        yield {
            letter: mpmath.mpf(signs[i % 2] * dice.randint(low, high)) / 101
            for i, letter in enumerate(ordered)
        }


def same_value(g: sympy.Expr, a: sympy.Expr, decimal: bool, comparison: Strictness) -> bool | None:
    """For two expressions of sympy."""
    letters = g.free_symbols | a.free_symbols
    if any(isinstance(letter, sympy.MatrixSymbol) for letter in letters) or _undefined(g) or _undefined(a):
        return None
    if not comparison.strict and g.free_symbols != a.free_symbols:
        return None
    return _agree(
        letters,
        lambda point: (value_at(g, point), value_at(a, point)),
        sympy.Rational,
        decimal,
        comparison,
        (*ABOVE, *BELOW),
    )


def _agree(
    letters: set[Any],
    both: Callable[[dict[Any, Any]], tuple[Any, Any]],
    number: Callable[[int], Any],
    decimal: bool,
    comparison: Strictness,
    ranges: tuple[tuple[int, int], ...],
) -> bool | None:
    """True or False by values at random points; None if they cannot be computed, or prove nothing."""
    dice = random.Random(20)
    agreed = 0
    for low, high in ranges if letters else ranges[:1]:
        point = {letter: number(dice.randint(low, high)) / 101 for letter in sorted(letters, key=str)}
        x, y = both(point)
        if x is None or y is None:
            continue
        if _near(x, y, comparison.precision if decimal else None, coefficients=bool(letters)):
            # Next to a huge value, a difference drowns.
            agreed += bool(max(abs(x), abs(y)) < HUGE) or not letters
        elif not letters or (low > 0 and _is_real(x) == _is_real(y)) or (_is_real(x) and _is_real(y)):
            return False
    return True if agreed >= (min(ENOUGH, len(ranges)) if letters else 1) else None


def _is_real(number: Any) -> bool:
    return (
        not isinstance(number, mpmath.mpc)
        if isinstance(number, mpmath.mpf | mpmath.mpc)
        else bool(number.is_real)
    )


def _undefined(expression: sympy.Expr) -> bool:
    return bool(expression.atoms(sympy.core.function.AppliedUndef))


def value_at(expression: sympy.Expr, point: dict[Any, Any]) -> Any:
    """The value of a sympy expression at ``point``; None where there is none that could be compared."""
    try:
        found = sympy.sympify(expression).evalf(DIGITS, subs=point)
    except MemoryError:
        raise
    except Exception:
        return None
    return found if found.is_number and found.is_finite and found.is_comparable is not False else None


def _near(x: Any, y: Any, precision: int | None, *, coefficients: bool) -> bool:
    with mpmath.workdps(DIGITS):
        return _within(abs(x - y), max(abs(x), abs(y)), precision, coefficients)


def _within(gap: Any, size: Any, precision: int | None, coefficients: bool) -> bool:
    if precision is not None and coefficients:  # each of them is rounded
        return bool(2 * gap * 10**precision <= max(1, size))
    if precision is not None:
        return bool(gap * 10**precision <= 0.5) and bool(gap * 10 ** max(precision - 2, 0) <= size)
    return bool(gap * SAME_TO <= size)

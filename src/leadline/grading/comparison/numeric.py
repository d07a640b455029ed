"""Whether two expressions agree at random points, to forty digits. Runs in workers only."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mpmath
import sympy

from leadline.grading.comparison.values import DIGITS, letters_of, value
from leadline.grading.expressions.parser import Node
from leadline.grading.verdict import Strictness

__all__ = ["same_reading", "same_value", "value_at"]

RANGES = ((31, 190), (2, 30), (110, 420), (-95, -20), (-30, -2))
"""Where the letters are put, in units of 1/101; letters below zero leave many a domain, so they come last."""
ENOUGH = 3
HUGE = 10**12


def same_reading(g: Node, a: Node, decimal: bool, comparison: Strictness) -> bool | None:
    """For two expressions of the small reader."""
    letters = letters_of(g) | letters_of(a)
    return _agree(letters, lambda point: (value(g, point), value(a, point)), mpmath.mpf, decimal, comparison)


def same_value(g: sympy.Expr, a: sympy.Expr, decimal: bool, comparison: Strictness) -> bool | None:
    """For two expressions of sympy."""
    letters = g.free_symbols | a.free_symbols
    if any(isinstance(letter, sympy.MatrixSymbol) for letter in letters) or _undefined(g) or _undefined(a):
        return None
    if not comparison.strict and g.free_symbols != a.free_symbols:
        return None
    return _agree(
        letters, lambda point: (value_at(g, point), value_at(a, point)), sympy.Rational, decimal, comparison
    )


def _agree(
    letters: set[Any],
    both: Callable[[dict[Any, Any]], tuple[Any, Any]],
    number: Callable[[int], Any],
    decimal: bool,
    comparison: Strictness,
) -> bool | None:
    """True or False by values at random points; None if they cannot be computed, or prove nothing."""
    dice = random.Random(20)
    agreed = 0
    for low, high in RANGES if letters else RANGES[:1]:
        point = {letter: number(dice.randint(low, high)) / 101 for letter in sorted(letters, key=str)}
        x, y = both(point)
        if x is None or y is None:
            continue
        if _near(x, y, comparison.precision if decimal and not letters else None):
            # Next to a huge value, a difference drowns.
            agreed += bool(max(abs(x), abs(y)) < HUGE) or not letters
        elif not letters or (low > 0 and _is_real(x) == _is_real(y)) or (_is_real(x) and _is_real(y)):
            return False
        if agreed >= (ENOUGH if letters else 1):
            return True
    return None


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
        value = sympy.sympify(expression).evalf(DIGITS, subs=point)
    except MemoryError:
        raise
    except Exception:
        return None
    return value if value.is_number and value.is_finite and value.is_comparable is not False else None


def _near(x: Any, y: Any, precision: int | None) -> bool:
    with mpmath.workdps(DIGITS):
        return _within(abs(x - y), max(abs(x), abs(y)), precision)


def _within(gap: Any, size: Any, precision: int | None) -> bool:
    if precision is not None:
        return bool(gap * 10**precision <= 0.5) and bool(gap * 10 ** max(precision - 2, 0) <= size)
    return bool(gap * 10**25 <= size)

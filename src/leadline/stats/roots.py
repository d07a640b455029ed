"""Where a function of one number crosses zero, without ``scipy.optimize``, which takes a sixth of a second to start."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["crossing_of"]

HALVINGS = 60  # to the last digit of a double


def crossing_of(function: Callable[[float], float], lo: float, hi: float) -> float:
    """The place from ``lo`` to ``hi`` where a continuous function is zero or changes its sign, by halving.

    Raises:
        ValueError: the signs at the ends are the same.

    >>> round(crossing_of(lambda x: x * x - 2, 0, 2), 9)
    1.414213562
    >>> crossing_of(lambda x: x - 2, 0, 2)
    2
    """
    first, last = function(lo), function(hi)
    if first == 0 or last == 0:
        return lo if first == 0 else hi
    low = first > 0
    if low == (last > 0):
        raise ValueError(f"no change of sign between {lo} and {hi}")
    for _ in range(HALVINGS):
        middle = (lo + hi) / 2
        if (function(middle) > 0) == low:
            lo = middle
        else:
            hi = middle
    return (lo + hi) / 2

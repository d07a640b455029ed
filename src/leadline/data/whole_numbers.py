"""Numbers that tables write with a point though they are whole."""

from __future__ import annotations

__all__ = ["without_point"]


def without_point(number: float) -> float:
    """A whole number as such, where a float still holds every whole number; any other as it is.

    >>> without_point(7.0), without_point(7.5), without_point(7)
    (7, 7.5, 7)
    """
    exact = isinstance(number, float) and number.is_integer() and abs(number) < 2**53
    return int(number) if exact else number

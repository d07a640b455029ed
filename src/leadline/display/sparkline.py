"""A curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

__all__ = ["sparkline"]

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """The values as blocks from their least to their greatest, means of equal stretches where there are many.

    >>> sparkline([0, 1, 2, 3]), sparkline([5.0, 5.0]), sparkline([])
    ('▁▃▆█', '▁▁', '')
    """
    if len(values) > width:
        cuts = [round(i * len(values) / width) for i in range(width + 1)]
        values = [fmean(values[a:b]) for a, b in pairwise(cuts)]
    if not values:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_LEVELS[round((value - low) / span * (len(_LEVELS) - 1))] for value in values)

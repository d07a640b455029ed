"""Numbers as the sentences of a verdict write them."""

from __future__ import annotations

import math

from leadline.stats import Interval

__all__ = ["count", "percent", "points", "share"]


def percent(x: float) -> str:
    """One decimal, more where that would read 0.0% or 100.0%.

    >>> percent(0.3125), percent(0.0002), percent(0.0), percent(1.0)
    ('31.2%', '0.02%', '0%', '100%')
    """
    if x in (0.0, 1.0):
        return f"{100 * x:.0f}%"
    if 0 < x < 1e-6:
        return f"{x:.1e}"
    near = min(abs(x), abs(1 - x))
    return f"{100 * x:.1f}%" if near >= 0.005 else f"{100 * x:.2g}%" if x < 0.5 else f"{100 * x:.4g}%"


def share(interval: Interval) -> str:
    """An estimate with its limits; of one that the samples do not tell, the limits alone.

    >>> share(Interval(0.3125, 0.25, 0.4)), share(Interval(float("nan"), 0.0, 1.0))
    ('31.2% [25.0%, 40.0%]', '[0%, 100%]')
    """
    if math.isnan(interval.value):
        return f"[{percent(interval.lo)}, {percent(interval.hi)}]"
    return f"{percent(interval.value)} [{percent(interval.lo)}, {percent(interval.hi)}]"


def points(interval: Interval) -> str:
    """A difference of shares in percentage points, with its limits.

    >>> points(Interval(0.041, -0.002, 0.08))
    '+4.1 points [-0.2, +8.0]'
    """
    value, lo, hi = (f"{100 * x:+.1f}" for x in interval)
    return f"{value} points [{lo}, {hi}]"


def count(number: int, noun: str) -> str:
    """A number with its noun, plural where it should be.

    >>> count(1, "problem"), count(2048, "sample")
    ('1 problem', '2,048 samples')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")

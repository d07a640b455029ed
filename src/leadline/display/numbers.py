"""Numbers as people read them, for the sentences of a verdict, the report and the pages."""

from __future__ import annotations

import math

from leadline.stats import Interval

__all__ = [
    "bracket",
    "count",
    "duration",
    "joined",
    "minutes",
    "percent",
    "points",
    "share",
    "signed",
    "token_count",
    "whole",
]

Limits = tuple[float, float]


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
    >>> points(Interval(-0.0001, -0.002, 0.002))  # what rounds to nothing has one sign
    '+0.0 points [-0.2, +0.2]'
    """
    value, lo, hi = (f"{100 * x:+z.1f}" for x in interval)
    return f"{value} points [{lo}, {hi}]"


def count(number: int, noun: str) -> str:
    """A number with its noun, plural where it should be.

    >>> count(1, "problem"), count(2048, "sample")
    ('1 problem', '2,048 samples')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def signed(value: float, digits: int = 1) -> str:
    """Return a number with its sign; what rounds to zero has none.

    >>> signed(17.14), signed(-1234.5), signed(-0.04)
    ('+17.1', '−1,234.5', '0.0')
    """
    text = f"{abs(value):,.{digits}f}"
    if not text.strip("0.,"):
        return text
    return ("−" if value < 0 else "+") + text


def token_count(value: float) -> str:
    """Return a mean number of tokens with three to four figures.

    >>> token_count(45.12), token_count(312.4), token_count(9182)
    ('45.1', '312', '9,182')
    """
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def bracket(pair: Limits, scale: float = 1.0, digits: int = 1, *, sign: bool = False) -> str:
    """Return ``[lo, hi]`` after scaling.

    >>> bracket((0.84, 0.8817), 100), bracket((-0.011, 0.019), 100, sign=True)
    ('[84.0, 88.2]', '[−1.1, +1.9]')
    """
    show = signed if sign else _unsigned_zero
    return f"[{show(pair[0] * scale, digits)}, {show(pair[1] * scale, digits)}]"


def whole(value: float) -> str:
    """Return a whole number with thousands separated."""
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return a time span in its two largest units.

    >>> duration(42), duration(203.4), duration(7400)
    ('42 s', '3 min 23 s', '2 h 3 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def minutes(seconds: float) -> str:
    """An estimate of time, in minutes from a minute and a half on."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def joined(names: list[str]) -> str:
    """Return ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _unsigned_zero(value: float, digits: int = 1) -> str:
    text = f"{abs(value):,.{digits}f}"
    return "−" + text if value < 0 and text.strip("0.,") else text

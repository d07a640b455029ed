"""Numbers as people read them: percent, points, tokens, intervals; and numbers out of JSON that may be anything."""

from __future__ import annotations

import math
from typing import Any

__all__ = [
    "bracket",
    "count",
    "duration",
    "finite_number",
    "interval",
    "joined",
    "percent",
    "plain_text",
    "points",
    "signed",
    "token_count",
]

Limits = tuple[float, float]

_NO_SURROGATES = "utf-16-le"


def finite_number(value: Any) -> float | None:
    """Return a finite number out of JSON as float, anything else (null, text, true) as None.

    >>> [finite_number(value) for value in (3, True, "3", float("nan"))]
    [3.0, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def interval(value: Any) -> Limits | None:
    """Return ``[lo, hi]`` out of JSON as a pair of finite numbers, lower first; anything else as None."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    lo, hi = finite_number(value[0]), finite_number(value[1])
    return None if lo is None or hi is None else (min(lo, hi), max(lo, hi))


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent.

    >>> percent(0.8617), percent(1), percent(-0.0001)
    ('86.2%', '100%', '0.0%')
    """
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{_unsigned_zero(share * 100, digits)}%"


def points(difference: float, digits: int = 1) -> str:
    """Return a difference of shares in percentage points, signed with a real minus.

    >>> points(0.0042), points(-0.031), points(0.0001)
    ('+0.4', '−3.1', '0.0')
    """
    return signed(difference * 100, digits)


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


def count(value: float) -> str:
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


def joined(names: list[str]) -> str:
    """Return ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def plain_text(value: Any, limit: int | None = None) -> str:
    """Return any JSON value as text that UTF-8 can hold: halves of surrogate pairs become U+FFFD; cut at a limit."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return text.encode(_NO_SURROGATES, "surrogatepass").decode(_NO_SURROGATES, "replace")


def _unsigned_zero(value: float, digits: int = 1) -> str:
    text = f"{abs(value):,.{digits}f}"
    return "−" + text if value < 0 and text.strip("0.,") else text

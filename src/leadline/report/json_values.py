"""Values out of JSON that may be anything: finite numbers, pairs of them, and text that UTF-8 can hold."""

from __future__ import annotations

from typing import Any

from leadline.display.numbers import Limits
from leadline.types import finite_number

__all__ = ["interval", "plain_text"]


_NO_SURROGATES = "utf-16-le"


def interval(value: Any) -> Limits | None:
    """Return ``[lo, hi]`` out of JSON as a pair of finite numbers, lower first; anything else as None."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    lo, hi = finite_number(value[0]), finite_number(value[1])
    return None if lo is None or hi is None else (min(lo, hi), max(lo, hi))


def plain_text(value: Any, limit: int | None = None) -> str:
    """Return any JSON value as text that UTF-8 can hold: halves of surrogate pairs become U+FFFD; cut at a limit."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if limit is not None and len(text) > limit:
        text = text[:limit] + "…"
    return text.encode(_NO_SURROGATES, "surrogatepass").decode(_NO_SURROGATES, "replace")

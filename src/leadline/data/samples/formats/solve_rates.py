"""Published solve rates as counts of right samples."""

from __future__ import annotations

import math
from typing import Any

from leadline.data.samples.formats.base import Reading

__all__ = ["counts_of_rate", "is_count"]

ROUNDING = 0.05
"""Samples that a published rate may be off by, besides the rounding of its last digit."""


def counts_of_rate(rate: Any, total: Any, reading: Reading) -> dict[str, int]:
    """Counts from a published rate, which may be rounded, and the number of samples that it was taken of."""
    if not is_count(total) or not total:
        raise ValueError(f"a solve rate of {str(total)[:20]!r} samples")
    percent = isinstance(rate, str) and rate.strip().endswith("%")
    share = _number(rate.strip()[:-1]) if percent else _number(rate)
    if share is not None and (percent or 1 < share <= 100):
        share = _of_percent(share, reading, written=percent)
    elif share is not None and share > 0 and reading.settled.setdefault("solve_rate", "share") == "percent":
        share /= 100
    if share is None or not 0 <= share <= 1:
        raise ValueError(f"the solve rate is {str(rate)[:40]!r}, not a share from 0 to 1 or a percentage")
    right = round(share * total)
    half = _half_of_last_digit(share)
    possible = math.floor((share + half) * total) - math.ceil((share - half) * total) + 1
    if abs(share * total - right) > ROUNDING and possible != 1:
        raise ValueError(
            f"a solve rate of {share:g} is no whole number of {total:g} samples: another n_samples?"
        )
    return {"n_correct": right, "n_samples": int(total)}


def _of_percent(value: float, reading: Reading, *, written: bool) -> float:
    """A percentage as a share; one rate above 1 says that all rates of a file are percentages.

    Raises:
        ValueError: rates before it were read as shares.
    """
    if not written and reading.settled.setdefault("solve_rate", "percent") != "percent":
        raise ValueError(
            f"the solve rate is '{value:g}', not a share as those before it: if all of them are percentages, "
            "write them with %"
        )
    reading.notes["solve rates above 1 are percentages"] = None
    return value / 100


def _number(value: Any) -> float | None:
    """A number, also one that is written as text, as CSV has them."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _half_of_last_digit(share: float) -> float:
    """By how much a share that was rounded to the digits that it shows may be off.

    >>> round(_half_of_last_digit(0.02), 6)
    0.005
    """
    digits = len(f"{share:.12f}".rstrip("0").partition(".")[2])
    return 0.5 * 10.0**-digits + 1e-12 if digits < 12 else 0.0


def is_count(value: Any) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value >= 0

"""Intervals whose unit is the seed: every claim that one algorithm beats another rests on these."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats.interval import Interval

__all__ = ["paired_seeds", "seed_mean"]


def seed_mean(values: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean over seeds with Student's t interval, ``m +- t_(S-1) s / sqrt(S)``; one seed gives infinite limits.

    Raises:
        ValueError: no seed, or a value that is not finite.

    >>> interval = seed_mean([1.0, 2.0, 3.0])
    >>> [round(x, 3) for x in interval]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(values, float).ravel()
    if x.size == 0 or not np.all(np.isfinite(x)):
        raise ValueError("a seed-level interval needs at least one seed, and finite values")
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, -np.inf, np.inf)
    half = float(special.stdtrit(x.size - 1, (1 + confidence) / 2) * x.std(ddof=1) / np.sqrt(x.size))
    return Interval(mean, mean - half, mean + half)


def paired_seeds(a: npt.ArrayLike, b: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of ``b - a`` over seeds that share everything but the algorithm, with Student's t interval.

    Args:
        a, b: one number a seed, in the same order; ``a`` is the control.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    left, right = np.asarray(a, float).ravel(), np.asarray(b, float).ravel()
    if left.shape != right.shape:
        raise ValueError(f"paired values must belong to the same seeds: {left.size} against {right.size}")
    return seed_mean(right - left, confidence)

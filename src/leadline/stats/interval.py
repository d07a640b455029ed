"""Exact limits for a proportion, and limits for the mean of values that lie in [0, 1]."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["Interval", "Moments", "bounded_mean", "clopper_pearson", "pooled_zero_bound", "rule_of_three"]

Array = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate with its limits, ``lo <= value <= hi``."""

    value: float
    lo: float
    hi: float

    @property
    def width(self) -> float:
        """``hi - lo``, in the unit of the value."""
        return self.hi - self.lo

    def contains(self, x: float) -> bool:
        """Whether ``x`` lies between the limits, both included."""
        return self.lo <= x <= self.hi

    def as_list(self) -> list[float]:
        """``[value, lo, hi]``, as the JSON outputs carry it."""
        return [self.value, self.lo, self.hi]


def clopper_pearson(
    c: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95, *, two_sided: bool = True
) -> tuple[Array, Array]:
    """Exact limits for a success probability from ``c`` successes in ``n`` trials.

    ``lo = BetaInv(al/2; c, n-c+1)`` and ``hi = BetaInv(1-al/2; c+1, n-c)``; with ``two_sided=False`` each
    limit is the one-sided one at the full ``al = 1 - confidence``. Shapes broadcast; ``c`` need not be
    whole (see `bounded_mean`); ``n = 0`` says nothing and gives (0, 1). Source: Clopper and Pearson (1934).

    Raises:
        ValueError: ``c`` outside [0, n], or a confidence outside (0, 1).

    >>> lo, hi = clopper_pearson(0, 128)
    >>> float(lo), round(float(hi), 5)
    (0.0, 0.02841)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), not {confidence}")
    successes, trials = np.broadcast_arrays(np.asarray(c, float), np.asarray(n, float))
    if np.any(successes < 0) or np.any(successes > trials):
        raise ValueError("successes must lie between 0 and the number of trials")
    tail = (1 - confidence) / (2 if two_sided else 1)
    # betaincinv wants positive parameters; the two ends are 0 and 1 by definition.
    lo = np.where(
        successes > 0,
        special.betaincinv(np.where(successes > 0, successes, 1), trials - successes + 1, tail),
        0.0,
    )
    room = trials - successes
    hi = np.where(room > 0, special.betaincinv(successes + 1, np.where(room > 0, room, 1), 1 - tail), 1.0)
    return np.asarray(lo, float), np.asarray(hi, float)


def rule_of_three(n: npt.ArrayLike, confidence: float = 0.95) -> Array:
    """One-sided upper limit for a probability after no success in ``n`` trials: ``1 - al^(1/n)``, about ``3/n``.

    >>> float(rule_of_three(1024).round(5))
    0.00292
    """
    trials = np.asarray(n, float)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.log1p(-confidence) / trials), float)


def pooled_zero_bound(problems: int, samples: int, confidence: float = 0.95) -> float:
    """One-sided upper limit for the *mean* success of ``problems`` problems, none of which had one in ``samples``.

    ``prod(1-Q_i)^n <= (1-mean Q)^(nM)`` by the inequality of the means, so the problems may differ; nothing
    is said of the largest Q_i. Source: docs/theory.md, section 5b.
    """
    return float(rule_of_three(problems * samples, confidence))


class Moments(NamedTuple):
    """Mean, variance and third central moment of one value, where a law of the values is at hand."""

    mean: float
    variance: float
    third: float


def bounded_mean(values: npt.ArrayLike, confidence: float = 0.95, *, law: Moments | None = None) -> Interval:
    """Mean of independent values in [0, 1] (one a problem), exact-binomial limits at the effective size.

    ``n* = m(1-m)/v * (t_inf/t_(M-1))^2`` with m the mean and v its estimated variance, then Clopper-Pearson
    at ``n* m`` successes of ``n*``. A normal interval or a percentile bootstrap claims certainty when the
    values agree by chance; this one falls back to M binary trials then, the widest law with that mean.
    Source: Korn and Graubard (1998), for clustered proportions; a problem is the cluster here.

    Where few values differ from the rest, their variance is underestimated more often than not. With ``law``,
    what is known of the values from elsewhere (`leadline.stats.count_mean`), n* is the smaller of two, and
    smaller again where that law is more skewed than binary trials.

    Raises:
        ValueError: no value, or one outside [0, 1].
    """
    x = np.asarray(values, float).ravel()
    if x.size == 0:
        raise ValueError("the mean of no values has no interval")
    if np.any(x < -1e-12) or np.any(x > 1 + 1e-12) or not np.all(np.isfinite(x)):
        raise ValueError("values must lie in [0, 1]")
    mean = float(np.clip(x.mean(), 0, 1))
    variance = float(x.var(ddof=1)) if x.size > 1 else 0.0
    size = _effective_size(mean, variance, x.size, confidence)
    if law is not None:
        size = min(size, _effective_size(law.mean, law.variance, x.size, confidence))
        size *= _skew_factor(law, x.size, size)
    lo, hi = clopper_pearson(min(size * mean, size), size, confidence)
    return Interval(mean, min(float(lo), mean), max(float(hi), mean))


def _effective_size(mean: float, variance: float, problems: int, confidence: float) -> float:
    """Binary trials whose mean would have the variance of the mean of the values; at least M/2, as they are bounded."""
    if variance <= 1e-15 * problems or problems < 2:
        return float(problems)
    tail = (1 + confidence) / 2
    shrink = float(special.ndtri(tail) / special.stdtrit(problems - 1, tail)) ** 2
    return max(mean * (1 - mean) * problems / variance * shrink, problems / 2)


def _skew_factor(law: Moments, problems: int, size: float) -> float:
    """``((s_b + .05) / (s + .05))^0.7``: skewness of binary trials over that of the mean, at most 1.

    Clopper-Pearson is right for the skewness of binary trials; the exponent was set by simulation
    (benchmarks/coverage.py), so that long-tailed laws of 50 problems are covered, too.
    """
    if law.variance <= 0 or not 0 < law.mean < 1:
        return 1.0
    own = abs(law.third) / law.variance**1.5 / np.sqrt(problems)
    binary = abs(1 - 2 * law.mean) / np.sqrt(max(size, 1.0) * law.mean * (1 - law.mean))
    return float(((binary + 0.05) / (max(own, binary) + 0.05)) ** 0.7)

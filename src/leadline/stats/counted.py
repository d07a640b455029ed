"""Means over problems of what is computed from counts: the law of the counts makes their intervals honest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats.interval import Interval, Moments, bounded_mean

__all__ = ["beta_law", "count_mean"]

Array = npt.NDArray[np.float64]

NARROW = 1e7  # u + v of a law without visible spread
MAX_SIZES, MAX_SAMPLES = 16, 4096


def beta_law(n: npt.ArrayLike, c: npt.ArrayLike) -> tuple[float, float] | None:
    """Beta(u, v) law of Q over problems by its first two moments; None when all samples agree.

    Unbiased moments: ``E Q = mean c/n`` and ``E Q^2 = mean c(c-1)/(n(n-1))`` over problems with two samples.
    Without visible spread the law is as good as a point.

    >>> u, v = beta_law(10, [0, 10, 5, 5])
    >>> round(u, 3), round(v, 3)
    (0.625, 0.625)
    """
    samples, correct = np.broadcast_arrays(np.asarray(n, float), np.asarray(c, float))
    mean = float(np.mean(correct / samples))
    if not 0 < mean < 1:
        return None
    two = samples >= 2
    square = mean**2
    if two.any():
        pairs = correct * (correct - 1) / np.where(two, samples * (samples - 1), 1)
        square = float(pairs[two].mean())
    room = mean * (1 - mean)
    variance = min(max(square - mean**2, room / NARROW), room * 0.999)
    size = room / variance - 1
    return mean * size, (1 - mean) * size


def count_mean(
    n: npt.ArrayLike,
    c: npt.ArrayLike,
    statistic: Callable[[Array, Array], Array],
    confidence: float = 0.95,
) -> Interval:
    """Mean over problems of ``statistic(n, c)`` in [0, 1], with an interval for problems like these.

    `bounded_mean` with the moments that the statistic has when the counts are beta-binomial: pass@k of easy
    problems is 1 but for a rare hard one, and fifty ones alone would not tell.

    Args:
        n, c: samples and correct ones, shape (problems,).
        statistic: vectorised, e.g. ``lambda n, c: pass_at_k(n, c, 8)``.
    """
    samples, correct = np.broadcast_arrays(np.asarray(n, float), np.asarray(c, float))
    return bounded_mean(statistic(samples, correct), confidence, law=_moments(samples, correct, statistic))


def _moments(n: Array, c: Array, statistic: Callable[[Array, Array], Array]) -> Moments | None:
    """Moments of the statistic under the fitted law, over at most sixteen numbers of samples."""
    law = beta_law(n, c)
    if law is None or n.max() > MAX_SAMPLES:
        return None
    sizes, weights = np.unique(n, return_counts=True)
    if sizes.size > MAX_SIZES:
        sizes, weights = np.unique(
            np.quantile(n, np.linspace(0, 1, MAX_SIZES), method="nearest"), return_counts=True
        )
    rows = [_moments_at(size, law, statistic) for size in sizes]
    mean, variance, third = np.average(np.array(rows), axis=0, weights=weights)
    return Moments(float(mean), float(variance), float(third))


def _moments_at(
    n: float, law: tuple[float, float], statistic: Callable[[Array, Array], Array]
) -> tuple[float, float, float]:
    c = np.arange(n + 1)
    u, v = law
    log = special.gammaln(n + 1) - special.gammaln(c + 1) - special.gammaln(n - c + 1)
    pmf = np.exp(log + special.betaln(u + c, v + n - c) - special.betaln(u, v))
    pmf /= pmf.sum()
    value = statistic(np.full(c.size, n), c)
    mean = float(pmf @ value)
    return mean, float(pmf @ (value - mean) ** 2), float(pmf @ (value - mean) ** 3)

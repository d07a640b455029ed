"""Intervals of smooth functions of means over problems: ratios, differences of ratios, and what is split from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from leadline.stats.bootstrap import DRAWS, percentile_tails, resample_weights
from leadline.stats.interval import Interval

__all__ = ["bootstrap_ratio", "paired_bootstrap_ratio", "smooth_intervals"]

Array = npt.NDArray[np.float64]

STEP = 1e-5  # of a column's mean, for the slopes
LEAST_ERROR = 0.1  # of the error of the sample: few values may agree in a resample


def smooth_intervals(
    table: Array,
    function: Callable[[Array], Array],
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[Interval]:
    """Interval of every value that ``function`` makes of the column means; NaN where the value itself is none.

    The hull of two bootstraps over problems: percentiles, widened for few problems, and the studentised one, whose
    limits lean to where the tail is, though not beyond all resamples. Either alone misses too often where few
    problems carry much of a sum (``benchmarks/coverage.py --only rows``). The error of a resample is that of the
    function made linear about it. Source: Efron and Tibshirani (1993), sections 12.5 and 21.6.

    Args:
        table: one row a problem, shape (problems, columns).
        function: from means, shape (rows, columns), to values, shape (rows, values).
    """
    size, centre = len(table), table.mean(axis=0)
    rows = table - centre
    products = np.einsum("ij,ik->ijk", rows, rows).reshape(size, -1)
    own = function(centre[None])[0]
    linear = rows @ _gradient(function, centre[None])[0].T
    error = linear.std(axis=0)
    values, scores = [], []
    for weights in resample_weights(size, draws, seed):
        shift = weights @ rows / size
        drawn = function(weights @ table / size)  # not centre + shift, which makes -2e-16 of a sum of nothing
        spread = _errors(function, centre + shift, weights @ products / size, shift)
        values.append(drawn)
        scores.append((drawn - own) / np.maximum(spread, np.maximum(error * LEAST_ERROR, 1e-300)))
    drawn, score = np.concatenate(values), np.concatenate(scores)
    return [
        _hull(own[v], error[v], drawn[:, v], score[:, v], _worth(linear[:, v]), confidence)
        for v in range(own.size)
    ]


def _hull(
    value: float, error: float, drawn: Array, score: Array, worth: float, confidence: float
) -> Interval:
    drawn, score = drawn[np.isfinite(drawn)], score[np.isfinite(score)]
    if not np.isfinite(value) or not drawn.size or not score.size:
        return Interval(np.nan, np.nan, np.nan)
    low, high = np.quantile(drawn, percentile_tails(worth, confidence))
    left, right = np.quantile(score, [(1 - confidence) / 2, (1 + confidence) / 2])
    lo = min(low, max(drawn.min(), value - max(right, 0) * error))
    hi = max(high, min(drawn.max(), value - min(left, 0) * error))
    return Interval(float(value), float(lo), float(hi))


def _worth(linear: Array) -> float:
    """How many problems of a normal spread tell as much of the error as these: few where some carry most of it.

    The variance of m values with kurtosis K is known as from ``2 m / (K - 1)`` degrees of freedom.
    """
    second = float((linear**2).mean())
    if not second > 0:
        return float(linear.size)
    kurtosis = float((linear**4).mean()) / second**2
    return min(1 + 2 * linear.size / max(kurtosis - 1, 1e-9), float(linear.size))


def bootstrap_ratio(
    numerator: npt.ArrayLike,
    denominator: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """``sum(numerator) / sum(denominator)`` over problems, such as tokens by samples, with its bootstrap interval.

    NaN throughout when the denominators sum to 0 (no correct sample has a mean length).
    """
    table = _columns(numerator, denominator)
    return smooth_intervals(table, _ratio, confidence=confidence, draws=draws, seed=seed)[0]


def paired_bootstrap_ratio(
    a: tuple[npt.ArrayLike, npt.ArrayLike],
    b: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """Difference of two ratios of sums, ``b`` minus ``a``, over the same problems drawn together.

    Args:
        a, b: (numerators, denominators), one number a problem each.
    """

    def difference(means: Array) -> Array:
        return _ratio(means[:, 2:]) - _ratio(means[:, :2])

    return smooth_intervals(_columns(*a, *b), difference, confidence=confidence, draws=draws, seed=seed)[0]


def _columns(*values: npt.ArrayLike) -> Array:
    columns = [np.ravel(np.asarray(one, float)) for one in values]
    if columns[0].size == 0:
        raise ValueError("a ratio needs at least one problem")
    sizes = {column.size for column in columns}
    if len(sizes) > 1:
        raise ValueError(
            f"numbers of the same problems must be as many: {', '.join(map(str, sorted(sizes)))}"
        )
    return np.stack(columns, axis=1)


def _ratio(means: Array) -> Array:
    """First column by the second, shape (rows, 1); NaN where that is not above 0."""
    top, bottom = means[:, [0]], means[:, [1]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(bottom > 0, top / bottom, np.nan))


def _errors(function: Callable[[Array], Array], means: Array, products: Array, shift: Array) -> Array:
    """Errors of the values at every row of means, times the root of the number of problems, shape (rows, values)."""
    columns = means.shape[1]
    gradient = _gradient(function, means)
    covariance = products.reshape(-1, columns, columns) - shift[:, :, None] * shift[:, None, :]
    variance = np.einsum("rvj,rjk,rvk->rv", gradient, covariance, gradient)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


def _gradient(function: Callable[[Array], Array], means: Array) -> Array:
    """Slopes of the values at every row of means, shape (rows, values, columns)."""
    columns = means.shape[1]
    steps = STEP * np.maximum(np.abs(means), 1e-9)
    slopes = []
    for j in range(columns):
        step = np.where(np.arange(columns) == j, steps, 0.0)
        slopes.append((function(means + step) - function(means - step)) / (2 * steps[:, [j]]))
    return np.stack(slopes, axis=2)

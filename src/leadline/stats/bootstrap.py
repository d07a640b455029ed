"""Bootstraps over problems: a problem is drawn with all of its samples, and both sides of a pair are drawn together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats.interval import Interval

__all__ = [
    "bootstrap_mean",
    "bootstrap_means",
    "bootstrap_t_means",
    "paired_bootstrap",
    "percentile_tails",
    "resample_weights",
]

Array = npt.NDArray[np.float64]

DRAWS = 4000
CHUNK_CELLS = 4_000_000  # a chunk of weights stays below 32 MB


def resample_weights(size: int, draws: int = DRAWS, seed: int = 0) -> Iterator[Array]:
    """How often each of ``size`` problems is drawn in every resample.

    In chunks of shape (rows, size), ``draws`` rows in all.

    Weights instead of indices let one matrix product serve many statistics of the same resample.
    """
    if size < 1 or draws < 1:
        raise ValueError("a bootstrap needs at least one problem and one draw")
    if size * draws <= CHUNK_CELLS:
        yield _whole(size, draws, seed).astype(float)
        return
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK_CELLS // size)
    for start in range(0, draws, rows):
        yield _drawn(rng, size, min(rows, draws - start)).astype(float)


@lru_cache(maxsize=4)  # a comparison asks for the same resamples thirty times; 8 MB each at most
def _whole(size: int, draws: int, seed: int) -> npt.NDArray[np.uint16]:
    return _drawn(np.random.default_rng(seed), size, draws).astype(np.uint16)


def _drawn(rng: np.random.Generator, size: int, count: int) -> npt.NDArray[np.int64]:
    index = rng.integers(size, size=(count, size)) + np.arange(count)[:, None] * size
    return np.bincount(index.ravel(), minlength=count * size).reshape(count, size)


def percentile_tails(size: float, confidence: float = 0.95) -> tuple[float, float]:
    """The two quantiles to read off a bootstrap distribution of ``size`` problems.

    Plain percentiles are too narrow for few problems, by ``sqrt((n-1)/n)`` and by normal against t; the
    levels are moved out to undo both (below some eight problems that is not enough). Source: Hesterberg
    (2015), "What teachers should know about the bootstrap", expanded percentiles.
    """
    if size < 2:
        return 0.0, 1.0
    t = special.stdtrit(size - 1, (1 + confidence) / 2)
    tail = float(special.ndtr(-np.sqrt(size / (size - 1)) * t))
    return tail, 1 - tail


def _limits(draws: Array, size: int, confidence: float) -> Array:
    """Lower and upper limits, shape (2, ...), from bootstrap draws along axis 0; NaN draws are left out."""
    return np.asarray(np.nanquantile(draws, percentile_tails(size, confidence), axis=0), float)


def _matrix(values: npt.ArrayLike, name: str) -> Array:
    array = np.asarray(values, float)
    if array.ndim not in (1, 2) or array.shape[0] == 0:
        raise ValueError(f"{name} needs one row a problem, and at least one problem")
    return array


def bootstrap_means(
    values: npt.ArrayLike, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> list[Interval]:
    """Interval of the mean of every column of ``values`` (problems, statistics), all from the same resamples."""
    array = _matrix(values, "values")
    table = array.reshape(array.shape[0], -1)
    size = table.shape[0]
    means = np.concatenate([w @ table for w in resample_weights(size, draws, seed)]) / size
    lo, hi = _limits(means, size, confidence)
    centre = table.mean(axis=0)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(centre, lo, hi, strict=True)]


def bootstrap_t_means(
    values: npt.ArrayLike, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> list[Interval]:
    """Like `bootstrap_means`, with the limits of the studentised bootstrap: they lean to where the tail is.

    ``m - t*_hi s`` and ``m - t*_lo s`` with ``t* = (m* - m) / s*`` over the resamples; s* is kept above a
    tenth of s, as few values may agree in a resample. Source: Efron and Tibshirani (1993), section 12.5.
    """
    array = _matrix(values, "values")
    table = array.reshape(array.shape[0], -1)
    size, own, spread = table.shape[0], table.mean(axis=0), table.std(axis=0)
    scores = []
    for weights in resample_weights(size, draws, seed):
        means = weights @ table / size
        # Centred before squaring: the difference of two large squares would lose its digits.
        shift = weights @ (table - own) / size
        variance = weights @ (table - own) ** 2 / size - shift**2
        floor = np.maximum(spread / 10, 1e-300)
        scores.append((means - own) / np.maximum(np.sqrt(np.maximum(variance, 0)), floor))
    lo, hi = np.quantile(np.concatenate(scores), [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return [
        Interval(float(m), float(m - max(b, 0) * s), float(m - min(a, 0) * s))
        for m, s, a, b in zip(own, spread, lo, hi, strict=True)
    ]


def bootstrap_mean(
    values: npt.ArrayLike, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean over problems with its bootstrap interval; ``values`` has one number a problem.

    For shares near 0 or 1 prefer `bounded_mean`: resampling equal values knows no doubt.

    Raises:
        ValueError: no value.
    """
    return bootstrap_means(
        np.ravel(np.asarray(values, float)), confidence=confidence, draws=draws, seed=seed
    )[0]


def paired_bootstrap(
    a: npt.ArrayLike, b: npt.ArrayLike, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Mean of ``b - a`` over problems, both sides of a problem drawn together.

    Args:
        a, b: one number a problem, in the same order; ``a`` is the base.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    left, right = _matrix(a, "a").ravel(), _matrix(b, "b").ravel()
    _same_length(left, right)
    return bootstrap_mean(right - left, confidence=confidence, draws=draws, seed=seed)


def _same_length(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(f"paired values must belong to the same problems: {a.shape[0]} against {b.shape[0]}")

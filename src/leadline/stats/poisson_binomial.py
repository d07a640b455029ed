"""The number of successes in independent trials of unequal probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["poisson_binomial_pmf", "poisson_binomial_tail"]

Array = npt.NDArray[np.float64]


def _checked(probabilities: npt.ArrayLike) -> Array:
    p = np.asarray(probabilities, float).ravel()
    if np.any(p < 0) or np.any(p > 1) or not np.all(np.isfinite(p)):
        raise ValueError("probabilities must lie in [0, 1]")
    return p


def poisson_binomial_pmf(probabilities: npt.ArrayLike) -> Array:
    """Probability of 0, 1, ..., M successes, shape (M + 1,): the convolution of M Bernoulli laws.

    >>> poisson_binomial_pmf([0.5, 0.2]).round(3).tolist()
    [0.4, 0.5, 0.1]
    """
    p = _checked(probabilities)
    pmf = np.zeros(p.size + 1)
    pmf[0] = 1.0
    for i, x in enumerate(p):
        pmf[1 : i + 2] = pmf[1 : i + 2] * (1 - x) + pmf[: i + 1] * x
        pmf[0] *= 1 - x
    return pmf


def poisson_binomial_tail(probabilities: npt.ArrayLike, k: int) -> float:
    """``P(at least k successes)``; only positive terms are added, so that a tail of 1e-30 keeps its digits.

    >>> round(poisson_binomial_tail([0.5, 0.2], 1), 3)
    0.6
    """
    p = _checked(probabilities)
    if k <= 0:
        return 1.0
    if k > p.size:
        return 0.0
    # The last cell absorbs: k successes or more.
    state = np.zeros(k + 1)
    state[0] = 1.0
    for x in p:
        moved = state[:k] * x
        state[:k] -= moved
        state[1:] += moved
    return float(min(state[k], 1.0))

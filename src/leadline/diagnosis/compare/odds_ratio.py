"""The strength of a tilt: how much the odds of success rose on all problems alike, whatever it was before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from leadline.diagnosis.compare.pairing import Pair
from leadline.stats import Interval

__all__ = ["MOST_SAMPLES", "common_log_odds_ratio"]

Array = npt.NDArray[np.float64]

MOST_SAMPLES = 4096  # of a problem and side: a term for each of them is summed


def common_log_odds_ratio(pair: Pair, drop: float, limit: float) -> Interval:
    """The log of the odds ratio that all problems share, and where its log-likelihood is within ``drop / 2``.

    Given how many samples of a problem are right on both sides together, how they fall to the two sides depends on
    the odds ratio alone: ``p(c2 | c1 + c2) ~ C(n1, c1) C(n2, c2) exp(a c2)``. So no law of Q is fitted, and none is
    in the limits. Source: Cox (1970), "Analysis of binary data", chapter 4; Breslow (1981).

    Args:
        pair: counts of both sides, at most `MOST_SAMPLES` samples of a problem on either.
        drop: of twice the log-likelihood, such as 3.84 for 95%.
        limit: strengths beyond this are not looked for.
    """
    ways, right = _ways(pair)
    if not right.size:
        return Interval(0.0, -limit, limit)
    k = np.arange(ways.shape[1], dtype=float)

    def surplus(a: float) -> float:
        return float((right - special.softmax(ways + a * k, axis=1) @ k).sum())

    def loss(a: float) -> float:
        return float((special.logsumexp(ways + a * k, axis=1) - a * right).sum())

    best = _root(surplus, -limit, limit, 1e-4)
    least = loss(best)

    def above(a: float) -> float:
        return 2 * (loss(a) - least) - drop

    lo, hi = (_root(above, best, end, 1e-3) for end in (-limit, limit))
    return Interval(best, min(lo, best), max(hi, best))


def _root(function: Callable[[float], float], start: float, end: float, close: float) -> float:
    """Where a monotone function crosses zero; the end that is nearer to it where it does not."""
    first, last = function(start), function(end)
    if first * last >= 0:
        return start if abs(first) < abs(last) else end
    return float(optimize.brentq(function, min(start, end), max(start, end), xtol=close))


def _ways(pair: Pair) -> tuple[Array, Array]:
    """Log of the ways in which k of the right samples are the tuned model's, shape (problems, k), and what came."""
    (n1, c1), (n2, c2) = ((side.n, side.c) for side in (pair.base, pair.tuned))
    total = c1 + c2
    open_ = (total > 0) & (total < n1 + n2)
    n1, n2, c2, total = n1[open_], n2[open_], c2[open_], total[open_]
    k = np.arange((int(n2.max()) if n2.size else 0) + 1)
    rest = total[:, None] - k
    possible = (rest >= 0) & (rest <= n1[:, None]) & (k <= n2[:, None])
    ways = _log_choose(n1[:, None], np.where(possible, rest, 0)) + _log_choose(
        n2[:, None], np.where(possible, k, 0)
    )
    return np.where(possible, ways, -np.inf), c2


def _log_choose(n: Array, k: Array) -> Array:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))

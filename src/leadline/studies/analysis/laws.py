"""Tests of the tilt on exactly known masses: T1 the law, T2 invariance within classes, T3 no gain without support.

Source: docs/theory.md, section 6. Masses are exact here, so the noise is that of training: the unit is the seed.
For sampled counts :mod:`leadline.diagnosis.compare.tilt_fit` has the estimators that count the noise of both sides in.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats import Interval, poisson_binomial_tail, seed_mean
from leadline.theory import repeated_success

__all__ = ["GAINED", "T2_TOLERANCE", "UNSEEN", "Support", "excess_share", "support", "tilt_slope"]

Array = npt.NDArray[np.float64]

UNSEEN = 0.01
"""T3 looks at problems whose right answers were expected fewer than this many times among their samples."""

GAINED = 0.1
"""T3 counts a problem as gained when its success after training exceeds this."""

T2_TOLERANCE = 1e-3
"""T2: an excess share below it is a tilt. Enumeration has no sampling error, so there is nothing to test; what is left
is rounding: masses computed in float32 give shares below 1e-5."""

_FEWEST = 8  # problems that a slope needs


class Support(NamedTuple):
    """T3: problems without support, how many of them gained, how many the null expects at most, and its p-value."""

    problems: int
    gained: int
    expected: float
    p_value: float


def tilt_slope(mass: npt.ArrayLike, success: npt.ArrayLike, seed: npt.ArrayLike) -> Interval | None:
    """T1: slope of logit p' on logit Q over problems, 1 for a tilt; None with too few problems that are open.

    Every seed has its own intercept and gives one slope; the interval is Student's over seeds. With one seed it is
    least squares with HC3 errors, which differences in scatter do not fool. H0 is refuted when 1 lies outside.
    """
    q, p, which = np.asarray(mass, float), np.asarray(success, float), np.asarray(seed)
    open_ = (q > 0) & (q < 1) & (p > 0) & (p < 1)
    x, y, which = special.logit(q[open_]), special.logit(p[open_]), which[open_]
    parts = [(x[which == s], y[which == s]) for s in np.unique(which)]
    parts = [(a, b) for a, b in parts if a.size >= _FEWEST and np.ptp(a) > 0]
    if not parts:
        return None
    if len(parts) == 1:
        return _robust_slope(*parts[0])
    return seed_mean([_slope(a, b)[0] for a, b in parts])


def excess_share(kl: npt.ArrayLike, excess: npt.ArrayLike) -> float:
    """T2: ``1 - kl(p'||Q) / KL`` over all problems together: what of the KL no change of the success needed."""
    total = float(np.sum(np.asarray(kl, float)))
    return float(np.sum(np.asarray(excess, float)) / total) if total > 0 else 0.0


def support(mass: npt.ArrayLike, success: npt.ArrayLike, samples: npt.ArrayLike) -> Support:
    """T3: do problems gain whose right answers were never drawn? Poisson-binomial, discrete: size at most 5%.

    Without shared weights a problem can gain only if one of its N samples was right: ``1 - (1 - Q)^N``. A rejection
    is transfer through the weights, which the theory leaves out; it does not refute the algebra. Problems that were
    never sampled have N = 0 and a chance of exactly 0: leave them out, or every gain of theirs is a rejection.
    """
    q, p, n = np.asarray(mass, float), np.asarray(success, float), np.asarray(samples, float)
    chosen = (n * q < UNSEEN) & (q < GAINED) & (n > 0)
    chance = repeated_success(q[chosen], n[chosen])
    gained = int((p[chosen] > GAINED).sum())
    return Support(int(chosen.sum()), gained, float(chance.sum()), poisson_binomial_tail(chance, gained))


def _slope(x: Array, y: Array) -> tuple[float, Array]:
    """Least squares with intercept: the slope and the residuals."""
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    return slope, np.asarray(y - y.mean() - slope * centred)


def _robust_slope(x: Array, y: Array) -> Interval:
    """HC3 (MacKinnon and White 1985) with Student's quantile of n - 2."""
    slope, residual = _slope(x, y)
    centred = x - x.mean()
    squares = centred @ centred
    leverage = 1 / x.size + centred**2 / squares
    error = float(np.sqrt(((centred * residual / (1 - leverage)) ** 2).sum()) / squares)
    half = float(special.stdtrit(x.size - 2, 0.975)) * error
    return Interval(slope, slope - half, slope + half)

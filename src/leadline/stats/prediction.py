"""What a share that is known with limits says of a count to come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats.interval import Interval, clopper_pearson
from leadline.stats.roots import crossing_of

__all__ = ["predicted_mixture", "predicted_share"]

MOST_TRIALS = 1e7  # trials that pin a share down for every purpose here
MOST_COUNTED = 20_000  # trials to come that are told apart: the scatter of more is below half a point


def predicted_share(known: Interval, trials: int, confidence: float = 0.95) -> Interval:
    """The share of ``trials`` that will be successes, where the chance of one is ``known`` with its limits.

    An interval for a share says where the share lies, not what forty groups will show: those scatter about it.
    The share is given the Beta law of as many trials as would make the exact interval as wide as ``known``
    (Jeffreys' prior), and the count to come its beta-binomial quantiles.

    Raises:
        ValueError: fewer than one trial, or an estimate that is no share.

    >>> low = predicted_share(Interval(0.0, 0.0, 0.04), 48)
    >>> low.lo, round(low.hi, 3)
    (0.0, 0.042)
    """
    return predicted_mixture([known], trials, confidence)


def predicted_mixture(known: Sequence[Interval], trials: int, confidence: float = 0.95) -> Interval:
    """`predicted_share` where the chance is one of several, equally likely, each known with its limits.

    Raises:
        ValueError: as there; or none is given.
    """
    if not known:
        raise ValueError("nothing is known of the share")
    counted = min(trials, MOST_COUNTED)
    chances = np.mean([_count_chances(share, counted, confidence) for share in known], axis=0)
    value = float(np.mean([share.value for share in known]))
    tail = (1 - confidence) / 2
    lo, hi = np.minimum(np.searchsorted(np.cumsum(chances), [tail, 1 - tail]), counted) / counted
    return Interval(value, min(float(lo), value), max(float(hi), value))


def _count_chances(known: Interval, trials: int, confidence: float) -> npt.NDArray[np.float64]:
    """Chance of 0, 1, ..., ``trials`` successes where the chance of one is known like this."""
    if trials < 1 or not 0 <= known.value <= 1:
        raise ValueError(f"{trials} trials at {known.value} cannot be foretold")
    size = _trials_behind(known, confidence)
    return _beta_binomial(trials, size * known.value + 0.5, size * (1 - known.value) + 0.5)


def _beta_binomial(trials: int, a: float, b: float) -> npt.NDArray[np.float64]:
    """Chance of 0, 1, ..., ``trials`` successes. ``scipy.stats`` has it too, for a fifth of the time to start."""
    k = np.arange(trials + 1)
    ways = -np.log1p(trials) - special.betaln(trials - k + 1, k + 1)
    chances: npt.NDArray[np.float64] = np.exp(
        ways + special.betaln(k + a, trials - k + b) - special.betaln(a, b)
    )
    return chances


def _trials_behind(known: Interval, confidence: float) -> float:
    """Trials whose Clopper-Pearson interval at this share is as wide as the limits; at least 1."""

    def surplus(log_size: float) -> float:
        size = float(np.exp(log_size))
        lo, hi = clopper_pearson(size * known.value, size, confidence)
        return float(hi - lo) - known.width

    ends = (0.0, float(np.log(MOST_TRIALS)))
    if surplus(ends[0]) <= 0:
        return 1.0
    if surplus(ends[1]) >= 0:
        return MOST_TRIALS
    return float(np.exp(crossing_of(surplus, *ends)))

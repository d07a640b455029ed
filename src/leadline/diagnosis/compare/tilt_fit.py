"""Two laws of what training did to solve rates, fitted with the noise of both sides counted in.

The rates of base and tuned are both binomial estimates; a regression of one on the other misses slope 1
on exact tilts, in either direction (errors in variables). Here the law of Q over problems is a free
mixture on a grid, fitted together with the law ``p' = f(Q)``: maximum likelihood of the pairs of counts, no
plug-in rate anywhere. The likelihood is in `leadline.diagnosis.compare.likelihood`; the story in docs/theory.md,
section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.diagnosis.compare.likelihood import MAX_STRENGTH, SLOPES, Fit, Mixture
from leadline.diagnosis.compare.odds_ratio import MOST_SAMPLES, common_log_odds_ratio
from leadline.diagnosis.compare.pairing import Pair
from leadline.stats import Interval

__all__ = ["LawFits", "fit_laws", "slope_interval"]

Array = npt.NDArray[np.float64]

CHI2_95 = 3.841458820694124  # one degree of freedom
OPEN_ENOUGH = 8  # problems solved sometimes, on either side, that a slope needs
MAX_FITS, CLOSE = 25, 0.02  # the limit is found to 2% of its distance
MAX_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class LawFits:
    """What the two nulls say.

    Attributes:
        strength: tilt strength a at slope 1, with its interval.
        slope: slope of logit p' over logit Q, with its interval; None with fewer than eight open problems.
        shift: angle of the arcsine law.
        log_ratio: log-likelihood of the tilt (slope 1) minus that of the arcsine law, one parameter each.
        dispersion: scatter of the tuned counts about the fitted tilt, 1 where binomial noise explains it; the
            intervals are widened by it.
        tilt: the fit at slope 1, the null of the support ledger.
        grid: logit Q of the mixture.
    """

    strength: Interval
    slope: Interval | None
    shift: float
    log_ratio: float
    dispersion: float
    tilt: Fit
    grid: Array


def fit_laws(pair: Pair, seed: int = 0) -> LawFits | None:
    """Fit tilt, tilt with free slope, and arcsine; None where all base samples are right, or all wrong.

    With more than 1,000 problems a seeded subset of them is fitted: the interval is narrow by then.
    """
    pair = _subset(pair, seed)
    hits = pair.base.c.sum()
    if not 0 < hits < pair.base.n.sum():
        return None
    mixture = Mixture(pair)
    tilt, arcsine = mixture.tilt(1.0), mixture.arcsine()
    dispersion = max(mixture.dispersion(tilt), 1.0)
    return LawFits(
        strength=_strength(pair, mixture, tilt, CHI2_95 * dispersion),
        slope=_determined(_slope(mixture, tilt)) if _open_problems(pair) >= OPEN_ENOUGH else None,
        shift=arcsine.parameters[0],
        log_ratio=tilt.log_likelihood - arcsine.log_likelihood,
        dispersion=dispersion,
        tilt=tilt,
        grid=mixture.grid,
    )


def _strength(pair: Pair, mixture: Mixture, tilt: Fit, drop: float) -> Interval:
    """Limits that need no law of Q: those of the profile cover 92% where Q is near 0 or 1. With many samples, these."""
    if max(pair.base.n.max(), pair.tuned.n.max()) <= MOST_SAMPLES:
        return common_log_odds_ratio(pair, drop, MAX_STRENGTH)
    limits = (-MAX_STRENGTH, MAX_STRENGTH)
    return _profile(lambda a: mixture.tilt_at(a, tilt), tilt, 0, drop, 0.1, limits)


def slope_interval(pair: Pair) -> Interval:
    """Slope of logit p' over logit Q with its 95% profile-likelihood interval; 1 for an exact tilt."""
    mixture = Mixture(pair)
    return _slope(mixture, mixture.tilt(1.0))


def _slope(mixture: Mixture, tilt: Fit) -> Interval:
    free = mixture.tilt(None, tilt)
    if free.log_likelihood < tilt.log_likelihood:  # the optimiser stopped early: slope 1 is a member
        free = Fit((tilt.parameters[0], 1.0), tilt.log_likelihood, tilt.weights)
    drop = CHI2_95 * max(mixture.dispersion(free), 1.0)
    return _profile(lambda b: mixture.tilt(b, free), free, 1, drop, 0.05, SLOPES)


def _determined(slope: Interval) -> Interval | None:
    """None where the likelihood says nothing: an end of the search was reached."""
    return None if slope.lo <= SLOPES[0] or slope.hi >= SLOPES[1] else slope


def _subset(pair: Pair, seed: int) -> Pair:
    if len(pair) <= MAX_PROBLEMS:
        return pair
    chosen = np.sort(np.random.default_rng(seed).permutation(len(pair))[:MAX_PROBLEMS])
    names = [pair.base.ids[i] for i in chosen]
    return Pair(pair.base.take(names), pair.tuned.take(names))


def _open_problems(pair: Pair) -> int:
    """Problems that are solved sometimes, on either side."""
    sides = [(side.c > 0) & (side.c < side.n) for side in (pair.base, pair.tuned)]
    return int((sides[0] | sides[1]).sum())


def _profile(
    at: Callable[[float], Fit], best: Fit, index: int, drop: float, step: float, limits: tuple[float, float]
) -> Interval:
    """The values whose profile log-likelihood is within ``drop / 2`` of the best: a likelihood-ratio interval.

    The root of twice the loss is nearly linear in the distance from the best value, so that the secant method
    on it is there in two or three fits.
    """
    centre, target = best.parameters[index], float(np.sqrt(drop))

    def root(value: float) -> float:
        return float(np.sqrt(max(2 * (best.log_likelihood - at(value).log_likelihood), 0.0)))

    ends = []
    for sign, limit in zip((-1, 1), limits, strict=True):
        inner, inner_root, size = 0.0, 0.0, step
        end = limit
        for _ in range(MAX_FITS):
            value = centre + sign * size
            if (limit - value) * sign <= 0:
                value = limit
            here = root(value)
            if abs(here - target) < CLOSE * target:
                end = value
                break
            if value == limit and here < target:
                break  # the data say nothing on this side
            rise = max((here - inner_root) / (abs(value - centre) - inner), 1e-9)
            # Never more than fourfold: far out the root need not be straight.
            guess = abs(value - centre) + (target - here) / rise
            inner, inner_root = (abs(value - centre), here) if here < target else (inner, inner_root)
            size = float(
                np.clip(guess, inner + 0.02 * (abs(value - centre) - inner), 4 * abs(value - centre))
            )
            end = centre + sign * size
        ends.append(float(np.clip(end, *limits)))
    return Interval(centre, min(ends[0], centre), max(ends[1], centre))

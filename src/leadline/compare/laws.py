"""Two laws of what training did to solve rates, fitted with the noise of both sides counted in.

The rates of base and tuned are both binomial estimates; a regression of one on the other finds a slope below
1 whatever happened (errors in variables). Here the law of Q over problems is a free mixture on a grid, fitted
together with the law ``p' = f(Q)``: maximum likelihood of the pairs of counts, no plug-in rate anywhere.
Source of the mixture estimate: Kiefer and Wolfowitz (1956); of the two laws: docs/theory.md, 1 and 1b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from leadline.compare.pairing import Pair
from leadline.stats import Interval

__all__ = ["Fit", "LawFits", "Mixture", "arcsine_law", "fit_laws", "slope_interval", "tilt_law"]

Array = npt.NDArray[np.float64]

CHI2_95 = 3.841458820694124  # one degree of freedom
OPEN_ENOUGH = 8  # problems solved sometimes, on either side, that a slope needs
MAX_STRENGTH = 15.0
MAX_FITS, CLOSE = 25, 0.02  # the limit is found to 2% of its distance
MAX_PROBLEMS = 1000
SLOPES = (-1.0, 4.0)


def tilt_law(x: Array, strength: float, slope: float = 1.0) -> tuple[Array, Array, Array]:
    """log p, log(1-p) and dp/dz at ``z = slope x + strength``; ``x = logit Q``. The exact tilt has
    slope 1.
    """
    z = slope * x + strength
    return -np.logaddexp(0, -z), -np.logaddexp(0, z), special.expit(z)


def arcsine_law(x: Array, shift: float) -> tuple[Array, Array, Array]:
    """log p, log(1-p) and the angle, ``arcsin sqrt p = arcsin sqrt Q + shift``: std-normalised GRPO
    without KL.
    """
    angle = np.clip(np.arcsin(np.sqrt(special.expit(x))) + shift, 1e-4, np.pi / 2 - 1e-4)
    return 2 * np.log(np.sin(angle)), 2 * np.log(np.cos(angle)), angle


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted law: its parameters, log-likelihood (up to a constant of the data), and mixture weights."""

    parameters: tuple[float, ...]
    log_likelihood: float
    weights: Array


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


class Mixture:
    """The likelihood of pairs of counts under a law and a free mixture over Q."""

    def __init__(self, pair: Pair) -> None:
        table = np.stack([pair.base.n, pair.base.c, pair.tuned.n, pair.tuned.c], axis=1)
        rows, times = np.unique(table, axis=0, return_counts=True)
        self.times = times.astype(float)
        self.n1, self.c1, self.n2, self.c2 = rows.T
        self.grid = _grid(self.n1, self.c1, self.times)
        log_q, log_not = -np.logaddexp(0, -self.grid), -np.logaddexp(0, self.grid)
        self.base = np.outer(self.c1, log_q) + np.outer(self.n1 - self.c1, log_not)

    def terms(self, log_p: Array, log_not: Array) -> Array:
        """Log-likelihood of every row at every point of the grid."""
        return np.asarray(self.base + np.outer(self.c2, log_p) + np.outer(self.n2 - self.c2, log_not))

    def value(self, weights: Array, terms: Array) -> tuple[float, Array, Array]:
        """Log-likelihood, its gradient in the logits of the weights, and responsibilities times
        multiplicity.
        """
        log_weights = special.log_softmax(weights)
        joint = terms + log_weights
        top = joint.max(axis=1, keepdims=True)
        share = np.exp(joint - top)
        total = share.sum(axis=1, keepdims=True)
        owned = share / total * self.times[:, None]
        value = float(self.times @ (np.log(total) + top)[:, 0])
        gradient = owned.sum(axis=0) - self.times.sum() * np.exp(log_weights)
        return value, gradient, owned

    def tilt(self, slope: float | None, start: Fit | None = None) -> Fit:
        """Fit strength (and slope, when None) together with the mixture."""
        free = slope is None
        head = list(start.parameters[: 1 + free]) if start else [0.0, 1.0][: 1 + free]
        if free and len(head) < 2:
            head.append(1.0)

        def parts(theta: Array, weights: Array) -> tuple[float, Array, Array]:
            b = theta[1] if free else slope
            log_p, log_not, p = tilt_law(self.grid, theta[0], b)  # type: ignore[arg-type]
            value, to_weights, owned = self.value(weights, self.terms(log_p, log_not))
            rise = (owned * (self.c2[:, None] - self.n2[:, None] * p)).sum(axis=0)
            return value, np.array([rise.sum(), rise @ self.grid][: 1 + free]), to_weights

        bounds = [(-MAX_STRENGTH, MAX_STRENGTH), SLOPES][: 1 + free]
        return self._climb(parts, head, bounds, start)

    def arcsine(self) -> Fit:
        """Fit the shift of the arcsine law together with the mixture."""

        def parts(theta: Array, weights: Array) -> tuple[float, Array, Array]:
            log_p, log_not, angle = arcsine_law(self.grid, theta[0])
            value, to_weights, owned = self.value(weights, self.terms(log_p, log_not))
            inside = (angle > 1e-4) & (angle < np.pi / 2 - 1e-4)
            slope = 2 * self.c2[:, None] / np.tan(angle) - 2 * (self.n2 - self.c2)[:, None] * np.tan(angle)
            return value, np.array([float((owned * slope * inside).sum())]), to_weights

        return self._climb(parts, [0.05], [(-np.pi / 2, np.pi / 2)], None)

    def _climb(
        self,
        parts: Callable[[Array, Array], tuple[float, Array, Array]],
        head: Sequence[float],
        bounds: list[tuple[float, float]],
        start: Fit | None,
    ) -> Fit:
        split = len(head)
        logits = np.zeros(self.grid.size) if start is None else np.log(start.weights + 1e-12)
        scale = float(self.times.sum())

        def loss(x: Array) -> tuple[float, Array]:
            value, to_head, to_weights = parts(x[:split], x[split:])
            return -value / scale, -np.concatenate([to_head, to_weights]) / scale

        limits = bounds + [(-40.0, 40.0)] * self.grid.size
        found = optimize.minimize(
            loss,
            np.concatenate([head, logits]),
            jac=True,
            method="L-BFGS-B",
            bounds=limits,
            options={"maxiter": 400, "ftol": 1e-9, "gtol": 1e-6, "maxcor": 20},
        )
        weights = special.softmax(found.x[split:])
        return Fit(tuple(float(v) for v in found.x[:split]), -float(found.fun) * scale, weights)


def _grid(n: Array, c: Array, times: Array) -> Array:
    """Points of logit Q: the problems' own smoothed logits, an even grid through their range, and the
    far ends.
    """
    own = np.repeat(np.log((c + 0.5) / (n - c + 0.5)), times.astype(int))
    edge = float(np.log(2 * n.max() + 1)) + 1.0
    quantiles = np.quantile(own, np.linspace(0, 1, 41))
    even = np.arange(-edge, edge + 0.2, 0.4)
    ends = [s * (edge + d) for s in (-1, 1) for d in (1.0, 2.5, 5.0, 15.0)]
    points = np.sort(np.concatenate([quantiles, even, ends]))
    return np.asarray(points[np.concatenate([[True], np.diff(points) > 0.02])], float)


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
    dispersion = max(_dispersion(mixture, tilt), 1.0)
    limits = (-MAX_STRENGTH, MAX_STRENGTH)
    strength = _profile(lambda a: _at_strength(mixture, a, tilt), tilt, 0, CHI2_95 * dispersion, 0.1, limits)
    return LawFits(
        strength=strength,
        slope=_determined(_slope(mixture, tilt)) if _open_problems(pair) >= OPEN_ENOUGH else None,
        shift=arcsine.parameters[0],
        log_ratio=tilt.log_likelihood - arcsine.log_likelihood,
        dispersion=dispersion,
        tilt=tilt,
        grid=mixture.grid,
    )


def slope_interval(pair: Pair) -> Interval:
    """Slope of logit p' over logit Q with its 95% profile-likelihood interval; 1 for an exact tilt."""
    mixture = Mixture(pair)
    return _slope(mixture, mixture.tilt(1.0))


def _slope(mixture: Mixture, tilt: Fit) -> Interval:
    free = mixture.tilt(None, tilt)
    if free.log_likelihood < tilt.log_likelihood:  # the optimiser stopped early: slope 1 is a member
        free = Fit((tilt.parameters[0], 1.0), tilt.log_likelihood, tilt.weights)
    drop = CHI2_95 * max(_dispersion(mixture, free), 1.0)
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


def _at_strength(mixture: Mixture, strength: float, start: Fit) -> Fit:
    """The mixture alone, at a given strength."""

    def parts(_: Array, weights: Array) -> tuple[float, Array, Array]:
        log_p, log_not, _p = tilt_law(mixture.grid, strength)
        value, to_weights, _owned = mixture.value(weights, mixture.terms(log_p, log_not))
        return value, np.zeros(1), to_weights

    return mixture._climb(parts, [strength], [(strength, strength)], start)


def _profile(
    at: Callable[[float], Fit], best: Fit, index: int, drop: float, step: float, limits: tuple[float, float]
) -> Interval:
    """The values whose profile log-likelihood is within ``drop / 2`` of the best: a likelihood-ratio
    interval.

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


def _dispersion(mixture: Mixture, fit: Fit) -> float:
    """Pearson scatter of the tuned counts about what the base counts and the law predict, per problem."""
    slope = fit.parameters[1] if len(fit.parameters) > 1 else 1.0
    p = tilt_law(mixture.grid, fit.parameters[0], slope)[2]
    own = special.softmax(mixture.base + np.log(fit.weights + 1e-300), axis=1)
    mean, square = own @ p, own @ p**2
    n = mixture.n2
    variance = n * (mean - square) + n**2 * np.maximum(square - mean**2, 0)
    usable = variance > 0.25
    if not usable.any():
        return 1.0
    scatter = (mixture.c2 - n * mean)[usable] ** 2 / variance[usable]
    return float(np.average(scatter, weights=mixture.times[usable]))

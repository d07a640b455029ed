"""The likelihood of pairs of counts under a law ``p' = f(Q)`` and a free mixture over Q.

Source: Kiefer and Wolfowitz (1956); the two laws: docs/theory.md, sections 1 and 1b.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from leadline.diagnosis.compare.pairing import Pair

__all__ = ["MAX_STRENGTH", "SLOPES", "Fit", "Mixture", "arcsine_law", "tilt_law"]

Array = npt.NDArray[np.float64]

MAX_STRENGTH = 15.0
SLOPES = (-1.0, 4.0)


def tilt_law(x: Array, strength: float, slope: float = 1.0) -> tuple[Array, Array, Array]:
    """log p, log(1-p) and dp/dz at ``z = slope x + strength``; ``x = logit Q``. The exact tilt has slope 1."""
    z = slope * x + strength
    return -np.logaddexp(0, -z), -np.logaddexp(0, z), special.expit(z)


def arcsine_law(x: Array, shift: float) -> tuple[Array, Array, Array]:
    """log p, log(1-p) and the angle, ``arcsin sqrt p = arcsin sqrt Q + shift``: std-normalised GRPO without KL."""
    angle = np.clip(np.arcsin(np.sqrt(special.expit(x))) + shift, 1e-4, np.pi / 2 - 1e-4)
    return 2 * np.log(np.sin(angle)), 2 * np.log(np.cos(angle)), angle


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted law: its parameters, log-likelihood (up to a constant of the data), and mixture weights."""

    parameters: tuple[float, ...]
    log_likelihood: float
    weights: Array


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
        """Log-likelihood, its gradient in the logits of the weights, and responsibilities times multiplicity."""
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

    def tilt_at(self, strength: float, start: Fit) -> Fit:
        """Fit the mixture alone, under a tilt of a given strength."""

        def parts(_: Array, weights: Array) -> tuple[float, Array, Array]:
            log_p, log_not, _p = tilt_law(self.grid, strength)
            value, to_weights, _owned = self.value(weights, self.terms(log_p, log_not))
            return value, np.zeros(1), to_weights

        return self._climb(parts, [strength], [(strength, strength)], start)

    def dispersion(self, fit: Fit) -> float:
        """Pearson scatter of the tuned counts about what the base counts and the law predict, per problem."""
        slope = fit.parameters[1] if len(fit.parameters) > 1 else 1.0
        p = tilt_law(self.grid, fit.parameters[0], slope)[2]
        own = special.softmax(self.base + np.log(fit.weights + 1e-300), axis=1)
        mean, square = own @ p, own @ p**2
        n = self.n2
        variance = n * (mean - square) + n**2 * np.maximum(square - mean**2, 0)
        usable = variance > 0.25
        if not usable.any():
            return 1.0
        scatter = (self.c2 - n * mean)[usable] ** 2 / variance[usable]
        return float(np.average(scatter, weights=self.times[usable]))

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
    """Points of logit Q: the problems' own smoothed logits, an even grid through their range, and the far ends."""
    own = np.repeat(np.log((c + 0.5) / (n - c + 0.5)), times.astype(int))
    edge = float(np.log(2 * n.max() + 1)) + 1.0
    quantiles = np.quantile(own, np.linspace(0, 1, 41))
    even = np.arange(-edge, edge + 0.2, 0.4)
    ends = [s * (edge + d) for s in (-1, 1) for d in (1.0, 2.5, 5.0, 15.0)]
    points = np.sort(np.concatenate([quantiles, even, ends]))
    return np.asarray(points[np.concatenate([[True], np.diff(points) > 0.02])], float)

"""The law of Q over problems, fitted to their counts without a form.

What can be said of problems that were chosen by their own samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.stats.counted import beta_law
from leadline.stats.interval import Interval

__all__ = ["MassLaw", "fit_mass_law"]

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

STEPS = 100  # of EM; more move the figures by less than a tenth of their intervals
WIDER = 1.8  # times the loss of log-likelihood that large samples would allow (benchmarks/heldout.py)
PULLS = np.array([0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0, 160.0])  # how hard the law is pulled up or down
SLACK = 0.002  # share of a function's range that the grid cannot resolve
NEWTON = 8
TINY = 1e-12  # no point's weight falls below: EM could not raise it again
EXACT = 16  # successes (or failures) up to which counts of one kind are kept apart


@dataclass(frozen=True, slots=True)
class MassLaw:
    """A mixture over a grid of Q, with the likelihood of every kind of count.

    Attributes:
        q: the grid, shape (points,), 0 and 1 in it.
        weights: the fitted law, shape (points,).
        start: the law that the fits set out from.
        likelihood: chance of each kind of count at each Q, shape (kinds, points).
        times: problems of each kind. kind: of each problem, an index into ``times``.
    """

    q: Array = field(repr=False)
    weights: Array = field(repr=False)
    start: Array = field(repr=False)
    likelihood: Array = field(repr=False)
    times: Array = field(repr=False)
    kind: npt.NDArray[np.int64] = field(repr=False)

    def average(self, function: Function) -> float:
        """Mean of ``function(Q)`` over the law."""
        return float(self.weights @ function(self.q))

    def given_counts(self, function: Function) -> Array:
        """Expected ``function(Q)`` of every problem given its counts, shape (problems,)."""
        joint = self.likelihood * self.weights
        return np.asarray((joint @ function(self.q) / joint.sum(axis=1))[self.kind], float)

    def mean_of(
        self, chosen: npt.NDArray[np.bool_], function: Function, confidence: float = 0.95
    ) -> Interval:
        """Mean of ``function(Q)`` over the chosen problems, with limits, however their counts chose them.

        Given the law of Q and its counts, a problem knows nothing of having been chosen: the expectation needs
        no samples that were held back. The limits add two doubts: the law's own, by profile likelihood (of all
        laws that are nearly as likely as the best, those with the largest and the smallest mean), and that of the Q of
        these few problems under it.

        Raises:
            ValueError: nothing is chosen.
        """
        if not chosen.any():
            raise ValueError("the mean of no problems")
        share = np.bincount(self.kind[chosen], minlength=self.times.size) / int(chosen.sum())
        value = function(self.q)
        loss, mean, spread = _pulled(self, share, value, int(chosen.sum()))
        half = PULLS.size
        centre = float(mean[half])
        z = float(special.ndtri((1 + confidence) / 2))
        ends = (np.s_[half::-1], np.s_[half:])
        down, up = (_limit(WIDER * z**2 / 2, loss[side], mean[side], spread[side]) for side in ends)
        slack = SLACK * float(np.ptp(value))
        lo = centre - np.hypot(min(down[0] - centre, 0.0), z * down[1]) - slack
        hi = centre + np.hypot(max(up[0] - centre, 0.0), z * up[1]) + slack
        return Interval(centre, float(max(lo, value.min())), float(min(hi, value.max())))


def fit_mass_law(
    n: npt.ArrayLike, c: npt.ArrayLike, *, without_never: bool = False, without_always: bool = False
) -> MassLaw:
    """Fit a law of Q to counts ``c`` of ``n``, shape (problems,), by EM from the Beta law of the same moments.

    A mixture over a grid, as fine as the samples can resolve: laws with a lump of dead problems or two humps
    are no Beta laws, and where the fit matters (problems with no success) they differ most. Source of the
    idea: Robbins (1956), "An empirical Bayes approach to statistics".

    Args:
        n, c: samples and right ones.
        without_never, without_always: problems without (with only) right samples were left out of the set, by these
            very counts; the chance of a count is then that among the counts that stay.
    """
    samples, correct = np.broadcast_arrays(np.asarray(n, float), np.asarray(c, float))
    kinds, kind, times = _kinds(samples, correct)
    q = _grid(float(np.median(samples)))
    likelihood = np.exp(
        special.xlogy(kinds[:, 1][:, None], q) + special.xlog1py((kinds[:, 0] - kinds[:, 1])[:, None], -q)
        - special.betaln(kinds[:, 1] + 1, kinds[:, 0] - kinds[:, 1] + 1)[:, None]
    ) / (kinds[:, :1] + 1)  # fmt: skip
    stays = np.ones(likelihood.shape)
    if without_never:
        stays -= np.exp(special.xlog1py(kinds[:, :1], -q))
    if without_always:
        stays -= np.exp(special.xlogy(kinds[:, :1], q))
    likelihood = np.where(stays > TINY, likelihood / np.maximum(stays, TINY), 0.0)
    start = _start(q, beta_law(samples, correct))
    weights = start
    for _ in range(STEPS):
        weights = weights * ((times / (likelihood @ weights)) @ likelihood) / times.sum()
        weights = np.maximum(weights, TINY) / np.maximum(weights, TINY).sum()
    return MassLaw(q, weights, start, likelihood, times, kind)


def _kinds(n: Array, c: Array) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Kinds of (n, c), the kind of each problem, and how many it has; of many samples, near ones are one kind.

    Where right and wrong are both many, counts closer than half a standard error say the same of Q.
    """
    angle = np.arcsin(np.sqrt(c / n))
    near = (c > EXACT) & (n - c > EXACT)
    size = np.where(n > 4 * EXACT, np.round(np.log(n) / 0.05), -n)
    place = np.where(
        near, np.round(angle * 4 * np.exp(np.abs(size) * 0.025)), np.where(c <= n / 2, -1 - c, c - n)
    )
    side = np.where(near, 0, np.where(c <= n / 2, 1, 2))
    _, kind, times = np.unique(np.stack([size, side, place]), axis=1, return_inverse=True, return_counts=True)
    kind = kind.ravel()
    kinds = np.stack([np.bincount(kind, x) / times for x in (n, c)], axis=1)
    return kinds, kind.astype(np.int64), times.astype(float)


def _grid(samples: float) -> Array:
    """Points of Q: even on the arcsine scale, a third of a standard error apart, and finer to both ends."""
    points = int(np.clip(np.pi * np.sqrt(samples) / 0.7, 24, 100)) // 2 * 2 + 1  # odd: a half is one of them
    even = np.sin(np.linspace(0, np.pi / 2, points + 2)[1:-1]) ** 2
    ends = np.geomspace(0.02 / samples, even[0], 8)[:-1]
    return np.concatenate([[0.0], ends, even, 1 - ends[::-1], [1.0]])


def _start(q: Array, beta: tuple[float, float] | None) -> Array:
    """The Beta law on the grid, with a tenth spread evenly: EM cannot reach a point of weight 0."""
    even = np.full(q.size, 1 / q.size)
    if beta is None:
        return even
    edges = np.concatenate([[0.0], (q[1:] + q[:-1]) / 2, [1.0]])
    return np.asarray(0.9 * np.diff(special.betainc(*beta, edges)) + 0.1 * even, float)


def _pulled(law: MassLaw, share: Array, value: Array, chosen: int) -> tuple[Array, Array, Array]:
    """Fits that are pulled down, not at all, and up: loss of log-likelihood, mean of the chosen, and its spread.

    Each maximises log-likelihood + pull x mean, the mean linear at the present law: an EM step is then
    ``w = N / (nu - pull x slope)`` with nu such that w sums to 1.
    """
    total = law.times.sum()
    pull = (
        np.concatenate([-PULLS[::-1], [0.0], PULLS])[:, None] * 3 * np.sqrt(total) / max(np.ptp(value), 1e-12)
    )
    use = share > 0
    seen, weight = law.likelihood[use], share[use]
    weights = np.tile(law.start, (pull.size, 1))
    for _ in range(STEPS):
        chance = weights @ law.likelihood.T
        members = np.maximum(weights * ((law.times / chance) @ law.likelihood), TINY)
        ratio = weight / chance[:, use]
        mean = (weights @ (seen * value).T) / chance[:, use]
        slope = (ratio @ (seen * value)) - (ratio * mean) @ seen
        weights = _normalised(members, pull * slope)
    chance = weights @ law.likelihood.T
    mean = (weights @ (seen * value).T) / chance[:, use]
    square = (weights @ (seen * value**2).T) / chance[:, use]
    spread = np.sqrt(np.maximum(square - mean**2, 0) @ weight / chosen)
    return -(np.log(chance) @ law.times), mean @ weight, spread


def _normalised(members: Array, push: Array) -> Array:
    """``members / (nu - push)`` with the nu for which each row sums to 1, by Newton's method.

    The sum is convex and falls in nu, so that steps from the left of the root stay there. Two bounds are left
    of it: one member alone makes 1, and (Jensen) all at their mean push do.
    """
    total = members.sum(axis=1, keepdims=True)
    alone = (members + push).max(axis=1, keepdims=True)
    nu = np.maximum(alone, total + (members * push).sum(axis=1, keepdims=True) / total)
    for _ in range(NEWTON):
        part = members / (nu - push)
        gap = part.sum(axis=1, keepdims=True) - 1
        nu = nu + np.maximum(gap, 0) / (part / (nu - push)).sum(axis=1, keepdims=True)
    weights = np.maximum(members / (nu - push), TINY)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), float)


def _limit(drop: float, loss: Array, mean: Array, spread: Array) -> tuple[float, float]:
    """Mean and spread of the law at which the loss reaches ``drop``; on the root scale they are nearly linear."""
    root = np.sqrt(np.maximum.accumulate(loss - loss[0]).clip(0))
    at = np.sqrt(drop)
    return float(np.interp(at, root, mean)), float(np.interp(at, root, spread))

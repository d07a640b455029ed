"""Whether counts scatter less than independent samples can, even where the edges were left out of the set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["too_narrow"]

Array = npt.NDArray[np.float64]

STANDARD_ERRORS = 3.0  # below the least scatter; sums of squares lean upwards, so that chance is under 0.13%
LOST = 20.0  # problems left out for each that is here: a law that needs more rests on what nobody saw
HALVINGS, END = 60, 30.0  # of the interval of logit Q in which the law is sought
NOTHING = 1e-300  # in place of no share at all, which could not be divided by


def too_narrow(n: Array, c: Array, never: bool, always: bool) -> bool:
    """Whether no law makes such counts without leaving out nearly all problems.

    Of all laws with the same mean the one Q for all problems makes counts scatter least. It is fitted to the counts
    that stay where those at the edges named are left out. If the counts scatter less even so, they are no independent
    samples, or were chosen by something else than an edge. And if that Q lies so close to the edge that hardly any
    problem would have stayed (3 of 4 right, on every problem: any Q near 1 makes that of what is not always solved),
    the counts say nothing of where it lies.

    Args:
        n, c: samples and right ones, shape (problems,).
        never, always: the edges at which problems were left out.
    """
    sizes, of = np.unique(n, return_inverse=True)
    times = np.bincount(of)
    low, high = -END, END
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = _moments(sizes, middle, never, always)[1]
        low, high = (middle, high) if times @ mean < c.sum() else (low, middle)
    stays, mean, variance, fourth = _moments(sizes, (low + high) / 2, never, always)
    if times @ ((1 - stays) / stays) > LOST * n.size:
        return True
    scatter = float(((c - mean[of]) ** 2).sum())
    spread = np.sqrt(times @ np.maximum(fourth - variance**2, 0))
    return bool(scatter <= times @ variance - STANDARD_ERRORS * spread)


def _moments(n: Array, x: float, never: bool, always: bool) -> tuple[Array, Array, Array, Array]:
    """Share of binomial counts at logit ``x`` that stay, their mean, and their second and fourth moment about it.

    From the moments of all counts, less what those at the edges add to them.
    """
    q, p = special.expit(x), special.expit(-x)
    none, every = never * np.exp(n * special.log_expit(-x)), always * np.exp(n * special.log_expit(x))
    if x <= 0:  # the nearer edge by expm1, as next to nothing stays there
        stays = (-np.expm1(n * special.log_expit(-x)) if never else 1.0) - every
    else:
        stays = (-np.expm1(n * special.log_expit(x)) if always else 1.0) - none
    stays = np.maximum(stays, NOTHING)
    centre = n * q
    pure = (0.0, n * q * p, n * q * p * (p - q), n * q * p * (1 + 3 * (n - 2) * q * p))
    first, second, third, fourth = (
        (moment - (-centre) ** k * none - (n - centre) ** k * every) / stays
        for k, moment in enumerate(pure, 1)
    )
    about = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    return stays, centre + first, second - first**2, about

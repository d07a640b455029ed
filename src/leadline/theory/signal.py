"""What a group of samples can teach: mixed groups, the smallest mass a run can see, the expected push."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = [
    "binary_advantages",
    "expected_push",
    "group_pmf",
    "groups_to_signal",
    "live_group_probability",
    "live_group_probability_beta",
    "mean_only_push",
    "q_seen",
    "rare_push",
    "unseen_probability",
]

Array = npt.NDArray[np.float64]


def live_group_probability(q: npt.ArrayLike, g: npt.ArrayLike) -> Array:
    """Chance that a group of ``g`` samples is mixed: ``s_G(Q) = 1 - Q^G - (1-Q)^G``; about ``G Q`` for rare success.

    Source: docs/theory.md, section 4.

    >>> live_group_probability([0.0, 0.5, 1.0], 8).round(4).tolist()
    [0.0, 0.9922, 0.0]
    """
    mass, size = np.asarray(q, float), np.asarray(g, float)
    # expm1 and log1p keep the digits of a mass of 1e-12, where 1 - (1-Q)^G would round to 0.
    with np.errstate(divide="ignore"):
        some = -np.expm1(size * np.log1p(-mass))
    return np.asarray(np.maximum(some - mass**size, 0.0), float)


def live_group_probability_beta(u: npt.ArrayLike, v: npt.ArrayLike, g: npt.ArrayLike) -> Array:
    """Share of mixed groups when Q varies over problems as Beta(u, v).

    ``1 - B(u+G, v)/B(u, v) - B(u, v+G)/B(u, v)``.
    """
    first, second, size = (np.asarray(x, float) for x in (u, v, g))
    base = special.betaln(first, second)
    every = np.exp(special.betaln(first + size, second) - base)
    none = np.exp(special.betaln(first, second + size) - base)
    return np.asarray(np.clip(1 - every - none, 0.0, 1.0), float)


def groups_to_signal(q: npt.ArrayLike, g: npt.ArrayLike, confidence: float | None = None) -> Array:
    """Groups until the first mixed one: the mean ``1/s_G``, or the number that suffices with ``confidence``.

    The waiting time is geometric: ``log(1 - confidence) / log(1 - s_G)``. Source: docs/theory.md, section 4.
    """
    signal = live_group_probability(q, g)
    with np.errstate(divide="ignore"):
        if confidence is None:
            return np.asarray(1 / signal, float)
        return np.asarray(np.log1p(-confidence) / np.log1p(-signal), float)


def unseen_probability(q: npt.ArrayLike, samples: npt.ArrayLike) -> Array:
    """Chance that a run of ``samples`` samples (B x G x T) never sees a correct one: ``(1-Q)^samples``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.exp(np.asarray(samples, float) * np.log1p(-np.asarray(q, float))), float)


def q_seen(samples: npt.ArrayLike, confidence: float = 0.95) -> Array:
    """Smallest Q of which ``samples`` samples hold a correct one with ``confidence``.

    ``1 - (1-confidence)^(1/samples)``.

    A run without success cannot tell Q = 0 from any Q below this. Source: docs/theory.md, section 4.

    >>> float(q_seen(32 * 8 * 60).round(6))
    0.000195
    """
    return np.asarray(-np.expm1(np.log1p(-confidence) / np.asarray(samples, float)), float)


def binary_advantages(correct: npt.ArrayLike, g: int) -> tuple[Array, Array]:
    """Std-normalised advantages of right and wrong samples in a group with ``correct`` right ones (std over G).

    ``A+ = sqrt((G-K)/K)``, ``A- = -sqrt(K/(G-K))``; both 0 in unanimous groups.
    """
    k = np.asarray(correct, float)
    mixed = (k > 0) & (k < g)
    inner = np.where(mixed, k, 1.0)
    rest = np.where(mixed, g - k, 1.0)
    return np.where(mixed, np.sqrt(rest / inner), 0.0), np.where(mixed, -np.sqrt(inner / rest), 0.0)


def group_pmf(p: npt.ArrayLike, g: int) -> tuple[Array, Array]:
    """Counts 0..G and their binomial probabilities, shape (G+1,) and (..., G+1)."""
    mass = np.asarray(p, float)[..., None]
    k = np.arange(g + 1, dtype=float)
    log = special.gammaln(g + 1) - special.gammaln(k + 1) - special.gammaln(g - k + 1)
    return k, np.asarray(np.exp(log + special.xlogy(k, mass) + special.xlog1py(g - k, -mass)), float)


def expected_push(p: npt.ArrayLike, g: int, ddof: int = 0) -> Array:
    """``E[h(K)]``, ``h(K) = sqrt(K(G-K))/G``: the expected GRPO gradient is this times ``grad logit p``.

    With the sample std (``ddof=1``, as TRL and verl divide) it shrinks by ``sqrt((G-1)/G)``. Source:
    docs/theory.md, section 4.
    """
    k, pmf = group_pmf(p, g)
    scale = np.sqrt((g - 1) / g) if ddof else 1.0
    return np.asarray(scale * (pmf * np.sqrt(k * (g - k)) / g).sum(axis=-1), float)


def mean_only_push(p: npt.ArrayLike, g: int) -> Array:
    """The same factor for advantages without division (Dr. GRPO): ``(1 - 1/G) p (1-p)``, exactly."""
    mass = np.asarray(p, float)
    return np.asarray((1 - 1 / g) * mass * (1 - mass), float)


def rare_push(q: npt.ArrayLike, g: int) -> Array:
    """Limit of `expected_push` for rare success.

    ``Q sqrt(G-1)``, not ``sqrt(Q)`` as an infinite group would have it.
    """
    return np.asarray(np.asarray(q, float) * np.sqrt(g - 1), float)

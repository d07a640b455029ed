"""The optimum of reward minus KL to the base: an exponential tilt, and what it costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = [
    "KLSplit",
    "bernoulli_kl",
    "kl_split",
    "log_partition",
    "objective",
    "tilt_kl",
    "tilt_strength",
    "tilted_policy",
    "tilted_success",
]

Array = npt.NDArray[np.float64]


class KLSplit(NamedTuple):
    """Where the KL of a trained policy went, in nats; ``total = needed + inside_correct + inside_wrong``."""

    total: float
    needed: float
    inside_correct: float
    inside_wrong: float


def tilt_strength(beta: npt.ArrayLike, gap: npt.ArrayLike = 1.0) -> Array:
    """``a = Delta / beta``: reward gap between right and wrong over the KL coefficient; infinite at beta = 0.

    Rewards {0, 1} have gap 1, {-1, +1} gap 2. Source: docs/theory.md, section 1.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.asarray(gap, float) / np.asarray(beta, float), float)


def tilted_success(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """Success of the KL-regularised optimum: ``logit p' = logit Q + a``, i.e. ``Q e^a / (1 - Q + Q e^a)``.

    Exactly 0 stays 0 and 1 stays 1, for every strength but the infinite one, which takes every Q > 0 to 1.
    Shapes broadcast. It is also the success of the best of K samples, K geometric with mean ``e^a``.
    Source: docs/theory.md, section 1; the subject of Ni et al., arXiv 2510.15990.

    >>> tilted_success([0.0, 0.5, 1.0], 2.0).round(4).tolist()
    [0.0, 0.8808, 1.0]
    """
    mass, strength = np.broadcast_arrays(np.asarray(q, float), np.asarray(a, float))
    inside = special.expit(special.logit(np.where(mass > 0, mass, 0.5)) + strength)
    return np.where(mass > 0, inside, 0.0)


def log_partition(base: npt.ArrayLike, reward: npt.ArrayLike, beta: float) -> float:
    """``log Z = log E_base[exp(r / beta)]``; ``beta log Z`` is the value of the optimum.

    Args:
        base, reward: probability and reward of every output, shape (V,).
    """
    p, r = np.asarray(base, float), np.asarray(reward, float)
    return float(special.logsumexp(r / beta, b=p))


def tilted_policy(base: npt.ArrayLike, reward: npt.ArrayLike, beta: float) -> Array:
    """The optimum itself, ``pi*(y) = pi0(y) exp(r(y) / beta) / Z``, shape (V,); its support is that of the base."""
    p, r = np.asarray(base, float), np.asarray(reward, float)
    return np.asarray(p * np.exp(r / beta - log_partition(p, r, beta)), float)


def objective(policy: npt.ArrayLike, base: npt.ArrayLike, reward: npt.ArrayLike, beta: float) -> float:
    """``J(pi) = E_pi[r] - beta KL(pi || base)``; minus infinity off the base's support."""
    pi, p, r = (np.asarray(x, float) for x in (policy, base, reward))
    return float(pi @ r - beta * special.rel_entr(pi, p).sum())


def bernoulli_kl(p: npt.ArrayLike, q: npt.ArrayLike) -> Array:
    """``kl(p || Q) = p log(p/Q) + (1-p) log((1-p)/(1-Q))`` in nats.

    No policy with success p is closer to the base than this (data processing; docs/theory.md, section 2).
    """
    after, before = np.asarray(p, float), np.asarray(q, float)
    return np.asarray(special.rel_entr(after, before) + special.rel_entr(1 - after, 1 - before), float)


def tilt_kl(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """KL that the tilt of strength ``a`` costs: ``a p' - log(1 - Q + Q e^a)``; tends to ``log(1/Q)`` as a grows."""
    mass, strength = np.asarray(q, float), np.asarray(a, float)
    with np.errstate(divide="ignore"):
        log_z = np.logaddexp(np.log1p(-mass), np.log(mass) + strength)
    return np.asarray(strength * tilted_success(mass, strength) - log_z, float)


def kl_split(policy: npt.ArrayLike, base: npt.ArrayLike, correct: npt.ArrayLike) -> KLSplit:
    """Chain rule of the KL over right and wrong outputs: what the gain needed, and what moved inside each class.

    ``KL = kl(p||Q) + p KL(pi_C || pi0_C) + (1-p) KL(pi_W || pi0_W)``; the exact tilt has both excesses 0.
    Source: docs/theory.md, section 2.

    Args:
        policy, base: probabilities of every output, shape (V,).
        correct: which outputs are right, shape (V,).
    """
    pi, pi0, right = np.asarray(policy, float), np.asarray(base, float), np.asarray(correct, bool)
    p, q = pi[right].sum(), pi0[right].sum()
    total = float(special.rel_entr(pi, pi0).sum())

    def excess(rows: npt.NDArray[np.bool_], after: float, before: float) -> float:
        if after <= 0:
            return 0.0
        return float(after * special.rel_entr(pi[rows] / after, pi0[rows] / before).sum())

    return KLSplit(total, float(bernoulli_kl(p, q)), excess(right, p, q), excess(~right, 1 - p, 1 - q))

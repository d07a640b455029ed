"""What GRPO runs really optimise: no KL, advantages divided by the group's spread, KL in the loss."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = [
    "critical_beta",
    "critical_beta_from_base",
    "forward_kl_success",
    "mirror_success",
    "normalised_flow_success",
    "normalised_flow_time",
    "normalised_kl_success",
]

Array = npt.NDArray[np.float64]

_AT_ONE = 60.0  # logit beyond which a success counts as 1: 1 - p < 1e-26


def mirror_success(q: npt.ArrayLike, step: float, steps: float, gap: float = 1.0) -> Array:
    """Success after ``steps`` exact natural-gradient steps of size ``step`` without KL.

    ``logit p = logit Q + step t gap``.

    Early stopping acts like a KL term of strength ``a = step * steps * gap``. Source: docs/theory.md,
    section 1b (i).
    """
    mass = np.asarray(q, float)
    inside = special.expit(special.logit(np.where(mass > 0, mass, 0.5)) + step * steps * gap)
    return np.where(mass > 0, inside, 0.0)


def normalised_flow_success(q: npt.ArrayLike, step: float, steps: float) -> Array:
    """Success along the flow with advantages divided by ``sqrt(p(1-p))``.

    ``arcsin sqrt p = arcsin sqrt Q + step t / 2``.

    It arrives at 1 in finite time (`normalised_flow_time`) and stays. Q = 0 has no correct sample to push
    and stays 0, although the formula alone would lift it. Source: docs/theory.md, section 1b (ii).
    """
    mass = np.asarray(q, float)
    angle = np.minimum(np.arcsin(np.sqrt(mass)) + step * steps / 2, np.pi / 2)
    return np.where(mass > 0, np.sin(angle) ** 2, 0.0)


def normalised_flow_time(q: npt.ArrayLike, step: float) -> Array:
    """Steps until success 1 along the normalised flow.

    ``(2/step)(pi/2 - arcsin sqrt Q)``, never more than ``pi/step``.
    """
    return np.asarray(2 / step * (np.pi / 2 - np.arcsin(np.sqrt(np.asarray(q, float)))), float)


def normalised_kl_success(q: float, beta: float, iterations: int = 1, eps: float = 0.0) -> float:
    """Success after exact inner optimisations of std-normalised GRPO with KL to the base, started at the base.

    ``logit p_n = logit Q + 1 / (beta sqrt(p_(n-1)(1-p_(n-1)) + eps))``. Source: Mroueh, arXiv 2503.06639;
    docs/theory.md 1b (iii).
    """
    return float(special.expit(_iterate(float(special.logit(q)), beta, iterations, eps)))


def _iterate(start: float, beta: float, iterations: int, eps: float) -> float:
    """The logit after ``iterations`` steps from ``start``; infinite once it is beyond doubt."""
    logit = start
    for _ in range(iterations):
        if logit > _AT_ONE and eps == 0:
            return np.inf
        variance = special.expit(logit) * special.expit(-logit)
        logit = start + 1 / (beta * np.sqrt(variance + eps))
    return float(logit)


def critical_beta(q: npt.ArrayLike) -> Array:
    """KL coefficient above which std-normalised GRPO has a fixed point below success 1 (existence only; eps = 0).

    ``1 / max_z (z - logit Q) sqrt(s(z) s(-z))``; the maximum is where ``(z - logit Q) tanh(z/2) = 2``,
    found by bisection. Source: docs/theory.md, section 1b (iii).

    >>> critical_beta([0.5, 0.1, 0.01]).round(2).tolist()
    [1.51, 0.7, 0.4]
    """
    base = special.logit(np.asarray(q, float))
    lo = np.maximum(base, 0.0)
    hi = lo + 4.0  # there the left side exceeds 2
    for _ in range(80):
        middle = (lo + hi) / 2
        above = (middle - base) * np.tanh(middle / 2) > 2
        lo, hi = np.where(above, lo, middle), np.where(above, middle, hi)
    spread = np.sqrt(special.expit(hi) * special.expit(-hi))
    return np.asarray(1 / ((hi - base) * spread), float)


def critical_beta_from_base(q: float, iterations: int = 2000) -> float:
    """KL coefficient up to which the iteration *started at the base* still runs to success 1.

    Larger than `critical_beta` for small Q: the first step divides by a tiny spread and jumps over the
    fixed point. Numeric: bisection over beta to 1e-6 relative. Source: docs/theory.md, section 1b (iii).
    """
    base = float(special.logit(q))
    lo, hi = 1e-4, 1e4
    while hi / lo > 1 + 1e-6:
        middle = float(np.sqrt(lo * hi))
        if np.isinf(_iterate(base, middle, iterations, 0.0)):
            lo = middle
        else:
            hi = middle
    return hi


def forward_kl_success(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """Success at the optimum when the k3 estimator of the KL sits in the *loss*, on policy: a forward KL, not a tilt.

    ``(1-Q)/(1-p) - Q/p = a``, i.e. the positive root of ``a p^2 + (1-a) p - Q = 0``. Exact for one-token
    outputs. Tends to ``1 - 1/a`` (a > 1) or ``Q/(1-a)`` (a < 1) as Q goes to 0. Source: docs/theory.md,
    section 1b (iv).
    """
    mass, strength = np.broadcast_arrays(np.asarray(q, float), np.asarray(a, float))
    half = strength - 1
    root = np.sqrt(half**2 + 4 * strength * mass)
    # Two forms of one root: each is free of cancellation where it is used, and the second also holds at a =
    # 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(half > 0, (half + root) / (2 * strength), 2 * mass / (root - half))
    return np.where(mass > 0, p, 0.0)

"""How much the tilt can gain, as a function of the base model's correct mass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.theory.tilt import tilted_success

__all__ = ["best_mass", "effective_k", "gain", "max_gain", "pinsker_gain", "success_bound"]

Array = npt.NDArray[np.float64]


def gain(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """``g(Q) = p' - Q = Q(1-Q)(e^a - 1) / (1 + Q(e^a - 1))``: 0 without support and at saturation.

    Source: docs/theory.md, section 3.
    """
    mass = np.asarray(q, float)
    return np.asarray(tilted_success(mass, a) - mass, float)


def best_mass(a: npt.ArrayLike) -> Array:
    """The Q with the largest gain at strength ``a``: ``Q* = 1 / (1 + e^(a/2))``; its success after is ``1 - Q*``."""
    return np.asarray(special.expit(-np.asarray(a, float) / 2), float)


def max_gain(a: npt.ArrayLike) -> Array:
    """The largest gain any Q can have at strength ``a``: ``tanh(a/4)``.

    >>> max_gain([1.0, 4.0]).round(3).tolist()
    [0.245, 0.762]
    """
    return np.asarray(np.tanh(np.asarray(a, float) / 4), float)


def success_bound(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """``p' <= min(1, Q e^a)``: a tilt of strength ``a`` multiplies the correct mass by at most ``e^a``."""
    with np.errstate(divide="ignore"):
        log = np.log(np.asarray(q, float)) + np.asarray(a, float)
    return np.asarray(np.exp(np.minimum(log, 0.0)), float)


def effective_k(q: npt.ArrayLike, a: npt.ArrayLike) -> Array:
    """How many base samples the tilted model's one sample is worth: ``log(1-p') / log(1-Q)``, at most ``e^a``.

    Equals ``1 + log(1 + Q(e^a - 1)) / -log(1-Q)``. Source: docs/theory.md, section 3.
    """
    mass, strength = np.asarray(q, float), np.asarray(a, float)
    return np.asarray(1 - np.log1p(mass * np.expm1(strength)) / np.log1p(-mass), float)


def pinsker_gain(kl: npt.ArrayLike) -> Array:
    """Largest gain that ``kl`` nats of divergence can buy: ``sqrt(KL / 2)``, and never more than 1."""
    return np.asarray(np.minimum(np.sqrt(np.asarray(kl, float) / 2), 1.0), float)

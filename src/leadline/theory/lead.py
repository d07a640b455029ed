"""What GRPO-LEAD's difficulty weights and length term do to the gradient.

Source of the weights: arXiv 2504.09696, section 3.3; of the split into scale and shift:
docs/theory.md, section 7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.theory.signal import expected_push, group_pmf

__all__ = [
    "lead_push",
    "lead_push_ratio",
    "lead_scale",
    "lead_shift",
    "lead_weight",
    "length_term_spread",
]

Array = npt.NDArray[np.float64]

LOW, HIGH, SLOPE, MIDPOINT = 0.4, 1.5, 10.0, 0.75


def lead_weight(
    rho: npt.ArrayLike,
    low: float = LOW,
    high: float = HIGH,
    slope: float = SLOPE,
    midpoint: float = MIDPOINT,
) -> Array:
    """``w(rho) = low + (high - low) / (1 + exp(slope (rho - midpoint)))``, rho the solve rate of the group.

    Positive advantages are multiplied by ``w(rho)``, negative ones by ``w(1 - rho)``.

    >>> lead_weight([0, 0.5, 1]).round(3).tolist()
    [1.499, 1.417, 0.483]
    """
    rate = np.asarray(rho, float)
    return np.asarray(low + (high - low) * special.expit(-slope * (rate - midpoint)), float)


def lead_scale(
    rho: npt.ArrayLike,
    low: float = LOW,
    high: float = HIGH,
    slope: float = SLOPE,
    midpoint: float = MIDPOINT,
) -> Array:
    """``m(rho) = (1-rho) w(rho) + rho w(1-rho)``: the factor on binary advantages; symmetric about one half.

    With `lead_shift`, ``A' = m(rho) A + b(rho)`` holds exactly for binary rewards.
    """
    rate = np.asarray(rho, float)
    right, wrong = (lead_weight(x, low, high, slope, midpoint) for x in (rate, 1 - rate))
    return np.asarray((1 - rate) * right + rate * wrong, float)


def lead_shift(
    rho: npt.ArrayLike,
    low: float = LOW,
    high: float = HIGH,
    slope: float = SLOPE,
    midpoint: float = MIDPOINT,
) -> Array:
    """``b(rho) = sqrt(rho(1-rho)) (w(rho) - w(1-rho))``: the shift on binary advantages; antisymmetric.

    It adds the same amount to every sample of the group, so that its expected gradient vanishes as G grows.
    """
    rate = np.asarray(rho, float)
    right, wrong = (lead_weight(x, low, high, slope, midpoint) for x in (rate, 1 - rate))
    return np.asarray(np.sqrt(rate * (1 - rate)) * (right - wrong), float)


def lead_push(p: npt.ArrayLike, g: int, ddof: int = 0) -> Array:
    """Expected LEAD gradient in units of ``grad logit p``.

    ``E[h(K) ((1-p) w(K/G) + p w(1 - K/G))]``, exact for any G.
    """
    mass = np.asarray(p, float)[..., None]
    k, pmf = group_pmf(p, g)
    weight = (1 - mass) * lead_weight(k / g) + mass * lead_weight(1 - k / g)
    scale = np.sqrt((g - 1) / g) if ddof else 1.0
    return np.asarray(scale * (pmf * np.sqrt(k * (g - k)) / g * weight).sum(axis=-1), float)


def lead_push_ratio(p: npt.ArrayLike, g: int) -> Array:
    """`lead_push` over `expected_push`: 1.34 to 1.50 at G = 8, whatever the difficulty.

    Tends to ``m(p)`` as G grows.
    """
    return np.asarray(lead_push(p, g) / expected_push(p, g), float)


def length_term_spread(alpha: float, rho: npt.ArrayLike, gap: float, g: int, ddof: int = 1) -> Array:
    """First-order spread of the advantages *among correct samples* that the length term causes in a mixed group.

    ``exp(-alpha z)`` has spread ``alpha`` around 1; the group's std is ``gap sqrt(rho(1-rho))`` (times
    ``sqrt(G/(G-1))`` for ddof 1). So moving wrong answers from 0 to -1 (gap 1 to 2) halves it: the explicit
    penalty weakens the length term and does nothing else to a binary reward. Valid for ``alpha << gap``.
    Source: docs/theory.md, section 7.

    >>> length_term_spread(0.05, 0.5, 1.0, 8).round(3), length_term_spread(0.05, 0.5, 2.0, 8).round(3)
    (np.float64(0.094), np.float64(0.047))
    """
    rate = np.asarray(rho, float)
    spread = gap * np.sqrt(rate * (1 - rate)) * np.sqrt(g / (g - 1) if ddof else 1.0)
    return np.asarray(alpha / spread, float)

"""What a length term does to the choice between a short and a long way of answering.

Two strategies: a share x of the completions is short and right with probability ``p_short``, the others are long and
right with ``p_long``. The drift D = E[A | short] - E[A | long] is the rate at which the odds of the short way grow
under the policy gradient. It has three parts: what accuracy does, what the length term adds in mixed groups, and what
it adds in groups that are all right. Own algebra, docs/theory.md section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # scipy.stats, slow to import, is loaded where it is first named
from scipy import special

from leadline.theory.lead import lead_weight
from leadline.theory.signal import expected_push

__all__ = [
    "DriftParts",
    "accuracy_slope_along_length",
    "largest_gap_overturned",
    "length_drift",
    "length_drift_first_order",
    "nominal_price",
]

Array = npt.NDArray[np.float64]
Unanimous = Literal["unit", "nominal"]

_PRICE = 0.85


class DriftParts(NamedTuple):
    """The drift towards short: positive parts shorten."""

    accuracy: float
    length_mixed: float
    length_unanimous: float

    @property
    def total(self) -> float:
        return self.accuracy + self.length_mixed + self.length_unanimous


def length_drift(
    x: float,
    p_short: float,
    p_long: float,
    alpha: float,
    g: int = 8,
    *,
    wrong: float = -1.0,
    unanimous: Unanimous = "unit",
    weighted: bool = False,
    about_group: bool = False,
) -> DriftParts:
    """The drift of GRPO with the length term exp(-alpha z), exact: every outcome of a group of ``g`` enumerated.

    Args:
        x: share of short completions.
        p_short, p_long: how often they are right.
        alpha: strength of the length term; right answers are worth 1 before it.
        g: group size; standard deviations of rewards are those of a sample (ddof 1).
        wrong: reward of a wrong answer.
        unanimous: what centred rewards of an all-right group are divided by, ``unit``: their own standard deviation;
            ``nominal``: that of a half-right group.
        weighted: with GRPO-LEAD's difficulty weights.
        about_group: leave out what all completions of a group have in common, as the measured drift of a training run
            must. It makes a difference only with weights: without them advantages sum to 0 in every group.

    >>> [round(part, 3) for part in length_drift(0.5, 0.87, 0.97, 0.05, weighted=True)]
    [-0.32, 0.035, 0.882]
    """
    counts = _compositions(g)
    chances = np.array([x * p_short, x * (1 - p_short), (1 - x) * p_long, (1 - x) * (1 - p_long)])
    weight = scipy.stats.multinomial.pmf(counts, g, chances / chances.sum())
    share = (counts[:, 0] + counts[:, 1])[:, None] / g if about_group else x
    push = counts * (np.array([1.0, 1.0, 0.0, 0.0]) - share) / g * weight[:, None] / (x * (1 - x))

    def advantages(strength: float) -> Array:
        return _class_advantages(counts, strength, wrong, unanimous, weighted)

    plain = advantages(0.0)
    length = (push * (advantages(alpha) - plain)).sum(axis=1)
    mixed = _mixed(counts)
    return DriftParts(float((push * plain).sum()), float(length[mixed].sum()), float(length[~mixed].sum()))


def length_drift_first_order(
    x: float,
    p_short: float,
    p_long: float,
    alpha: float,
    g: int = 8,
    *,
    wrong: float = -1.0,
    unanimous: Unanimous = "unit",
) -> DriftParts:
    """:func:`length_drift` without weights to first order in alpha, as a formula.

    With rho = x p_short + (1-x) p_long, q = x p_short / rho, delta = p_long - p_short, Delta = 1 - wrong and
    s = sqrt((g-1)/g):

        accuracy           -delta s E[h(K)] / (rho (1-rho)), about -delta / sqrt(rho (1-rho)); exact for any alpha
        length, mixed      s (alpha/Delta) E_mixed[sqrt(r/(1-r)) sqrt(v(1-v))] / (x(1-x))
        length, unanimous  s k rho^g E[sqrt(v(1-v))] / (x(1-x)), k = 1 (unit) or 2 alpha/Delta (nominal)

    r and v are the solve rate of a group and the share of short among its right answers. Among these the short and the
    long lie 1/sqrt(v(1-v)) standard deviations apart *however many tokens that is*, and with ``unit`` alpha is not
    there either.
    """
    rho, gap = x * p_short + (1 - x) * p_long, 1 - wrong
    q, s = x * p_short / rho, np.sqrt((g - 1) / g)
    accuracy = -(p_long - p_short) * s * float(expected_push(rho, g)) / (rho * (1 - rho))
    k = np.arange(1, g)
    apart = np.array([_spread(int(n), q) for n in k])
    mixed = float((scipy.stats.binom.pmf(k, g, rho) * np.sqrt(k / (g - k)) * apart).sum())
    size = 1.0 if unanimous == "unit" else 2 * alpha / gap
    unit = s / (x * (1 - x))
    return DriftParts(
        accuracy, float(unit * alpha / gap * mixed), float(unit * size * rho**g * _spread(g, q))
    )


def largest_gap_overturned(x: float, p_long: float, drift: Callable[[float], float]) -> float:
    """The largest p_long - p_short at which the short way still gains, to 1e-6.

    Args:
        x: share of short completions.
        p_long: how often the long ones are right.
        drift: the total drift as a function of p_short.

    >>> from functools import partial
    >>> lead = lambda short: length_drift(0.5, short, 0.9, 0.05, weighted=True).total
    >>> round(largest_gap_overturned(0.5, 0.9, lead), 2)
    0.15
    """
    if drift(p_long) <= 0:
        return 0.0
    low, high = 0.0, p_long
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if drift(p_long - middle) > 0 else (low, middle)
    return low


def nominal_price(alpha: float) -> float:
    """The accuracy that a length term of this strength gives up for being short: about 0.85 alpha.

    A rule for rewards 1 and -1, ``nominal`` in unanimous groups, no difficulty weights, alpha up to 0.2; enumeration
    gives 0.8 to 0.9 alpha for p_long of 0.8 to 0.97 (``tests/theory/test_length.py``). So alpha has a meaning there:
    the price that one is willing to pay. With ``unit`` it has none.
    """
    return _PRICE * alpha


def accuracy_slope_along_length(
    policy: npt.ArrayLike, correct: npt.ArrayLike, tokens: npt.ArrayLike
) -> float:
    """d/d alpha of the accuracy of policies proportional to pi exp(-alpha z), at alpha = 0: -Cov(c, z).

    Args:
        policy: [N] probabilities of the outcomes.
        correct: [N] how often each is right.
        tokens: [N] its length; z is standardised under ``policy``.

    >>> round(accuracy_slope_along_length([0.5, 0.5], [0.8, 0.9], [10, 30]), 6)
    -0.05
    """
    p, c, length = (np.asarray(values, float) for values in (policy, correct, tokens))
    apart = length - p @ length
    spread = float(np.sqrt(p @ apart**2))
    return -float(p @ ((c - p @ c) * apart)) / spread if spread else 0.0


@lru_cache(maxsize=16)
def _compositions(g: int) -> npt.NDArray[np.int64]:
    """[M, 4] every way that ``g`` completions are short right, short wrong, long right, long wrong."""
    cells = np.indices((g + 1,) * 3).reshape(3, -1).T
    kept = cells[cells.sum(axis=1) <= g]
    return np.concatenate([kept, g - kept.sum(axis=1, keepdims=True)], axis=1)


def _mixed(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    right = counts[:, 0] + counts[:, 2]
    mixed: npt.NDArray[np.bool_] = (right > 0) & (right < counts.sum(axis=1))
    return mixed


def _class_advantages(
    counts: npt.NDArray[np.int64], alpha: float, wrong: float, unanimous: Unanimous, weighted: bool
) -> Array:
    """[M, 4] the advantage of each of the four kinds of completions in each composition."""
    g = counts.sum(axis=1)
    right = counts[:, 0] + counts[:, 2]
    odds = np.where((counts[:, 0] > 0) & (counts[:, 2] > 0), counts[:, 2] / np.maximum(counts[:, 0], 1), 0.0)
    root = np.sqrt(odds)  # z of short right = -root, of long right = 1 / root; 0 where there is one kind only
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    failed = np.full(len(counts), wrong)
    rewards = np.stack([np.exp(alpha * root), failed, np.exp(-alpha * inverse), failed], axis=1)
    mean = (counts * rewards).sum(axis=1) / g
    centred = rewards - mean[:, None]
    std = np.sqrt((counts * centred**2).sum(axis=1) / (g - 1))
    if unanimous == "nominal":
        std = np.where(_mixed(counts), std, (1 - wrong) / 2 * np.sqrt(g / (g - 1)))
    live = std > 1e-9
    advantage: Array = np.where(live[:, None], centred / np.where(live, std, 1.0)[:, None], 0.0)
    if weighted:
        rate = (right / g)[:, None]
        advantage = advantage * np.where(advantage > 0, lead_weight(rate), lead_weight(1 - rate))
    return advantage


def _spread(n: int, q: float) -> float:
    """E sqrt(v (1-v)) for v = a/n, a binomial of n and q."""
    a = np.arange(n + 1)
    chance = np.exp(special.gammaln(n + 1) - special.gammaln(a + 1) - special.gammaln(n - a + 1))
    return float((chance * q**a * (1 - q) ** (n - a) * np.sqrt(a * (n - a)) / n).sum())

"""Correct mass from log-probabilities: teacher-forced lower bounds and importance sampling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["ImportanceEstimate", "importance_mass", "mass_lower_bound", "repeated_success"]

Array = npt.NDArray[np.float64]


class ImportanceEstimate(NamedTuple):
    """Estimated correct mass, and the number of plain samples the weights are worth."""

    mass: float
    effective_samples: float


def repeated_success(q: npt.ArrayLike, k: npt.ArrayLike) -> Array:
    """pass@k of a known mass, ``1 - (1-Q)^k``, exact for masses far below the rounding of ``1 - Q``."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.asarray(k, float) * np.log1p(-np.asarray(q, float))), float)


def mass_lower_bound(log_probabilities: npt.ArrayLike) -> float:
    """``log sum_y exp(log pi0(y | x))`` over *distinct* correct strings: a lower bound on log Q, in nats.

    Exact when these are all the strings that the grader accepts. Stays in log space: Q = 1e-300 is within
    reach, which no amount of sampling is. No string gives minus infinity. Source: docs/theory.md, section
    5c.

    Raises:
        ValueError: NaN, or a total probability above 1 (the strings were not distinct, or not
        log-probabilities).
    """
    logs = np.asarray(log_probabilities, float).ravel()
    if np.any(np.isnan(logs)):
        raise ValueError("a log-probability is NaN")
    if logs.size == 0:
        return -np.inf
    total = float(special.logsumexp(logs))
    if total > 1e-4:
        raise ValueError(f"probabilities of distinct strings sum to {np.exp(total):.4g}, above 1")
    return min(total, 0.0)


def importance_mass(log_ratio: npt.ArrayLike, correct: npt.ArrayLike) -> ImportanceEstimate:
    """``Q = E_q[1_C(y) pi0(y)/q(y)]`` from samples of another policy q, with its effective sample size.

    Unbiased when q covers the correct outputs of pi0, else an estimate of a lower bound. The effective size
    is ``(sum w)^2 / sum w^2`` over the correct samples. Source: docs/theory.md, section 5d.

    Args:
        log_ratio: ``log pi0(y) - log q(y)`` of every sample, shape (n,).
        correct: the grader's verdict, shape (n,).
    """
    weights = np.exp(np.asarray(log_ratio, float)) * np.asarray(correct, bool)
    if weights.size == 0:
        raise ValueError("importance sampling needs at least one sample")
    squares = float((weights**2).sum())
    effective = float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
    return ImportanceEstimate(float(weights.mean()), effective)

"""Metrics of k samples a problem: pass@k, cons@k, cover@tau, and the share of mixed groups of k."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["cons_at_k", "cover_at", "mixed_at", "pass_at_k", "plug_in_pass_at_k", "tilted_at"]

Array = npt.NDArray[np.float64]

CONS_SUBSETS = 200
MANY = 4096


def _checked(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> tuple[Array, Array, Array]:
    samples, successes, size = np.broadcast_arrays(
        np.asarray(n, float), np.asarray(c, float), np.asarray(k, float)
    )
    if np.any(successes < 0) or np.any(successes > samples):
        raise ValueError("successes must lie between 0 and the number of samples")
    if np.any(size < 1) or np.any(size > samples):
        raise ValueError("k must lie between 1 and the number of samples")
    return samples, successes, size


def _none_of(n: Array, c: Array, k: Array) -> Array:
    """``C(n-c, k) / C(n, k)``: the chance that k of the n samples, drawn without replacement, hold none of the c."""
    few = n - c < k
    rest = np.where(few, k, n - c)
    log = special.gammaln(rest + 1) - special.gammaln(rest - k + 1)
    log -= special.gammaln(n + 1) - special.gammaln(n - k + 1)
    return np.where(few, 0.0, np.where(c == 0, 1.0, np.exp(np.minimum(log, 0.0))))


def pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> Array:
    """Unbiased estimate of the chance that at least one of ``k`` samples is correct, from ``c`` correct of ``n``.

    ``1 - C(n-c, k) / C(n, k)``; 1 when fewer than k samples are wrong. Shapes broadcast; one value a
    problem, no mean taken. Source: Chen et al. (2021), arXiv 2107.03374, section 2.1.

    Raises:
        ValueError: ``c`` outside [0, n], or ``k`` outside [1, n] (no unbiased estimate exists beyond n).

    >>> pass_at_k(4, [0, 1, 2, 4], 2).round(4).tolist()
    [0.0, 0.5, 0.8333, 1.0]
    """
    samples, successes, size = _checked(n, c, k)
    with np.errstate(invalid="ignore"):
        share = successes / samples
    return np.where(size == 1, share, 1 - _none_of(samples, successes, size))


def plug_in_pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> Array:
    """The biased estimate ``1 - (1 - c/n)^k``, too low whenever ``0 < c < n``; kept to show by how much."""
    samples, successes, size = np.broadcast_arrays(
        np.asarray(n, float), np.asarray(c, float), np.asarray(k, float)
    )
    return np.asarray(1 - (1 - successes / samples) ** size, float)


def mixed_at(n: npt.ArrayLike, c: npt.ArrayLike, g: npt.ArrayLike) -> Array:
    """Unbiased estimate of the chance that a group of ``g`` samples holds both right and wrong ones.

    ``1 - C(n-c, g)/C(n, g) - C(c, g)/C(n, g)``, the estimate of ``1 - Q^G - (1-Q)^G`` (docs/theory.md,
    section 4) for ``g <= n``.

    >>> mixed_at(4, [0, 1, 2, 4], 2).round(4).tolist()
    [0.0, 0.5, 0.6667, 0.0]
    """
    samples, successes, size = _checked(n, c, g)
    none, every = _none_of(samples, successes, size), _none_of(samples, samples - successes, size)
    return np.clip(1 - none - every, 0.0, 1.0)


def tilted_at(n: npt.ArrayLike, c: npt.ArrayLike, a: float) -> tuple[Array, Array]:
    """Estimate of the success after a tilt of strength ``a``, and the weight that lies beyond the samples.

    The tilt is best-of-K with a geometric K of mean ``e^a``: ``p' = sum_k e^-a (1 - e^-a)^(k-1) pass@k``
    (docs/theory.md, section 3). So the unbiased pass@k give an unbiased estimate, up to the terms k > n: they
    are taken at pass@n, which is too low by at most the second array, ``(1 - e^-a)^n``. The plug-in
    ``tilt(c/n)`` is biased down at every strength; with more than 4,096 samples, where that hardly shows and
    the sum gets long, it takes over.

    Raises:
        ValueError: ``c`` outside [0, n], n below 1, or a negative strength.

    >>> estimate, beyond = tilted_at(64, [0, 16, 64], 1.0)
    >>> estimate.round(3).tolist(), bool(beyond.max() < 1e-12)
    ([0.0, 0.48, 1.0], True)
    """
    if a < 0:
        raise ValueError(f"the tilt strength must not be negative, got {a}")
    samples, successes, _ = _checked(n, c, 1)
    many = samples > MANY
    if many.any():
        few, rest_of_few = tilted_at(np.where(many, 1, samples), np.where(many, 0, successes), a)
        odds = np.exp(-a) * (samples - successes)
        plug_in = successes / np.where(many, successes + odds, 1)
        return np.where(many, plug_in, few), np.where(many, (-np.expm1(-a)) ** samples, rest_of_few)
    rest, weight = -np.expm1(-a), np.exp(-a)
    none, estimate = np.ones(samples.shape), np.zeros(samples.shape)
    last = int(min(samples.max(initial=1), np.ceil(40 * np.exp(min(a, 30.0)))))
    for k in range(1, last + 1):
        inside = k <= samples
        step = np.maximum(samples - successes - k + 1, 0) / np.maximum(samples - k + 1, 1)
        none = np.where(inside, none * step, none)
        estimate += np.where(inside, weight * (1 - none), 0.0)
        weight *= rest
    beyond = rest ** np.minimum(samples, last)
    return np.clip(estimate + beyond * (1 - none), 0.0, 1.0), beyond


def cover_at(n: npt.ArrayLike, c: npt.ArrayLike, tau: float) -> float:
    """Share of problems whose measured solve rate ``c/n`` is at least ``tau`` (breadth at a demanded reliability).

    ``tau`` small enough gives the share ever solved, ``tau = 1`` the share always solved.

    Raises:
        ValueError: ``tau`` outside (0, 1], or no problem.

    >>> cover_at(4, [0, 1, 2, 4], 0.5)
    0.5
    """
    if not 0 < tau <= 1:
        raise ValueError(f"tau must lie in (0, 1], not {tau}")
    samples, successes = np.broadcast_arrays(np.asarray(n, float), np.asarray(c, float))
    if samples.size == 0:
        raise ValueError("cover@tau of no problems")
    return float(np.mean(successes >= tau * samples - 1e-9))


def cons_at_k(
    answers: Sequence[str | None],
    correct: Sequence[bool | None],
    k: int | None = None,
    *,
    subsets: int = CONS_SUBSETS,
    seed: int = 0,
) -> float:
    """Chance that the majority answer of ``k`` samples of one problem is correct (decision "Votes").

    Votes go to the canonical answers; samples without one do not vote; tied answers score the mean of their
    correctness; where nobody votes the score is 0. With more than k samples: the mean over ``subsets``
    seeded subsets of k.

    Args:
        answers: canonical answer of each sample, None where there was none.
        correct: the grader's verdict on each sample; None counts as wrong.
        k: samples that vote; all of them when None.

    Raises:
        ValueError: the sequences differ in length or are empty, or ``k`` is outside [1, their length].

    >>> cons_at_k(["7", "7", "3", None], [True, True, False, False])
    1.0
    >>> cons_at_k(["7", "3"], [True, False])
    0.5
    """
    n = len(answers)
    size = n if k is None else k
    if n == 0 or n != len(correct):
        raise ValueError("answers and correct must be of one length, and not empty")
    if not 1 <= size <= n:
        raise ValueError(f"k must lie between 1 and the number of samples ({n}), not {size}")
    codes, right = _ballots(answers, correct)
    if size == n:
        drawn = np.arange(n)[None, :]
    else:
        drawn = np.random.default_rng(seed).random((subsets, n)).argpartition(size - 1, axis=1)[:, :size]
    return float(_majority(codes[drawn], right).mean())


def _ballots(
    answers: Sequence[str | None], correct: Sequence[bool | None]
) -> tuple[npt.NDArray[np.int64], Array]:
    """A code for each sample (-1: no vote), and the share of correct verdicts among the samples of each code."""
    order: dict[str, int] = {}
    codes = np.array([-1 if a is None else order.setdefault(a, len(order)) for a in answers], dtype=np.int64)
    verdict = np.array([bool(v) for v in correct], dtype=float)
    voting = codes >= 0
    votes = np.bincount(codes[voting], minlength=len(order))
    # One answer graded both ways (a time-out, say) counts by its share.
    right = np.bincount(codes[voting], weights=verdict[voting], minlength=len(order)) / np.maximum(votes, 1)
    return codes, right


def _majority(codes: npt.NDArray[np.int64], right: Array) -> Array:
    """Score of each row of ballots; ``codes`` has shape (subsets, k)."""
    rows, width = codes.shape[0], right.size
    if width == 0:
        return np.zeros(rows)
    flat = codes + np.arange(rows)[:, None] * width
    votes = np.bincount(flat[codes >= 0], minlength=rows * width).reshape(rows, width)
    top = votes.max(axis=1, keepdims=True)
    winners = (votes == top) & (top > 0)
    return np.asarray((winners * right).sum(axis=1) / np.maximum(winners.sum(axis=1), 1), float)

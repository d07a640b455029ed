"""What is known of the correct mass Q of every problem: limits from samples, and from teacher forcing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.stats import clopper_pearson, rule_of_three
from leadline.theory import mass_lower_bound

__all__ = ["Mass", "correct_mass", "teacher_forced"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mass:
    """Limits for Q, one a problem, shape (problems,).

    Attributes:
        value: share of correct samples, or the teacher-forced bound where that is larger.
        lo, hi: two-sided limits: exact binomial, the lower one raised to the teacher-forced bound.
        sampled_lo, sampled_hi: the exact binomial limits alone.
        rule_of_three: one-sided upper limit where no sample was correct, else NaN.
        log_forced: teacher-forced lower bound on log Q in nats; minus infinity where there is none.
    """

    value: Array
    lo: Array
    hi: Array
    sampled_lo: Array
    sampled_hi: Array
    rule_of_three: Array
    log_forced: Array

    def row(self, i: int) -> dict[str, Any]:
        """Fields of one problem; what is not known is None."""
        fields = {name: float(getattr(self, name)[i]) for name in self.__slots__}
        return {name: value if np.isfinite(value) else None for name, value in fields.items()}


def correct_mass(
    counts: Counts, log_forced: Mapping[str, float] | None = None, confidence: float = 0.95
) -> Mass:
    """Limits for the Q of every problem, from counts and from teacher-forced bounds where there are any.

    Both limits are two-sided throughout; a one-sided limit at no success mixed in would under-cover
    (docs/theory.md, section 5e). A bound above the sampled upper limit, as chance has it now and then, wins:
    it is certain.
    """
    lo, hi = clopper_pearson(counts.c, counts.n, confidence)
    bound = np.array([(log_forced or {}).get(name, -np.inf) for name in counts.ids], dtype=float)
    forced = np.exp(bound)
    return Mass(
        value=np.maximum(counts.c / counts.n, forced),
        lo=np.maximum(lo, forced),
        hi=np.maximum(hi, forced),
        sampled_lo=lo,
        sampled_hi=hi,
        rule_of_three=np.where(counts.c == 0, rule_of_three(counts.n, confidence), np.nan),
        log_forced=bound,
    )


def teacher_forced(
    solutions: Iterable[tuple[str, str | Sequence[int], float]],
) -> dict[str, float]:
    """Lower bound on log Q of every problem, from log-probabilities of solutions known to be correct.

    Give log-probabilities of whole completions, end-of-sequence included, under the *sampling* distribution
    (same temperature and length cap, no truncation of the vocabulary), from a float32 log-softmax. Strings
    that occur twice count once. Source: docs/theory.md, section 5c.

    Args:
        solutions: (problem id, the completion as text or token ids, its summed log-probability in nats).

    Raises:
        ValueError: a log-probability above 0 or NaN, one string with two log-probabilities more than 1e-3
            apart, or the strings of a problem sum to more than 1.

    >>> bound = teacher_forced([("a", "x", -1.0), ("a", "x", -1.0), ("b", "y", -700.0)])
    >>> {name: round(value, 3) for name, value in bound.items()}
    {'a': -1.0, 'b': -700.0}
    """
    known: dict[str, dict[str | tuple[int, ...], float]] = {}
    for name, text, value in solutions:
        log = float(value)
        if not log <= 1e-6:
            raise ValueError(f"{name}: {log} is not a log-probability")
        strings = known.setdefault(name, {})
        key = text if isinstance(text, str) else tuple(text)
        earlier = strings.setdefault(key, log)
        if abs(earlier - log) > 1e-3 * max(1.0, abs(log)):
            raise ValueError(f"{name}: one solution has two log-probabilities, {earlier:.4f} and {log:.4f}")
    return {name: mass_lower_bound(list(strings.values())) for name, strings in known.items()}

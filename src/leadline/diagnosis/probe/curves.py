"""pass@k up to the number of samples, cover@tau, and what a tilt could reach, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe.population_mean import population_mean
from leadline.stats import Interval, MassLaw, bounded_mean, clopper_pearson, count_mean, pass_at_k, tilted_at
from leadline.theory import best_mass, repeated_success, tilt_strength, tilted_success

__all__ = ["BETAS", "TAUS", "PassCurve", "Reach", "cover_curve", "k_grid", "pass_curve", "reach_table"]

Array = npt.NDArray[np.float64]

TAUS = (0.1, 0.25, 0.5, 0.75, 0.9)
BETAS = (1.0, 0.5, 0.25, 0.1, 0.04, 0.01)
LEVELS = (0.005, 0.05, 0.15, 0.3)  # of the limits behind cover@tau
FEW = 0.1  # problems that may be left out of pass@k because they have fewer samples


@dataclass(frozen=True, slots=True)
class PassCurve:
    """pass@k by k, and how many problems had too few samples for it."""

    value: dict[int, Interval]
    left_out: dict[int, int]


def k_grid(n: Array) -> list[int]:
    """Powers of two up to the samples that all but a tenth of the problems have, and that number itself."""
    top = int(np.quantile(n, FEW, method="lower"))
    return sorted({2**i for i in range(int(np.log2(top)) + 1)} | {top})


def pass_curve(
    counts: Counts,
    ks: Sequence[int] | None = None,
    confidence: float = 0.95,
    chose_the_set: MassLaw | None = None,
) -> PassCurve:
    """Mean pass@k over problems, for problems like these; those with fewer than k samples are left out.

    ``chose_the_set``: see `population_mean`, here and below.
    """
    value, left_out = {}, {}
    for k in ks or k_grid(counts.n):
        inside = counts.n >= k
        value[k] = population_mean(
            counts.n[inside],
            counts.c[inside],
            partial(pass_at_k, k=k),
            partial(repeated_success, k=k),
            confidence,
            chose_the_set,
        )
        left_out[k] = int((~inside).sum())
    return PassCurve(value, left_out)


def cover_curve(
    counts: Counts,
    taus: Sequence[float] = TAUS,
    confidence: float = 0.95,
    chose_the_set: MassLaw | None = None,
) -> dict[float, Interval]:
    """Share of problems whose Q is at least tau; the value counts measured rates, the limits the true ones.

    Measured rates scatter across tau. A problem below tau reaches a one-sided lower limit above it with
    chance d at most, so that ``P(Q >= tau) >= (P(limit >= tau) - d) / (1 - d)``; likewise
    ``P(Q >= tau) <= P(upper limit >= tau) / (1 - d)``. A small d is sharp with many samples, a large one with
    few: the best of four levels is taken, each limit at a quarter of the error (Bonferroni).
    """
    if chose_the_set is not None:
        every = np.ones(len(counts), dtype=bool)
        return {tau: chose_the_set.mean_of(every, partial(_at_least, tau=tau), confidence) for tau in taus}
    each = 1 - (1 - confidence) / len(LEVELS)
    limits = [(d, clopper_pearson(counts.c, counts.n, 1 - d, two_sided=False)) for d in LEVELS]
    curve = {}
    for tau in taus:
        value = float(np.mean(counts.c >= tau * counts.n - 1e-9))
        sure = max((bounded_mean(lo >= tau, each).lo - d) / (1 - d) for d, (lo, _) in limits)
        may = min(bounded_mean(hi >= tau, each).hi / (1 - d) for d, (_, hi) in limits)
        curve[tau] = Interval(value, max(min(sure, value), 0.0), min(max(may, value), 1.0))
    return curve


def _at_least(q: Array, tau: float) -> Array:
    return np.asarray(q >= tau - 1e-9, float)


@dataclass(frozen=True, slots=True)
class Reach:
    """What the KL-regularised optimum would reach on problems like these at one KL coefficient."""

    beta: float
    a: float
    success: Interval
    gain: Interval
    best_q: float


def reach_table(
    counts: Counts,
    betas: Sequence[float] = BETAS,
    gap: float = 1.0,
    confidence: float = 0.95,
    chose_the_set: MassLaw | None = None,
) -> list[Reach]:
    """Success and gain after the exact tilt for every KL coefficient; ``gap`` is the reward of right over wrong.

    Small coefficients ask for more tries than there are samples; the upper limit then says so.
    """
    strengths = [(beta, float(tilt_strength(beta, gap))) for beta in betas]
    return [_reach(counts, beta, a, confidence, chose_the_set) for beta, a in strengths]


def _reach(counts: Counts, beta: float, a: float, confidence: float, law: MassLaw | None) -> Reach:
    def after(n: Array, c: Array) -> Array:
        return tilted_at(n, c, a)[0]

    def rise_of(n: Array, c: Array) -> Array:
        return np.maximum(after(n, c) - c / n, 0.0)

    def true_after(q: Array) -> Array:
        return tilted_success(q, a)

    def true_rise(q: Array) -> Array:
        return tilted_success(q, a) - q

    success = population_mean(counts.n, counts.c, after, true_after, confidence, law)
    rise = population_mean(counts.n, counts.c, rise_of, true_rise, confidence, law)
    extra = 0.0 if law else _beyond(counts, a, confidence)
    return Reach(
        beta,
        a,
        Interval(success.value, success.lo, min(success.hi + extra, 1.0)),
        Interval(rise.value, rise.lo, min(rise.hi + extra, 1.0)),
        float(best_mass(a)),
    )


def _beyond(counts: Counts, a: float, confidence: float) -> float:
    """The most that pass@k beyond the samples could add to a tilt of strength ``a``.

    pass@k is concave in k, so beyond n it is at most ``min(1, k/n pass@n)``; the geometric weights of the
    tilt are summed over that excess. The smallest n of all problems is on the safe side.
    """
    n = int(counts.n.min())
    ever = count_mean(counts.n, counts.c, partial(pass_at_k, k=n), confidence).hi
    rest = -np.expm1(-a)
    if rest**n < 1e-9 or ever >= 1:
        return 0.0
    top = int(np.ceil(n / ever))  # from here on the bound is 1
    k = np.arange(n + 1, top + 1)
    inside = float((np.exp(-a) * rest ** (k - 1) * (k / n - 1) * ever).sum())
    return inside + float(rest**top) * (1 - ever)

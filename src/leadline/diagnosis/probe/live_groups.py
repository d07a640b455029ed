"""The share of groups that will carry signal, for every group size, with what the samples can and
cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from leadline.data.samples.counts import Counts
from leadline.stats import Interval, beta_law, count_mean, mixed_at
from leadline.theory import live_group_probability_beta

__all__ = ["GROUP_SIZES", "LiveShare", "live_here", "live_share", "live_shares", "recommended_group"]

Array = npt.NDArray[np.float64]

GROUP_SIZES = (4, 8, 16, 32, 64)
MANY_SAMPLES = 4096  # samples of a problem beyond which their noise no longer matters
ENOUGH_LIVE = 0.75  # of the groups on problems that are neither dead nor always solved


class LiveShare(NamedTuple):
    """Share of mixed groups, and whether it reaches beyond the samples of some problem."""

    share: Interval
    extrapolated: bool


def live_shares(
    counts: Counts, sizes: Sequence[int] = GROUP_SIZES, confidence: float = 0.95
) -> dict[int, LiveShare]:
    """`live_share` for every group size."""
    return {g: live_share(counts, g, confidence) for g in sizes}


def live_share(counts: Counts, g: int, confidence: float = 0.95) -> LiveShare:
    """Expected share of groups of ``g`` that hold right and wrong samples, over problems like these.

    Problems with at least ``g`` samples give an unbiased estimate each. For the others the share at their n
    samples is a lower bound, and ``(g-1)/(n-1)`` times it an upper one, as ``1 - Q^g - (1-Q)^g`` is concave
    in g and 0 at 1; the value in between is that of a Beta law fitted to the problems.
    """
    enough = counts.n >= g

    def mixed(n: Array, c: Array) -> Array:
        return mixed_at(n, c, np.minimum(n, g))

    share = count_mean(counts.n, counts.c, mixed, confidence)
    if enough.all():
        return LiveShare(share, False)
    with np.errstate(divide="ignore"):
        stretch = float(((g - 1) / (counts.n[~enough] - 1)).max())
    hi = min(1.0, share.hi * stretch) if np.isfinite(stretch) else 1.0
    seen = mixed(counts.n, counts.c)
    value = float(np.where(enough, seen, _expected(counts, g)).mean())
    return LiveShare(Interval(float(np.clip(value, share.lo, hi)), share.lo, hi), True)


def live_here(counts: Counts, g: int, confidence: float = 0.95) -> Interval:
    """The same share on *these very problems*: only the noise of sampling each of them counts.

    Of problems solved sometimes the variance of the estimate is binomial at their rate. Of those never (or
    always) solved it would be 0; there ``s_G <= G Q``, with the pooled two-sided limit for their mean Q. With
    fewer samples than ``g`` the upper limit is stretched as in `live_share`.
    """
    z = float(special.ndtri((1 + confidence) / 2))
    size = np.minimum(counts.n, g)
    stretch = (g - 1) / np.maximum(size - 1, 1e-9)
    seen = mixed_at(counts.n, counts.c, size)
    noise = np.array([_variance(n, c, g) for n, c in zip(counts.n, counts.c, strict=True)])
    m = len(counts)
    lo = float(seen.mean() - z * np.sqrt(noise.sum()) / m)
    hi = float((seen * stretch).mean() + z * np.sqrt((noise * stretch**2).sum()) / m)
    for agree in (counts.c == 0, counts.c == counts.n):
        if agree.any():
            pooled = 1 - ((1 - confidence) / 2) ** (1 / float(counts.n[agree].sum()))
            hi += g * pooled * float(agree.mean())
    value = live_share(counts, g, confidence).share.value
    return Interval(value, min(max(lo, 0.0), value), max(min(hi, 1.0), value))


@lru_cache(maxsize=100_000)
def _variance(n: float, c: float, g: int) -> float:
    """Variance of the estimated share of one problem, at its measured rate; 0 where all samples agree."""
    if c in (0, n) or n > MANY_SAMPLES:
        return 0.0
    k = np.arange(n + 1)
    log = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    pmf = np.exp(log + k * np.log(c / n) + (n - k) * np.log1p(-c / n))
    value = mixed_at(np.full(k.size, n), k, min(n, g))
    return max(float(pmf @ value**2 - (pmf @ value) ** 2), 0.0)


def _expected(counts: Counts, g: int) -> Array:
    """Expected share of mixed groups of ``g`` on every problem, given its counts and the law of all."""
    law = beta_law(counts.n, counts.c)
    if law is None:
        return np.zeros(len(counts))
    return live_group_probability_beta(law[0] + counts.c, law[1] + counts.n - counts.c, g)


def recommended_group(counts: Counts, sizes: Sequence[int] = GROUP_SIZES) -> int:
    """The smallest group size at which three quarters of the groups on *undecided* problems are mixed.

    Undecided problems have both right and wrong samples. Per sample drawn, small groups yield the most mixed
    ones; too small a group wastes rare successes. Without such a problem: 8, the usual choice.
    """
    open_ones = (counts.c > 0) & (counts.c < counts.n)
    if not open_ones.any():
        return 8
    some = counts.take([name for name, yes in zip(counts.ids, open_ones, strict=True) if yes])
    for g in sorted(sizes):
        if live_share(some, g).share.value >= ENOUGH_LIVE:
            return g
    return max(sizes)

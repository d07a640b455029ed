"""The share of groups that will carry signal, for every group size, with what the samples can and cannot say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.stats import Interval, MassLaw, count_mean, fit_mass_law, mixed_at
from leadline.theory import live_group_probability

__all__ = [
    "GROUP_SIZES",
    "USUAL",
    "GroupSize",
    "LiveShare",
    "live_chosen",
    "live_share",
    "live_shares",
    "recommended_group",
]

Array = npt.NDArray[np.float64]

GROUP_SIZES = (4, 8, 16, 32, 64)
ENOUGH_LIVE = 0.75  # of what a small step of training can gain
USUAL = 8  # the group size that is advised where nothing is known


class LiveShare(NamedTuple):
    """Share of mixed groups, and whether it reaches beyond the samples of some problem."""

    share: Interval
    extrapolated: bool


def live_shares(
    counts: Counts,
    sizes: Sequence[int] = GROUP_SIZES,
    confidence: float = 0.95,
    law: MassLaw | None = None,
    *,
    chose_the_set: bool = False,
) -> dict[int, LiveShare]:
    """`live_share` for every group size; `live_chosen` where these very samples chose the set, which flatters it."""
    law = law or fit_mass_law(counts.n, counts.c)
    if chose_the_set:
        n = float(counts.n.min())
        return {g: LiveShare(live_chosen(law, g, confidence=confidence), n < g) for g in sizes}
    return {g: live_share(counts, g, confidence, law) for g in sizes}


def live_share(counts: Counts, g: int, confidence: float = 0.95, law: MassLaw | None = None) -> LiveShare:
    """Expected share of groups of ``g`` that hold right and wrong samples, over problems like these.

    Problems with at least ``g`` samples give an unbiased estimate each. For the others the share at their n
    samples is a lower bound, and ``(g-1)/(n-1)`` times it an upper one, as ``1 - Q^g - (1-Q)^g`` is concave
    in g and 0 at 1; the value in between is that of the law of Q fitted to the problems. Where no problem
    has two samples nothing is known, and the value is NaN.
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
    if counts.n.max() < 2:
        return LiveShare(Interval(float("nan"), 0.0, 1.0), True)
    law = law or fit_mass_law(counts.n, counts.c)
    expected = law.given_counts(partial(live_group_probability, g=g))
    value = float(np.where(enough, seen, expected).mean())
    return LiveShare(Interval(float(np.clip(value, share.lo, hi)), share.lo, hi), True)


def live_chosen(
    law: MassLaw, g: int, chosen: npt.NDArray[np.bool_] | None = None, confidence: float = 0.95
) -> Interval:
    """The same share on *these very problems*, or on some of them, chosen by the counts themselves.

    The problems that are kept for their rates would flatter the share if it were measured on the samples that
    chose them: it comes from the fitted law of Q given the counts (`leadline.stats.MassLaw.mean_of`).
    """
    every = np.ones(law.kind.size, dtype=bool) if chosen is None else chosen
    return law.mean_of(every, partial(live_group_probability, g=g), confidence)


class GroupSize(NamedTuple):
    """The advised group size, and the smallest and largest that the samples leave open."""

    value: int
    lo: int
    hi: int


def recommended_group(counts: Counts, law: MassLaw | None = None) -> GroupSize:
    """The smallest of `GROUP_SIZES` at which three quarters of what can be learned lies in mixed groups.

    A small step of training raises success by ``Q(1-Q)`` (the slope of the tilt law at strength 0): with that as
    weight the mean of ``s_G(Q)`` over the law of Q is the share of it that groups of G can see. The number of
    samples enters through the law's uncertainty alone. Per sample drawn, small groups yield the most mixed ones;
    too small a group wastes rare successes. Where all samples agree: 8, the usual choice.
    """
    if not 0 < counts.c.sum() < counts.n.sum() or counts.n.max() < 2:
        return GroupSize(USUAL, GROUP_SIZES[0], GROUP_SIZES[-1])
    law = law or fit_mass_law(counts.n, counts.c)
    every = np.ones(len(counts), dtype=bool)
    surplus = [partial(_surplus, g=g) for g in GROUP_SIZES]
    value = next(
        (g for g, above in zip(GROUP_SIZES, surplus, strict=True) if law.average(above) >= 0), GROUP_SIZES[-1]
    )
    lo, hi = value, GROUP_SIZES[-1]
    for g, above in zip(GROUP_SIZES, surplus, strict=True):
        limits = law.mean_of(every, above)
        if limits.hi >= 0:  # this size may be enough
            lo = min(lo, g)
        if limits.lo >= 0:  # it surely is
            hi = max(g, value)
            break
    return GroupSize(value, lo, hi)


def _surplus(q: npt.ArrayLike, g: int) -> Array:
    """``Q(1-Q) (s_G(Q) - 3/4)``: its mean is above 0 where groups of ``g`` are large enough."""
    mass = np.asarray(q, float)
    return np.asarray(mass * (1 - mass) * (live_group_probability(mass, g) - ENOUGH_LIVE), float)

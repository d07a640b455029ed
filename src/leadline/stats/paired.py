"""The difference of two sides' mean over the same problems, where each side is counts of samples that hit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from leadline.stats.bootstrap import bootstrap_means, bootstrap_t_means
from leadline.stats.counted import count_mean
from leadline.stats.interval import Interval, bounded_mean

__all__ = ["Hits", "Statistic", "never_certain", "paired_counts"]

Array = npt.NDArray[np.float64]

Hits = tuple[Array, Array]
"""Samples, and those of them that count, one number a problem."""
Statistic = Callable[[Array, Array], Array]
"""Of a side's hits, one number in [0, 1] a problem: the share itself, pass@k, ..."""

SIDE_CONFIDENCE = 0.99  # confidence of the sides' limits that bound the difference


def paired_counts(
    base: Hits, tuned: Hits, statistics: Sequence[Statistic], *, seed: int = 0
) -> list[tuple[Interval, Interval, Interval]]:
    """Base, tuned, and tuned minus base for every statistic, two-sided 95% over problems drawn with both their sides.

    All differences come from the same resamples. They allow for what resampling does not see: few problems that
    moved, and none (a bootstrap of differences that are all 0 claims certainty). Measured in benchmarks/coverage.py.

    Args:
        base, tuned: of the same problems in the same order.

    Raises:
        ValueError: the two differ in length, or are empty.
    """
    if len(base[0]) != len(tuned[0]):
        raise ValueError(
            f"paired counts must belong to the same problems: {len(base[0])} against {len(tuned[0])}"
        )
    if not statistics:
        return []
    change = np.stack([of(*tuned) - of(*base) for of in statistics], axis=1)
    plain, leaning = bootstrap_means(change, seed=seed), bootstrap_t_means(change, seed=seed)
    found = []
    for i, statistic in enumerate(statistics):
        before, after = (count_mean(*side, statistic) for side in (base, tuned))
        stretch = max(_stretch(base, statistic, before), _stretch(tuned, statistic, after))
        interval = _possible(_cautious(plain[i], leaning[i], stretch), base, tuned, statistic)
        found.append((before, after, never_certain(interval, change[:, i])))
    return found


def _cautious(plain: Interval, leaning: Interval, stretch: float) -> Interval:
    """Hull of the percentile interval, stretched about its value, and the studentised one.

    Rare large changes are missing from most sets of fifty problems, and then from all of their resamples. How
    much the law of the counts widens the interval of either side is how much the difference is widened.
    Measured in benchmarks/coverage.py.
    """
    value = plain.value
    lo = min(value - stretch * (value - plain.lo), leaning.lo)
    hi = max(value + stretch * (plain.hi - value), leaning.hi)
    return Interval(value, max(lo, -1.0), min(hi, 1.0))


def _possible(interval: Interval, base: Hits, tuned: Hits, statistic: Statistic) -> Interval:
    """The interval cut to what the two sides' own limits allow: their difference cannot leave that.

    Where few problems moved, resamples without any of them stretch the studentised limits far out: 2 of 30 would
    give +73 points. The sides' limits are taken at 99%, so that the cut costs next to no coverage.
    """
    before, after = (count_mean(*side, statistic, SIDE_CONFIDENCE) for side in (base, tuned))
    value = interval.value
    lo, hi = max(interval.lo, after.lo - before.hi), min(interval.hi, after.hi - before.lo)
    return Interval(value, min(lo, value), max(hi, value))


def _stretch(side: Hits, statistic: Statistic, wide: Interval) -> float:
    bare = bounded_mean(statistic(*side)).width
    return max(wide.width / bare, 1.0) if bare > 0 else 1.0


def never_certain(interval: Interval, values: Array) -> Interval:
    """Widen a bootstrap interval where nearly all problems agree: 3.7 of M problems may still differ by 1.

    Resampling values that are all equal claims certainty; that a kind of problem did not occur among M says
    only that its share is below ``1 - 0.025^(1/M)``.
    """
    if np.ptp(values) > 1e-12:
        return interval
    slack = 1 - 0.025 ** (1 / values.size)
    return Interval(interval.value, max(interval.lo - slack, -1.0), min(interval.hi + slack, 1.0))

"""Paired differences of success and length, problems drawn together; and where the pass@k curves cross."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.pairing import Pair
from leadline.diagnosis.probe.curves import FEW
from leadline.stats import (
    Interval,
    bootstrap_means,
    bootstrap_t_means,
    bounded_mean,
    count_mean,
    paired_bootstrap_ratio,
    pass_at_k,
    resample_weights,
)
from leadline.stats.bootstrap import DRAWS, percentile_tails

__all__ = ["Crossing", "MetricChange", "crossing", "pass_rows", "ratio_row", "share_row"]

Array = npt.NDArray[np.float64]

Hits = tuple[Array, Array]  # samples, and those of them that count, one number a problem
Statistic = Callable[[Array, Array], Array]

CURVE_POINTS = 60  # values of k at which the curves are compared
SIDE_CONFIDENCE = 0.99  # confidence of the sides' limits that bound the difference


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One metric of both sides and their difference, tuned minus base."""

    name: str
    base: Interval
    tuned: Interval
    difference: Interval


@dataclass(frozen=True, slots=True)
class Crossing:
    """The k from which on the base solves more than the tuned model.

    Attributes:
        k: where the difference of the two mean curves goes from above to below zero, given that it is above
            beyond doubt before and below beyond doubt after; None: nowhere.
        lo, hi: 95% of the resamples that cross do so between these.
        share: resamples that cross, noise about zero included.
        up_to: largest k looked at.
    """

    k: float | None
    lo: float | None
    hi: float | None
    share: float
    up_to: int


def _deep(pair: Pair) -> tuple[Pair, int]:
    """The problems with as many samples on both sides as all but a tenth have, and that number."""
    least = np.minimum(pair.base.n, pair.tuned.n)
    top = int(np.quantile(least, FEW, method="lower"))
    names = [name for name, n in zip(pair.base.ids, least, strict=True) if n >= top]
    return Pair(pair.base.take(names), pair.tuned.take(names)), top


def pass_rows(pair: Pair, ks: Sequence[int] | None = None, seed: int = 0) -> list[MetricChange]:
    """pass@k of both sides and the paired difference for every k, powers of two by default.

    k = 1 is over all problems; above, up to a tenth of the problems may be left out for want of samples. The
    differences beyond k = 1 come from the same resamples.
    """
    deep, top = _deep(pair)
    grid = list(ks or sorted({2**i for i in range(int(np.log2(top)) + 1)} | {top}))
    first = _pass_rows(pair, [1], seed) if 1 in grid else []
    return first + _pass_rows(deep, [k for k in grid if k > 1], seed)


def _pass_rows(pair: Pair, ks: Sequence[int], seed: int) -> list[MetricChange]:
    statistics: dict[str, Statistic] = {f"pass@{k}": partial(pass_at_k, k=k) for k in ks}
    return _rows((pair.base.n, pair.base.c), (pair.tuned.n, pair.tuned.c), statistics, seed)


def share_row(name: str, base: Hits, tuned: Hits, seed: int = 0) -> MetricChange:
    """A share of samples (truncated, ...) of both sides, (samples, hits) a problem each, and its paired difference."""
    return _rows(base, tuned, {name: lambda samples, hits: hits / samples}, seed)[0]


def _rows(base: Hits, tuned: Hits, statistics: Mapping[str, Statistic], seed: int) -> list[MetricChange]:
    if not statistics:
        return []
    change = np.stack([of(*tuned) - of(*base) for of in statistics.values()], axis=1)
    plain = bootstrap_means(change, draws=DRAWS, seed=seed)
    leaning = bootstrap_t_means(change, draws=DRAWS, seed=seed)
    rows = []
    for i, (name, statistic) in enumerate(statistics.items()):
        sides = [count_mean(*side, statistic) for side in (base, tuned)]
        stretch = max(
            _stretch(side, statistic, wide) for side, wide in zip((base, tuned), sides, strict=True)
        )
        interval = _possible(_cautious(plain[i], leaning[i], stretch), base, tuned, statistic)
        rows.append(MetricChange(name, sides[0], sides[1], never_certain(interval, change[:, i])))
    return rows


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


def _curves(counts: Counts, ks: Sequence[int]) -> Array:
    return np.stack([pass_at_k(counts.n, counts.c, k) for k in ks], axis=1)


def crossing(pair: Pair, seed: int = 0) -> Crossing:
    """Where the curves cross from above to below, with the spread over resamples of the problems."""
    pair, top = _deep(pair)
    ks = sorted({round(float(k)) for k in np.geomspace(1, top, CURVE_POINTS)})
    if len(ks) < 2:
        return Crossing(None, None, None, 0.0, ks[-1])
    difference = _curves(pair.tuned, ks) - _curves(pair.base, ks)
    means = np.concatenate([w @ difference for w in resample_weights(len(pair), 1000, seed)]) / len(pair)
    found = _first_crossing(np.log(ks), means)
    crossed = found[np.isfinite(found)]
    share = crossed.size / found.size
    own = float(_first_crossing(np.log(ks), difference.mean(axis=0)[None, :])[0])
    lower, upper = np.quantile(means, percentile_tails(len(pair)), axis=0)
    before = np.log(ks) <= own
    clear = bool((lower[before] > 0).any() and (upper[~before] < 0).any())
    if not clear:
        return Crossing(None, None, None, share, ks[-1])
    lo, hi = np.quantile(crossed, [0.025, 0.975])
    return Crossing(
        float(np.exp(own)), float(np.exp(min(lo, own))), float(np.exp(max(hi, own))), share, ks[-1]
    )


def _first_crossing(x: Array, curves: Array) -> Array:
    """Where each row of ``curves`` first goes from above to below zero, linear in ``x``; NaN if it does not."""
    tolerance = 1e-9
    below = curves < -tolerance
    # The start counts as above only if the tuned side is ahead somewhere before.
    ahead = np.maximum.accumulate(curves > tolerance, axis=1)
    falls = below[:, 1:] & ahead[:, :-1]
    hit = falls.any(axis=1)
    i = np.argmax(falls, axis=1)
    rows = np.arange(len(curves))
    left, right = curves[rows, i], curves[rows, i + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.clip(left / (left - right), 0, 1)
    return np.where(hit, x[i] + part * (x[i + 1] - x[i]), np.nan)


def ratio_row(
    name: str, base: tuple[Array, Array], tuned: tuple[Array, Array], seed: int = 0
) -> MetricChange | None:
    """A ratio of sums (tokens by samples, ...) of both sides and its paired difference; None where undefined."""
    if not (base[1].sum() > 0 and tuned[1].sum() > 0):
        return None
    zero = (np.zeros_like(base[0]), np.ones_like(base[0]))
    sides = [paired_bootstrap_ratio(zero, side, seed=seed) for side in (base, tuned)]
    return MetricChange(name, sides[0], sides[1], paired_bootstrap_ratio(base, tuned, seed=seed))

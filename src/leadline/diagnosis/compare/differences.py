"""Paired differences of success and length, problems drawn together; and where the pass@k curves cross."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from leadline.data.samples.counts import Counts
from leadline.diagnosis.compare.pairing import Pair
from leadline.diagnosis.probe.curves import k_grid
from leadline.stats import (
    Interval,
    paired_bootstrap_ratio,
    paired_counts,
    pass_at_k,
    resample_weights,
)
from leadline.stats.bootstrap import percentile_tails
from leadline.stats.paired import Hits, Statistic

__all__ = ["Crossing", "MetricChange", "crossing", "pass_rows", "ratio_row", "share_row"]

Array = npt.NDArray[np.float64]


CURVE_POINTS = 60  # values of k at which the curves are compared


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


def _deep(pair: Pair) -> tuple[Pair, list[int]]:
    """The problems with as many samples on both sides as all but a tenth have, and `k_grid` up to that number."""
    least = np.minimum(pair.base.n, pair.tuned.n)
    ks = k_grid(least)
    names = [name for name, n in zip(pair.base.ids, least, strict=True) if n >= ks[-1]]
    return Pair(pair.base.take(names), pair.tuned.take(names)), ks


def pass_rows(pair: Pair, ks: Sequence[int] | None = None, seed: int = 0) -> list[MetricChange]:
    """pass@k of both sides and the paired difference for every k, powers of two by default.

    k = 1 is over all problems; above, up to a tenth of the problems may be left out for want of samples. The
    differences beyond k = 1 come from the same resamples.
    """
    deep, usual = _deep(pair)
    grid = ks or usual
    first = _pass_rows(pair, [1], seed) if 1 in grid else []
    return first + _pass_rows(deep, [k for k in grid if k > 1], seed)


def _pass_rows(pair: Pair, ks: Sequence[int], seed: int) -> list[MetricChange]:
    statistics: dict[str, Statistic] = {f"pass@{k}": partial(pass_at_k, k=k) for k in ks}
    return _rows((pair.base.n, pair.base.c), (pair.tuned.n, pair.tuned.c), statistics, seed)


def share_row(name: str, base: Hits, tuned: Hits, seed: int = 0) -> MetricChange:
    """A share of samples (truncated, ...) of both sides, (samples, hits) a problem each, and its paired difference."""
    return _rows(base, tuned, {name: lambda samples, hits: hits / samples}, seed)[0]


def _rows(base: Hits, tuned: Hits, statistics: Mapping[str, Statistic], seed: int) -> list[MetricChange]:
    found = paired_counts(base, tuned, list(statistics.values()), seed=seed)
    return [MetricChange(name, *intervals) for name, intervals in zip(statistics, found, strict=True)]


def _curves(counts: Counts, ks: Sequence[int]) -> Array:
    return np.stack([pass_at_k(counts.n, counts.c, k) for k in ks], axis=1)


def crossing(pair: Pair, seed: int = 0) -> Crossing:
    """Where the curves cross from above to below, with the spread over resamples of the problems."""
    pair, usual = _deep(pair)
    ks = sorted({round(float(k)) for k in np.geomspace(1, usual[-1], CURVE_POINTS)})
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

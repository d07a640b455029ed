"""Why the correct samples got shorter (or longer): shorter on the same problems, or other problems solved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.diagnosis.compare.pairing import Pair
from leadline.stats import Interval
from leadline.stats.bootstrap import percentile_tails, resample_weights

__all__ = ["LengthSplit", "split_length"]

Array = npt.NDArray[np.float64]

SPLIT_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class LengthSplit:
    """Change of the mean tokens of *correct* samples, tuned minus base, and its two parts.

    ``same`` is the change on problems solved on both sides, ``mix`` what comes of solving other problems, or
    the same ones more or less often; ``total = same + mix``. ``base`` is the mean before.
    """

    base: float
    total: Interval
    same: Interval
    mix: Interval


def split_length(pair: Pair, seed: int = 0) -> LengthSplit | None:
    """Kitagawa's decomposition with the mean of both mixes as weights; None without correct lengths.

    ``mean = sum_i w_i l_i`` with w_i the share of the correct samples that are of problem i and l_i their
    mean length; ``same = sum (w_i + w'_i)/2 (l'_i - l_i)`` over problems solved on both sides.
    Source: Kitagawa (1955), "Components of a difference between two rates".
    """
    base, tuned = pair.base, pair.tuned
    table = np.stack([base.c, base.tokens_correct, tuned.c, tuned.tokens_correct], axis=1)
    if not (table.sum(axis=0) > 0).all():
        return None
    own = _parts(np.ones((1, len(pair))), table)[0]
    drawn = np.concatenate(list(_resampled(table, seed)))
    lo, hi = np.nanquantile(drawn, percentile_tails(len(pair)), axis=0)
    total, same, mix = (Interval(float(v), float(a), float(b)) for v, a, b in zip(own, lo, hi, strict=True))
    return LengthSplit(float(table[:, 1].sum() / table[:, 0].sum()), total, same, mix)


def _resampled(table: Array, seed: int) -> Iterator[Array]:
    for weights in resample_weights(table.shape[0], SPLIT_DRAWS, seed):
        yield _parts(weights, table)


def _parts(weights: Array, table: Array) -> Array:
    """Total change, same-problem part and mix part for every row of weights, shape (draws, 3)."""
    c1, t1, c2, t2 = table.T
    both = (c1 > 0) & (c2 > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.where(both, t2 / np.where(c2 > 0, c2, 1) - t1 / np.where(c1 > 0, c1, 1), 0.0)
        sums = weights @ table
        total = sums[:, 3] / sums[:, 2] - sums[:, 1] / sums[:, 0]
        same = ((weights @ (change * c1)) / sums[:, 0] + (weights @ (change * c2)) / sums[:, 2]) / 2
    return np.stack([total, same, total - same], axis=1)

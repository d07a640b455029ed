"""Why the correct samples got shorter (or longer): shorter on the same problems, or other problems solved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.diagnosis.compare.pairing import Pair
from leadline.diagnosis.compare.stated_lengths import stated_lengths
from leadline.stats import Interval, smooth_intervals

__all__ = ["LengthSplit", "split_length"]

Array = npt.NDArray[np.float64]


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

    ``mean = sum_i w_i l_i`` with l_i the mean length of the correct samples of problem i and w_i its solve rate by the
    sum of all (it does not matter how often each was sampled);
    ``same = sum (w_i + w'_i)/2 (l'_i - l_i)`` over problems solved on both sides.
    Source: Kitagawa (1955), "Components of a difference between two rates".
    """
    known = stated_lengths(pair)
    if known is None or not known.correct_known:
        return None
    table = np.stack([known.base.rate, known.base.correct, known.tuned.rate, known.tuned.correct], axis=1)
    c1, t1, c2, t2 = table.T
    both = (c1 > 0) & (c2 > 0)
    change = np.where(both, t2 / np.where(c2 > 0, c2, 1) - t1 / np.where(c1 > 0, c1, 1), 0.0)
    table = np.column_stack([table, change * c1, change * c2])
    total, same, mix = smooth_intervals(table, _parts, seed=seed)
    return LengthSplit(float(t1.sum() / c1.sum()), total, same, mix)


def _parts(means: Array) -> Array:
    """Total change, same-problem part and mix part for every row of means, shape (rows, 3)."""
    c1, t1, c2, t2, change1, change2 = means.T
    with np.errstate(invalid="ignore", divide="ignore"):
        total = t2 / c2 - t1 / c1
        same = (change1 / c1 + change2 / c2) / 2
    return np.stack([total, same, total - same], axis=1)

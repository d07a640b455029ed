"""Means over an evaluation, out of the means of its batches."""

from __future__ import annotations

import math
from collections.abc import MutableMapping, Sequence

__all__ = ["weigh_batches"]


def weigh_batches(metrics: MutableMapping[str, list[float]], rows: Sequence[int]) -> None:
    """Put the mean over all rows in the place of each list of batch means, in place.

    TRL averages them as if all batches were equal; the last one of an evaluation often is smaller. What has not one
    value a batch stays as it is; NaN of a batch takes no part.

    >>> means = {"right": [0.5, 1.0], "num_tokens": [70]}
    >>> weigh_batches(means, [12, 4])
    >>> means
    {'right': [0.625], 'num_tokens': [70]}
    """
    for name, values in metrics.items():
        known = [(value, size) for value, size in zip(values, rows, strict=False) if not math.isnan(value)]
        if len(values) == len(rows) and known:
            metrics[name] = [sum(value * size for value, size in known) / sum(size for _, size in known)]

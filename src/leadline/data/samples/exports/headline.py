"""The few numbers that stand for a sample file where others quote it, each with its interval."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from leadline.data.samples.counts import Counts
from leadline.display.numbers import count
from leadline.stats import Interval, count_mean, pass_at_k

__all__ = ["Headline", "headline"]


class Headline(NamedTuple):
    """pass@1, and pass@k for the samples that every problem has; means over problems with 95% intervals."""

    first: Interval
    k: int
    top: Interval
    problems: int
    samples: int
    unscorable: int

    @property
    def size(self) -> str:
        """How much was asked, for people."""
        return f"{count(self.problems, 'problem')}, {count(self.samples, 'sample')}"

    def as_dict(self) -> dict[str, list[float]]:
        """Names of metrics -> value and limits."""
        rows = {"pass@1": self.first.as_list()}
        return rows if self.k == 1 else rows | {f"pass@{self.k}": self.top.as_list()}


def headline(counts: Counts) -> Headline:
    """Unbiased pass@k (Chen et al. 2021, arXiv 2107.03374) over problems; unscorable samples count as wrong."""
    k = int(counts.n.min())
    first, top = (count_mean(counts.n, counts.c, partial(pass_at_k, k=size)) for size in (1, k))
    return Headline(first, k, top, len(counts), counts.n_samples, int(np.sum(counts.unscorable)))

"""Problems by what their solve rate means for a run: dead, rare, useful, saturated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from leadline.stats import MassLaw
from leadline.stats.roots import crossing_of
from leadline.theory import live_group_probability, tilted_success

__all__ = ["BANDS", "Band", "Window", "band_of", "band_table", "window"]

Array = npt.NDArray[np.float64]

BANDS = ("dead", "rare", "useful", "saturated")
EXPECTED = {"dead": "none", "rare": "up, late", "useful": "up", "saturated": "hardly any"}
HALF, TENTH = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Window:
    """Solve rates by the share of live groups they give at one group size.

    Attributes:
        group: the group size G.
        floor: below this fewer than a tenth of the groups are mixed.
        low, high: between these at least half of the groups are mixed.
    """

    group: int
    floor: float
    low: float
    high: float

    @property
    def telling_samples(self) -> int:
        """Samples that show a right one at the lower edge with 95% probability, and no fewer than a group has."""
        return max(math.ceil(math.log(0.05) / math.log1p(-self.low)), self.group)


def window(group: int) -> Window:
    """The `Window` of a group size: roots of ``1 - Q^G - (1-Q)^G`` at a tenth and at one half.

    >>> w = window(8)
    >>> round(w.floor, 3), round(w.low, 3), round(w.high, 3)
    (0.013, 0.083, 0.917)
    """

    def root(share: float) -> float:
        return crossing_of(lambda q: float(live_group_probability(q, group)) - share, 0.0, 0.5)

    low = root(HALF)
    return Window(group, root(TENTH), low, 1 - low)


def band_of(rate: npt.ArrayLike, edges: Window) -> npt.NDArray[np.int64]:
    """Index into `BANDS` of every solve rate: 0 is dead, below ``low`` rare, above ``high`` saturated."""
    q = np.asarray(rate, float)
    return np.where(q <= 0, 0, np.where(q < edges.low, 1, np.where(q <= edges.high, 2, 3)))


@dataclass(frozen=True, slots=True)
class Band:
    """One band, and what GRPO has to expect of it."""

    name: str
    count: int
    share: float
    solve_rate: float | None
    live: float | None
    gain: float | None
    expect: str


def band_table(law: MassLaw, bands: Sequence[int] | npt.NDArray[np.int64], edges: Window) -> list[Band]:
    """One row a band: problems, solve rate, share of live groups at G, gain of a tilt of strength 1.

    The bands were chosen by the samples, so that their own rates would flatter: all three are expected of the
    fitted law of Q, given the counts.
    """
    index = np.asarray(bands)
    rate = law.given_counts(lambda q: q)
    live = law.given_counts(lambda q: live_group_probability(q, edges.group))
    gain = law.given_counts(lambda q: tilted_success(q, 1.0) - q)
    rows = []
    for i, name in enumerate(BANDS):
        own = index == i
        mean = partial(_mean, own)
        rows.append(
            Band(name, int(own.sum()), float(own.mean()), mean(rate), mean(live), mean(gain), EXPECTED[name])
        )
    return rows


def _mean(own: npt.NDArray[np.bool_], values: Array) -> float | None:
    return float(values[own].mean()) if own.any() else None

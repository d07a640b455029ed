"""Problems by what their solve rate means for a run: dead, rare, useful, saturated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from leadline.data.samples.counts import Counts
from leadline.diagnosis.probe.live_groups import live_share
from leadline.stats import tilted_at
from leadline.theory import live_group_probability

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


def window(group: int) -> Window:
    """The `Window` of a group size: roots of ``1 - Q^G - (1-Q)^G`` at a tenth and at one half.

    >>> w = window(8)
    >>> round(w.floor, 3), round(w.low, 3), round(w.high, 3)
    (0.013, 0.083, 0.917)
    """

    def root(share: float) -> float:
        return float(optimize.brentq(lambda q: float(live_group_probability(q, group)) - share, 0.0, 0.5))

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

    def as_dict(self) -> dict[str, Any]:
        """The row of the table, by field name."""
        return {name: getattr(self, name) for name in self.__slots__}


def band_table(counts: Counts, bands: Sequence[int] | npt.NDArray[np.int64], edges: Window) -> list[Band]:
    """One row a band: problems, mean solve rate, share of live groups at G, gain of a tilt of strength 1."""
    index = np.asarray(bands)
    rows = []
    for i, name in enumerate(BANDS):
        chosen = [pid for pid, own in zip(counts.ids, index, strict=True) if own == i]
        share = len(chosen) / len(counts)
        if not chosen:
            rows.append(Band(name, 0, share, None, None, None, EXPECTED[name]))
            continue
        some = counts.take(chosen)
        rate = some.c / some.n
        gain = float((tilted_at(some.n, some.c, 1.0)[0] - rate).mean())
        live = live_share(some, edges.group).share.value
        rows.append(Band(name, len(chosen), share, float(rate.mean()), live, max(gain, 0.0), EXPECTED[name]))
    return rows

"""One side of a plot: where a value lies along it, and which values are named there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leadline.display.svg.shapes import text_width

__all__ = ["ChartAxis", "Tick", "spaced"]

_GAP = 10.0  # pixels between two labels
_TINIEST = 1e-300
Tick = tuple[float, str]


@dataclass(frozen=True)
class ChartAxis:
    """Values between two limits along a stretch of pixels; ``end`` before ``start`` for what grows upwards.

    Attributes:
        limits: the values at ``start`` and ``end``; what lies beyond is drawn at the edge.
        log: logarithmic. The limits must be positive then.
        percent: name shares in percent.
        names: one for each of 0, 1, 2, ... instead of numbers.
        values: name these, and no others.
    """

    limits: tuple[float, float]
    start: float
    end: float
    log: bool = False
    percent: bool = False
    names: Sequence[str] = ()
    values: Sequence[float] = ()

    def at(self, value: float) -> float:
        """Pixels of a value; the middle where the limits are one and the same.

        >>> ChartAxis((1, 100), 0, 200, log=True).at(10)
        100.0
        """
        lo, hi = (self._place(limit) for limit in self.limits)
        share = (self._place(value) - lo) / (hi - lo) if hi > lo else 0.5
        return self.start + (self.end - self.start) * min(max(share, 0.0), 1.0)

    def ticks(self) -> list[Tick]:
        """Values and their names, in ascending order.

        >>> [name for _, name in ChartAxis((0, 1), 0, 100, percent=True).ticks()]
        ['0%', '20%', '40%', '60%', '80%', '100%']
        >>> [name for _, name in ChartAxis((4, 64), 0, 100, log=True).ticks()]
        ['5', '10', '20', '50']
        >>> [name for _, name in ChartAxis((-10, 10), 0, 100).ticks()]
        ['−10', '−5', '0', '5', '10']
        """
        if self.names:
            return list(enumerate(self.names))
        values = sorted(self.values) or (_decades(self.limits) if self.log else _even(self.limits))
        return [(value, self._name(value)) for value in values]

    def _place(self, value: float) -> float:
        return math.log10(max(value, _TINIEST)) if self.log else value

    def _name(self, value: float) -> str:
        if self.percent:
            return f"{100 * value:.3g}%".replace("-", "−")
        if self.log and 0 < value < 0.01:
            digits, _, power = f"{value:.2e}".partition("e")
            return f"{float(digits):g}e{int(power)}"
        return f"{value:.6g}".replace("-", "−")


def spaced(axis: ChartAxis) -> list[Tick]:
    """The ticks of an axis that lies flat, without those whose names would touch the one before."""
    kept: list[Tick] = []
    free = -math.inf
    for value, name in axis.ticks():
        half = text_width(name) / 2
        if axis.at(value) - half >= free:
            kept.append((value, name))
            free = axis.at(value) + half + _GAP
    return kept


def _even(limits: tuple[float, float]) -> list[float]:
    """At most seven round values, evenly spaced."""
    lo, hi = limits
    if not hi > lo:
        return [lo]
    size = 10 ** math.floor(math.log10((hi - lo) / 4))
    size = next(size * factor for factor in (1, 2, 2.5, 5, 10) if (hi - lo) / (size * factor) <= 6)
    first, last = math.ceil(lo / size - 1e-9), math.floor(hi / size + 1e-9)
    return [index * size for index in range(first, last + 1)]


def _decades(limits: tuple[float, float]) -> list[float]:
    """Powers of ten, with 2 and 5 times them where there would be fewer than three."""
    lo, hi = limits
    powers = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)

    def within(*digits: int) -> list[float]:
        values = [digit * 10.0**power for power in powers for digit in digits]
        return [value for value in values if lo * (1 - 1e-9) <= value <= hi * (1 + 1e-9)]

    return tens if len(tens := within(1)) >= 3 else within(1, 2, 5)

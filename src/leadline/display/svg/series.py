"""What a plot shows: marks, and the series that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leadline.display.svg.shapes import COLOURS

__all__ = ["Mark", "Series"]


@dataclass(frozen=True)
class Mark:
    """One point with its limits; ``y`` is a row number where the axis names rows."""

    x: float
    y: float
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True)
class Series:
    """Marks of one kind.

    Attributes:
        name: in the key; empty for a series that the key leaves out.
        colour: place in the palette, which gives the marker's shape, too.
        line: join the marks.
        band: shade between the limits, which need not be drawn as whiskers then. Not where rows are named.
        dots: draw the marks as faint dots, smaller where they are many.
        hollow: leave the markers unfilled.
        points: draw markers at all.
    """

    name: str
    marks: Sequence[Mark]
    colour: int
    line: bool = False
    band: bool = False
    dots: bool = False
    hollow: bool = False
    points: bool = True

    @property
    def crowd(self) -> int:
        """How many dots it is; 0 for marks of a shape."""
        return len(self.marks) if self.dots else 0

    @property
    def paint(self) -> str:
        """Its colour, as SVG takes it."""
        return COLOURS[self.colour % len(COLOURS)]

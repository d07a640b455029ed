"""A plot: titles, axes, series and their key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from leadline.display.svg.axes import ChartAxis, spaced
from leadline.display.svg.series import Series
from leadline.display.svg.shapes import area, label, line, marker, path, text_width

__all__ = ["Plot", "stack"]

_RIGHT, _BOTTOM, _BODY, _KEY = 16.0, 46.0, 260.0, 18.0
_EDGE = 8.0  # between the words and the rim
_SIGN = 22.0  # what a name in the key needs for its sign and the gap behind it
_MOST_NAMES = 4
_RULE = "#e5e5e5"


@dataclass
class Plot:
    """Titles, axes and series.

    Attributes:
        rows: names along y, downwards; the limits of marks lie along x then.
        columns: names along x.
        x_values: name these values on x instead of round ones.
        percent: the values are shares; name them in percent (on y, or on x where rows are named).
        percent_x: the values along x are shares too.
        headed: draw the title, which is read out in any case.
        row_height: pixels; a row of several marks needs more.
    """

    title: str
    x_label: str
    y_label: str
    series: list[Series] = field(default_factory=list)
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    log_x: bool = False
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    x_values: Sequence[float] = ()
    percent: bool = False
    percent_x: bool = False
    headed: bool = True
    width: float = 760.0
    row_height: float = 20.0

    @property
    def named(self) -> list[Series]:
        """The series of the key."""
        return [series for series in self.series if series.name]

    @property
    def top(self) -> float:
        """The y of the upper edge of the frame."""
        return 12.0 + (22.0 if self.headed else 0.0) + (22.0 if self.y_label else 0.0)

    @property
    def floor(self) -> float:
        """The y of the lower axis."""
        return self.top + (self.row_height * len(self.rows) if self.rows else _BODY)

    @property
    def height(self) -> float:
        """Pixels, key included."""
        return self.floor + _BOTTOM + _KEY * math.ceil(len(self.named) / self._names_abreast)

    @property
    def left(self) -> float:
        """The x of the left edge of the frame."""
        return 24.0 + max(map(text_width, self.rows)) if self.rows else 58.0

    @property
    def across(self) -> ChartAxis:
        """The axis from left to right."""
        share = self.percent_x or (self.percent and bool(self.rows))
        right = self.width - _RIGHT
        return ChartAxis(self.x_range, self.left, right, self.log_x, share, self.columns, self.x_values)

    @property
    def up(self) -> ChartAxis:
        """The axis from the floor upwards, or the rows from the top down."""
        if self.rows:
            return ChartAxis((-0.5, len(self.rows) - 0.5), self.top, self.floor, names=self.rows)
        return ChartAxis(self.y_range, self.floor, self.top, percent=self.percent)

    def svg(self) -> str:
        """The drawing, as text that can stand in a page or in a file of its own."""
        return stack([self])

    def shapes(self) -> list[str]:
        """Everything that is drawn, bands behind lines and markers, from (0, 0) to (width, height)."""
        bands = [band for series in self.series if self._shaded(series) for band in self._band(series)]
        drawn = [shape for series in self.series for shape in self._draw(series)]
        return [*self._words(), *self._axes(), *bands, *drawn, *self._key()]

    def _words(self) -> list[str]:
        parts = [label(self.width - _RIGHT, self.floor + 34, self.x_label, anchor="end")]
        if self.headed:
            parts.append(label(_EDGE, 20, self.title, weight="600", size=14))
        if self.y_label:
            parts.append(label(_EDGE, self.top - 14, self.y_label))
        return parts

    def _axes(self) -> list[str]:
        right = self.width - _RIGHT
        parts = []
        for value, name in spaced(self.across):
            x = self.across.at(value)
            parts.append(line(x, self.top, x, self.floor, _RULE, kind="grid"))
            parts.append(label(x, self.floor + 16, name, anchor="middle"))
        for value, name in self.up.ticks():
            y = self.up.at(value)
            parts.append(line(self.left, y, right, y, _RULE, kind="grid"))
            parts.append(label(self.left - 6, y + 4, name, anchor="end"))
        if not self.rows and self.y_range[0] < 0:
            parts.append(line(self.left, self.up.at(0), right, self.up.at(0), "#888"))
        return parts

    def _shaded(self, series: Series) -> bool:
        """A single mark has no width to shade: its limits are whiskers."""
        return series.band and not self.rows and len(series.marks) > 1

    def _band(self, series: Series) -> list[str]:
        limits = [
            (self.across.at(m.x), m.lo, m.hi) for m in series.marks if m.lo is not None and m.hi is not None
        ]
        upper = [(x, self.up.at(hi)) for x, _, hi in limits]
        lower = [(x, self.up.at(lo)) for x, lo, _ in reversed(limits)]
        return [area(upper + lower, series.paint)] if limits else []

    def _draw(self, series: Series) -> list[str]:
        there = [(self.across.at(mark.x), self.up.at(mark.y), mark) for mark in series.marks]
        parts = []
        if series.line and len(there) > 1:
            parts.append(path([(x, y) for x, y, _ in there], series.paint))
        for x, y, mark in there:
            if mark.lo is not None and mark.hi is not None and not self._shaded(series):
                parts.append(self._whisker(x, y, mark.lo, mark.hi, series.paint))
            if series.points:
                parts.append(marker(x, y, series.colour, hollow=series.hollow, crowd=series.crowd))
        return parts

    def _whisker(self, x: float, y: float, lo: float, hi: float, colour: str) -> str:
        if self.rows:
            return line(self.across.at(lo), y, self.across.at(hi), y, colour, 1.4)
        return line(x, self.up.at(lo), x, self.up.at(hi), colour, 1.4)

    @property
    def _names_abreast(self) -> int:
        """Names in a line of the key: as many as the longest leaves room for."""
        longest = max((text_width(series.name) for series in self.named), default=0.0)
        return max(1, min(_MOST_NAMES, int((self.width - self.left) / (longest + _SIGN + _EDGE))))

    def _key(self) -> list[str]:
        parts = []
        for index, series in enumerate(self.named):
            row, column = divmod(index, self._names_abreast)
            x = self.left + 8 + column * (self.width - self.left) / self._names_abreast
            y = self.floor + 52 + _KEY * row
            if self._shaded(series):
                corners = [(x - 8, y - 9), (x + 8, y - 9), (x + 8, y + 1), (x - 8, y + 1)]
                parts.append(area(corners, series.paint))
            if series.line:
                parts.append(line(x - 8, y - 4, x + 8, y - 4, series.paint, 1.8))
            if series.points:
                parts.append(marker(x, y - 4, series.colour, hollow=series.hollow, crowd=series.crowd))
            parts.append(label(x + 14, y, series.name))
        return parts


def stack(plots: Sequence[Plot]) -> str:
    """Plots below each other as one SVG, as text that can stand in a page or in a file of its own."""
    width, height = max(plot.width for plot in plots), sum(plot.height for plot in plots)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape("; ".join(plot.title for plot in plots))}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect class="paper" width="{width:g}" height="{height:g}" fill="#fff"/>',
    ]
    down = 0.0
    for plot in plots:
        parts += [f'<g transform="translate(0 {down:g})">', *plot.shapes(), "</g>"]
        down += plot.height
    return "\n".join([*parts, "</svg>"]) + "\n"

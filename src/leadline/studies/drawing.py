"""A small plot as a standalone SVG: points with whiskers, lines, linear, logarithmic or named axes. No script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["COLOURS", "Mark", "Plot", "Series"]

# Told apart by people who see fewer colours, too (Okabe and Ito 2008); the marker's shape says the same again.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
_SHAPES = ("circle", "square", "diamond", "triangle")
_WIDTH, _TOP, _RIGHT, _BOTTOM = 760.0, 56.0, 16.0, 46.0
_ROW, _KEY = 20.0, 18.0


@dataclass(frozen=True)
class Mark:
    """One point with its limits; ``y`` is a row number where the axis names rows."""

    x: float
    y: float
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True)
class Series:
    """Marks of one kind. ``line`` joins them, ``dots`` draws them small and faint, ``hollow`` leaves them unfilled."""

    name: str
    marks: Sequence[Mark]
    colour: int
    line: bool = False
    dots: bool = False
    hollow: bool = False
    points: bool = True


@dataclass
class Plot:
    """Titles, axes and series. ``rows``: names along y, and limits lie along x; ``columns``: names along x."""

    title: str
    x_label: str
    y_label: str
    series: list[Series] = field(default_factory=list)
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)
    log_x: bool = False
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()

    @property
    def left(self) -> float:
        return 40.0 + 6.2 * max(map(len, self.rows)) if self.rows else 58.0

    @property
    def height(self) -> float:
        body = _ROW * len(self.rows) + 10 if self.rows else 260.0
        return _TOP + body + _BOTTOM + _KEY * math.ceil(len(self.named) / 3)

    @property
    def named(self) -> list[Series]:
        return [series for series in self.series if series.name]

    @property
    def floor(self) -> float:
        """The y of the lower axis."""
        return self.height - _BOTTOM - _KEY * math.ceil(len(self.named) / 3)

    def svg(self) -> str:
        """The drawing, as text that can stand in a page or in a file of its own."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {self.height:g}" role="img" '
            f'aria-label="{escape(self.title)}" font-family="system-ui, sans-serif" font-size="12">',
            f'<rect width="{_WIDTH:g}" height="{self.height:g}" fill="#fff"/>',
            _label(8, 20, self.title, weight="600", size=14),
            *self._axes(),
            *(shape for series in self.series for shape in self._draw(series)),
            *self._key(),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def across(self, x: float) -> float:
        lo, hi = (_place(end, self.log_x) for end in self.x_range)
        share = (_place(x, self.log_x) - lo) / (hi - lo)
        return self.left + (_WIDTH - _RIGHT - self.left) * min(max(share, 0.0), 1.0)

    def up(self, y: float) -> float:
        if self.rows:
            return _TOP + 10 + _ROW * y
        lo, hi = self.y_range
        return self.floor - (self.floor - _TOP) * min(max((y - lo) / (hi - lo), 0.0), 1.0)

    def _axes(self) -> list[str]:
        parts = []
        for value, text in self._x_ticks():
            x = self.across(value)
            parts += [
                _line(x, _TOP, x, self.floor, "#e5e5e5"),
                _label(x, self.floor + 16, text, anchor="middle"),
            ]
        for value, text in self._y_ticks():
            y = self.up(value)
            parts += [_line(self.left, y, _WIDTH - _RIGHT, y, "#e5e5e5")]
            parts += [_label(self.left - 6, y + 4, text, anchor="end")]
        if not self.rows and self.y_range[0] < 0:
            parts.append(_line(self.left, self.up(0), _WIDTH - _RIGHT, self.up(0), "#888"))
        parts.append(_label(_WIDTH - _RIGHT, self.floor + 34, self.x_label, anchor="end"))
        parts.append(_label(8, _TOP - 14, self.y_label))
        return parts

    def _x_ticks(self) -> list[tuple[float, str]]:
        if self.columns:
            return list(enumerate(self.columns))
        if self.log_x:
            lo, hi = (round(math.log10(end)) for end in self.x_range)
            return [
                (10.0**power, f"1e{power}" if power < -2 else f"{10.0**power:g}")
                for power in range(lo, hi + 1)
            ]
        return _even(self.x_range)

    def _y_ticks(self) -> list[tuple[float, str]]:
        return list(enumerate(self.rows)) if self.rows else _even(self.y_range)

    def _draw(self, series: Series) -> list[str]:
        colour = COLOURS[series.colour % len(COLOURS)]
        there = [(self.across(mark.x), self.up(mark.y), mark) for mark in series.marks]
        parts = []
        if series.line and len(there) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in there)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        for x, y, mark in there:
            if mark.lo is not None and mark.hi is not None:
                ends = (
                    (self.across(mark.lo), y, self.across(mark.hi), y)
                    if self.rows
                    else (x, self.up(mark.lo), x, self.up(mark.hi))
                )
                parts.append(_line(*ends, colour, 1.4))
            if series.points:
                parts.append(_shape(x, y, series, colour))
        return parts

    def _key(self) -> list[str]:
        parts = []
        for index, series in enumerate(self.named):
            x = self.left + (index % 3) * (_WIDTH - self.left) / 3
            y = self.floor + 52 + _KEY * (index // 3)
            colour = COLOURS[series.colour % len(COLOURS)]
            if series.line:
                parts.append(_line(x - 8, y - 4, x + 8, y - 4, colour, 1.8))
            if series.points:
                parts.append(_shape(x, y - 4, series, colour))
            parts.append(_label(x + 14, y, series.name))
        return parts


def _place(x: float, log: bool) -> float:
    return math.log10(max(x, 1e-300)) if log else x


def _even(limits: tuple[float, float]) -> list[tuple[float, str]]:
    lo, hi = limits
    size = 10 ** math.floor(math.log10((hi - lo) / 4))
    size = next(size * factor for factor in (1, 2, 2.5, 5, 10) if (hi - lo) / (size * factor) <= 6)
    first = math.ceil(lo / size - 1e-9)
    last = math.floor(hi / size + 1e-9)
    return [(index * size, f"{index * size:.3g}") for index in range(first, last + 1)]


def _shape(x: float, y: float, series: Series, colour: str) -> str:
    if series.dots:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}" fill-opacity="0.3"/>'
    paint = f'fill="{"#fff" if series.hollow else colour}" stroke="{colour}" stroke-width="1.5"'
    kind = _SHAPES[series.colour % len(_SHAPES)]
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {paint}/>'
    corners = {
        "square": ((-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
        "triangle": ((0, -5), (4.6, 3.6), (-4.6, 3.6)),
    }[kind]
    return f'<polygon points="{" ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in corners)}" {paint}/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'


def _label(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400", size: int = 12
) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}"'
    return f'<text {where} fill="#222">{escape(text)}</text>'

"""A finding as one HTML file that needs nothing else: no script, no network, everything from data escaped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

import jinja2

from leadline.findings.table import Chart, Finding, Point

__all__ = ["page"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 620.0, 300.0, 48.0, 40.0, 14.0, 150.0
COLOURS = ("#1f6fb2", "#c2410c", "#15803d", "#7c3aed")
MAX_TICKS, LABEL = 8, 15.0


class Tick(NamedTuple):
    """A mark on an axis."""

    at: float
    label: str


class Curve(NamedTuple):
    """A drawn curve: SVG points of its line and of the band between its limits."""

    name: str
    colour: str
    line: str
    band: str
    end: float


class Drawing(NamedTuple):
    """A chart in the coordinates of its SVG."""

    title: str
    x_label: str
    curves: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def page(finding: Finding) -> str:
    """The HTML text."""
    source = resources.files("leadline.findings").joinpath("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    drawings = [draw(chart) for chart in finding.charts if any(chart.curves.values())]
    frame = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT}
    frame |= {"top": TOP, "bottom": HEIGHT - BOTTOM}
    return environment.from_string(source).render(finding=finding, drawings=drawings, frame=frame)


def draw(chart: Chart) -> Drawing:
    """Scale a chart to the SVG."""
    points = [point for curve in chart.curves.values() for point in curve]
    xs = sorted({_place(point.x, chart.log_x) for point in points})
    lo, span = xs[0], (xs[-1] - xs[0]) or 1.0

    def across(x: float) -> float:
        return LEFT + (WIDTH - RIGHT - LEFT) * (_place(x, chart.log_x) - lo) / span

    drawn = [(name, sorted(curve, key=lambda p: p.x)) for name, curve in chart.curves.items() if curve]
    ends = _apart([_height(curve[-1].y) for _, curve in drawn])
    curves = []
    for i, (name, curve) in enumerate(drawn):
        there = [(across(p.x), p) for p in curve]
        curves.append(Curve(name, COLOURS[i % len(COLOURS)], _line(there), _band(there), ends[i]))
    values = sorted({point.x for point in points})
    every = math.ceil(len(values) / MAX_TICKS)
    x_ticks = [Tick(across(x), f"{x:g}") for x in values[::every]]
    y_ticks = [Tick(_height(y / 4), f"{25 * y}%") for y in range(5)]
    return Drawing(chart.title, chart.x_label, curves, x_ticks, y_ticks)


def _apart(heights: list[float]) -> list[float]:
    """The same heights, moved down where two labels would stand on each other."""
    moved = list(heights)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    for above, below in itertools.pairwise(order):
        moved[below] = max(moved[below], moved[above] + LABEL)
    return moved


def _place(x: float, log: bool) -> float:
    return math.log(x) if log else x


def _height(y: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(max(y, 0.0), 1.0)


def _line(there: Sequence[tuple[float, Point]]) -> str:
    return " ".join(f"{x:.1f},{_height(p.y):.1f}" for x, p in there)


def _band(there: Sequence[tuple[float, Point]]) -> str:
    upper = [f"{x:.1f},{_height(p.hi):.1f}" for x, p in there]
    lower = [f"{x:.1f},{_height(p.lo):.1f}" for x, p in reversed(there)]
    return " ".join(upper + lower)

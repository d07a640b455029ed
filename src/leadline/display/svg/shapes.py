"""The shapes that plots are made of, each as the text of one SVG element."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["COLOURS", "area", "label", "line", "marker", "path", "text_width"]

# Told apart by people who see fewer colours, too (Okabe and Ito 2008); the marker's shape says the same again.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
_SHAPES = ("circle", "square", "diamond", "triangle")
_CORNERS = {
    "square": ((-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)),
    "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
    "triangle": ((0, -5), (4.6, 3.6), (-4.6, 3.6)),
}
_FEW = 200  # dots of a cloud; above, they are drawn smaller
_LETTER = 6.2  # pixels, on the wide side for the fonts that readers have

Place = tuple[float, float]


def text_width(text: str) -> float:
    """About how wide a label of the usual size is, in pixels: only the screen that shows it knows its font."""
    return _LETTER * len(text)


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0, kind: str = "") -> str:
    """A straight line; ``kind`` is its class."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    named = f' class="{kind}"' if kind else ""
    return f'<line{named} {ends} stroke="{colour}" stroke-width="{width:g}"/>'


def path(places: Sequence[Place], colour: str) -> str:
    """A line through all places."""
    return f'<polyline points="{_points(places)}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def area(places: Sequence[Place], colour: str) -> str:
    """A faint area within a closed outline."""
    return f'<polygon class="band" points="{_points(places)}" fill="{colour}" fill-opacity="0.18"/>'


def marker(x: float, y: float, place: int, *, hollow: bool = False, crowd: int = 0) -> str:
    """A point in the colour, and the shape, of a place in the palette.

    With ``crowd`` it is a dot among so many, whatever the shape: small and faint where there are hundreds.
    """
    colour = COLOURS[place % len(COLOURS)]
    if crowd:
        size, opacity = (2, 0.3) if crowd > _FEW else (3.5, 0.6)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" fill="{colour}" fill-opacity="{opacity:g}"/>'
    paint = f'fill="{"#fff" if hollow else colour}" stroke="{colour}" stroke-width="1.5"'
    shape = _SHAPES[place % len(_SHAPES)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {paint}/>'
    return f'<polygon points="{_points([(x + a, y + b) for a, b in _CORNERS[shape]])}" {paint}/>'


def label(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400", size: int = 12
) -> str:
    """Escaped text that begins, ends or has its middle at a place."""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}"'
    return f'<text {where} fill="#222">{escape(text)}</text>'


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)

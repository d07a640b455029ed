"""A histogram as SVG: bars over equal parts of [0, 1], their heights numbered."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from leadline.display.svg.shapes import COLOURS, label, line

__all__ = ["histogram"]

_LEFT, _TOP, _HEIGHT, _FOOT, _GAP = 16.0, 22.0, 170.0, 44.0, 3.0


def histogram(title: str, x_label: str, counts: Sequence[int], width: float = 660.0) -> str:
    """The SVG text; ``counts`` from solve rate 0 to 1, the first and last bar being those ends alone."""
    across = (width - 2 * _LEFT) / max(len(counts), 1)
    floor, most = _TOP + _HEIGHT, max([*counts, 1])
    shapes = []
    for i, number in enumerate(counts):
        x, tall = _LEFT + i * across, _HEIGHT * number / most
        shapes.append(
            f'<rect x="{x + _GAP:.1f}" y="{floor - tall:.1f}" width="{across - 2 * _GAP:.1f}" height="{tall:.1f}" '
            f'fill="{COLOURS[0]}"/>'
        )
        if number:
            shapes.append(label(x + across / 2, floor - tall - 5, f"{number:,}", anchor="middle", size=11))
        shapes.append(label(x + across / 2, floor + 15, _name(i, len(counts)), anchor="middle", size=11))
    shapes.append(line(_LEFT, floor, width - _LEFT, floor, "#888"))
    shapes.append(label(width / 2, floor + 35, x_label, anchor="middle"))
    size = f'viewBox="0 0 {width:g} {floor + _FOOT:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}" '
        f'font-family="system-ui, sans-serif">{"".join(shapes)}</svg>'
    )


def _name(place: int, bars: int) -> str:
    """Never, always, and what lies between in percent."""
    if place in (0, bars - 1):
        return "never" if place == 0 else "always"
    inner = bars - 2
    return f"{100 * (place - 1) / inner:.0f}-{100 * place / inner:.0f}%"

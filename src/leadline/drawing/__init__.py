"""Small plots as standalone SVG: points with whiskers, lines with bands, linear, logarithmic or named axes. No script.

The standard library only. Every text is escaped. A page that follows the reader's dark scheme restyles the classes
``paper`` (the ground), ``grid`` (lines behind the data) and ``band``, and the element ``text``.
"""

from __future__ import annotations

from leadline.drawing.plot import Plot, stack
from leadline.drawing.series import Mark, Series
from leadline.drawing.shapes import COLOURS

__all__ = ["COLOURS", "Mark", "Plot", "Series", "stack"]

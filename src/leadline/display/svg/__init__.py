"""Small plots as standalone SVG: points with whiskers, lines with bands, linear, logarithmic or named axes. No script.

The standard library only. Every text is escaped. A page that follows the reader's dark scheme restyles the classes
``paper`` (the ground), ``grid`` (lines behind the data) and ``band``, and the element ``text``.
"""

from __future__ import annotations

from leadline.display.svg.bars import histogram
from leadline.display.svg.plot import Plot, stack
from leadline.display.svg.series import Mark, Series
from leadline.display.svg.shapes import COLOURS

__all__ = ["COLOURS", "Mark", "Plot", "Series", "histogram", "stack"]

"""What probe and compare show: sentences with their evidence, tables and curves, on a terminal or as one page."""

from __future__ import annotations

from leadline.display.blocks import Chart, Finding, Point, Sentence, Table

__all__ = ["Chart", "Finding", "Point", "Sentence", "Table"]

"""What probe and compare show: sentences with their evidence, tables and curves, on a terminal or as one page."""

from __future__ import annotations

from leadline.display.blocks import Chart, Finding, Histogram, NextStep, Point, Scatter, Sentence, Table

__all__ = ["Chart", "Finding", "Histogram", "NextStep", "Point", "Scatter", "Sentence", "Table"]

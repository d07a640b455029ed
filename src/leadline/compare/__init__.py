"""What did training change: sharpened, expanded, shortened, only formatted, or harmed? (docs/probe.md)"""

from __future__ import annotations

from leadline.compare.comparing import compare
from leadline.compare.predicted import band_gains, live_forecast
from leadline.compare.reflecting import Farming
from leadline.compare.result import Comparison
from leadline.compare.run import run_compare
from leadline.compare.sentences import VERDICTS
from leadline.compare.tables import finding

__all__ = [
    "VERDICTS",
    "Comparison",
    "Farming",
    "band_gains",
    "compare",
    "finding",
    "live_forecast",
    "run_compare",
]

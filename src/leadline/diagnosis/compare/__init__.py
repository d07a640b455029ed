"""What did training change: sharpened, expanded, shortened, only formatted, or harmed? (docs/probe.md)"""

from __future__ import annotations

from leadline.diagnosis.compare.forecast import band_gains, live_forecast
from leadline.diagnosis.compare.measure import compare
from leadline.diagnosis.compare.reflection_hacking import ReflectionHacking
from leadline.diagnosis.compare.result import Comparison
from leadline.diagnosis.compare.run import run_compare
from leadline.diagnosis.compare.sentences import COMPARISON_VERDICTS
from leadline.diagnosis.compare.tables import comparison_finding

__all__ = [
    "COMPARISON_VERDICTS",
    "Comparison",
    "ReflectionHacking",
    "band_gains",
    "compare",
    "comparison_finding",
    "live_forecast",
    "run_compare",
]
